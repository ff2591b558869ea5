//! The verdict: its checks in their fixed order. The first that fails decides.

use jiff::Timestamp;

use crate::{
    certificate::{self, Certificate},
    key,
    problem::Problem,
    trust::{self, Trust},
};

const TLS_TYPE: &str = "kubernetes.io/tls";

/// The parts of a Secret that count. Borrowed: nothing of it outlives the verdict.
#[derive(Clone, Copy)]
pub struct SecretData<'a> {
    /// `type`.
    pub type_: Option<&'a str>,
    /// `data["tls.crt"]`, decoded.
    pub crt: Option<&'a [u8]>,
    /// `data["tls.key"]`, decoded.
    pub key: Option<&'a [u8]>,
    /// `data["ca.crt"]`, decoded; empty counts as absent, cert-manager writes it so.
    pub ca: Option<&'a [u8]>,
}

/// A Secret that serves TLS under the required names now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Begin of the leaf's validity.
    pub not_before: Timestamp,
    /// End of the leaf's validity; the verdict holds until then.
    pub not_after: Timestamp,
    /// What to verify the served certificate against.
    pub trust: Trust,
}

/// Judges `secret` for a server that is dialled by each name of `required`, at `now`.
///
/// # Errors
///
/// The first [`Problem`], in this order: type; `tls.crt` and `tls.key` present; every block readable; the key
/// usable and the leaf's own, the leaf first; the chain in order; names; validity; use by servers.
pub fn judge(secret: &SecretData<'_>, required: &[String], now: Timestamp) -> Result<Accepted, Problem> {
    if secret.type_ != Some(TLS_TYPE) {
        return Err(Problem::WrongType { found: secret.type_.unwrap_or_default().to_owned() });
    }
    let crt = present("tls.crt", "the certificate, then its issuers,", secret.crt)?;
    let key = present("tls.key", "the private key", secret.key)?;
    let chain = certificate::read_all("tls.crt", crt)?;
    let ca = match secret.ca.filter(|text| !text.is_empty()) {
        Some(text) => certificate::read_all("ca.crt", text)?,
        None => Vec::new(),
    };
    let leaf = leaf(&chain, key)?;
    check_order(&chain)?;
    check_names(leaf, required)?;
    check_validity(leaf, now)?;
    let trust = trust::choose(&chain, &ca).ok_or(Problem::KeyOfAnother)?;
    trust::check(&trust, &chain, now)?;
    Ok(Accepted { not_before: leaf.not_before, not_after: leaf.not_after, trust })
}

fn present<'a>(
    entry: &'static str,
    what: &'static str,
    value: Option<&'a [u8]>,
) -> Result<&'a [u8], Problem> {
    value.filter(|bytes| !bytes.is_empty()).ok_or(Problem::Missing { entry, what })
}

/// The first certificate, which must be the one of the key.
fn leaf<'a>(chain: &'a [Certificate], key: &[u8]) -> Result<&'a Certificate, Problem> {
    let public = key::public_key(key)?;
    let place = chain.iter().position(|certificate| certificate.public_key == public);
    match (place, chain.first()) {
        (Some(0), Some(leaf)) => Ok(leaf),
        (Some(place), _) => Err(Problem::LeafNotFirst { position: place + 1 }),
        (None, _) => Err(Problem::KeyOfAnother),
    }
}

fn check_order(chain: &[Certificate]) -> Result<(), Problem> {
    let mut pairs = chain.iter().zip(chain.iter().skip(1)).zip(2..);
    match pairs.find(|((issued, issuer), _)| !issued.names_as_issuer(issuer)) {
        Some(((issued, issuer), position)) => Err(Problem::ChainOutOfOrder {
            position,
            subject: issuer.subject.clone(),
            issuer: issued.issuer.clone(),
        }),
        None => Ok(()),
    }
}

fn check_names(leaf: &Certificate, required: &[String]) -> Result<(), Problem> {
    let missing = leaf.missing_names(required)?;
    if missing.is_empty() {
        return Ok(());
    }
    Err(Problem::SansMismatch {
        required: required.to_vec(),
        presented: leaf.dns_names.clone(),
        missing,
        not_after: leaf.not_after,
    })
}

/// Both ends belong to the validity (RFC 5280, 4.1.2.5).
fn check_validity(leaf: &Certificate, now: Timestamp) -> Result<(), Problem> {
    let (not_before, not_after) = (leaf.not_before, leaf.not_after);
    if now > not_after {
        Err(Problem::Expired { not_after })
    } else if now < not_before {
        Err(Problem::NotYetValid { not_before, not_after })
    } else {
        Ok(())
    }
}
