//! Conditions about the sidecar: its health, and whether its version supports what the spec requests.

use sei_api::{
    SeiNode, SeiNodeStatus,
    conditions::{ConditionType, SidecarReadyReason, SidecarSupportReason, Statement, Truth},
    names,
    v1alpha1::NodePhase,
};
use sei_render::{Platform, SidecarRelease, sidecar_image};

use crate::{condition::set_condition, observed::Observed, sidecar::Health};

pub(crate) fn report(observed: &Observed, platform: &Platform, status: &mut SeiNodeStatus) {
    if status.phase == Some(NodePhase::Running) {
        report_health(status, observed);
    }
    let kind = ConditionType::SidecarSupported;
    let reason = status.condition(kind).map(|condition| condition.reason.clone());
    let was = |known: SidecarSupportReason| reason.as_deref() == Some(known.as_str());
    if let Some(image) = sidecar_too_old(&observed.node, platform) {
        let message = format!("TLS needs a sidecar of v0.0.50 or later, {image} is older");
        set_condition(observed, status, Statement::new(false, SidecarSupportReason::TooOldForTls, message));
    } else if observed.sidecar.plain_port_answers == Some(true) {
        let message = format!(
            "the sidecar of pod {} also answers without TLS and authentication on its own port, as versions before v0.0.50 do: set spec.sidecar.image to a later one",
            names::pod(&observed.node)
        );
        set_condition(
            observed,
            status,
            Statement::new(false, SidecarSupportReason::PortUnprotected, message),
        );
    } else if was(SidecarSupportReason::TooOldForTls)
        || (was(SidecarSupportReason::PortUnprotected) && observed.sidecar.plain_port_answers == Some(false))
    {
        let message = "the sidecar supports what the spec requires";
        set_condition(
            observed,
            status,
            Statement::new(true, SidecarSupportReason::VersionSupported, message),
        );
    }
}

/// Reports the sidecar's health, if it is known.
pub(crate) fn report_health(status: &mut SeiNodeStatus, observed: &Observed) {
    let sidecar = &observed.sidecar;
    let (truth, reason, message) = match (&sidecar.trouble, &sidecar.health) {
        (Some(trouble), _) => (Truth::Unknown, SidecarReadyReason::Unreachable, trouble.message.as_str()),
        (None, None) => return,
        (None, Some(answer)) => match answer.value {
            Health::Ready => (Truth::True, SidecarReadyReason::Ready, "healthz returned 200"),
            Health::NotReady => (
                Truth::False,
                SidecarReadyReason::NotReady,
                "healthz returned 503: the sidecar restarted; the operator is submitting mark-ready",
            ),
            Health::Held => (
                Truth::False,
                SidecarReadyReason::Held,
                "healthz returned 503: a mark-not-ready task from another client holds the sidecar; the operator does not submit mark-ready until that client does",
            ),
        },
    };
    set_condition(observed, status, Statement::new(truth, reason, message));
}

/// Reports that the sidecar does not support a task of the plan.
pub(crate) fn report_unknown_task(status: &mut SeiNodeStatus, observed: &Observed, task: &str) {
    let message = format!(
        "the sidecar does not support task {task}, which every version since v0.0.47 has: check that spec.sidecar.image is an image of seictl"
    );
    set_condition(observed, status, Statement::new(false, SidecarSupportReason::TaskUnknown, message));
}

/// Clears the report of an earlier plan about an unsupported task, because another plan starts.
pub(crate) fn forget_unknown_task(status: &mut SeiNodeStatus, observed: &Observed) {
    let kind = ConditionType::SidecarSupported;
    if status.condition(kind).is_some_and(|it| it.reason == SidecarSupportReason::TaskUnknown.as_str()) {
        let message = "no task of the current plan is known to be unsupported";
        set_condition(
            observed,
            status,
            Statement::new(true, SidecarSupportReason::VersionSupported, message),
        );
    }
}

/// The sidecar image, if TLS is requested and its tag is a version that is too old for it. A tag that is not
/// a version is not checked.
pub(crate) fn sidecar_too_old(node: &SeiNode, platform: &Platform) -> Option<String> {
    node.spec.tls()?;
    let image = sidecar_image(node, platform);
    SidecarRelease::V50.is_after(image).then(|| image.to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::{
        contention::Contention,
        observed::{Children, Keys},
        sidecar::Sidecar,
    };

    fn platform() -> Platform {
        let settings = include_str!("../../../tests/conformance/full-tls/platform.env");
        let settings = settings.lines().filter_map(|line| line.split_once('='));
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Platform::from_settings(&settings).unwrap()
    }

    /// The report for a node with TLS whose image does not reveal the version of the sidecar.
    fn observed(plain_port_answers: Option<bool>) -> Observed {
        let sidecar = json!({ "image": "seictl:main", "tls": { "secretName": "tls" } });
        let spec = json!({ "chainId": "c", "image": "seid:a", "fullNode": {}, "sidecar": sidecar });
        let node = json!({ "metadata": { "name": "node-0", "namespace": "sei" }, "spec": spec });
        Observed {
            node: Arc::new(serde_json::from_value(node).unwrap()),
            tls: None,
            keys: Keys::default(),
            import: None,
            claim: None,
            peers: None,
            sidecar_turn: None,
            contention: Contention::default(),
            children: Children::default(),
            overridden: Vec::new(),
            in_sync: Vec::new(),
            tasks: None,
            sidecar: Sidecar { plain_port_answers, ..Sidecar::default() },
            read_again_at: None,
            now: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn an_unprotected_port_is_reported_until_it_is_known_to_be_closed() {
        let (platform, mut status) = (platform(), SeiNodeStatus::default());
        let mut said = |answers| {
            report(&observed(answers), &platform, &mut status);
            let condition = status.condition(ConditionType::SidecarSupported)?;
            Some((condition.status.clone(), condition.reason.clone()))
        };
        let condition = |status: &str, reason: &str| Some((status.to_owned(), reason.to_owned()));
        let unprotected = condition("False", "SidecarPortUnprotected");
        assert_eq!(said(None), None);
        assert_eq!(said(Some(false)), None);
        assert_eq!(said(Some(true)), unprotected);
        assert_eq!(said(None), unprotected, "the port of the next pod is not known yet");
        assert_eq!(said(Some(false)), condition("True", "SidecarVersionSupported"));
    }
}
