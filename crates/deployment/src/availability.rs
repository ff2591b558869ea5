//! Whether a SeiNode is available, and if not, what it is waiting for.

use sei_api::{
    SeiNode,
    conditions::{ConditionType, SidecarImageReason, is_true},
    v1alpha1::NodePhase,
};

/// Whether the SeiNode is Ready with its current spec. A spec that has not been reconciled yet does not count.
pub(crate) fn is_available(node: &SeiNode) -> bool {
    let Some(status) = node.status.as_ref() else { return false };
    let ready = status.condition(ConditionType::Ready);
    node.metadata.deletion_timestamp.is_none()
        && status.observed_generation == node.metadata.generation
        && is_true(ready)
}

/// Whether condition `Ready` is True, for any generation of the spec.
pub(crate) fn is_ready(node: &SeiNode) -> bool {
    let ready = node.status.as_ref().and_then(|status| status.condition(ConditionType::Ready));
    is_true(ready)
}

/// Whether the SeiNode is known to run the image of its spec.
pub(crate) fn runs_its_image(node: &SeiNode) -> bool {
    node.status.as_ref().and_then(|status| status.current_image.as_deref()) == Some(node.spec.image.as_str())
}

/// Whether its pod must be restarted to get the images of the sidecar and its proxy that its current spec requests.
pub(crate) fn needs_sidecar_update(node: &SeiNode) -> bool {
    let status = node.status.as_ref().filter(|status| status.observed_generation == node.metadata.generation);
    let with_image = SidecarImageReason::PendingUpdate.as_str();
    let up_to_date = status.and_then(|status| status.condition(ConditionType::SidecarUpToDate));
    up_to_date.is_some_and(|condition| condition.status == "False" && condition.reason != with_image)
}

pub(crate) fn phase(node: &SeiNode) -> Option<NodePhase> {
    node.status.as_ref()?.phase
}

/// Reason and message of a SeiNode that is not available.
pub(crate) fn reason(node: &SeiNode) -> (String, String) {
    if node.metadata.deletion_timestamp.is_some() {
        return ("Deleting".to_owned(), "the SeiNode is being deleted".to_owned());
    }
    let ready = node.status.as_ref().and_then(|status| status.condition(ConditionType::Ready));
    match ready.filter(|ready| ready.status != "True") {
        Some(ready) => (ready.reason.clone(), ready.message.clone()),
        None => {
            ("NotReconciled".to_owned(), "the SeiNode has not been reconciled since it changed".to_owned())
        }
    }
}

/// Reason and message of a SeiNode that requires manual intervention.
pub(crate) fn stalled(node: &SeiNode) -> Option<(&str, &str)> {
    let stalled = node.status.as_ref()?.condition(ConditionType::Stalled)?;
    (stalled.status == "True").then_some((stalled.reason.as_str(), stalled.message.as_str()))
}
