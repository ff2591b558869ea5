//! What was seen, as conditions and published facts. Kept true for the whole life of the node.

use std::collections::BTreeMap;

use sei_api::{
    SeiNode, SeiNodeStatus,
    conditions::{self, ConditionType, Reason, Statement, Truth},
    names,
    v1alpha1::{NodePhase, PlanPhase, SidecarTlsStatus},
};
use sei_plan::Purpose;
use sei_render::Platform;

use crate::{
    ending, faults,
    objects::{image_of, seid_image},
    observed::{Finding, Observed},
    phase::set_phase,
    repair::Overridden,
    sidecar::Health,
};

/// First sidecar version that can stand behind a proxy.
const FIRST_FOR_TLS: [u32; 3] = [0, 0, 50];

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
    if status.phase == Some(NodePhase::Running)
        && let Some(claim) = &observed.claim
    {
        status.data_claim_uid = Some(claim.uid.clone());
    }
    if runs_unnoted(observed, &status) {
        status.current_image = Some(node.spec.image.clone());
    }
    let peers = observed.peers.as_ref().map(|peers| peers.all.clone());
    status.resolved_peers = peers.filter(|peers| !peers.is_empty());
    tls(observed, &mut status);
    keys(observed, &mut status);
    sidecar(observed, platform, &mut status);
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

fn say(observed: &Observed, status: &mut SeiNodeStatus, statement: Statement) {
    conditions::set(&mut status.conditions, statement, observed.node.metadata.generation, observed.now);
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
    let kind = ConditionType::SidecarTlsSecretReady;
    say(observed, status, Statement::new(kind, tls.is_ready(), tls.reason, tls.message.as_str()));
}

fn keys(observed: &Observed, status: &mut SeiNodeStatus) {
    let keys = &observed.keys;
    for (kind, finding, [good, not_yet, bad]) in [
        (
            ConditionType::ImportPvcReady,
            &observed.import,
            [Reason::PvcValidated, Reason::PvcNotReady, Reason::PvcInvalid],
        ),
        (
            ConditionType::SigningKeyReady,
            &keys.signing,
            [Reason::SigningKeyValidated, Reason::SigningKeyNotReady, Reason::SigningKeyInvalid],
        ),
        (
            ConditionType::NodeKeyReady,
            &keys.node,
            [Reason::NodeKeyValidated, Reason::NodeKeyNotReady, Reason::NodeKeyInvalid],
        ),
        (
            ConditionType::OperatorKeyringReady,
            &keys.keyring,
            [
                Reason::OperatorKeyringValidated,
                Reason::OperatorKeyringNotReady,
                Reason::OperatorKeyringInvalid,
            ],
        ),
    ] {
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
        say(observed, status, Statement::new(kind, truth, reason, message));
    }
}

fn sidecar(observed: &Observed, platform: &Platform, status: &mut SeiNodeStatus) {
    if status.phase == Some(NodePhase::Running) {
        say_health(status, observed);
    }
    let kind = ConditionType::SidecarSupported;
    let reason = status.condition(kind).map(|condition| condition.reason.clone());
    let was = |known: Reason| reason.as_deref() == Some(known.as_str());
    if let Some(image) = sidecar_too_old(&observed.node, platform) {
        let message = format!("TLS needs a sidecar of v0.0.50 or later, {image} is older");
        say(observed, status, Statement::new(kind, false, Reason::SidecarTooOldForTls, message));
    } else if observed.sidecar.plain_port_answers == Some(true) {
        let message = format!(
            "the sidecar of pod {} also answers without TLS and authentication on its own port, as versions before v0.0.50 do: set spec.sidecar.image to a later one",
            names::pod(&observed.node)
        );
        say(observed, status, Statement::new(kind, false, Reason::SidecarPortUnprotected, message));
    } else if was(Reason::SidecarTooOldForTls)
        || (was(Reason::SidecarPortUnprotected) && observed.sidecar.plain_port_answers == Some(false))
    {
        let message = "the sidecar can do what the spec asks";
        say(observed, status, Statement::new(kind, true, Reason::SidecarVersionSupported, message));
    }
}

