//! Image updates: paced, reverted, superseded, and with failing nodes.

use serde_json::json;

use crate::{IMAGE, settled};

#[test]
fn an_image_is_rolled_out_one_node_at_a_time() {
    let mut world = settled(3);
    world.edit(IMAGE, json!("seid:b"));
    for expected in [["seid:a", "seid:a", "seid:b"], ["seid:a", "seid:b", "seid:b"], ["seid:b"; 3]] {
        world.act();
        world.act();
        assert_eq!(world.images(), expected, "a node that is not available yet holds the others");
        assert_eq!(world.condition("Ready").1, "UpdateInProgress");
        world.tend();
    }
    assert_eq!(world.condition("Ready").0, "True");
    assert_eq!(world.status().updated_replicas, Some(3));
}

#[test]
fn max_unavailable_is_the_budget() {
    let mut world = settled(4);
    world.edit("/updateStrategy/inPlace", json!({ "maxUnavailable": "50%" }));
    world.edit(IMAGE, json!("seid:b"));
    world.act();
    assert_eq!(world.images(), ["seid:a", "seid:a", "seid:b", "seid:b"]);
}

#[test]
fn an_image_that_does_not_become_ready_stops_the_rollout_with_its_reason() {
    let mut world = settled(3);
    world.bad_images.push("seid:bad".to_owned());
    world.edit(IMAGE, json!("seid:bad"));
    world.settle();
    assert_eq!(world.images(), ["seid:a", "seid:a", "seid:bad"]);
    let status = world.status();
    assert_eq!((status.available_replicas, status.unavailable_replicas), (Some(2), Some(1)));
    let reasons: Vec<_> = status.nodes.unwrap().into_iter().map(|node| node.reason.unwrap()).collect();
    assert_eq!(reasons, ["UpdatePending", "UpdatePending", "WaitingForPod"]);
    let ready = status.conditions.unwrap().remove(0);
    let cause = "2 of 3 nodes are available, 0 run the template; rpc-2: WaitingForPod: pod is not ready";
    assert!(ready.message.starts_with(cause), "{}", ready.message);
}

#[test]
fn a_bad_image_is_reverted_or_superseded_at_once() {
    for next in ["seid:a", "seid:c"] {
        let mut world = settled(3);
        world.bad_images.push("seid:bad".to_owned());
        world.edit(IMAGE, json!("seid:bad"));
        world.settle();
        world.edit(IMAGE, json!(next));
        world.act();
        assert_eq!(world.nodes["rpc-2"]["spec"]["image"], next);
        world.settle();
        assert_eq!(world.images(), [next; 3]);
        assert_eq!(world.condition("Ready").0, "True");
    }
}

#[test]
fn an_image_is_reverted_at_every_step_of_a_rollout() {
    for steps in 0..6 {
        let mut world = settled(3);
        world.edit(IMAGE, json!("seid:b"));
        for step in 0..steps {
            world.act();
            if step % 2 == 1 {
                world.tend();
            }
        }
        world.edit(IMAGE, json!("seid:a"));
        world.settle();
        assert_eq!(world.images(), ["seid:a"; 3], "after {steps} steps");
        assert_eq!(world.condition("Ready").0, "True");
    }
}

#[test]
fn nodes_of_a_halted_chain_are_updated_together() {
    let mut world = settled(4);
    world
        .names()
        .iter()
        .map(|name| (*name).to_owned())
        .collect::<Vec<_>>()
        .iter()
        .for_each(|name| world.lose(name));
    world.edit(IMAGE, json!("seid:b"));
    world.act();
    assert_eq!(world.images(), ["seid:b"; 4]);
}

#[test]
fn an_unavailable_node_is_updated_first_and_outside_the_budget() {
    let mut world = settled(3);
    world.lose("rpc-0");
    world.edit(IMAGE, json!("seid:b"));
    world.act();
    assert_eq!(world.images(), ["seid:b", "seid:a", "seid:a"]);
    world.settle();
    assert_eq!(world.images(), ["seid:b"; 3]);
}

#[test]
fn a_node_deleted_during_a_rollout_is_recreated_from_the_new_template() {
    let mut world = settled(3);
    world.edit(IMAGE, json!("seid:b"));
    world.act();
    world.nodes.remove("rpc-0");
    world.settle();
    assert_eq!(world.images(), ["seid:b"; 3]);
}
