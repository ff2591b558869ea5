//! The status of a SeiNodeDeployment.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    endpoints::{DeploymentEndpoints, InternalService, NetworkingStatus, PodService},
    phase::DeploymentPhase,
};
use crate::{
    deployment_conditions::ConditionType,
    v1alpha1::{
        NodePhase, TaskPlan, lenient,
        schema::{self, INTEGER_MAX},
    },
};

/// Observed state of a SeiNodeDeployment; written only by the operator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeiNodeDeploymentStatus {
    /// Generation of the spec that this status describes; -1 until the operator has seen the object.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::optional_integer"
    )]
    #[schemars(range(min = -1, max = INTEGER_MAX))]
    pub observed_generation: Option<i64>,
    /// Phase of the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<DeploymentPhase>,
    /// SeiNodes that exist and are not being deleted.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::optional_integer"
    )]
    #[schemars(with = "Option<i32>", range(min = 0, max = 1000))]
    pub replicas: Option<i64>,
    /// SeiNodes whose spec matches the template and that run its image.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::optional_integer"
    )]
    #[schemars(with = "Option<i32>", range(min = 0, max = 1000))]
    pub updated_replicas: Option<i64>,
    /// SeiNodes whose condition `Ready` is True.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::optional_integer"
    )]
    #[schemars(with = "Option<i32>", range(min = 0, max = 1000))]
    pub ready_replicas: Option<i64>,
    /// SeiNodes that are ready and will not be restarted or deleted by a pending change.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::optional_integer"
    )]
    #[schemars(with = "Option<i32>", range(min = 0, max = 1000))]
    pub available_replicas: Option<i64>,
    /// Number of available SeiNodes that are missing to reach `spec.replicas`.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::optional_integer"
    )]
    #[schemars(with = "Option<i32>", range(min = 0, max = 1000))]
    pub unavailable_replicas: Option<i64>,
    /// Selector of the pods of the group, for autoscalers and `kubectl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// The SeiNodes of the group, by ordinal.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::readable_items")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub nodes: Option<Vec<ChildNode>>,
    /// The Secrets for the certificates of the group; present if and only if `sidecar.tls` is set.
    #[serde(
        default,
        rename = "sidecarTLS",
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::readable_items"
    )]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["secretName"]))]
    pub sidecar_tls: Option<Vec<ChildTls>>,
    /// The Service inside the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub internal_service: Option<InternalService>,
    /// The headless Services of the SeiNodes.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::readable_items")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub per_pod_services: Option<Vec<PodService>>,
    /// Addresses of the group inside the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<DeploymentEndpoints>,
    /// Host names of the group outside the cluster; present exactly while `networking` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub networking_status: Option<NetworkingStatus>,
    /// The genesis ceremony, until it is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<TaskPlan>,
    /// SHA-256 of the genesis that the ceremony has created, in hexadecimal, if the sidecar reports it (v0.0.59 or later).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub genesis_hash: Option<String>,
    /// Conditions; `Ready` summarizes them.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::readable_items")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Option<Vec<Condition>>,
}

impl SeiNodeDeploymentStatus {
    /// The condition of type `kind`, if it is set.
    pub fn condition(&self, kind: ConditionType) -> Option<&Condition> {
        self.conditions.iter().flatten().find(|condition| condition.type_ == kind.as_str())
    }
}

/// One SeiNode of a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChildNode {
    /// Its name.
    pub name: String,
    /// Its phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<NodePhase>,
    /// Reason why it is not available or not updated; absent if it is both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it is waiting for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A Secret with a certificate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChildTls {
    /// Name of the Secret.
    pub secret_name: String,
    /// DNS names that the certificate must contain.
    #[serde(rename = "requiredDNSNames")]
    pub required_dns_names: Vec<String>,
    /// Whether every SeiNode that uses the Secret accepts it.
    pub ready: bool,
}
