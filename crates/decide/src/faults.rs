//! Faults of a spec that affect the remaining tasks: a mistake in a field that no remaining task uses blocks
//! nothing.

use std::fmt::Display;

use sei_api::v1alpha1::{NodePhase, PlanPhase, TaskPlan, TaskStatus};
use sei_node::{Fault, Node, Part};
use sei_plan::{TaskKind, build, is_outdated};
use sei_render::{RenderError, Rendering};

/// How many mistakes of a spec messages list.
const LISTED: usize = 10;

/// The mistakes that affect the remaining tasks, as messages.
pub(crate) fn blocking(rendering: &Rendering<'_>) -> Vec<String> {
    let node = rendering.node();
    let ahead = ahead(node);
    let is_used = |fault: &Fault| ahead.iter().any(|kind| kind.uses(fault.part));
    let mut texts = listed(node.faults().iter().filter(|fault| is_used(fault)));
    let renders = ahead.iter().any(|kind| kind.uses(Part::Pod));
    let of_platform = |error: &RenderError| !matches!(error, RenderError::InvalidSpec { .. });
    let error = if renders { rendering.error().filter(of_platform) } else { None };
    texts.extend(error.map(|error| error.to_string()));
    texts
}

/// The mistakes that affect no remaining task.
pub(crate) fn non_blocking(node: &Node<'_>) -> Vec<String> {
    let ahead = ahead(node);
    let is_used = |fault: &Fault| ahead.iter().any(|kind| kind.uses(fault.part));
    listed(node.faults().iter().filter(|fault| !is_used(fault)))
}

/// The first `faults` as messages, and how many more there are.
fn listed(mut faults: impl Iterator<Item = impl Display>) -> Vec<String> {
    let mut texts: Vec<_> = faults.by_ref().take(LISTED).map(|fault| fault.to_string()).collect();
    let more = faults.count();
    texts.extend((more > 0).then(|| format!("and {more} more")));
    texts
}

/// The remaining tasks of the node: those of its plan, or else of the plan that it needs next. A first plan
/// that is outdated by a spec change is replaced by one with all tasks, and an update by one that leaves the
/// configuration unchanged if that is invalid.
fn ahead(node: &Node<'_>) -> Vec<TaskKind> {
    let status = node.object.status.as_ref();
    let plan = status.and_then(|status| status.plan.as_ref()).filter(|plan| plan.phase == PlanPhase::Active);
    let running = status.and_then(|status| status.phase) == Some(NodePhase::Running);
    match plan {
        Some(plan) if !is_outdated(plan, node.object) => left(plan),
        Some(plan) if running => {
            let is_configuration = |kind: &TaskKind| kind.uses(Part::Configuration) || kind.uses(Part::Peers);
            left(plan).into_iter().filter(|kind| !is_configuration(kind)).collect()
        }
        _ => build::next(node, "").as_ref().map(left).unwrap_or_default(),
    }
}

fn left(plan: &TaskPlan) -> Vec<TaskKind> {
    let left = plan.tasks.iter().filter(|task| task.status != TaskStatus::Complete);
    left.filter_map(|task| TaskKind::from_wire(&task.type_)).collect()
}
