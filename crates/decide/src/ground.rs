//! What plans are done on, out of what was observed.

use sei_plan::Ground;
use sei_render::{Platform, sidecar_image};

use crate::{
    objects::{image_of, seid_image},
    observed::Observed,
};

/// What a plan for the node is done on.
pub(crate) fn ground(observed: &Observed, platform: &Platform) -> Ground {
    let claim = observed.claim.as_ref();
    Ground {
        claim_uid: claim.map(|claim| claim.uid.clone()),
        has_state: claim.is_some_and(|claim| claim.has_state),
        sidecar_image: Some(sidecar_image(&observed.node, platform).to_owned()),
        is_stale: is_off_image(observed),
    }
}

/// Whether the live StatefulSet or pod has another seid image than the spec.
fn is_off_image(observed: &Observed) -> bool {
    let template = observed.children.stateful_set.as_deref().and_then(seid_image);
    let pod = observed.children.pod.as_deref().and_then(|pod| image_of(pod.spec.as_ref()));
    [template, pod].into_iter().flatten().any(|image| image != observed.node.spec.image)
}
