//! The seictl sidecar of a node and TLS on its API.

use k8s_openapi::api::core::v1::ResourceRequirements;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::{lenient, rules, schema};
use crate::ports;

/// Settings of the sidecar container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SidecarConfig {
    /// Sidecar image; empty or absent means the platform's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    #[x_kube(validation = rules::optional_image("image"))]
    pub image: Option<String>,
    /// Port of the sidecar's HTTP API inside the pod.
    #[serde(
        default = "default_port",
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::optional_integer"
    )]
    #[schemars(with = "Option<i32>", range(min = 1, max = 65535))]
    #[x_kube(validation = rules::sidecar_port())]
    pub port: Option<i64>,
    /// Requests and limits of the sidecar container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::resources")]
    pub resources: Option<ResourceRequirements>,
    /// TLS on the sidecar's API: kube-rbac-proxy serves it on port 8443. Immutable;
    /// `status.sidecarTLS` lists the DNS names that the certificate must contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<SidecarTls>,
}

fn default_port() -> Option<i64> {
    Some(i64::from(ports::SIDECAR_DEFAULT))
}

/// The certificate with which kube-rbac-proxy serves the sidecar API.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SidecarTls {
    /// A `kubernetes.io/tls` Secret in the SeiNode's namespace, provisioned by the platform. The operator reads
    /// it and never creates, changes or deletes it.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = rules::SECRET_NAME)]
    pub secret_name: String,
}
