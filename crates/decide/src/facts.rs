//! Observations, as conditions and published facts. Kept up to date for the whole life of the node.

use sei_api::{
    SeiNode, SeiNodeStatus,
    conditions::{
        self, ConditionType, KeyringReason, NodeKeyReason, Reason, SigningKeyReason, Statement, VolumeReason,
    },
    names,
    v1alpha1::{NodePhase, PlanPhase, SidecarTlsStatus},
};
use sei_node::Node;
use sei_plan::{Purpose, configured, configured_so_far};
use sei_render::Platform;

use crate::{
    condition::set_condition,
    ending, endpoint,
    objects::{image_of, seid_image},
    observed::{Finding, Observed},
    obstacle,
    phase::set_phase,
    sidecar_conditions, sidecar_images, spec_honored, state_sync, synced,
};

pub(crate) fn status(observed: &Observed, node: &Node<'_>, platform: &Platform) -> SeiNodeStatus {
    let object = node.object;
    let mut status = object.status.clone().unwrap_or_default();
    status.observed_generation = object.metadata.generation;
    if let None | Some(NodePhase::Paused | NodePhase::Terminating) = status.phase {
        let phase = first_phase(observed, &status);
        set_phase(&mut status, phase, observed.now);
    }
    // A plan of the Go controller is assumed to be created from the spec as first observed.
    if let Some(plan) = status.plan.as_mut().filter(|plan| plan.generation.is_none()) {
        plan.generation = object.metadata.generation;
    }
    record_failed_update(object, &mut status);
    if obstacle::replaced_claim(observed).is_none() {
        ending::record_claim(observed, &mut status);
    }
    if runs_requested_image(observed, &status) {
        status.current_image = Some(object.spec.image.clone());
    }
    let peers = observed.peers.as_ref().map(|peers| peers.addresses.clone());
    status.resolved_peers = peers.filter(|peers| !peers.is_empty());
    status.endpoint = endpoint::endpoint(object);
    tls(observed, platform, &mut status);
    keys(observed, &mut status);
    sidecar_conditions::report(observed, platform, &mut status);
    sidecar_images::record(observed, &mut status);
    sidecar_images::report(observed, platform, &mut status);
    synced::report(observed, &mut status);
    state_sync::report(observed, node, platform, &mut status);
    configuration(node, &mut status);
    spec_honored::report(observed, node, platform, &mut status);
    status
}

/// The phase of a node without one, derived from its plan and objects. A phase that only shows that the node is paused
/// counts as none, and so does that of a deletion if the node is not being deleted: a backup was made then.
fn first_phase(observed: &Observed, status: &SeiNodeStatus) -> NodePhase {
    let first_plan = status.plan.as_ref().filter(|plan| plan.failed_phase.is_some());
    match first_plan.map(|plan| plan.phase) {
        _ if status.phase.is_none() => NodePhase::Pending,
        Some(PlanPhase::Active) => NodePhase::Initializing,
        Some(PlanPhase::Failed) => NodePhase::Failed,
        _ if observed.children.stateful_set.is_some() => NodePhase::Running,
        _ => NodePhase::Pending,
    }
}

/// A Running node without a record of its configuration is assumed to be configured according to its spec.
fn configuration(node: &Node<'_>, status: &mut SeiNodeStatus) {
    let active = status.plan.as_ref().is_some_and(|plan| plan.phase == PlanPhase::Active);
    if status.phase == Some(NodePhase::Running) && !active {
        status.configured.get_or_insert_with(|| configured(node.object));
    }
    let plan = status.plan.as_ref().filter(|plan| plan.phase != PlanPhase::Complete);
    let ongoing = plan.is_some();
    if let Some(so_far) = plan.and_then(|plan| configured_so_far(plan, node)) {
        status.configured = Some(so_far);
    }
    // The overridden keys were recorded when the plan ended.
    if ongoing || status.overridden_keys.is_none() {
        ending::record_overrides(node, status);
    }
}

