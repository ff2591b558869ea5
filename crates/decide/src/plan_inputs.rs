//! The facts that plans depend on, derived from the observation.

use sei_api::{
    SeiNodeStatus, names,
    v1alpha1::{Mode, PlannedTask},
};
use sei_node::Node;
use sei_plan::{DISCOVER_PEERS, OfKind, PlanInputs, TaskKind, is_misconfigured, reconfigures};
use sei_render::{Platform, sidecar_image};

use crate::{
    early_start::{has_started_early, lets_start},
    objects::{image_of, seid_image},
    observed::Observed,
    sidecar::{Refusal, TaskProgress},
};

/// The facts that a plan for the node depends on.
pub(crate) fn plan_inputs(
    observed: &Observed,
    node: &Node<'_>,
    status: &SeiNodeStatus,
    platform: &Platform,
) -> PlanInputs {
    let claim = observed.claim.as_ref();
    let is_misconfigured = is_misconfigured(node.object, status);
    let is_early = status.plan.as_ref().is_some_and(|plan| has_started_early(observed, plan));
    let pod = observed.children.pod.as_deref().filter(|_| is_misconfigured || is_early);
    let mode = observed.node.spec.mode().map(Mode::config_mode);
    PlanInputs {
        claim_uid: claim.map(|claim| claim.uid.clone()),
        has_state: claim.is_some_and(|claim| claim.has_state),
        // A claim that is deleted with its node was never configured for another node.
        has_config: (names::imported_claim(&observed.node).is_none()
            && !claim.is_some_and(|claim| claim.is_retained))
            || (mode.is_some() && claim.and_then(|claim| claim.config_mode.as_deref()) == mode),
        sidecar_image: Some(sidecar_image(&observed.node, platform).to_owned()),
        lacks_discovery: lacks_discovery(observed, status),
        lacks_sidecar: observed.sidecar.trouble.is_some(),
        outdated_pod: pod.and_then(|pod| pod.metadata.uid.clone()),
        reconfigures: reconfigures(node, status, platform.config_rollout()),
        is_stale: has_other_image(observed),
        may_have_started: is_misconfigured
            || status.plan.as_ref().is_some_and(|plan| lets_start(observed, plan)),
    }
}

/// Whether the sidecar has refused to find instances of EC2, or would.
fn lacks_discovery(observed: &Observed, status: &SeiNodeStatus) -> bool {
    let tasks = status.plan.iter().flat_map(|plan| &plan.tasks);
    let mut discoveries = tasks.filter(|task| task.is(TaskKind::DiscoverPeers));
    let is_refused = |task: &PlannedTask| {
        let said = observed.sidecar.progress_of(task);
        matches!(said, Some(TaskProgress::Refused(Refusal::TaskUnknown, _)))
    };
    observed.sidecar.lacks(DISCOVER_PEERS) || discoveries.any(is_refused)
}

/// Whether the live StatefulSet or pod has another seid image than the spec.
fn has_other_image(observed: &Observed) -> bool {
    let template = observed.children.stateful_set.as_deref().and_then(seid_image);
    let pod = observed.children.pod.as_deref().and_then(|pod| image_of(pod.spec.as_ref()));
    [template, pod].into_iter().flatten().any(|image| image != observed.node.spec.image)
}
