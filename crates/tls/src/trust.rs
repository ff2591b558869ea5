//! What a client of the node trusts, chosen from the Secret.

use std::cmp::Reverse;

use rustls_pki_types::{CertificateDer, TrustAnchor};
use webpki::anchor_from_trusted_cert;

use crate::certificate::Certificate;

/// What a client verifies the node's certificate against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// These issuers: `ca.crt`, else the issuers that follow the leaf in `tls.crt`.
    Roots(Vec<CertificateDer<'static>>),
    /// Exactly this certificate: self-signed, or stored without its issuer.
    Leaf(CertificateDer<'static>),
}

/// The certificate as a trust anchor of webpki.
pub(crate) fn anchor(certificate: &Certificate) -> Option<TrustAnchor<'_>> {
    anchor_from_trusted_cert(&certificate.der).ok()
}

/// The certificates that a client trusts.
pub(crate) enum Trusted<'c> {
    /// Only the first certificate of `tls.crt`.
    Leaf(&'c Certificate),
    /// Issuers, as certificates and as trust anchors.
    Issuers(Vec<&'c Certificate>, Vec<TrustAnchor<'c>>),
}

impl<'c> Trusted<'c> {
    /// `ca` holds the certificates of `ca.crt`, `None` if it is absent. Issuers that the operator's client
    /// cannot use are omitted. Those that expire last come first, so that a path through them is found first.
    pub(crate) fn choose(
        leaf: &'c Certificate,
        issuers: &'c [Certificate],
        ca: Option<&'c [Certificate]>,
    ) -> Self {
        let issuers = ca.unwrap_or(issuers);
        if issuers.iter().any(|issuer| issuer.der == leaf.der) || (ca.is_none() && issuers.is_empty()) {
            return Self::Leaf(leaf);
        }
        let anchored = issuers.iter().filter_map(|issuer| Some((issuer, anchor(issuer)?)));
        let mut anchored: Vec<_> = anchored.collect();
        anchored.sort_by_key(|(issuer, _)| Reverse(issuer.not_after));
        let (issuers, anchors) = anchored.into_iter().unzip();
        Self::Issuers(issuers, anchors)
    }

    pub(crate) fn to_trust(&self) -> Trust {
        match self {
            Self::Leaf(leaf) => Trust::Leaf(leaf.der.clone()),
            Self::Issuers(issuers, _) => {
                Trust::Roots(issuers.iter().map(|issuer| issuer.der.clone()).collect())
            }
        }
    }
}
