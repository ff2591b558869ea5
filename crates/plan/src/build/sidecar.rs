//! The tasks that the sidecar does on the way to a node that runs.

use sei_node::{FirstState, Node, PeerSource, StateSync};

use crate::{
    SidecarTask, Task,
    intent::config_intent,
    sidecar_task::{DNS_ENDPOINTS, Source},
};

/// What a node gets its first state and configuration by, up to and without mark-ready.
pub(super) fn progression(node: &Node<'_>) -> Vec<Task> {
    let (restore, state_sync) = match node.first_state() {
        FirstState::Genesis => (None, None),
        FirstState::StateSync(sync) => (None, Some(configure_state_sync(sync, false))),
        FirstState::Snapshot { height, sync, .. } => {
            let restore = SidecarTask::SnapshotRestore { target_height: height };
            (Some(restore), Some(configure_state_sync(sync, true)))
        }
    };
    let tasks = restore.into_iter().chain(configuration(node)).chain(state_sync);
    tasks.chain([SidecarTask::ConfigValidate]).map(Task::Sidecar).collect()
}

/// Configuration on a volume that holds the state of the chain: state sync would throw it away.
pub(super) fn with_state(node: &Node<'_>) -> Vec<Task> {
    configuration(node).into_iter().chain([SidecarTask::ConfigValidate]).map(Task::Sidecar).collect()
}

fn configure_state_sync(sync: StateSync<'_>, use_local_snapshot: bool) -> SidecarTask {
    SidecarTask::ConfigureStateSync {
        use_local_snapshot,
        trust_period: sync.trust_period.to_owned(),
        backfill_blocks: sync.backfill_blocks,
    }
}

fn configuration(node: &Node<'_>) -> Vec<SidecarTask> {
    let mut tasks = vec![SidecarTask::ConfigureGenesis, SidecarTask::ConfigApply(config_intent(node))];
    if let Some(peers) = &node.peers {
        let sources = peers.iter().map(|peer| source(node, peer)).collect();
        tasks.push(SidecarTask::DiscoverPeers { sources });
    }
    tasks
}

fn source(node: &Node<'_>, peer: &PeerSource<'_>) -> Source {
    let of_type = |type_: &str| Source { type_: type_.to_owned(), ..Source::default() };
    match peer {
        PeerSource::Ec2Tags(ec2) => {
            Source { region: ec2.region.clone(), tags: ec2.tags.clone(), ..of_type("ec2Tags") }
        }
        PeerSource::Static(addresses) => Source { addresses: addresses.to_vec(), ..of_type("static") },
        // Stored for readers; when the task runs, the peers of that moment are sent.
        PeerSource::Label(_) => {
            let resolved = node.object.status.as_ref().and_then(|status| status.resolved_peers.clone());
            Source { endpoints: resolved.unwrap_or_default(), ..of_type(DNS_ENDPOINTS) }
        }
    }
}
