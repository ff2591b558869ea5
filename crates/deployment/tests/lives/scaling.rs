//! Creating, adopting and scaling.

use serde_json::json;

use crate::{full_nodes, validators, world::World};

#[test]
fn a_group_grows_and_shrinks_by_the_highest_ordinals() {
    let mut world = World::new(full_nodes(1));
    world.settle();
    assert_eq!(world.names(), ["rpc-0"]);
    for replicas in [3, 5] {
        world.edit("/replicas", json!(replicas));
        world.settle();
        assert_eq!(world.nodes.len(), replicas);
    }
    let kept = world.nodes["rpc-0"].clone();
    world.edit("/replicas", json!(2));
    let deleted = world.decide().writes;
    assert_eq!(format!("{deleted:?}"), r#"[Delete { name: "rpc-4", uid: "node-5" }]"#);
    world.settle();
    assert_eq!(world.names(), ["rpc-0", "rpc-1"]);
    assert_eq!(world.nodes["rpc-0"], kept, "nodes that stay are not written");
    assert_eq!(world.condition("Ready"), ("True".into(), "AllNodesReady".into()));
}

#[test]
fn one_node_is_deleted_at_a_time() {
    let mut world = World::new(full_nodes(4));
    world.settle();
    world.edit("/replicas", json!(1));
    let writes = world.decide().writes;
    assert_eq!(writes.len(), 1);
    world.carry_out(&writes[0]);
    assert_eq!(world.decide().writes, []);
    assert_eq!(world.condition("Ready").1, "ScalingDown");
}

#[test]
fn the_only_keys_of_a_validator_are_deleted_only_after_confirmation_for_that_node() {
    let mut world = World::new(validators(2));
    world.settle();
    world.edit("/replicas", json!(1));
    world.settle();
    assert_eq!(world.nodes.len(), 2);
    assert_eq!(world.condition("Stalled"), ("True".into(), "KeyLossNotConfirmed".into()));
    let uid = world.nodes["rpc-1"]["metadata"]["uid"].clone();
    world.group["metadata"]["annotations"] = json!({ "sei.io/confirm-key-loss": "node-of-earlier" });
    world.settle();
    assert_eq!(world.nodes.len(), 2);
    world.group["metadata"]["annotations"] = json!({ "sei.io/confirm-key-loss": uid });
    world.settle();
    assert_eq!(world.names(), ["rpc-0"]);
    // The next validator of that name is not affected.
    world.edit("/replicas", json!(2));
    world.settle();
    world.edit("/replicas", json!(1));
    world.settle();
    assert_eq!(world.nodes.len(), 2);
}

#[test]
fn keys_in_secrets_need_no_confirmation() {
    let mut spec = validators(2);
    let key = |name: &str| json!({ "secret": { "secretName": name } });
    spec["template"]["spec"]["validator"] =
        json!({ "signingKey": key("$(name)-signing"), "nodeKey": key("$(name)-node") });
    let mut world = World::new(spec);
    world.settle();
    let of = |world: &World, name: &str| {
        world.nodes[name]["spec"]["validator"]["signingKey"]["secret"]["secretName"].clone()
    };
    assert_eq!((of(&world, "rpc-0"), of(&world, "rpc-1")), (json!("rpc-0-signing"), json!("rpc-1-signing")));
    world.edit("/replicas", json!(1));
    world.settle();
    assert_eq!(world.names(), ["rpc-0"]);
}

#[test]
fn a_foreign_node_is_never_touched_and_the_others_are_created() {
    let mut world = World::new(full_nodes(3));
    let spec = json!({ "chainId": "other-1", "image": "seid:x", "validator": {} });
    world.insert(json!({
        "apiVersion": "sei.io/v1alpha1", "kind": "SeiNode", "metadata": { "name": "rpc-1" }, "spec": spec,
    }));
    world.tend();
    let foreign = world.nodes["rpc-1"].clone();
    world.settle();
    world.edit("/template/spec/image", json!("seid:b"));
    world.settle();
    world.edit("/replicas", json!(1));
    world.settle();
    assert_eq!(world.nodes["rpc-1"], foreign);
    assert_eq!(world.names(), ["rpc-0", "rpc-1"]);
    world.edit("/replicas", json!(2));
    assert_eq!(world.condition("Stalled"), ("True".into(), "ForeignObject".into()));
    world.delete_group();
    world.settle();
    assert_eq!(world.names(), ["rpc-1"]);
}

#[test]
fn a_manually_deleted_node_is_recreated_once_it_is_gone() {
    let mut world = World::new(full_nodes(2));
    world.settle();
    world.nodes.get_mut("rpc-0").unwrap()["metadata"]["deletionTimestamp"] = json!("2027-01-01T00:00:00Z");
    assert_eq!(world.decide().writes, []);
    let node = &world.status().nodes.unwrap()[0];
    assert_eq!(node.reason.as_deref(), Some("WaitingForDeletion"));
    world.settle();
    assert_eq!(world.nodes["rpc-0"]["metadata"]["uid"], "node-3");
}
