//! What is wrong with a spec, as far as it matters to what the node has ahead: a mistake in a field that no task ahead
//! uses holds nothing back.

use sei_api::{
    SeiNode,
    v1alpha1::{NodePhase, PlanPhase, TaskPlan, TaskStatus},
};
use sei_node::{Fault, Part, validate};
use sei_plan::{TaskKind, build, is_outdated};
use sei_render::Platform;

/// The mistakes that the tasks ahead would run into, as texts for a person.
pub(crate) fn in_the_way(node: &SeiNode, platform: &Platform) -> Vec<String> {
    let ahead = ahead(node);
    let is_used = |fault: &Fault| ahead.iter().any(|kind| kind.uses(fault.part));
    let mut texts: Vec<_> =
        validate(node).iter().filter(|fault| is_used(fault)).map(Fault::to_string).collect();
    let renders = ahead.iter().any(|kind| kind.uses(Part::Pod));
    texts.extend(platform.can_serve(node).err().filter(|_| renders).map(|error| error.to_string()));
    texts
}

/// The mistakes that nothing ahead uses.
pub(crate) fn out_of_the_way(node: &SeiNode) -> Vec<String> {
    let ahead = ahead(node);
    let is_used = |fault: &Fault| ahead.iter().any(|kind| kind.uses(fault.part));
    validate(node).iter().filter(|fault| !is_used(fault)).map(Fault::to_string).collect()
}

/// Whether the objects of the node's pod can be rendered from the spec.
pub(crate) fn can_render(node: &SeiNode, platform: &Platform) -> bool {
    platform.can_serve(node).is_ok() && validate(node).iter().all(|fault| fault.part != Part::Pod)
}

/// The tasks that the node has ahead: those left of its plan, else those of the plan that it needs next. A first plan
/// that the spec has left behind is replaced by one with every task.
fn ahead(node: &SeiNode) -> Vec<TaskKind> {
    let status = node.status.as_ref();
    let plan = status.and_then(|status| status.plan.as_ref()).filter(|plan| plan.phase == PlanPhase::Active);
    let running = status.and_then(|status| status.phase) == Some(NodePhase::Running);
    match plan {
        Some(plan) if running || !is_outdated(plan, node) => left(plan),
        _ => build::next(node, "").as_ref().map(left).unwrap_or_default(),
    }
}

fn left(plan: &TaskPlan) -> Vec<TaskKind> {
    let left = plan.tasks.iter().filter(|task| task.status != TaskStatus::Complete);
    left.filter_map(|task| TaskKind::from_wire(&task.type_)).collect()
}
