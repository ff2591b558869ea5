//! The facts that plans depend on, from the observation.

use sei_api::{SeiNodeStatus, names, v1alpha1::Mode};
use sei_node::Node;
use sei_plan::{Ground, is_misconfigured, reconfigures};
use sei_render::{Platform, sidecar_image};

use crate::{
    objects::{image_of, seid_image},
    observed::Observed,
};

/// The facts that a plan for the node depends on.
pub(crate) fn ground(
    observed: &Observed,
    node: &Node<'_>,
    status: &SeiNodeStatus,
    platform: &Platform,
) -> Ground {
    let claim = observed.claim.as_ref();
    let pod = observed.children.pod.as_deref().filter(|_| is_misconfigured(node.object, status));
    let mode = observed.node.spec.mode().map(Mode::config_mode);
    Ground {
        claim_uid: claim.map(|claim| claim.uid.clone()),
        has_state: claim.is_some_and(|claim| claim.has_state),
        // A claim that is deleted with its node was never configured for another node.
        has_config: (names::imported_claim(&observed.node).is_none()
            && !claim.is_some_and(|claim| claim.is_retained))
            || (mode.is_some() && claim.and_then(|claim| claim.config_mode.as_deref()) == mode),
        sidecar_image: Some(sidecar_image(&observed.node, platform).to_owned()),
        lacks_sidecar: observed.sidecar.trouble.is_some(),
        outdated_pod: pod.and_then(|pod| pod.metadata.uid.clone()),
        reconfigures: reconfigures(node, status, platform.config_rollout()),
        is_stale: is_off_image(observed),
    }
}

/// Whether the live StatefulSet or pod has another seid image than the spec.
fn is_off_image(observed: &Observed) -> bool {
    let template = observed.children.stateful_set.as_deref().and_then(seid_image);
    let pod = observed.children.pod.as_deref().and_then(|pod| image_of(pod.spec.as_ref()));
    [template, pod].into_iter().flatten().any(|image| image != observed.node.spec.image)
}