/// A failed update is remembered as long as the spec requests its image, even if it was stored before failed updates
/// were recorded.
fn record_failed_update(node: &SeiNode, status: &mut SeiNodeStatus) {
    let plan = status.plan.as_ref().filter(|plan| plan.phase == PlanPhase::Failed);
    if let Some(plan) = plan.filter(|plan| Purpose::of(plan) == Purpose::Update) {
        status.failed_update = ending::failed_update(plan);
    }
    status.failed_update.take_if(|failed| failed.image != node.spec.image);
}

/// The Go controller recorded no image at the end of the first plan. If StatefulSet and pod have the
/// requested image, nothing has to be rolled out.
fn runs_requested_image(observed: &Observed, status: &SeiNodeStatus) -> bool {
    let active = status.plan.as_ref().is_some_and(|plan| plan.phase == PlanPhase::Active);
    let noted = status.current_image.as_deref().is_some_and(|image| !image.is_empty());
    let template = observed.children.stateful_set.as_deref().and_then(seid_image);
    let pod = observed.children.pod.as_deref().and_then(|pod| image_of(pod.spec.as_ref()));
    let wanted = Some(observed.node.spec.image.as_str());
    status.phase == Some(NodePhase::Running) && !active && !noted && template == wanted && pod == wanted
}

fn tls(observed: &Observed, platform: &Platform, status: &mut SeiNodeStatus) {
    let (Some(tls), Some(spec)) = (&observed.tls, observed.node.spec.tls()) else {
        status.sidecar_tls = None;
        conditions::remove(&mut status.conditions, ConditionType::SidecarTlsSecretReady);
        return;
    };
    status.sidecar_tls = Some(SidecarTlsStatus {
        secret_name: spec.secret_name.clone(),
        required_dns_names: names::required_dns_names(&observed.node, platform.cluster_domain()).to_vec(),
        certificate: tls.certificate.clone(),
    });
    set_condition(observed, status, Statement::new(tls.is_ready(), tls.reason, tls.message.as_str()));
}

fn keys(observed: &Observed, status: &mut SeiNodeStatus) {
    let keys = &observed.keys;
    let findings: [(ConditionType, &Option<Finding>, [Reason; 3]); 4] = [
        (
            ConditionType::ImportPvcReady,
            &observed.import,
            [VolumeReason::Validated.into(), VolumeReason::NotReady.into(), VolumeReason::Invalid.into()],
        ),
        (
            ConditionType::SigningKeyReady,
            &keys.signing,
            [
                SigningKeyReason::Validated.into(),
                SigningKeyReason::NotReady.into(),
                SigningKeyReason::Invalid.into(),
            ],
        ),
        (
            ConditionType::NodeKeyReady,
            &keys.node,
            [NodeKeyReason::Validated.into(), NodeKeyReason::NotReady.into(), NodeKeyReason::Invalid.into()],
        ),
        (
            ConditionType::OperatorKeyringReady,
            &keys.keyring,
            [KeyringReason::Validated.into(), KeyringReason::NotReady.into(), KeyringReason::Invalid.into()],
        ),
    ];
    for (kind, finding, [good, not_yet, bad]) in findings {
        let Some(finding) = finding else {
            conditions::remove(&mut status.conditions, kind);
            continue;
        };
        let (truth, reason, message) = match finding {
            Finding::Good(message) => (true, good, message),
            Finding::NotYet(message) | Finding::Unread(message) => (false, not_yet, message),
            Finding::Bad(message) => (false, bad, message),
        };
        let waiting = match kind {
            ConditionType::ImportPvcReady => observed.contention.waiting_for_volume.as_slice(),
            ConditionType::SigningKeyReady => observed.contention.waiting_for_key.as_slice(),
            _ => &[],
        };
        let message = match waiting {
            [] => message.clone(),
            waiting => format!(
                "{message}; SeiNodes that also need it and are waiting for this one to be deleted: {}",
                waiting.join(", ")
            ),
        };
        set_condition(observed, status, Statement::new(truth, reason, message));
    }
}
