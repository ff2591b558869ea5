//! Whom a client of the node trusts, chosen from the Secret; and whether that client would take the certificate.

use std::time::Duration;

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use crate::{certificate::Certificate, problem::Problem};

/// What a client verifies the node's certificate against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// These issuers: `ca.crt`, else the issuers that follow the leaf in `tls.crt`.
    Roots(Vec<CertificateDer<'static>>),
    /// Exactly this certificate: self-signed, or stored without its issuer.
    Leaf(CertificateDer<'static>),
}

/// `ca` is what `ca.crt` holds, empty where it is absent.
pub(crate) fn choose(chain: &[Certificate], ca: &[Certificate]) -> Option<Trust> {
    let (leaf, issuers) = chain.split_first()?;
    let is_own_issuer = ca.iter().any(|root| root.der == leaf.der);
    let roots = if ca.is_empty() { issuers } else { ca };
    Some(if is_own_issuer || roots.is_empty() {
        Trust::Leaf(leaf.der.clone())
    } else {
        Trust::Roots(roots.iter().map(|root| root.der.clone()).collect())
    })
}

/// Refuses what the client of `trust` would refuse at `now`, names aside.
pub(crate) fn check(trust: &Trust, chain: &[Certificate], now: Timestamp) -> Result<(), Problem> {
    let Some((leaf, issuers)) = chain.split_first() else { return Ok(()) };
    let refuse = |detail: String| Problem::NotForServers { detail, not_after: leaf.not_after };
    if !leaf.for_servers {
        return Err(refuse(
            "its extended key usage leaves servers out: issue it with usage \"server auth\"".to_owned(),
        ));
    }
    let parsed =
        EndEntityCert::try_from(&leaf.der).map_err(|error| refuse(format!("{error}: issue it anew")))?;
    let Trust::Roots(roots) = trust else { return Ok(()) };
    let anchors = roots.iter().map(anchor_from_trusted_cert).collect::<Result<Vec<TrustAnchor<'_>>, _>>();
    let anchors = anchors.map_err(|error| refuse(format!("an issuer cannot be read ({error})")))?;
    let intermediates: Vec<CertificateDer<'_>> = issuers.iter().map(|issuer| issuer.der.clone()).collect();
    let at = UnixTime::since_unix_epoch(Duration::from_secs(now.as_second().try_into().unwrap_or_default()));
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
    parsed
        .verify_for_usage(algorithms.all, &anchors, &intermediates, at, KeyUsage::server_auth(), None, None)
        .map(drop)
        .map_err(|error| {
            refuse(format!(
                "it does not verify against the issuers in the Secret ({error}): put the CA that issued it into ca.crt"
            ))
        })
}
