//! Persistent peers: their sources, and the value that is written.

use std::collections::BTreeSet;

use sei_api::v1alpha1::PeerSource;

/// Whether the peers of a source are SeiNodes.
pub(crate) fn selects_by_label(source: &PeerSource) -> bool {
    source.label.is_some()
}

/// The value of the key: fixed addresses unchanged, and `label_peers` if a source selects by label. Only a sidecar with
/// `discover-peers` finds EC2 instances.
pub(crate) fn persistent(sources: &[PeerSource], label_peers: &[String]) -> String {
    let fixed =
        sources.iter().filter_map(|source| source.static_.as_ref()).flat_map(|fixed| &fixed.addresses);
    let found = if sources.iter().any(selects_by_label) { label_peers } else { &[] };
    let addresses: BTreeSet<_> = fixed.chain(found).map(String::as_str).collect();
    addresses.into_iter().collect::<Vec<_>>().join(",")
}
