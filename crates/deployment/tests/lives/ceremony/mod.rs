//! Genesis ceremonies: started once, assembled once, and over when every validator runs.

mod course;
mod failures;
mod recorded;
mod refusals;

use sei_deployment::{AssemblyOrder, AssemblyState};
use serde_json::{Value, json};

use crate::{validators, world::World};

const ACCOUNT: &str = "sei1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnw6qvhc";

fn group(genesis: Value) -> World {
    let mut spec = validators(3);
    spec["template"]["spec"]["chainId"] = json!("devnet-1");
    spec["genesis"] = json!({ "chainId": "devnet-1" });
    spec["genesis"].as_object_mut().unwrap().extend(genesis.as_object().unwrap().clone());
    let mut world = World::new(spec);
    world.group["metadata"]["uid"] = json!("11111111-1111-4111-9111-111111111111");
    world
}

/// A pass whose status is stored, as the reconciler does. Returns what is requested from the sidecar.
fn pass(world: &mut World) -> Option<AssemblyOrder> {
    for _ in 0..4 {
        let writes = world.decide().writes;
        if writes.is_empty() {
            break;
        }
        writes.iter().for_each(|write| world.carry_out(write));
    }
    let order = world.decide().ceremony.and_then(|step| step.order);
    world.group["status"] = json!(world.status());
    order
}

/// Runs passes until nothing changes.
fn rest(world: &mut World) -> Option<AssemblyOrder> {
    for _ in 0..20 {
        let before = (world.group.clone(), world.nodes.clone());
        let order = pass(world);
        if before == (world.group.clone(), world.nodes.clone()) {
            return order;
        }
    }
    panic!("never rests: {:?}", world.decide());
}

fn reason(world: &World) -> String {
    world.condition("GenesisCeremonyComplete").1
}

fn message(world: &World, kind: &str) -> String {
    let conditions = world.status().conditions.unwrap();
    conditions.into_iter().find(|condition| condition.type_ == kind).unwrap().message
}

/// The validator has uploaded its genesis transaction from the volume with this claim.
fn upload_from(world: &mut World, name: &str, claim: &str) {
    let task = json!({ "type": "upload-genesis-artifacts", "id": "x", "status": "Complete" });
    world.nodes.get_mut(name).unwrap()["status"] =
        json!({ "phase": "Initializing", "plan": { "phase": "Active", "claimUid": claim, "tasks": [task] } });
}

fn upload_all(world: &mut World) {
    let names: Vec<_> = world.names().into_iter().map(str::to_owned).collect();
    names.iter().for_each(|name| upload_from(world, name, &format!("claim-of-{name}")));
}

/// A ceremony whose genesis is being assembled.
fn assembling(genesis: Value) -> (World, AssemblyOrder) {
    let mut world = group(genesis);
    rest(&mut world);
    upload_all(&mut world);
    let order = rest(&mut world).unwrap();
    (world, order)
}

fn say(world: &mut World, state: AssemblyState) {
    world.ceremony.assembly = state;
}
