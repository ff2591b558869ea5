//! What was seen, as conditions and published facts. Kept true for the whole life of the node.

use std::collections::BTreeMap;

use sei_api::{
    SeiNode, SeiNodeStatus,
    conditions::{
        self, ConditionType, KeyringReason, NodeKeyReason, Reason, SigningKeyReason, SpecReason, Statement,
        VolumeReason,
    },
    names,
    v1alpha1::{NodePhase, PlanPhase, SidecarTlsStatus},
};
use sei_plan::Purpose;
use sei_render::Platform;

use crate::{
    condition::say,
    ending, faults,
    objects::{image_of, seid_image},
    observed::{Finding, Observed},
    phase::set_phase,
    repair::Overridden,
    sidecar_conditions,
};

pub(crate) fn status(observed: &Observed, platform: &Platform) -> SeiNodeStatus {
    let node = &*observed.node;
    let mut status = node.status.clone().unwrap_or_default();
    status.observed_generation = node.metadata.generation;
    if status.phase.is_none() {
        set_phase(&mut status, NodePhase::Pending, observed.now);
    }
    // A plan of the Go controller is taken as made from the spec as it is when first seen.
    if let Some(plan) = status.plan.as_mut().filter(|plan| plan.generation.is_none()) {
        plan.generation = node.metadata.generation;
    }
    update_given_up(node, &mut status);
    ending::note_claim(observed, &mut status);
    if runs_unnoted(observed, &status) {
        status.current_image = Some(node.spec.image.clone());
    }
    let peers = observed.peers.as_ref().map(|peers| peers.all.clone());
    status.resolved_peers = peers.filter(|peers| !peers.is_empty());
    tls(observed, &mut status);
    keys(observed, &mut status);
    sidecar_conditions::tell(observed, platform, &mut status);
    honored(observed, &mut status);
    status
}

/// A failed update is remembered for as long as the spec asks for its image, also one that was stored before failed
/// updates were noted.
fn update_given_up(node: &SeiNode, status: &mut SeiNodeStatus) {
    let plan = status.plan.as_ref().filter(|plan| plan.phase == PlanPhase::Failed);
    if let Some(plan) = plan.filter(|plan| Purpose::of(plan) == Purpose::Update) {
        status.failed_update = ending::failed_update(plan);
    }
    status.failed_update.take_if(|failed| failed.image != node.spec.image);
}

/// The Go controller noted no image at the end of the first plan. Where StatefulSet and pod have the one that is
/// asked for, there is nothing to bring up.
fn runs_unnoted(observed: &Observed, status: &SeiNodeStatus) -> bool {
    let active = status.plan.as_ref().is_some_and(|plan| plan.phase == PlanPhase::Active);
    let noted = status.current_image.as_deref().is_some_and(|image| !image.is_empty());
    let template = observed.children.stateful_set.as_deref().and_then(seid_image);
    let pod = observed.children.pod.as_deref().and_then(|pod| image_of(pod.spec.as_ref()));
    let wanted = Some(observed.node.spec.image.as_str());
    status.phase == Some(NodePhase::Running) && !active && !noted && template == wanted && pod == wanted
}

fn tls(observed: &Observed, status: &mut SeiNodeStatus) {
    let (Some(tls), Some(spec)) = (&observed.tls, observed.node.spec.tls()) else {
        status.sidecar_tls = None;
        conditions::remove(&mut status.conditions, ConditionType::SidecarTlsSecretReady);
        return;
    };
    status.sidecar_tls = Some(SidecarTlsStatus {
        secret_name: spec.secret_name.clone(),
        required_dns_names: names::required_dns_names(&observed.node).to_vec(),
    });
    say(observed, status, Statement::new(tls.is_ready(), tls.reason, tls.message.as_str()));
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
                "{message}; SeiNodes that need it too and wait until this one is deleted: {}",
                waiting.join(", ")
            ),
        };
        say(observed, status, Statement::new(truth, reason, message));
    }
}

fn honored(observed: &Observed, status: &mut SeiNodeStatus) {
    let spec = &observed.node.spec;
    let mut without_effect = BTreeMap::new();
    if spec.replayer.as_ref().is_some_and(|replayer| replayer.result_export.is_some()) {
        without_effect.insert("spec.replayer.resultExport", "no task exports results");
    }
    if spec.entrypoint.is_some() {
        without_effect.insert("spec.entrypoint", "it is deprecated");
    }
    let kind = ConditionType::SpecHonored;
    let unused = faults::out_of_the_way(&observed.node);
    if !unused.is_empty() {
        let message = format!("{}; nothing that the node needs now uses it", unused.join("; "));
        say(observed, status, Statement::new(false, SpecReason::FieldInvalid, message));
        return;
    }
    if without_effect.is_empty() {
        conditions::remove(&mut status.conditions, kind);
        return;
    }
    let texts: Vec<_> =
        without_effect.iter().map(|(field, why)| format!("{field} has no effect: {why}")).collect();
    say(observed, status, Statement::new(false, SpecReason::FieldWithoutEffect, texts.join("; ")));
}

/// Says which objects do not stay as they are written.
pub(crate) fn say_overridden(status: &mut SeiNodeStatus, observed: &Observed, overridden: &[Overridden]) {
    if overridden.is_empty() {
        return;
    }
    let kind = ConditionType::SpecHonored;
    let before = status.condition(kind).map(|it| it.message.clone());
    let texts: Vec<_> = before.into_iter().chain(overridden.iter().map(ToString::to_string)).collect();
    say(observed, status, Statement::new(false, SpecReason::FieldOverridden, texts.join("; ")));
}
