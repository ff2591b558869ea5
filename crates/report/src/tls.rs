//! The certificate of a node's sidecar API.

use jiff::Timestamp;
use sei_api::{SeiNode, conditions::ConditionType};
use serde::Serialize;

/// The TLS Secret of a node and the result of its check.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsLine {
    /// The Secret that the spec names.
    pub secret_name: String,
    /// DNS names that the certificate must contain, as the operator published them.
    #[serde(rename = "requiredDNSNames")]
    pub required_dns_names: Vec<String>,
    /// Name of the issuer of the certificate in the Secret, if it could be read.
    pub issuer: Option<String>,
    /// When that certificate expires.
    pub not_after: Option<Timestamp>,
    /// Whether the Secret can be used; absent until the operator has checked it.
    pub ready: Option<bool>,
    /// The reason of `SidecarTLSSecretReady`.
    pub reason: String,
    /// Its message: until when the certificate is valid, or what is wrong with the Secret.
    pub message: String,
}

impl TlsLine {
    pub(crate) fn of(node: &SeiNode) -> Option<Self> {
        let tls = node.spec.tls()?;
        let status = node.status.as_ref();
        let condition = status.and_then(|status| status.condition(ConditionType::SidecarTlsSecretReady));
        let published = status.and_then(|status| status.sidecar_tls.as_ref());
        let certificate = published.and_then(|tls| tls.certificate.as_ref());
        Some(Self {
            secret_name: tls.secret_name.clone(),
            required_dns_names: published.map(|tls| tls.required_dns_names.clone()).unwrap_or_default(),
            issuer: certificate.map(|it| it.issuer.clone()),
            not_after: certificate.and_then(|it| it.not_after.as_ref()).map(|at| at.0),
            ready: condition.map(|it| it.status == "True"),
            reason: condition.map_or_else(|| "NotChecked".to_owned(), |it| it.reason.clone()),
            message: condition.map(|it| it.message.clone()).unwrap_or_default(),
        })
    }
}
