//! The tasks that the sidecar does on the way to a node that runs.

use sei_api::{
    SeiNode,
    v1alpha1::{Mode, PeerSource},
};

use crate::{
    SidecarTask, Task,
    intent::config_intent,
    sidecar_task::{DNS_ENDPOINTS, Source},
};

/// What a node gets its first state and configuration by, up to and without mark-ready.
pub(super) fn progression(node: &SeiNode, mode: Mode) -> Vec<Task> {
    let snapshot = node.spec.snapshot();
    let mut tasks = Vec::new();
    if let Some(s3) = snapshot.and_then(|snapshot| snapshot.s3.as_ref()) {
        tasks.push(SidecarTask::SnapshotRestore { target_height: s3.target_height });
    }
    tasks.extend(configuration(node, mode));
    if let Some(snapshot) = snapshot {
        tasks.push(SidecarTask::ConfigureStateSync {
            use_local_snapshot: snapshot.s3.is_some(),
            trust_period: snapshot.trust_period.clone().unwrap_or_default(),
            backfill_blocks: snapshot.backfill_blocks.unwrap_or_default(),
        });
    }
    tasks.push(SidecarTask::ConfigValidate);
    tasks.into_iter().map(Task::Sidecar).collect()
}

/// Configuration on a volume that holds the state of the chain: state sync would throw it away.
pub(super) fn with_state(node: &SeiNode, mode: Mode) -> Vec<Task> {
    let mut tasks = configuration(node, mode);
    tasks.push(SidecarTask::ConfigValidate);
    tasks.into_iter().map(Task::Sidecar).collect()
}

fn configuration(node: &SeiNode, mode: Mode) -> Vec<SidecarTask> {
    let mut tasks = vec![SidecarTask::ConfigureGenesis, SidecarTask::ConfigApply(config_intent(node, mode))];
    let peers = node.spec.peers.as_deref().unwrap_or_default();
    if !peers.is_empty() {
        let sources = peers.iter().map(|peer| source(node, peer)).collect();
        tasks.push(SidecarTask::DiscoverPeers { sources });
    }
    tasks
}

fn source(node: &SeiNode, peer: &PeerSource) -> Source {
    if let Some(tags) = &peer.ec2_tags {
        let (region, tags) = (tags.region.clone(), tags.tags.clone());
        return Source { type_: "ec2Tags".to_owned(), region, tags, ..Source::default() };
    }
    if let Some(fixed) = &peer.static_ {
        let addresses = fixed.addresses.clone();
        return Source { type_: "static".to_owned(), addresses, ..Source::default() };
    }
    // Stored for readers; when the task runs, the peers of that moment are sent.
    let resolved = node.status.as_ref().and_then(|status| status.resolved_peers.clone());
    Source { type_: DNS_ENDPOINTS.to_owned(), endpoints: resolved.unwrap_or_default(), ..Source::default() }
}
