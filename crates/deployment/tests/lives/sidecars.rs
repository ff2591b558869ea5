//! Images of sidecars are replaced within the budget of the group.

use serde_json::json;

use crate::{IMAGE, settled, world::World};

/// A group whose sidecars have another image than requested.
fn outdated(replicas: u32) -> World {
    let mut world = settled(replicas);
    world.sidecar = "seictl:1".to_owned();
    world.tend();
    world
}

fn allowed(world: &World) -> Vec<&str> {
    world.names().into_iter().filter(|name| world.may_replace_sidecar(name)).collect()
}

#[test]
fn one_node_after_the_other_may_replace_its_sidecar() {
    let mut world = outdated(3);
    for next in ["rpc-2", "rpc-1", "rpc-0"] {
        world.act();
        world.act();
        assert_eq!(allowed(&world), [next], "it may be restarted at any time, so the others wait");
        world.tend();
        assert!(!world.is_available(next), "it is restarted");
        world.act();
        world.act();
        assert!(allowed(&world).is_empty(), "a node that is not available holds the others");
        world.tend();
    }
    assert!(world.decide().writes.is_empty());
    let annotations =
        |node: &serde_json::Value| node["metadata"]["annotations"].get("sei.io/sidecar-update").cloned();
    assert!(world.nodes.values().all(|node| annotations(node).is_none()));
    assert!(world.former_sidecars().is_empty());
    assert!(world.nodes.values().all(|node| node["metadata"]["generation"] == 1), "no spec was changed");
}

#[test]
fn max_unavailable_is_the_budget_and_nodes_that_are_down_cost_nothing() {
    let mut world = outdated(5);
    world.edit("/updateStrategy/inPlace", json!({ "maxUnavailable": 2 }));
    world.act();
    assert_eq!(allowed(&world), ["rpc-3", "rpc-4"]);
    let mut world = outdated(3);
    world.nodes.get_mut("rpc-0").unwrap()["status"]["conditions"][0]["status"] = json!("False");
    world.act();
    assert_eq!(allowed(&world), ["rpc-0"]);
}

#[test]
fn an_update_and_the_replacement_of_sidecars_share_the_budget() {
    let mut world = outdated(3);
    world.act();
    world.edit(IMAGE, json!("seid:b"));
    world.act();
    world.act();
    assert_eq!(world.images(), ["seid:a", "seid:a", "seid:b"], "the one that may be restarted is updated");
    assert!(allowed(&world).is_empty(), "and gets both images at once");

    let mut world = outdated(3);
    world.edit(IMAGE, json!("seid:b"));
    world.act();
    assert_eq!(world.images(), ["seid:a", "seid:a", "seid:b"]);
    assert!(allowed(&world).is_empty(), "an update that has started comes first");
    world.settle();
    assert_eq!(world.images(), ["seid:b"; 3]);
    assert!(world.former_sidecars().is_empty());
}

#[test]
fn sidecars_are_replaced_whatever_the_strategy_is() {
    let hard_fork = json!({ "type": "HardFork", "hardFork": { "haltHeight": 10 } });
    for strategy in [json!({ "type": "BlueGreen" }), hard_fork] {
        let mut world = outdated(2);
        world.edit("/updateStrategy", strategy);
        // A waiting update of the template does not stop them.
        world.edit(IMAGE, json!("seid:b"));
        world.act();
        assert_eq!(allowed(&world), ["rpc-1"]);
        world.settle();
        assert_eq!(world.nodes["rpc-0"]["spec"]["image"], "seid:a");
        assert!(world.former_sidecars().is_empty());
    }
}

#[test]
fn nothing_is_allowed_where_images_are_replaced_with_the_next_update() {
    let mut world = outdated(3);
    world.act();
    assert_eq!(allowed(&world), ["rpc-2"]);
    world.replaces_sidecars = false;
    world.tend();
    world.act();
    assert!(allowed(&world).is_empty(), "the setting was changed");
    world.settle();
    assert_eq!(world.former_sidecars().len(), 3);
}

#[test]
fn a_template_allows_nothing() {
    let mut world = outdated(3);
    let annotations = json!({ "sei.io/sidecar-update": "seictl:0", "note": "x" });
    world.edit("/template/metadata", json!({ "annotations": annotations }));
    world.act();
    assert_eq!(allowed(&world), ["rpc-2"]);
    assert_eq!(world.nodes["rpc-0"]["metadata"]["annotations"], json!({ "note": "x" }));
}
