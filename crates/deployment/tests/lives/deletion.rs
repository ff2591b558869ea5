//! Deletion, retention and adoption.

use serde_json::{Value, json};

use crate::{IMAGE, full_nodes, validators, world::World};

/// The next group of the name, with this spec.
fn recreated(old: World, spec: Value) -> World {
    let mut world = World::new(spec);
    world.group["metadata"]["uid"] = json!("group-2");
    world.nodes = old.nodes;
    world.objects = old.objects;
    world
}

#[test]
fn deletion_waits_for_the_nodes() {
    let mut world = World::new(full_nodes(2));
    world.settle();
    world.delete_group();
    let writes = world.decide().writes;
    assert_eq!(writes.len(), 2);
    writes.iter().for_each(|write| world.carry_out(write));
    assert_eq!(world.decide().writes, [], "the finalizer stays while they exist");
    world.settle();
    assert!(world.nodes.is_empty() && !world.is_marked());
}

#[test]
fn retained_nodes_lose_only_their_owner_even_during_a_rollout() {
    let mut spec = full_nodes(3);
    spec["deletionPolicy"] = json!("Retain");
    let mut world = World::new(spec);
    world.settle();
    world.edit(IMAGE, json!("seid:b"));
    let write = world.decide().writes.remove(0);
    world.carry_out(&write);
    let before = world.nodes.clone();
    world.delete_group();
    world.settle();
    assert!(!world.is_marked());
    for (name, node) in &world.nodes {
        assert_eq!(node["metadata"]["ownerReferences"], json!([]));
        assert_eq!(node["spec"], before[name]["spec"]);
        assert_eq!(node["metadata"]["labels"], before[name]["metadata"]["labels"]);
    }
    assert_eq!(world.objects.len(), 2);
    assert!(world.objects.values().all(|object| object["metadata"]["ownerReferences"] == json!([])));
}

#[test]
fn kubectl_delete_with_cascade_orphan_retains() {
    let mut world = World::new(full_nodes(2));
    world.settle();
    world.delete_group();
    world.group["metadata"]["finalizers"].as_array_mut().unwrap().push(json!("orphan"));
    let writes = world.decide().writes;
    writes.iter().for_each(|write| world.carry_out(write));
    assert!(world.nodes.values().all(|node| node["metadata"]["deletionTimestamp"].is_null()));
}

#[test]
fn validators_with_the_only_copy_of_their_keys_are_retained_unless_delete_is_explicit() {
    for (policy, kept) in [(json!(null), 2), (json!("Delete"), 0), (json!("Retain"), 2)] {
        let mut spec = validators(2);
        if !policy.is_null() {
            spec["deletionPolicy"] = policy.clone();
        }
        let mut world = World::new(spec);
        world.settle();
        world.delete_group();
        world.settle();
        assert_eq!(world.nodes.len(), kept, "{policy}");
    }
}

#[test]
fn retained_nodes_are_adopted_without_a_restart() {
    let mut spec = full_nodes(2);
    spec["deletionPolicy"] = json!("Retain");
    let mut world = World::new(spec.clone());
    world.settle();
    let before = world.nodes.clone();
    world.delete_group();
    world.settle();
    let mut world = recreated(world, spec);
    world.settle();
    for (name, node) in &world.nodes {
        assert_eq!(node["metadata"]["ownerReferences"][0]["uid"], "group-2");
        assert_eq!(node["spec"], before[name]["spec"]);
        assert_eq!(node["metadata"]["uid"], before[name]["metadata"]["uid"]);
    }
    assert_eq!(world.condition("Ready").0, "True");
}

#[test]
fn retained_nodes_of_another_image_are_adopted_at_once_and_updated_in_turn() {
    let mut spec = full_nodes(3);
    spec["deletionPolicy"] = json!("Retain");
    let mut world = World::new(spec.clone());
    world.settle();
    world.delete_group();
    world.settle();
    spec["template"]["spec"]["image"] = json!("seid:b");
    let mut world = recreated(world, spec);
    for _ in 0..2 {
        let writes = world.decide().writes;
        writes.iter().for_each(|write| world.carry_out(write));
    }
    assert!(world.nodes.values().all(|node| node["metadata"]["ownerReferences"][0]["uid"] == "group-2"));
    assert_eq!(
        world.images().iter().filter(|image| **image == "seid:b").count(),
        0,
        "adoption changes no spec"
    );
    world.settle();
    assert_eq!(world.images(), ["seid:b"; 3]);
}

#[test]
fn a_retained_node_of_another_chain_is_not_adopted() {
    let mut spec = full_nodes(1);
    spec["deletionPolicy"] = json!("Retain");
    let mut world = World::new(spec.clone());
    world.settle();
    world.delete_group();
    world.settle();
    spec["template"]["spec"]["chainId"] = json!("atlantic-2");
    let mut world = recreated(world, spec);
    let before = world.nodes.clone();
    world.settle();
    assert_eq!(world.nodes, before);
    let stalled = world.status().conditions.unwrap();
    let stalled = stalled.iter().find(|condition| condition.type_ == "Stalled").unwrap();
    assert!(stalled.message.contains("retained with another chainId"), "{}", stalled.message);
}
