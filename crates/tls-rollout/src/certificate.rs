//! The cert-manager Certificate of a node.

use serde_json::{Value, json};

/// An issuer of cert-manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// `Issuer` or `ClusterIssuer`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// The Certificate for `names` with Secret `secret`. Its durations are those of the example in
/// `deploy/examples/cert-manager`.
pub fn certificate(namespace: &str, secret: &str, names: &[String], issuer: &Issuer) -> Value {
    json!({
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": { "name": secret, "namespace": namespace },
        "spec": {
            "secretName": secret,
            "dnsNames": names,
            "usages": ["digital signature", "server auth"],
            "privateKey": { "algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always" },
            "duration": "2160h",
            "renewBefore": "720h",
            "issuerRef": { "kind": issuer.kind, "name": issuer.name },
        },
    })
}
