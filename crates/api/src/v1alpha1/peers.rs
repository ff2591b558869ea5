//! Where a node finds its peers.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The form of a persistent peer that seid accepts; with any other it does not start. sei-node parses the
/// same form for objects that were not validated by an API server.
const PEER_ADDRESS: &str =
    r"^[0-9A-Fa-f]{40}@([0-9A-Za-z]([-0-9A-Za-z.]*[0-9A-Za-z])?|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$";

/// One source of peers; exactly one member is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "(has(self.ec2Tags) ? 1 : 0) + (has(self.static) ? 1 : 0) + (has(self.label) ? 1 : 0) == 1",
    "exactly one of ec2Tags, static, or label must be set",
))]
pub struct PeerSource {
    /// EC2 instances selected by tags, resolved by the sidecar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ec2_tags: Option<Ec2TagsPeers>,
    /// Fixed addresses.
    #[serde(default, rename = "static", skip_serializing_if = "Option::is_none")]
    pub static_: Option<StaticPeers>,
    /// Other SeiNodes of this cluster, resolved by the operator when the task runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<LabelPeers>,
}

/// Running EC2 instances that have all of the tags.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ec2TagsPeers {
    /// AWS region.
    #[schemars(length(min = 1))]
    pub region: String,
    /// Tags that an instance must have.
    #[schemars(extend("minProperties" = 1))]
    pub tags: BTreeMap<String, String>,
}

/// Peers by address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StaticPeers {
    /// Addresses of the form `nodeId@host:port`, where the node ID has 40 hexadecimal digits and an IPv6 host
    /// is in brackets.
    #[schemars(length(min = 1), inner(regex(pattern = PEER_ADDRESS)))]
    pub addresses: Vec<String>,
}

/// SeiNodes of the same chain, selected by labels, except those that are being deleted or Failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LabelPeers {
    /// Labels that a SeiNode must have, all of them.
    #[schemars(extend("minProperties" = 1))]
    pub selector: BTreeMap<String, String>,
    /// Namespace of the SeiNodes; absent or empty means the SeiNode's own namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63), regex(pattern = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$"))]
    pub namespace: Option<String>,
}
