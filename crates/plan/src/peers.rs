//! Persistent peers: their sources, and the value that is written.

use std::collections::BTreeSet;

use sei_api::{SeiNode, v1alpha1::PeerSource};

use crate::TaskKind;

/// Task types that the node uses only if its sidecar supports them.
pub fn task_types_of_interest(node: &SeiNode) -> Vec<TaskKind> {
    let uses_tags = node.spec.peers.iter().flatten().any(|source| source.ec2_tags.is_some());
    if uses_tags { vec![TaskKind::DiscoverPeers] } else { Vec::new() }
}

/// Whether the peers of a source are SeiNodes.
pub(crate) fn selects_by_label(source: &PeerSource) -> bool {
    source.label.is_some()
}

/// The value of the key: fixed addresses as written, and `label_peers` if a source selects by label. Only a
/// sidecar with `discover-peers` finds EC2 instances.
pub(crate) fn persistent(sources: &[PeerSource], label_peers: &[String]) -> String {
    let fixed =
        sources.iter().filter_map(|source| source.static_.as_ref()).flat_map(|fixed| &fixed.addresses);
    let found = if sources.iter().any(selects_by_label) { label_peers } else { &[] };
    let addresses: BTreeSet<_> = fixed.chain(found).map(String::as_str).collect();
    addresses.into_iter().collect::<Vec<_>>().join(",")
}
