//! The images of the sidecar and its proxy in the pod of a Running node, and when they are replaced.

use k8s_openapi::api::core::v1::Pod;
use sei_api::{
    SeiNode, SeiNodeStatus,
    conditions::{self, ConditionType, SidecarImageReason, Statement},
    v1alpha1::{NodePhase, PlanPhase},
};
use sei_plan::Purpose;
use sei_render::Platform;

use crate::{
    condition::set_condition,
    observed::Observed,
    ownership::group,
    sidecar_rollout::{Turn, outdated_images},
    wanted::update_stands_failed,
};

/// Records the images of the pod of a Running node. The record is kept while the node has no pod.
pub(crate) fn record(observed: &Observed, status: &mut SeiNodeStatus) {
    if status.phase != Some(NodePhase::Running) {
        return;
    }
    let Some(pod) = observed.children.pod.as_deref() else { return };
    status.current_sidecar_image = image(pod, "sei-sidecar").map(str::to_owned);
    status.current_proxy_image = image(pod, "kube-rbac-proxy").map(str::to_owned);
}

/// Reports images that differ from the requested ones.
pub(crate) fn report(observed: &Observed, platform: &Platform, status: &mut SeiNodeStatus) {
    let differences: Vec<_> = outdated_images(&observed.node, status, platform)
        .map(|(current, wanted)| format!("{current} will be replaced with {wanted}"))
        .collect();
    if differences.is_empty() || status.phase != Some(NodePhase::Running) {
        conditions::remove(&mut status.conditions, ConditionType::SidecarUpToDate);
        return;
    }
    let chain = &observed.node.spec.chain_id;
    let (reason, when) = match &observed.sidecar_turn {
        _ if is_updating(status) => {
            (SidecarImageReason::Updating, "an update is replacing the pod".to_owned())
        }
        Some(Turn::Now) if update_stands_failed(status, &observed.node) => (
            SidecarImageReason::UpdateFailed,
            "the update failed; it is retried when annotation sei.io/retry or the spec changes".to_owned(),
        ),
        Some(Turn::Now) => {
            (SidecarImageReason::Updating, format!("starting the update: this node is next in chain {chain}"))
        }
        Some(Turn::Later) => {
            (SidecarImageReason::WaitingForTurn, format!("waiting for other nodes of chain {chain}"))
        }
        Some(Turn::Next { after, reason }) => (
            SidecarImageReason::WaitingForNode,
            format!("this node is next in chain {chain} and is waiting for SeiNode {after} ({reason})"),
        ),
        None => pending(&observed.node, platform),
    };
    let message = format!("{}: {when}", differences.join("; "));
    set_condition(observed, status, Statement::new(false, reason, message));
}

/// When images that do not trigger an update are replaced.
fn pending(node: &SeiNode, platform: &Platform) -> (SidecarImageReason, String) {
    match group(node).filter(|_| platform.sidecar_rollout().max_unavailable().is_some()) {
        Some(group) => (
            SidecarImageReason::WaitingForTurn,
            format!("SeiNodeDeployment {group} allows it as its maxUnavailable permits"),
        ),
        None => (SidecarImageReason::PendingUpdate, "with the next update of the image".to_owned()),
    }
}

fn is_updating(status: &SeiNodeStatus) -> bool {
    let plan = status.plan.as_ref().filter(|plan| plan.phase == PlanPhase::Active);
    plan.is_some_and(|plan| Purpose::of(plan) == Purpose::Update)
}

/// Image of a container of the pod, which may be an init container that keeps running.
fn image<'a>(pod: &'a Pod, container: &str) -> Option<&'a str> {
    let spec = pod.spec.as_ref()?;
    let mut containers = spec.init_containers.iter().flatten().chain(&spec.containers);
    containers.find(|it| it.name == container)?.image.as_deref()
}
