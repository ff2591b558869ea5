//! Other SeiNodes: the peers that labels find.

use std::{collections::BTreeSet, sync::Arc};

use sei_api::{
    SeiNode, names,
    v1alpha1::{LabelPeers, NodePhase},
};

/// What the label sources of a node find.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers {
    /// DNS names of all of them, sorted.
    pub all: Vec<String>,
    /// Those that run, and so can be asked for their id.
    pub running: Vec<String>,
    /// None runs yet, all look for this node too, and it is the oldest of them: the others are to connect to it.
    pub comes_first: bool,
}

/// The peers that the label sources of `node` find among `others`. `None` without label sources.
pub fn peers(node: &SeiNode, others: impl Iterator<Item = Arc<SeiNode>>) -> Option<Peers> {
    label_sources(node).next()?;
    let found: Vec<_> = others.filter(|other| is_peer(node, other)).collect();
    let names = |found: &mut dyn Iterator<Item = &Arc<SeiNode>>| {
        let names: BTreeSet<_> = found.map(|other| names::pod_dns(other)).collect();
        names.into_iter().collect::<Vec<_>>()
    };
    let running = names(&mut found.iter().filter(|other| phase(other) == Some(NodePhase::Running)));
    let waits_for = |other: &SeiNode| is_peer(other, node) && age(node) < age(other);
    let comes_first = running.is_empty() && !found.is_empty() && found.iter().all(|other| waits_for(other));
    Some(Peers { all: names(&mut found.iter()), running, comes_first })
}

/// Whether a change of `node` matters to `other`: it may be one of its peers, or need the volume or key that the other
/// holds.
pub fn matters_to(node: &SeiNode, other: &SeiNode) -> bool {
    let by_label = label_sources(other).any(|source| selects(other, node, source));
    let by_volume =
        names::imported_claim(other).is_some() && names::namespace(other) == names::namespace(node);
    let by_key = signs(other) && signs(node) && other.spec.chain_id == node.spec.chain_id;
    by_label || by_volume || by_key
}

fn signs(node: &SeiNode) -> bool {
    node.spec.validator.as_ref().is_some_and(|validator| validator.signing_key.is_some())
}

fn label_sources(node: &SeiNode) -> impl Iterator<Item = &LabelPeers> {
    node.spec.peers.iter().flatten().filter_map(|source| source.label.as_ref())
}

/// Whether a label source of `node` selects `other`, which is of the same chain and of use.
fn is_peer(node: &SeiNode, other: &SeiNode) -> bool {
    label_sources(node).any(|source| selects(node, other, source))
        && other.spec.chain_id == node.spec.chain_id
        && other.metadata.deletion_timestamp.is_none()
        && phase(other) != Some(NodePhase::Failed)
}

fn phase(node: &SeiNode) -> Option<NodePhase> {
    node.status.as_ref()?.phase
}

/// Whether `source` of `node` matches `other` by namespace and labels.
fn selects(node: &SeiNode, other: &SeiNode, source: &LabelPeers) -> bool {
    let namespace = source.namespace.as_deref().filter(|namespace| !namespace.is_empty());
    let labels = other.metadata.labels.as_ref();
    names::namespace(other) == namespace.unwrap_or(names::namespace(node))
        && source.selector.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
}

/// Who came first; the name settles a tie.
fn age(node: &SeiNode) -> impl Ord + '_ {
    let created = node.metadata.creation_timestamp.as_ref().map(|time| time.0);
    (created, names::node(node), names::namespace(node))
}
