//! Scaling down: the highest ordinal first, one at a time, and never the keys of a validator without consent.

use std::sync::Arc;

use kube::ResourceExt;
use sei_api::{SeiNode, SeiNodeDeployment, labels, v1alpha1::Mode};

/// The next step for the SeiNodes above the replicas.
pub(crate) enum Step {
    /// There are none.
    Done,
    /// This one is next.
    Delete(Arc<SeiNode>),
    /// The next one is being deleted.
    Wait,
    /// The keys of this one exist only on its volume, and their loss was not confirmed.
    Confirm(Arc<SeiNode>),
}

/// The next step with `surplus`, the highest ordinal first.
pub(crate) fn step(group: &SeiNodeDeployment, surplus: &[Arc<SeiNode>]) -> Step {
    let Some(node) = surplus.first().map(Arc::clone) else { return Step::Done };
    if node.metadata.deletion_timestamp.is_some() {
        Step::Wait
    } else if has_only_keys(&node) && !is_confirmed(group, &node) {
        Step::Confirm(node)
    } else {
        Step::Delete(node)
    }
}

/// Whether the SeiNode is a validator whose keys were created on its own volume: they are deleted with it.
pub(crate) fn has_only_keys(node: &SeiNode) -> bool {
    let validator = node.spec.validator.as_ref().filter(|_| node.spec.mode() == Some(Mode::Validator));
    validator.is_some_and(|validator| validator.signing_key.is_none())
        && sei_api::names::imported_claim(node).is_none()
        && !node.spec.retains_data()
}

/// Whether the annotation names exactly this SeiNode, not an earlier one of its name.
fn is_confirmed(group: &SeiNodeDeployment, node: &SeiNode) -> bool {
    let named = group.annotations().get(labels::CONFIRM_KEY_LOSS_ANNOTATION);
    let Some(uid) = node.metadata.uid.as_deref() else { return false };
    named.is_some_and(|named| named.split(',').any(|one| one.trim() == uid))
}
