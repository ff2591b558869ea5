//! The tasks that the sidecar runs until the node is Running.

use sei_api::names;
use sei_node::{FirstState, Node, PERSISTENT_PEERS, PeerSource, StateSync};

use crate::{
    ConfigIntent, SidecarTask, Task,
    intent::{STATE_SYNC, config_intent},
    source::{DNS_ENDPOINTS, EC2_TAGS, STATIC, Source},
};

/// The tasks that give a node its first state and configuration, up to but not including mark-ready.
pub(super) fn progression(node: &Node<'_>) -> Vec<Task> {
    let (restore, state_sync) = match node.first_state() {
        FirstState::Genesis => (None, None),
        FirstState::StateSync(sync) => (None, Some(configure_state_sync(sync, false))),
        FirstState::Snapshot { height, sync, .. } => {
            let restore = SidecarTask::SnapshotRestore { target_height: height };
            (Some(restore), Some(configure_state_sync(sync, true)))
        }
    };
    let mut intent = config_intent(node);
    if names::imported_claim(node.object).is_some() {
        intent.keep_data_unsplit();
    }
    let tasks = restore.into_iter().chain(configuration(node, intent)).chain(state_sync);
    tasks.chain([SidecarTask::ConfigValidate]).map(Task::Sidecar).collect()
}

/// Configuration on a volume that holds the state of the chain: state sync would discard it. The existing
/// configuration was written by a sidecar, and a rewritten one might not match the data, so it is changed in
/// place.
pub(super) fn with_state(node: &Node<'_>) -> Vec<Task> {
    let mut intent = ConfigIntent { incremental: true, ..config_intent(node) };
    intent.overrides.entry(STATE_SYNC.to_owned()).or_insert_with(|| false.to_string());
    configured(node, intent)
}

/// Configuration on a volume that holds the state of the chain, but whose configuration is of another mode or was not
/// written by a sidecar: it is rewritten.
pub(super) fn with_state_only(node: &Node<'_>) -> Vec<Task> {
    let mut intent = config_intent(node);
    intent.keep_data_unsplit();
    configured(node, intent)
}

/// Changes the configuration of a running node in place: genesis and state sync are kept. The peers are kept too if the
/// spec has no source, as in a ceremony, or one that only the sidecar can resolve, which may fail. An update of the
/// image does not wait until a mistake is corrected: it leaves the configuration unchanged. A sidecar that does not
/// support discovery of EC2 instances gets the other sources.
pub(super) fn in_use(node: &Node<'_>, lacks_discovery: bool) -> Vec<Task> {
    if !node.is_configurable() {
        return Vec::new();
    }
    let discovery = discovery(node);
    let is_whole = discovery.as_ref().is_none_or(|task| lacks_discovery && task.has_other_sources());
    let peers = node.object.spec.peers.clone().filter(|_| is_whole);
    let discovery = discovery.filter(|_| !lacks_discovery);
    let intent = ConfigIntent { incremental: true, peers, ..config_intent(node) };
    let tasks = [SidecarTask::ConfigApply(intent)].into_iter().chain(discovery);
    tasks.chain([SidecarTask::ConfigValidate]).map(Task::Sidecar).collect()
}

fn configured(node: &Node<'_>, intent: ConfigIntent) -> Vec<Task> {
    let tasks = configuration(node, intent).into_iter();
    tasks.chain([SidecarTask::ConfigValidate]).map(Task::Sidecar).collect()
}

fn configure_state_sync(sync: StateSync<'_>, use_local_snapshot: bool) -> SidecarTask {
    SidecarTask::ConfigureStateSync {
        use_local_snapshot,
        rpc_servers: sync.rpc_servers.to_vec(),
        trust_period: sync.trust_period.to_owned(),
        backfill_blocks: sync.backfill_blocks,
    }
}

fn configuration(node: &Node<'_>, intent: ConfigIntent) -> Vec<SidecarTask> {
    let sources = node.object.spec.peers.clone().unwrap_or_default();
    let intent = ConfigIntent { peers: Some(sources), ..intent };
    let discovery = discovery(node);
    [SidecarTask::ConfigureGenesis, SidecarTask::ConfigApply(intent)].into_iter().chain(discovery).collect()
}

/// Finds EC2 instances, if the sidecar can. It overwrites the persistent peers, so it gets the other sources
/// as well.
fn discovery(node: &Node<'_>) -> Option<SidecarTask> {
    let overrides = node.object.spec.overrides.as_ref();
    let is_overridden = overrides.is_some_and(|overrides| overrides.contains_key(PERSISTENT_PEERS));
    let sources = node.peers.as_deref().unwrap_or_default();
    let is_needed = sources.iter().any(|source| matches!(source, PeerSource::Ec2Tags(_))) && !is_overridden;
    is_needed.then(|| SidecarTask::DiscoverPeers { sources: sources.iter().map(source).collect() })
}

fn source(peer: &PeerSource<'_>) -> Source {
    let of_type = |type_: &str| Source { type_: type_.to_owned(), ..Source::default() };
    match peer {
        PeerSource::Ec2Tags(ec2) => {
            Source { region: ec2.region.clone(), tags: ec2.tags.clone(), ..of_type(EC2_TAGS) }
        }
        PeerSource::Static(addresses) => Source { addresses: addresses.to_vec(), ..of_type(STATIC) },
        // The label peers are those known when the task runs.
        PeerSource::Label(_) => of_type(DNS_ENDPOINTS),
    }
}
