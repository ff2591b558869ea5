//! Changes of the template.

use sei_deployment::{ObjectKind, Write};
use serde_json::json;

use crate::{IMAGE, full_nodes, settled, world::World};

#[test]
fn edits_of_the_group_that_change_no_node_cause_no_writes() {
    let mut world = settled(3);
    let before = world.nodes.clone();
    world.edit("/deletionPolicy", json!("Retain"));
    world.edit("/networking", json!({}));
    world.edit("/updateStrategy/inPlace", json!({ "maxUnavailable": 2 }));
    let of_nodes = |write: &&Write| !matches!(write, Write::ApplyObject(_));
    assert_eq!(world.decide().writes.iter().filter(of_nodes).count(), 0);
    world.settle();
    assert_eq!(world.nodes, before);
}

#[test]
fn every_field_of_the_template_that_can_change_reaches_the_nodes() {
    let mut world = settled(2);
    let peers = json!([{ "label": { "selector": { "role": "seed" } } }]);
    let sidecar =
        json!({ "image": "seictl:b", "resources": { "limits": { "memory": "1Gi" } }, "port": 7777 });
    for (field, value) in [
        ("overrides", json!({ "evm.http_port": "8545", "a.b": "c" })),
        ("peers", peers),
        ("sidecar", sidecar),
        ("podLabels", json!({ "team": "core" })),
        ("entrypoint", json!({ "command": ["seid"] })),
    ] {
        world.edit(&format!("/template/spec/{field}"), value.clone());
        world.settle();
        for node in world.nodes.values() {
            let found = &node["spec"][field];
            let wanted = value.as_object().into_iter().flatten();
            assert!(value.is_array() && *found == value || wanted.clone().count() > 0, "{field}");
            wanted.for_each(|(key, value)| assert_eq!(found[key], *value, "{field}"));
        }
    }
    // Fields removed from the template are removed from the nodes; fields set by others are kept.
    world.nodes.get_mut("rpc-0").unwrap()["spec"]["overrides"]["x.y"] = json!("by hand");
    world.edit("/template/spec/overrides", json!({ "a.b": "c" }));
    world.settle();
    assert_eq!(world.nodes["rpc-0"]["spec"]["overrides"], json!({ "a.b": "c", "x.y": "by hand" }));
    assert_eq!(world.nodes["rpc-1"]["spec"]["overrides"], json!({ "a.b": "c" }));
}

#[test]
fn labels_and_annotations_are_applied_key_by_key_immediately() {
    let mut world = settled(2);
    for node in world.nodes.values_mut() {
        node["metadata"]["annotations"]["sei.io/retry"] = json!("1");
        node["metadata"]["labels"]["by"] = json!("hand");
    }
    world.edit("/template/metadata", json!({ "annotations": { "note": "x" } }));
    world.act();
    for node in world.nodes.values() {
        assert_eq!(node["metadata"]["annotations"], json!({ "note": "x", "sei.io/retry": "1" }));
        assert_eq!(node["metadata"]["labels"]["by"], "hand");
        assert_eq!(node["metadata"]["generation"], 1, "the spec is not written");
    }
    world.edit("/template/metadata", json!({}));
    world.act();
    assert_eq!(world.nodes["rpc-0"]["metadata"]["annotations"], json!({ "sei.io/retry": "1" }));
    assert_eq!(world.decide().writes, [], "the keys of others are no difference");
}

#[test]
fn metadata_of_a_waiting_node_changes_without_its_spec() {
    let mut world = settled(2);
    world.lose("rpc-1");
    world.bad_images.push("seid:bad".to_owned());
    world.edit(IMAGE, json!("seid:bad"));
    world.settle();
    world.edit("/template/metadata", json!({ "annotations": { "note": "x" } }));
    world.settle();
    let waiting = &world.nodes["rpc-0"];
    assert_eq!(waiting["metadata"]["annotations"]["note"], "x");
    assert_eq!(
        (&waiting["spec"]["image"], &waiting["metadata"]["generation"]),
        (&json!("seid:a"), &json!(1))
    );
}

#[test]
fn a_manual_change_is_reverted_within_the_rollout_order() {
    let mut world = settled(2);
    world.nodes.get_mut("rpc-1").unwrap()["spec"]["image"] = json!("seid:hand");
    world.settle();
    assert_eq!(world.images(), ["seid:a"; 2]);
}

