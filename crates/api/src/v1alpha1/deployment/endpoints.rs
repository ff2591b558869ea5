//! Addresses of the nodes of a SeiNodeDeployment, as published in its status.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::v1alpha1::lenient;

/// The Service of a group inside the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InternalService {
    /// Name of the Service.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its ports.
    pub ports: InternalPorts,
}

/// Ports of the internal Service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InternalPorts {
    /// JSON-RPC of Tendermint.
    #[serde(deserialize_with = "lenient::integer")]
    #[schemars(with = "i32", range(min = 0, max = 65535))]
    pub rpc: i64,
    /// JSON-RPC of the EVM.
    #[serde(deserialize_with = "lenient::integer")]
    #[schemars(with = "i32", range(min = 0, max = 65535))]
    pub evm_http: i64,
    /// REST.
    #[serde(deserialize_with = "lenient::integer")]
    #[schemars(with = "i32", range(min = 0, max = 65535))]
    pub rest: i64,
}

/// The headless Service of a SeiNode.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodService {
    /// Name of the Service, the same as that of the SeiNode.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its ports.
    pub ports: PodServicePorts,
}

/// Ports of the headless Service of a SeiNode.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodServicePorts {
    /// JSON-RPC of the EVM.
    #[serde(deserialize_with = "lenient::integer")]
    #[schemars(with = "i32", range(min = 0, max = 65535))]
    pub evm_http: i64,
    /// Websockets of the EVM.
    #[serde(deserialize_with = "lenient::integer")]
    #[schemars(with = "i32", range(min = 0, max = 65535))]
    pub evm_ws: i64,
}

/// What a group publishes outside the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkingStatus {
    /// The host names of the HTTPRoutes that exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<RouteHost>,
}

/// A host name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RouteHost {
    /// The host name.
    pub hostname: String,
    /// Protocol served there: `evm`, `rpc`, `rest` or `grpc`.
    #[serde(default)]
    pub protocol: String,
}

/// Addresses of a group inside the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentEndpoints {
    /// JSON-RPC of Tendermint, any node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tendermint_rpc: Option<String>,
    /// REST, any node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tendermint_rest: Option<String>,
    /// EVM endpoints of each node; absent for validators, which serve none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::readable_items")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub nodes: Option<Vec<NodeEndpoints>>,
}

/// EVM endpoints of one node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeEndpoints {
    /// The SeiNode.
    pub name: String,
    /// JSON-RPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evm_json_rpc: Option<String>,
    /// Websockets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evm_ws: Option<String>,
}
