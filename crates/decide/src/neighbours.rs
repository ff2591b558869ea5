//! Other SeiNodes: the peers that are selected by labels.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use sei_api::{
    SeiNode,
    conditions::{ConditionType, ReadyReason},
    names, ports,
    v1alpha1::{LabelPeers, NodePhase},
};
use sei_node::is_peer_address;
use sei_render::Platform;

/// seid connects to a few dozen peers; more only lengthen the status and the configuration.
pub const MOST: usize = 40;
/// How long a node that has some peers waits for the others.
const OTHERS: Duration = Duration::from_secs(30);
/// How long a node waits for its first peer.
const FIRST: Duration = Duration::from_secs(300);

/// The peers found by the label sources of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers {
    /// `id@host:port` of peers with a known ID, at most [`MOST`], sorted.
    pub addresses: Vec<String>,
    /// DNS names of preferred peers whose ID was never known, sorted. Their sidecars report it before their
    /// seid runs, so nodes that select each other find each other.
    pub silent: Vec<String>,
}

impl Peers {
    /// Whether a node that has been waiting since `since` must keep waiting for the IDs of its peers. It starts without
    /// those that do not respond: peers find each other once one of them has connected to another. A node that needs a
    /// peer (`is_needed`) does not start without any.
    pub fn are_awaited(&self, is_needed: bool, since: Option<Timestamp>, now: Timestamp) -> bool {
        if is_needed && self.addresses.is_empty() {
            return true;
        }
        let waited = since.and_then(|since| Duration::try_from(now.duration_since(since)).ok());
        let limit = if self.addresses.is_empty() { FIRST } else { OTHERS };
        !self.silent.is_empty() && waited.unwrap_or_default() < limit
    }
}

/// The peers that the label sources of `node` select among `others`, in namespaces that `platform` allows.
/// `None` without label sources. `node_id` is the ID reported by the sidecar of another node; for one that
/// has not responded since the operator started, the entry in the node's status is kept.
pub fn peers(
    node: &SeiNode,
    others: impl Iterator<Item = Arc<SeiNode>>,
    platform: &Platform,
    node_id: impl Fn(&SeiNode) -> Option<String>,
) -> Option<Peers> {
    label_sources(node).next()?;
    let before = last_known(node);
    let found = others.filter(|other| is_peer(node, other, platform));
    let mut found: Vec<_> = found.map(|other| (preference(node, &other), other)).collect();
    found.sort_unstable_by(|(one, node), (other, peer)| {
        one.cmp(other).then_with(|| name_of(node).cmp(&name_of(peer)))
    });
    let mut peers = Peers::default();
    for (place, (_, other)) in found.iter().enumerate() {
        if place >= MOST && peers.addresses.len() == MOST {
            break;
        }
        let name = names::pod_dns(other, platform.cluster_domain());
        let address = address(&name, other);
        let id = node_id(other).or_else(|| before.get(address.as_str()).map(|id| (*id).to_owned()));
        match id {
            Some(id) if peers.addresses.len() < MOST => peers.addresses.push(format!("{id}@{address}")),
            None if place < MOST => peers.silent.push(name),
            _ => {}
        }
    }
    peers.addresses.sort();
    peers.silent.sort();
    Some(peers)
}

/// IDs of the peers in the node's status, by address. The status of the Go controller may contain DNS names
/// instead.
fn last_known(node: &SeiNode) -> BTreeMap<&str, &str> {
    let known = node.status.iter().flat_map(|status| status.resolved_peers.iter().flatten());
    let known = known.filter(|peer| is_peer_address(peer));
    known.filter_map(|peer| peer.split_once('@')).map(|(id, address)| (address, id)).collect()
}

/// The address of the seid of `other`: its external address, or else the one in the cluster.
fn address(name: &str, other: &SeiNode) -> String {
    let external = other.external_address().map(str::to_owned);
    let is_usable = |address: &String| is_peer_address(&format!("{}@{address}", "0".repeat(40)));
    external.filter(is_usable).unwrap_or_else(|| format!("{name}:{}", ports::P2P))
}

