//! The phase of a group, with the values of the Go controller.

use sei_api::{
    SeiNodeDeployment,
    v1alpha1::{NodePhase, deployment::DeploymentPhase},
};

use super::counts::Counts;
use crate::{availability::phase, member::Child, members::Members};

pub(super) fn of(group: &SeiNodeDeployment, members: &Members, counts: &Counts) -> DeploymentPhase {
    let any = |holds: fn(&Child) -> bool| members.children().any(|(_, child)| holds(child));
    let all = |holds: fn(&Child) -> bool| members.children().all(|(_, child)| holds(child));
    if group.metadata.deletion_timestamp.is_some() {
        DeploymentPhase::Terminating
    } else if members.children().next().is_none() {
        DeploymentPhase::Pending
    } else if counts.is_complete() {
        DeploymentPhase::Ready
    } else if is_updating(members) {
        DeploymentPhase::Upgrading
    } else if all(has_failed) {
        DeploymentPhase::Failed
    } else if any(was_up) && counts.available > 0 {
        DeploymentPhase::Degraded
    } else {
        DeploymentPhase::Initializing
    }
}

/// The template is being rolled out, or a set that was replaced is being deleted.
pub(super) fn is_updating(members: &Members) -> bool {
    !members.other.nodes.is_empty() || members.children().any(|(_, child)| is_outdated(child))
}

/// The template has not reached a node that already ran.
fn is_outdated(child: &Child) -> bool {
    let status = child.node.status.as_ref();
    child.is_outdated || (status.is_some_and(|status| status.current_image.is_some()) && !child.is_updated())
}

fn has_failed(child: &Child) -> bool {
    phase(&child.node) == Some(NodePhase::Failed)
}

/// A node failed, or is no longer available.
fn was_up(child: &Child) -> bool {
    has_failed(child) || (phase(&child.node) == Some(NodePhase::Running) && !child.is_available())
}
