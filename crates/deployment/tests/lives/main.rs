//! Groups over their whole lifetime: decisions are executed and observed until nothing is left to do.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

mod blue_green;
mod ceremony;
mod deletion;
mod hard_fork;
mod networking;
mod objects;
mod page;
mod random;
mod recorded;
mod reports;
mod rollouts;
mod scaling;
mod sidecars;
mod takeover;
mod updates;
mod world;

use serde_json::{Value, json};

use self::world::World;

/// A group of full nodes of image `a`.
fn full_nodes(replicas: u32) -> Value {
    json!({
        "replicas": replicas,
        "template": { "spec": { "chainId": "pacific-1", "image": "seid:a", "fullNode": {} } },
        "updateStrategy": { "type": "InPlace" },
    })
}

/// A group of full nodes that are available.
fn settled(replicas: u32) -> World {
    let mut world = World::new(full_nodes(replicas));
    world.settle();
    world
}

/// Validators whose keys are created on their volumes.
fn validators(replicas: u32) -> Value {
    let mut spec = full_nodes(replicas);
    spec["template"]["spec"] = json!({ "chainId": "pacific-1", "image": "seid:a", "validator": {} });
    spec
}

const IMAGE: &str = "/template/spec/image";