/// Orders peers differently for each node, and deterministically (FNV-1a), so that a large fleet is one
/// connected network and a change of one peer changes few lists.
fn preference(node: &SeiNode, peer: &SeiNode) -> u64 {
    let parts = [name_of(node), name_of(peer)];
    let bytes =
        parts.iter().flat_map(|(namespace, name)| [namespace.as_bytes(), b"/", name.as_bytes(), b" "]);
    let hash = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.flatten().fold(0xcbf2_9ce4_8422_2325, hash)
}

fn name_of(node: &SeiNode) -> (&str, &str) {
    (names::namespace(node), names::node(node))
}

/// Whether `other` has to be reconciled soon because `node` changed: it waits for peers, or it needs the volume or key
/// that `node` uses. A node that already has peers refreshes its list in its next pass.
pub fn affects(node: &SeiNode, other: &SeiNode) -> bool {
    let by_label = waits_for_peers(other) && label_sources(other).any(|source| selects(other, node, source));
    let by_volume =
        names::imported_claim(other).is_some() && names::namespace(other) == names::namespace(node);
    let by_key = signs(other) && signs(node) && other.spec.chain_id == node.spec.chain_id;
    by_label || by_volume || by_key
}

fn waits_for_peers(node: &SeiNode) -> bool {
    let ready = node.status.as_ref().and_then(|status| status.condition(ConditionType::Ready));
    ready.is_some_and(|ready| ready.reason == ReadyReason::WaitingForPeers.as_str())
}

fn signs(node: &SeiNode) -> bool {
    node.spec.validator.as_ref().is_some_and(|validator| validator.signing_key.is_some())
}

fn label_sources(node: &SeiNode) -> impl Iterator<Item = &LabelPeers> {
    node.spec.peers.iter().flatten().filter_map(|source| source.label.as_ref())
}

/// Whether a label source of `node` selects `other`, which is of the same chain and usable.
fn is_peer(node: &SeiNode, other: &SeiNode, platform: &Platform) -> bool {
    label_sources(node).any(|source| allows(platform, node, source) && selects(node, other, source))
        && other.spec.chain_id == node.spec.chain_id
        && other.metadata.deletion_timestamp.is_none()
        && phase(other) != Some(NodePhase::Failed)
}

/// Whether `platform` allows `source` of `node` to select peers in its namespace.
fn allows(platform: &Platform, node: &SeiNode, source: &LabelPeers) -> bool {
    let namespace = namespace(node, source);
    namespace == names::namespace(node) || platform.allows_peers_of(namespace)
}

/// The namespaces that the label sources of `node` select from.
pub fn namespaces(node: &SeiNode) -> impl Iterator<Item = &str> {
    label_sources(node).map(|source| namespace(node, source))
}

/// The namespace of `source` of `node`.
fn namespace<'a>(node: &'a SeiNode, source: &'a LabelPeers) -> &'a str {
    let named = source.namespace.as_deref().filter(|namespace| !namespace.is_empty());
    named.unwrap_or(names::namespace(node))
}

/// What to report about label sources with namespaces that are not allowed.
pub(crate) fn refused_namespaces(node: &SeiNode, platform: &Platform) -> impl Iterator<Item = String> {
    let peers = node.spec.peers.iter().flatten().enumerate();
    let labels = peers.filter_map(|(index, source)| Some((index, source.label.as_ref()?)));
    let refused = labels.filter(|(_, source)| !allows(platform, node, source));
    refused.map(|(index, source)| {
        format!(
            "spec.peers[{index}].label finds no peers: the platform does not allow peers of namespace {} (setting SEI_PEER_NAMESPACES)",
            namespace(node, source)
        )
    })
}

fn phase(node: &SeiNode) -> Option<NodePhase> {
    node.status.as_ref()?.phase
}

/// Whether `source` of `node` matches `other` by namespace and labels.
fn selects(node: &SeiNode, other: &SeiNode, source: &LabelPeers) -> bool {
    let labels = other.metadata.labels.as_ref();
    names::namespace(other) == namespace(node, source)
        && source.selector.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
}

#[cfg(test)]
mod tests;