#[test]
fn an_unknown_strategy_changes_nothing_and_is_reported() {
    let mut world = settled(2);
    world.edit("/updateStrategy", json!({ "type": "OfALaterVersion" }));
    assert_eq!(world.condition("Ready").0, "True", "no update is due yet");
    world.edit(IMAGE, json!("seid:b"));
    world.settle();
    assert_eq!(world.images(), ["seid:a"; 2]);
    assert_eq!(world.condition("Stalled"), ("True".into(), "NotSupported".into()));
    world.edit("/updateStrategy", json!({ "type": "InPlace" }));
    world.settle();
    assert_eq!(world.images(), ["seid:b"; 2]);
}

#[test]
fn a_node_that_cannot_be_decoded_is_named_and_not_treated_as_missing() {
    let mut world = settled(3);
    world.unreadable.insert("rpc-1".to_owned());
    assert_eq!(world.decide().writes, []);
    assert_eq!(world.condition("Stalled"), ("True".into(), "NodeStalled".into()));
    assert_eq!(world.status().nodes.unwrap()[1].reason.as_deref(), Some("Unreadable"));
    // It counts as unavailable.
    world.edit(IMAGE, json!("seid:b"));
    world.settle();
    assert_eq!(world.images(), ["seid:a"; 3]);
    world.unreadable.clear();
    world.settle();
    assert_eq!(world.images(), ["seid:b"; 3]);
    assert_eq!(world.condition("Ready").0, "True");
}

#[test]
fn a_group_without_strategy_is_updated_in_place() {
    let mut spec = full_nodes(2);
    spec.as_object_mut().unwrap().remove("updateStrategy");
    let mut world = World::new(spec);
    world.settle();
    world.edit(IMAGE, json!("seid:b"));
    world.act();
    assert_eq!(world.images(), ["seid:a", "seid:b"]);
}

#[test]
fn the_services_select_the_nodes_of_every_revision() {
    let mut spec = full_nodes(2);
    spec["networking"] = json!({});
    let mut world = World::new(spec);
    world.settle();
    let services = |world: &World| {
        let of_kind = world.objects.iter().filter(|((kind, _), _)| *kind == ObjectKind::Service);
        of_kind.map(|(_, service)| service.clone()).collect::<Vec<_>>()
    };
    let before = services(&world);
    world.edit(IMAGE, json!("seid:b"));
    world.act();
    assert_eq!(services(&world), before);
    assert_eq!(before.len(), 2);
    let of_group = json!({ "sei.io/nodedeployment": "rpc" });
    assert!(before.iter().all(|service| service["spec"]["selector"] == of_group));
}

#[test]
fn a_node_of_an_unfinished_blue_green_update_is_named_and_not_changed() {
    let mut world = settled(1);
    let mut entrant = world.nodes["rpc-0"].clone();
    entrant["metadata"]["name"] = json!("rpc-g3-0");
    world.insert(entrant);
    world.tend();
    let before = world.nodes.clone();
    world.edit(IMAGE, json!("seid:b"));
    world.settle();
    assert_eq!(world.nodes["rpc-g3-0"], before["rpc-g3-0"]);
    assert_eq!(world.nodes["rpc-0"]["spec"]["image"], "seid:b");
    assert_eq!(world.condition("Stalled").1, "UnexpectedNode");
}

#[test]
fn the_same_observation_gives_the_same_status() {
    let mut world = settled(3);
    world.group["status"] = json!(world.status());
    assert_eq!(json!(world.status()), world.group["status"]);
}

#[test]
fn fields_of_the_go_controller_are_removed_with_the_template() {
    let mut world = settled(2);
    world.edit("/template/spec/overrides", json!({ "a.b": "c" }));
    world.edit("/template/metadata", json!({ "labels": { "team": "core" } }));
    world.settle();
    // Like a group of the Go controller, which wrote the same fields without server-side apply.
    let before = world.nodes.clone();
    for node in world.nodes.values_mut() {
        let entry = &mut node["metadata"]["managedFields"][0];
        (entry["manager"], entry["operation"]) = (json!("manager"), json!("Update"));
    }
    world.act();
    for (name, node) in &world.nodes {
        let (spec, labels) = (&node["spec"], &node["metadata"]["labels"]);
        assert_eq!((spec, labels), (&before[name]["spec"], &before[name]["metadata"]["labels"]), "{name}");
    }
    assert_eq!(world.decide().writes, [], "taking over is done once");
    world.edit("/template/spec/overrides", json!(null));
    world.edit("/template/metadata", json!(null));
    world.settle();
    for node in world.nodes.values() {
        assert_eq!(node["spec"]["overrides"]["a.b"], json!(null));
        assert_eq!(node["metadata"]["labels"]["team"], json!(null));
    }
}