/// Says what is known of the sidecar's health; nothing while nothing is known.
pub(crate) fn say_health(status: &mut SeiNodeStatus, observed: &Observed) {
    let sidecar = &observed.sidecar;
    let (truth, reason, message) = match (&sidecar.trouble, &sidecar.health) {
        (Some(trouble), _) => (Truth::Unknown, Reason::Unreachable, trouble.message.as_str()),
        (None, None) => return,
        (None, Some(answer)) => match answer.value {
            Health::Ready => (Truth::True, Reason::SidecarHealthy, "healthz answers 200"),
            Health::NotReady => (
                Truth::False,
                Reason::SidecarNotReady,
                "healthz answers 503: the sidecar restarted; the operator submits mark-ready",
            ),
            Health::Held => (
                Truth::False,
                Reason::SidecarHealthHeld,
                "healthz answers 503: a mark-not-ready task holds the sidecar; the operator submits no mark-ready until somebody else does",
            ),
        },
    };
    say(observed, status, Statement::new(ConditionType::SidecarReady, truth, reason, message));
}

/// Says that the sidecar does not know a task of the plan.
pub(crate) fn say_task_unknown(status: &mut SeiNodeStatus, observed: &Observed, task: &str) {
    let message = format!(
        "the sidecar does not know task {task}: use another sidecar image (discover-peers is gone from v0.0.57 on)"
    );
    let kind = ConditionType::SidecarSupported;
    say(observed, status, Statement::new(kind, false, Reason::SidecarTaskUnknown, message));
}

/// What an earlier plan found out about the sidecar's tasks holds no longer: another plan begins.
pub(crate) fn forget_unknown_task(status: &mut SeiNodeStatus, observed: &Observed) {
    let kind = ConditionType::SidecarSupported;
    if status.condition(kind).is_some_and(|it| it.reason == Reason::SidecarTaskUnknown.as_str()) {
        let message = "no task of the current plan is known to be unknown to the sidecar";
        say(observed, status, Statement::new(kind, true, Reason::SidecarVersionSupported, message));
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
        say(observed, status, Statement::new(kind, false, Reason::FieldInvalid, message));
        return;
    }
    if without_effect.is_empty() {
        conditions::remove(&mut status.conditions, kind);
        return;
    }
    let texts: Vec<_> =
        without_effect.iter().map(|(field, why)| format!("{field} has no effect: {why}")).collect();
    say(observed, status, Statement::new(kind, false, Reason::FieldWithoutEffect, texts.join("; ")));
}

/// Says which objects do not stay as they are written.
pub(crate) fn say_overridden(status: &mut SeiNodeStatus, observed: &Observed, overridden: &[Overridden]) {
    if overridden.is_empty() {
        return;
    }
    let kind = ConditionType::SpecHonored;
    let before = status.condition(kind).map(|it| it.message.clone());
    let texts: Vec<_> = before.into_iter().chain(overridden.iter().map(ToString::to_string)).collect();
    say(observed, status, Statement::new(kind, false, Reason::FieldOverridden, texts.join("; ")));
}

/// The sidecar image, if TLS is asked for and its tag says that it is too old for that. A tag that is no
/// version says nothing.
pub(crate) fn sidecar_too_old(node: &SeiNode, platform: &Platform) -> Option<String> {
    node.spec.tls()?;
    let image = sei_render::sidecar_image(node, platform);
    let version = version(image)?;
    (version < FIRST_FOR_TLS).then(|| image.to_owned())
}

/// `[major, minor, patch]` of a tag like `v0.0.50`.
fn version(image: &str) -> Option<[u32; 3]> {
    let name = image.split('@').next()?.rsplit('/').next()?;
    let tag = name.split_once(':')?.1.strip_prefix('v')?;
    let mut parts = tag.split('-').next()?.split('.').map(|part| part.parse().ok());
    let version = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_tags_alone() {
        for (image, expected) in [
            ("ghcr.io/sei-protocol/seictl:v0.0.49", Some([0, 0, 49])),
            ("host:5000/seictl:v1.2.3-rc.1", Some([1, 2, 3])),
            ("seictl:v0.0.50@sha256:abcd", Some([0, 0, 50])),
            ("host:5000/seictl", None),
            ("seictl:main", None),
            ("seictl:v1.2", None),
        ] {
            assert_eq!(version(image), expected, "{image}");
        }
    }
}
