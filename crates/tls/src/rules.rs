//! What `Certificate.Verify` of Go's `crypto/x509` requires of a path in addition to webpki, dates included.

use jiff::Timestamp;

use crate::{certificate::Certificate, problem::Problem};

/// Rejects what a client in Go rejects. `path` begins with the leaf; a longer one ends with a trusted issuer.
pub(crate) fn check(path: &[&Certificate], now: Timestamp) -> Result<(), Problem> {
    let Some((leaf, issuers)) = path.split_first() else { return Ok(()) };
    let refuse = |certificate: &Certificate, why: &str| {
        let detail = format!("{} {why}", certificate.place);
        Err(Problem::NotForServers { detail, not_after: leaf.not_after })
    };
    for certificate in path {
        let extensions = &certificate.extensions;
        if let Some(oid) = &extensions.unknown_critical {
            let why =
                format!("has a critical extension that clients do not know ({oid}): reissue it without");
            return refuse(certificate, &why);
        }
        certificate.check_dates(now)?;
        if extensions.not_for_servers {
            return refuse(
                certificate,
                "has an extended key usage without servers: reissue it with usage \"server auth\"",
            );
        }
    }
    for (below, issuer) in issuers.iter().enumerate() {
        let below = &path[..=below];
        if let Some(why) = may_not_issue(issuer, below) {
            return refuse(issuer, why);
        }
    }
    let untrusted = path.split_last().map_or(path, |(_, untrusted)| untrusted);
    match untrusted.iter().find(|certificate| certificate.extensions.constrains_policies) {
        Some(certificate) => refuse(
            certificate,
            "has policy constraints or mappings, which the operator cannot check: use a CA without",
        ),
        None => Ok(()),
    }
}

/// Why `issuer` must not issue `below`, the leaf and the issuers between.
fn may_not_issue(issuer: &Certificate, below: &[&Certificate]) -> Option<&'static str> {
    let extensions = &issuer.extensions;
    let basic = extensions.basic.as_ref();
    let between = u64::try_from(below.len()).unwrap_or(u64::MAX) - 1;
    let is_same = |other: &&Certificate| {
        other.subject == issuer.subject
            && other.public_key == issuer.public_key
            && other.extensions.names.value == extensions.names.value
    };
    let hard_to_constrain =
        |other: &&Certificate| other.extensions.names.mail_or_uri || !other.extensions.names.are_domains();
    if basic.is_some_and(|basic| !basic.ca) || (basic.is_none() && issuer.version == 3) {
        Some("is not a CA, and is used as one: reissue it with CA:TRUE")
    } else if extensions.may_not_sign {
        Some("has a key usage that does not allow it to sign certificates: reissue it with keyCertSign")
    } else if basic.and_then(|basic| basic.path_length).is_some_and(|most| between > most) {
        Some("does not allow that many CAs below it: issue from a CA above, or with a larger path length")
    } else if below.iter().any(is_same) {
        Some("is in the chain twice, and no client takes it as its own issuer")
    } else if extensions.constrains_names && below.iter().any(hard_to_constrain) {
        Some(
            "constrains names, and a certificate below it has an e-mail address, a URI or an unusual DNS name: reissue that one with plain DNS names only",
        )
    } else {
        None
    }
}
