//! Nodes with an init plan, and steps through it.

use sei_api::{
    SeiNode,
    v1alpha1::{PlannedTask, TaskStatus},
};
use sei_plan::{OfKind, Outcome, Plan, PlanInputs, Step, TaskKind};
use serde_json::{Value, json};

use crate::world::World;

pub fn world(more: Value) -> World {
    let mut spec = json!({ "chainId": "arctic-1", "image": "seid:a" });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut world = World::new(spec);
    world.inputs = PlanInputs {
        claim_uid: Some("claim-1".to_owned()),
        sidecar_image: Some("seictl:v0.0.50".to_owned()),
        ..PlanInputs::default()
    };
    world.propose();
    world
}

pub fn state_sync() -> World {
    let peers = json!([{ "static": { "addresses": ["a@b:1"] } }]);
    world(json!({ "fullNode": { "snapshot": { "stateSync": {} } }, "peers": peers }))
}

pub fn restore() -> World {
    world(json!({ "fullNode": { "snapshot": { "s3": { "targetHeight": 100 } } } }))
}

/// Completes everything before the first task of this kind.
pub fn up_to(world: &mut World, kind: TaskKind) {
    while world.plan().unwrap().tasks.iter().any(|task| task.is(kind) && !is_current(world, task)) {
        if let Step::Later(delay) = world.step(|_| Outcome::Done).unwrap() {
            world.pass(delay);
        }
    }
}

fn is_current(world: &World, task: &PlannedTask) -> bool {
    Plan::load(&world.node).is_some_and(|plan| plan.current().is_some_and(|(_, it)| it.id == task.id))
}

pub fn task(world: &World, kind: TaskKind) -> PlannedTask {
    world.plan().unwrap().tasks.into_iter().find(|task| task.is(kind)).unwrap()
}

pub fn statuses(world: &World, kinds: &[TaskKind]) -> Vec<TaskStatus> {
    kinds.iter().map(|kind| task(world, *kind).status).collect()
}

pub fn set_override(node: &mut SeiNode, port: &str) {
    node.spec.overrides.get_or_insert_default().insert("evm.http_port".to_owned(), port.to_owned());
}
