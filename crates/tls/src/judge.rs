//! The verdict: its checks in their fixed order. The first one that fails decides.

use jiff::Timestamp;

use crate::{
    certificate::{self, Certificate},
    explain::UNKNOWN_ISSUER,
    key,
    path::{self, End},
    place::Place,
    problem::Problem,
    trust::{self, Trust, Trusted},
};

const TLS_TYPE: &str = "kubernetes.io/tls";

/// The parts of a Secret that the verdict depends on. Borrowed: no part of it outlives the verdict.
#[derive(Clone, Copy)]
pub struct SecretData<'a> {
    /// `type`.
    pub type_: Option<&'a str>,
    /// `data["tls.crt"]`, decoded.
    pub crt: Option<&'a [u8]>,
    /// `data["tls.key"]`, decoded.
    pub key: Option<&'a [u8]>,
    /// `data["ca.crt"]`, decoded; an empty value counts as absent, since cert-manager writes one.
    pub ca: Option<&'a [u8]>,
}

/// A Secret that can serve TLS for the required names now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The earliest expiry among the certificates that a client verifies: the leaf, its issuers, the trusted
    /// one. The verdict is valid until then.
    pub end: End,
    /// What to verify the served certificate against.
    pub trust: Trust,
}

/// Validates `secret` at `now` for a server that clients connect to by each name in `required`.
///
/// # Errors
///
/// The first [`Problem`], in this order: type; `tls.crt` and `tls.key` present; every block readable; the key
/// usable and belonging to the leaf, the leaf first; the chain in order; names; validity; server
/// authentication.
pub fn judge(secret: &SecretData<'_>, required: &[String], now: Timestamp) -> Result<Accepted, Problem> {
    if secret.type_ != Some(TLS_TYPE) {
        return Err(Problem::WrongType { found: secret.type_.unwrap_or_default().to_owned() });
    }
    let crt = present("tls.crt", "the certificate, then its issuers,", secret.crt)?;
    let key = present("tls.key", "the private key", secret.key)?;
    let chain = certificate::read_all("tls.crt", crt)?.into_iter().collect::<Result<Vec<_>, _>>()?;
    let ca = secret.ca.filter(|text| !text.is_empty()).map(Bundle::read).transpose()?;
    let (leaf, issuers) = leaf(&chain, key)?;
    check_order(&chain)?;
    check_names(leaf, required)?;
    leaf.check_dates(now)?;
    let trusted = Trusted::choose(leaf, issuers, ca.as_ref().map(|ca| ca.certificates.as_slice()));
    match path::check(leaf, issuers, &trusted, required, now) {
        Ok(end) => Ok(Accepted { end, trust: trusted.to_trust() }),
        Err(problem) => Err(match ca {
            Some(ca) => ca.explain(problem),
            None => problem,
        }),
    }
}

/// The certificates of `ca.crt`. Clients skip those that they cannot parse.
struct Bundle {
    certificates: Vec<Certificate>,
    /// The problem of the first certificate that cannot be parsed.
    unreadable: Option<Problem>,
}

impl Bundle {
    fn read(text: &[u8]) -> Result<Self, Problem> {
        let (mut certificates, mut unreadable) = (Vec::new(), None);
        for certificate in certificate::read_all("ca.crt", text)? {
            match certificate {
                Ok(certificate) if trust::anchor(&certificate).is_some() => certificates.push(certificate),
                Ok(Certificate { place: Place { entry, position, .. }, .. }) => {
                    let detail = "the operator's TLS library does not know its form";
                    unreadable =
                        unreadable.or(Some(Problem::UnreadableCertificate { entry, position, detail }));
                }
                Err(problem) => unreadable = unreadable.or(Some(problem)),
            }
        }
        match unreadable {
            Some(problem) if certificates.is_empty() => Err(problem),
            unreadable => Ok(Self { certificates, unreadable }),
        }
    }

    /// If no readable certificate issued the leaf, an unreadable one probably did.
    fn explain(self, problem: Problem) -> Problem {
        match problem {
            Problem::NotForServers { ref detail, .. } if detail == UNKNOWN_ISSUER => {
                self.unreadable.unwrap_or(problem)
            }
            problem => problem,
        }
    }
}

fn present<'a>(
    entry: &'static str,
    what: &'static str,
    value: Option<&'a [u8]>,
) -> Result<&'a [u8], Problem> {
    value.filter(|bytes| !bytes.is_empty()).ok_or(Problem::Missing { entry, what })
}

/// The first certificate, which must belong to the key, and those after it.
fn leaf<'a>(chain: &'a [Certificate], key: &[u8]) -> Result<(&'a Certificate, &'a [Certificate]), Problem> {
    let place = key::position(key, chain.iter().map(|certificate| &certificate.public_key))?;
    match (place, chain.split_first()) {
        (Some(0), Some((leaf, issuers))) => match leaf.public_key.unusable() {
            Some(detail) => Err(Problem::UnusableKey { detail }),
            None => Ok((leaf, issuers)),
        },
        (Some(place), _) => Err(Problem::LeafNotFirst { position: place + 1 }),
        (None, _) => Err(Problem::KeyOfAnother),
    }
}

fn check_order(chain: &[Certificate]) -> Result<(), Problem> {
    let mut pairs = chain.iter().zip(chain.iter().skip(1)).zip(2..);
    match pairs.find(|((issued, issuer), _)| !issued.names_as_issuer(issuer)) {
        Some(((issued, issuer), position)) => Err(Problem::ChainOutOfOrder {
            position,
            subject: issuer.subject.text.clone(),
            issuer: issued.issuer.text.clone(),
        }),
        None => Ok(()),
    }
}

fn check_names(leaf: &Certificate, required: &[String]) -> Result<(), Problem> {
    let names = &leaf.extensions.names;
    let missing: Vec<String> = required.iter().filter(|name| !names.cover(name)).cloned().collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Problem::SansMismatch {
        required: required.to_vec(),
        presented: names.dns.clone(),
        missing,
        not_after: leaf.not_after,
    })
}
