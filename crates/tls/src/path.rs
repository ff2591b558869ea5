//! Whether clients verify the leaf against what they trust: the operator's own client, which uses webpki, and
//! clients in Go, which check more of the issuers. A path must be accepted by both.

use std::{cell::RefCell, fmt, time::Duration};

use jiff::Timestamp;
use rustls::crypto::ring;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage, VerifiedPath};

use crate::{
    certificate::Certificate,
    explain::{UNREADABLE_NAMES, explain},
    place::Place,
    problem::Problem,
    rules,
    trust::Trusted,
};

/// Maximum size of a handshake message that rustls reads, in bytes; Go reads longer ones.
const LARGEST_MESSAGE: usize = 0xffff;

/// The earliest expiry among the certificates of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The time.
    pub not_after: Timestamp,
    /// The certificate that expires then.
    pub place: Place,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.not_after)?;
        if self.place.is_leaf() { Ok(()) } else { write!(f, ", when {} expires", self.place) }
    }
}

/// Finds a path from the leaf through `issuers` to a trusted certificate, and its earliest expiry.
pub(crate) fn check(
    leaf: &Certificate,
    issuers: &[Certificate],
    trusted: &Trusted<'_>,
    required: &[String],
    now: Timestamp,
) -> Result<End, Problem> {
    let refuse =
        |detail: &str| Problem::NotForServers { detail: detail.to_owned(), not_after: leaf.not_after };
    rules::check(&[leaf], now)?;
    let certificates = [leaf].into_iter().chain(issuers);
    // Each is sent with its length and an empty list of extensions, all of them after a header of 8 bytes.
    if certificates.map(|certificate| certificate.der.len() + 5).sum::<usize>() + 8 > LARGEST_MESSAGE {
        return Err(refuse(
            "tls.crt holds more than the 64 KiB that TLS clients read: keep only the certificate's issuers in it",
        ));
    }
    let parsed = EndEntityCert::try_from(&leaf.der).map_err(|error| refuse(explain(&error)))?;
    for name in required {
        let name = ServerName::try_from(name.as_str());
        let valid = name.is_ok_and(|name| parsed.verify_is_valid_for_subject_name(&name).is_ok());
        if !valid {
            return Err(refuse(UNREADABLE_NAMES));
        }
    }
    let Trusted::Issuers(roots, anchors) = trusted else { return Ok(first_end(leaf, &[])) };
    let members = |path: &VerifiedPath<'_>| {
        let between = path.intermediate_certificates();
        let between = between.filter_map(|cert| issuers.iter().find(|known| known.der == cert.der()));
        let root = anchors.iter().position(|anchor| std::ptr::eq(anchor, path.anchor()));
        let root = root.and_then(|root| roots.get(root).copied());
        [leaf].into_iter().chain(between).chain(root).collect::<Vec<_>>()
    };
    // Why a client in Go rejects a path that webpki accepts.
    let refusal = RefCell::new(None);
    let as_go = |path: &VerifiedPath<'_>| {
        rules::check(&members(path), now).map_err(|problem| {
            refusal.borrow_mut().get_or_insert(problem);
            Error::UnknownIssuer
        })
    };
    let intermediates: Vec<CertificateDer<'_>> = issuers.iter().map(|issuer| issuer.der.clone()).collect();
    let path = parsed.verify_for_usage(
        ring::default_provider().signature_verification_algorithms.all,
        anchors,
        &intermediates,
        UnixTime::since_unix_epoch(Duration::from_secs(now.as_second().try_into().unwrap_or_default())),
        KeyUsage::server_auth(),
        None,
        Some(&as_go),
    );
    match path {
        Ok(path) => Ok(first_end(leaf, &members(&path))),
        Err(error) => {
            Err(refusal.take().or_else(|| out_of_date(&error, issuers, now)).unwrap_or_else(|| {
                let weak = weak_signer(&error, issuers, roots);
                refuse(weak.as_deref().unwrap_or_else(|| explain(&error)))
            }))
        }
    }
}

/// The issuer whose validity webpki rejected; the error does not identify it.
fn out_of_date(error: &Error, issuers: &[Certificate], now: Timestamp) -> Option<Problem> {
    let dated = matches!(error, Error::CertExpired { .. } | Error::CertNotValidYet { .. });
    issuers.iter().filter(|_| dated).find_map(|issuer| issuer.check_dates(now).err())
}

/// The issuer with a kind of key that webpki does not support; the error does not identify it.
fn weak_signer(error: &Error, issuers: &[Certificate], roots: &[&Certificate]) -> Option<String> {
    let about_keys = matches!(
        error,
        Error::InvalidSignatureForPublicKey
            | Error::UnsupportedSignatureAlgorithmContext(_)
            | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)
    );
    let mut signers = roots.iter().copied().chain(issuers).filter(|_| about_keys);
    signers.find_map(|signer| {
        let key = signer.public_key.unusable()?;
        Some(format!("{} has {key}: issue from a CA with another key", signer.place))
    })
}

fn first_end(leaf: &Certificate, path: &[&Certificate]) -> End {
    let first = path.iter().copied().min_by_key(|certificate| certificate.not_after).unwrap_or(leaf);
    End { not_after: first.not_after, place: first.place.clone() }
}
