//! Other SeiNodes: the peers that labels find, rivals for what only one node may use, and who has to be woken
//! when a node changes.

use std::{collections::BTreeSet, sync::Arc};

use kube::runtime::reflector::{ObjectRef, Store};
use sei_api::{
    SeiNode,
    conditions::Reason,
    names,
    v1alpha1::{LabelPeers, NodePhase},
};
use tokio::sync::mpsc::UnboundedSender;

/// An older SeiNode that holds what another asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rival {
    pub(crate) reason: Reason,
    pub(crate) message: String,
}

/// What the label sources of a node find.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Peers {
    /// DNS names of all of them, sorted.
    pub(crate) all: Vec<String>,
    /// Those that run, and so can be asked for their id.
    pub(crate) running: Vec<String>,
    /// None runs yet, all look for this node too, and it is the oldest of them: the others are to connect to it.
    pub(crate) comes_first: bool,
}

/// The SeiNodes of every scope.
pub(crate) struct Neighbours {
    pub(crate) fleet: Arc<[Store<SeiNode>]>,
    /// Where to send the names of nodes to look at again; a scope that does not have a node ignores it.
    pub(crate) wakes: Vec<UnboundedSender<ObjectRef<SeiNode>>>,
}

impl Neighbours {
    /// The peers that the label sources of `node` find. `None` without label sources.
    pub(crate) fn peers(&self, node: &SeiNode) -> Option<Peers> {
        label_sources(node).next()?;
        let found: Vec<_> = self.others(node).filter(|other| is_peer(node, other)).collect();
        let names = |found: &mut dyn Iterator<Item = &Arc<SeiNode>>| {
            let names: BTreeSet<_> = found.map(|other| names::pod_dns(other)).collect();
            names.into_iter().collect::<Vec<_>>()
        };
        let running = names(&mut found.iter().filter(|other| phase(other) == Some(NodePhase::Running)));
        let waits_for = |other: &SeiNode| is_peer(other, node) && age(node) < age(other);
        let comes_first =
            running.is_empty() && !found.is_empty() && found.iter().all(|other| waits_for(other));
        Some(Peers { all: names(&mut found.iter()), running, comes_first })
    }

    /// An older SeiNode of the same namespace that imports the same volume or signs with the same key.
    pub(crate) fn rival(&self, node: &SeiNode) -> Option<Rival> {
        let claim = names::imported_claim(node);
        let key = signing_secret(node);
        if claim.is_none() && key.is_none() {
            return None;
        }
        self.others(node)
            .filter(|other| names::namespace(other) == names::namespace(node) && age(other) < age(node))
            .find_map(|other| rivalry(claim, key, &other))
    }

    /// Sends every node to another look that finds `node` among its peers, or waits for what it holds.
    pub(crate) fn wake(&self, node: &SeiNode) {
        for other in self.others(node) {
            let by_label = label_sources(&other).any(|source| selects(&other, node, source));
            let by_need = names::namespace(&other) == names::namespace(node)
                && (names::imported_claim(&other).is_some() || signing_secret(&other).is_some());
            if by_label || by_need {
                for wake in &self.wakes {
                    // The receiver is gone only when the controller is shutting down.
                    let _ = wake.send(ObjectRef::from_obj(&*other));
                }
            }
        }
    }

    fn others(&self, node: &SeiNode) -> impl Iterator<Item = Arc<SeiNode>> {
        let (namespace, name) = (names::namespace(node), names::node(node));
        self.fleet
            .iter()
            .flat_map(|nodes| nodes.state())
            .filter(move |other| names::namespace(other) != namespace || names::node(other) != name)
    }
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

fn rivalry(claim: Option<&str>, key: Option<&str>, other: &SeiNode) -> Option<Rival> {
    let holder = names::node(other);
    if let Some(claim) = claim.filter(|claim| names::data_claim(other) == **claim) {
        let message = format!(
            "volume claim {claim} belongs to SeiNode {holder}: a volume serves one node; import another one or delete {holder}"
        );
        return Some(Rival { reason: Reason::VolumeInUse, message });
    }
    let key = key.filter(|key| signing_secret(other) == Some(key))?;
    let message = format!(
        "signing key Secret {key} is used by SeiNode {holder}: two validators with one key sign twice and are slashed; give this one its own key"
    );
    Some(Rival { reason: Reason::SigningKeyInUse, message })
}

fn signing_secret(node: &SeiNode) -> Option<&str> {
    let key = node.spec.validator.as_ref()?.signing_key.as_ref()?;
    Some(key.secret.as_ref()?.secret_name.as_str())
}

/// Who came first; the name settles a tie.
fn age(node: &SeiNode) -> impl Ord + '_ {
    let created = node.metadata.creation_timestamp.as_ref().map(|time| time.0);
    (created, names::node(node), names::namespace(node))
}
