//! The status of a SeiNode.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    NodePhase, PlanPhase, TaskPlan, TaskStatus, lenient,
    schema::{self, INTEGER_MAX},
};

/// Observed state of a SeiNode; written only by the operator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeiNodeStatus {
    /// Generation of the spec that this status describes; -1 until the operator has seen the object.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::optional_integer"
    )]
    #[schemars(range(min = -1, max = INTEGER_MAX))]
    pub observed_generation: Option<i64>,
    /// Phase of the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<NodePhase>,
    /// Last observed seid image of the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_image: Option<String>,
    /// Image of the sidecar in the pod of a Running node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_sidecar_image: Option<String>,
    /// Image of kube-rbac-proxy in that pod; present only with TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_proxy_image: Option<String>,
    /// Conditions; `Ready` summarizes them.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::readable_items")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Option<Vec<Condition>>,
    /// When `phase` last changed.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::time")]
    pub phase_transition_time: Option<Time>,
    /// The active plan, or the last one if none is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<TaskPlan>,
    /// The SeiNodeTask that is running on the node. Until it has finished, only a plan that makes the sidecar ready again starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_task: Option<NodeTaskReference>,
    /// UID of the claim that holds the data of a Running node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_claim_uid: Option<String>,
    /// The last update that failed permanently; removed when another update starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_update: Option<FailedUpdate>,
    /// The configuration that seid of a Running node was started with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configured: Option<Configured>,
    /// Keys that the configuration of a Running node overrides. One that the spec no longer sets keeps its last value, and is
    /// named in `SpecHonored`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overridden_keys: Option<Vec<String>>,
    /// Peers selected by `spec.peers[].label`, as `nodeId@host:port`, sorted; of more than 40, each node
    /// selects a different subset. A peer that does not respond keeps its entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_peers: Option<Vec<String>>,
    /// `host:port` to advertise on P2P, unless `spec.externalAddress` is set. Read by the operator, written by the controller
    /// that exposes the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_address: Option<String>,
    /// URLs inside the cluster; present in modes that serve clients, fullNode and archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<NodeEndpoint>,
    /// The certificate that the node requires; present if and only if `spec.sidecar.tls` is set.
    #[serde(default, rename = "sidecarTLS", skip_serializing_if = "Option::is_none")]
    pub sidecar_tls: Option<SidecarTlsStatus>,
}

impl SeiNodeStatus {
    /// The condition of type `kind`, if it is set.
    pub fn condition(&self, kind: crate::conditions::ConditionType) -> Option<&Condition> {
        self.conditions.iter().flatten().find(|condition| condition.type_ == kind.as_str())
    }

    /// The field with a value that a later version of the operator wrote and this one does not know, if any.
    /// What the node needs next cannot be derived from such a status.
    pub fn unknown_field(&self) -> Option<&'static str> {
        if self.phase == Some(NodePhase::Unknown) {
            return Some("status.phase");
        }
        let plan = self.plan.as_ref()?;
        if plan.phase == PlanPhase::Unknown {
            return Some("status.plan.phase");
        }
        let mut phases = [plan.target_phase, plan.failed_phase].into_iter().flatten();
        if phases.any(|phase| matches!(phase, NodePhase::Unknown | NodePhase::Paused)) {
            return Some("status.plan.targetPhase or failedPhase");
        }
        plan.tasks
            .iter()
            .any(|task| task.status == TaskStatus::Unknown)
            .then_some("status.plan.tasks[].status")
    }
}

/// An update that failed permanently. It is retried when the spec or annotation `sei.io/retry` changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailedUpdate {
    /// Image of the update.
    pub image: String,
    /// Generation of the spec that it was created from.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::optional_integer"
    )]
    #[schemars(range(min = 0, max = INTEGER_MAX))]
    pub generation: Option<i64>,
    /// Value of annotation `sei.io/retry` when it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<String>,
    /// Type of the task that failed.
    pub task: String,
    /// Its error.
    pub error: String,
}

/// A SeiNodeTask by name and UID.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeTaskReference {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
}

/// Digests of the fields that plans write to the configuration on the volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Configured {
    /// Of `spec.overrides`.
    pub overrides: String,
    /// Of `spec.peers`.
    pub peers: String,
}

/// URLs of a node inside the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeEndpoint {
    /// EVM JSON-RPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evm_json_rpc: Option<String>,
    /// EVM WebSocket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evm_ws: Option<String>,
    /// Tendermint RPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tendermint_rpc: Option<String>,
    /// Cosmos REST.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tendermint_rest: Option<String>,
}

/// What the platform has to provision for TLS on the sidecar API.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SidecarTlsStatus {
    /// The Secret that the spec names.
    pub secret_name: String,
    /// DNS names that the certificate must contain.
    #[serde(rename = "requiredDNSNames")]
    pub required_dns_names: Vec<String>,
    /// The certificate in the Secret; absent if there is none that can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<SidecarCertificate>,
}

/// The certificate in a TLS Secret, regardless of whether it can be used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SidecarCertificate {
    /// Name of its issuer.
    pub issuer: String,
    /// When it expires.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::time")]
    pub not_after: Option<Time>,
}
