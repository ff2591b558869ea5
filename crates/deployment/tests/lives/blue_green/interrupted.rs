//! Updates that are reverted, superseded, scaled, retained, or disturbed manually.

use sei_deployment::ObjectKind;
use serde_json::json;

use super::{Group, HEIGHT, NEW, OLD};
use crate::IMAGE;

/// Executes the next decision while the nodes make no progress.
fn act(group: &mut Group) {
    group.world.act();
}

/// A group this many steps into its update to [`NEW`].
fn after(steps: usize) -> Group {
    let mut group = Group::new(2);
    group.world.edit(IMAGE, json!(NEW));
    for step in 0..steps {
        act(&mut group);
        match step % 3 {
            0 => group.world.tend(),
            1 => group.catch_up(),
            _ => group.wait(20),
        }
    }
    group
}

#[test]
fn an_update_is_reverted_or_superseded_at_every_step() {
    for steps in 0..12 {
        for image in [OLD, "seid:c"] {
            let mut group = after(steps);
            let served = group.selected().to_owned();
            group.world.edit(IMAGE, json!(image));
            group.finish();
            assert_eq!(group.world.images(), [image; 2], "after {steps} steps");
            assert_eq!(group.ready().0, "True");
            if image == OLD && served == "rpc" {
                assert_eq!(group.world.names(), ["rpc-0", "rpc-1"], "after {steps} steps");
            }
        }
    }
}

#[test]
fn a_reverted_update_leaves_the_old_nodes_as_they_were() {
    let before = Group::new(2).world;
    let mut group = Group::amid_update(2);
    group.world.edit(IMAGE, json!(OLD));
    group.world.settle();
    group.assert_untouched(&before);
    assert_eq!(group.world.names(), ["rpc-0", "rpc-1"]);
    assert_eq!(group.ready().0, "True");
}

#[test]
fn a_reverted_template_moves_the_traffic_back_while_the_old_nodes_exist() {
    let mut group = Group::amid_update(2);
    group.catch_up();
    group.world.settle();
    assert_eq!(group.selected(), "rpc.green");
    group.world.edit(IMAGE, json!(OLD));
    act(&mut group);
    assert_eq!(group.selected(), "rpc");
    group.finish();
    assert_eq!(group.world.names(), ["rpc-0", "rpc-1"]);
}

#[test]
fn a_superseded_template_reaches_the_new_nodes_together() {
    let mut group = Group::amid_update(2);
    let uid = group.world.nodes["rpc-green-0"]["metadata"]["uid"].clone();
    group.world.edit(IMAGE, json!("seid:c"));
    act(&mut group);
    assert_eq!(group.world.images(), [OLD, OLD, "seid:c", "seid:c"]);
    assert_eq!(group.world.nodes["rpc-green-0"]["metadata"]["uid"], uid);
    // SeiNodes that were serving a moment ago may still have connections.
    group.world.tend();
    group.catch_up();
    act(&mut group);
    assert_eq!(group.selected(), "rpc.green");
    group.world.edit(IMAGE, json!("seid:d"));
    act(&mut group);
    assert_eq!(group.world.nodes["rpc-0"]["spec"]["image"], OLD);
    assert_eq!(group.reason("rpc-0"), "UpdatePending");
    group.finish();
    assert_eq!((group.world.names(), group.world.images()), (vec!["rpc-0", "rpc-1"], vec!["seid:d"; 2]));
}

#[test]
fn scaling_during_an_update_reaches_the_new_set() {
    let mut group = Group::amid_update(2);
    group.world.edit("/replicas", json!(3));
    group.world.settle();
    let names = ["rpc-0", "rpc-1", "rpc-green-0", "rpc-green-1", "rpc-green-2"];
    assert_eq!(group.world.names(), names, "an old node would run the new template");
    assert_eq!(group.reason("rpc-2"), "WaitingForReplacement");
    for name in ["rpc-green-0", "rpc-green-1"] {
        group.at(name, HEIGHT);
    }
    group.world.settle();
    assert_eq!(group.selected(), "rpc", "the third is missing");
    group.world.edit("/replicas", json!(1));
    group.world.settle();
    assert_eq!(group.selected(), "rpc.green");
    group.finish();
    assert_eq!(group.world.names(), ["rpc-green-0"]);
}

#[test]
fn manually_deleted_nodes_are_recreated_only_in_the_new_set() {
    let mut group = Group::amid_update(2);
    group.world.nodes.remove("rpc-0");
    group.world.nodes.remove("rpc-green-1");
    group.world.settle();
    assert_eq!(group.world.names(), ["rpc-1", "rpc-green-0", "rpc-green-1"]);
    group.finish();
    assert_eq!(group.world.names(), ["rpc-green-0", "rpc-green-1"]);
}

