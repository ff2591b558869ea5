//! `check-secret`: validates a Secret like the operator does, before it is applied.

use std::process::ExitCode;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use sei_api::{conditions::TlsSecretReason, names};
use sei_tls::{ProblemKind, SecretData, judge};
use serde_json::json;

use crate::{
    bad_input::bad,
    cli::{CheckSecretArgs, VerdictOutput},
    input, print,
};

pub(crate) fn run(args: &CheckSecretArgs) -> anyhow::Result<ExitCode> {
    let node = input::seinode(&args.filename)?;
    let Some(tls) = node.spec.tls() else {
        return Err(bad("spec.sidecar.tls is not set: this SeiNode needs no Secret"));
    };
    let secret = input::secret(&args.secret)?;
    let found = secret.metadata.name.as_deref().unwrap_or_default();
    if found != tls.secret_name {
        let wanted = &tls.secret_name;
        return Err(bad(format!(
            "metadata.name of the Secret is {found:?}, spec.sidecar.tls.secretName is {wanted:?}"
        )));
    }
    let required = names::required_dns_names(&node, &input::cluster_domain()?);
    let (ready, reason, message, not_after) =
        match judge(&data(&secret), &required, args.at.unwrap_or_else(Timestamp::now)) {
            Ok(accepted) => {
                let message = format!("valid for {} until {}", required.join(" and "), accepted.end);
                (true, TlsSecretReason::Ready, message, Some(accepted.end.not_after))
            }
            Err(problem) => (false, reason(problem.kind()), problem.to_string(), problem.not_after()),
        };
    match args.output {
        VerdictOutput::Text => print::line(&format!("{}: {}", reason.as_str(), print::printable(&message)))?,
        VerdictOutput::Json => print::json(&json!({
            "status": if ready { "True" } else { "False" },
            "reason": reason.as_str(),
            "message": message,
            "requiredDNSNames": required,
            "notAfter": not_after.map(|at| at.to_string()),
        }))?,
    }
    Ok(if ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The parts of a Secret that are validated.
pub(crate) fn data(secret: &Secret) -> SecretData<'_> {
    let value = |key: &str| secret.data.as_ref()?.get(key).map(|bytes| bytes.0.as_slice());
    // The API server fills in what a manifest omits.
    let type_ = secret.type_.as_deref().or(Some("Opaque"));
    SecretData { type_, crt: value("tls.crt"), key: value("tls.key"), ca: value("ca.crt") }
}

fn reason(kind: ProblemKind) -> TlsSecretReason {
    match kind {
        ProblemKind::Malformed => TlsSecretReason::Malformed,
        ProblemKind::SansMismatch => TlsSecretReason::SansMismatch,
        ProblemKind::Expired => TlsSecretReason::Expired,
        ProblemKind::NotYetValid => TlsSecretReason::NotYetValid,
    }
}
