//! The recorded configuration of a node: digests of the fields of the spec that plans write to the volume.

use sei_api::{
    SeiNode, SeiNodeStatus,
    v1alpha1::{ConfigRollout, Configured, NodePhase},
};
use sei_node::Node;
use serde::Serialize;

use crate::id::digest;

/// The record for a node whose configuration matches its spec.
pub fn configured(node: &SeiNode) -> Configured {
    Configured {
        overrides: digest_of(&node.spec.overrides.clone().unwrap_or_default()),
        peers: digest_of(&node.spec.peers.clone().unwrap_or_default()),
    }
}

/// Whether seid of a Running node was started with another configuration than the spec requests.
pub fn is_misconfigured(node: &SeiNode, status: &SeiNodeStatus) -> bool {
    let is_running = status.phase == Some(NodePhase::Running);
    status.configured.as_ref().is_some_and(|was| is_running && *was != configured(node))
}

/// Whether such a configuration must be rolled out without a change of the image; `platform` applies to nodes that do
/// not specify it. A configuration that cannot be written restarts nothing.
pub fn reconfigures(node: &Node<'_>, status: &SeiNodeStatus, platform: ConfigRollout) -> bool {
    let rollout = node.object.spec.config_rollout.unwrap_or(platform);
    rollout == ConfigRollout::Immediate && node.is_configurable() && is_misconfigured(node.object, status)
}

fn digest_of(field: &impl Serialize) -> String {
    // Fields of an object of the API server always serialize.
    digest(&serde_json::to_vec(field).unwrap_or_default())
}