#[test]
fn the_old_nodes_are_kept_while_a_new_one_is_not_available() {
    let mut group = Group::amid_update(2);
    group.catch_up();
    act(&mut group);
    assert_eq!(group.selected(), "rpc.green");
    group.world.lose("rpc-green-0");
    group.wait(3600);
    act(&mut group);
    assert_eq!(group.world.nodes["rpc-0"]["metadata"]["deletionTimestamp"], json!(null));
    assert_eq!(group.reason("rpc-0"), "Replaced");
}

#[test]
fn old_nodes_that_a_service_still_selects_are_neither_deleted_nor_updated() {
    let mut group = Group::new(2);
    group.world.edit("/updateStrategy/blueGreen", json!({ "scaleDownDelaySeconds": 0 }));
    group.world.edit(IMAGE, json!(NEW));
    group.world.settle();
    group.catch_up();
    // The write to one of the Services is lost.
    let external = (ObjectKind::Service, "rpc-external".to_owned());
    let before = group.world.objects[&external].clone();
    act(&mut group);
    assert_eq!(group.selected(), "rpc.green");
    group.world.objects.insert(external.clone(), before.clone());
    act(&mut group);
    assert_eq!(group.world.nodes["rpc-0"]["metadata"]["deletionTimestamp"], json!(null));
    group.world.objects.insert(external, before);
    group.world.edit(IMAGE, json!("seid:c"));
    act(&mut group);
    assert_eq!(group.world.nodes["rpc-0"]["spec"]["image"], OLD);
    group.finish();
    assert_eq!(group.world.names(), ["rpc-0", "rpc-1"]);
}

#[test]
fn a_strategy_change_during_an_update_continues_with_the_serving_nodes() {
    let mut group = Group::amid_update(2);
    group.world.edit("/updateStrategy", json!({ "type": "InPlace" }));
    act(&mut group);
    assert_eq!(group.world.images(), [OLD, NEW, NEW, NEW], "one at a time");
    group.finish();
    assert_eq!(group.world.names(), ["rpc-0", "rpc-1"]);
    assert_eq!(group.world.images(), [NEW; 2]);
}

#[test]
fn a_group_of_green_nodes_can_be_updated_in_place_and_scaled() {
    let mut group = Group::amid_update(2);
    group.catch_up();
    group.finish();
    group.world.edit("/updateStrategy", json!({ "type": "InPlace" }));
    group.world.edit(IMAGE, json!("seid:c"));
    group.world.edit("/replicas", json!(3));
    group.finish();
    assert_eq!(group.world.names(), ["rpc-green-0", "rpc-green-1", "rpc-green-2"]);
    assert_eq!(group.world.images(), ["seid:c"; 3]);
    group.world.edit("/replicas", json!(1));
    group.finish();
    assert_eq!((group.world.names(), group.selected()), (vec!["rpc-green-0"], "rpc.green"));
}

#[test]
fn a_group_retained_during_an_update_is_adopted_with_both_sets() {
    let mut group = Group::new(2);
    group.world.edit("/deletionPolicy", json!("Retain"));
    group.world.edit(IMAGE, json!(NEW));
    group.world.settle();
    group.world.delete_group();
    group.world.settle();
    assert!(!group.world.is_marked());
    assert!(group.world.nodes.values().all(|node| node["metadata"]["ownerReferences"] == json!([])));
    let metadata = &mut group.world.group["metadata"];
    metadata["uid"] = json!("group-2");
    metadata.as_object_mut().unwrap().remove("deletionTimestamp");
    group.world.settle();
    assert_eq!(group.world.images(), [OLD, OLD, NEW, NEW]);
    assert_eq!(group.selected(), "rpc");
    group.finish();
    assert_eq!(group.world.names(), ["rpc-green-0", "rpc-green-1"]);
}

#[test]
fn a_node_of_another_owner_stops_an_update_and_is_not_changed() {
    let mut group = Group::new(1);
    let mut foreign = group.world.nodes["rpc-0"].clone();
    foreign["metadata"]["name"] = json!("rpc-green-0");
    foreign["metadata"]["ownerReferences"][0]["uid"] = json!("another");
    foreign["metadata"]["ownerReferences"][0]["name"] = json!("rpc-green");
    group.world.insert(foreign);
    group.world.tend();
    let before = group.world.nodes.clone();
    assert_eq!(group.ready().0, "True", "its name is not needed yet");
    group.world.edit(IMAGE, json!(NEW));
    group.world.settle();
    assert_eq!(group.world.nodes, before);
    assert_eq!(group.world.condition("Stalled"), ("True".into(), "ForeignObject".into()));
}

#[test]
fn a_manually_deleted_service_is_recreated_for_the_serving_nodes() {
    for (catches_up, expected) in [(false, "rpc"), (true, "rpc.green")] {
        let mut group = Group::amid_update(2);
        if catches_up {
            group.catch_up();
        }
        group.world.settle();
        assert_eq!(group.selected(), expected);
        group.world.objects.remove(&(ObjectKind::Service, "rpc-internal".to_owned()));
        act(&mut group);
        assert_eq!(group.selected(), expected);
    }
}
