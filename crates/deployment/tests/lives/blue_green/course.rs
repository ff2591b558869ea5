//! An update that is not interrupted, and what it waits for.

use sei_deployment::Write;
use serde_json::json;

use super::{DELAY, Group, HEIGHT, NEW, OLD};
use crate::{IMAGE, full_nodes, validators, world::World};

#[test]
fn traffic_moves_when_all_new_nodes_have_caught_up_and_the_old_ones_are_deleted_after_that() {
    let mut group = Group::amid_update(2);
    assert_eq!(group.world.names(), ["rpc-0", "rpc-1", "rpc-green-0", "rpc-green-1"]);
    assert_eq!(group.world.images(), [OLD, OLD, NEW, NEW]);
    let waits = ["WaitingForReplacement", "WaitingForReplacement", "HeightUnknown", "HeightUnknown"];
    let reasons = |group: &Group| group.reasons().into_iter().map(|(_, reason)| reason).collect::<Vec<_>>();
    assert_eq!(reasons(&group), waits);
    assert_eq!(group.ready(), ("False".into(), "UpdateInProgress".into()));
    let status = group.world.status();
    assert_eq!(
        (status.available_replicas, status.updated_replicas, status.replicas),
        (Some(2), Some(2), Some(4))
    );

    group.at("rpc-green-0", HEIGHT);
    group.is_catching_up("rpc-green-1");
    group.world.settle();
    assert_eq!(reasons(&group)[2..], ["", "CatchingUp"]);
    assert_eq!(group.selected(), "rpc", "one of them has not caught up");
    assert!(group.world.decide().next.is_some(), "heights are compared again");

    group.at("rpc-green-1", HEIGHT);
    group.world.settle();
    assert_eq!(group.selected(), "rpc.green");
    assert_eq!(group.world.names().len(), 4, "connections to the old ones can end");
    assert_eq!(reasons(&group), ["", "", "Replaced", "Replaced"]);
    let status = group.world.status();
    assert_eq!(status.selector.as_deref(), Some("sei.io/nodedeployment=rpc.green"));
    assert_eq!(status.endpoints.unwrap().nodes.unwrap()[0].name, "rpc-green-0");
    assert_eq!(group.ready(), ("False".into(), "UpdateInProgress".into()));
    group.wait(DELAY - 1);
    let decision = group.world.decide();
    assert_eq!((decision.writes, decision.next.map(|next| next.as_secs())), (vec![], Some(1)));
    group.wait(1);
    group.world.settle();
    assert_eq!(group.world.names(), ["rpc-green-0", "rpc-green-1"]);
    assert_eq!(group.ready(), ("True".into(), "AllNodesReady".into()));

    // The next update brings the first names back.
    group.world.edit(IMAGE, json!("seid:c"));
    group.finish();
    assert_eq!(group.world.names(), ["rpc-0", "rpc-1"]);
    assert_eq!(group.world.images(), ["seid:c"; 2]);
    assert_eq!(group.selected(), "rpc");
    assert_eq!(group.ready().0, "True");
}

#[test]
fn pods_of_the_new_set_have_a_different_label_and_its_nodes_that_of_the_group() {
    let group = Group::amid_update(1);
    let label = |name: &str, map: &str| {
        group.world.nodes[name].pointer(map).unwrap()["sei.io/nodedeployment"].as_str().unwrap().to_owned()
    };
    assert_eq!(label("rpc-0", "/spec/podLabels"), "rpc");
    assert_eq!(label("rpc-green-0", "/spec/podLabels"), "rpc.green");
    assert_eq!(label("rpc-green-0", "/metadata/labels"), "rpc");
}

#[test]
fn caught_up_is_judged_by_the_heights_of_the_nodes_that_serve() {
    let mut group = Group::amid_update(1);
    group.at("rpc-green-0", HEIGHT - 501);
    group.world.settle();
    assert_eq!((group.reason("rpc-green-0").as_str(), group.selected()), ("CatchingUp", "rpc"));
    group.world.heights.remove("rpc-0");
    group.at("rpc-green-0", HEIGHT - 500);
    group.world.settle();
    assert_eq!((group.reason("rpc-green-0").as_str(), group.selected()), ("HeightUnknown", "rpc"));
    let message = group.world.status().nodes.unwrap()[1].message.clone().unwrap();
    assert!(message.contains("SeiNode rpc-0 "), "{message}");
    group.at("rpc-0", HEIGHT);
    group.world.settle();
    assert_eq!(group.selected(), "rpc.green");
}

#[test]
fn old_nodes_that_do_not_serve_do_not_block_the_update() {
    let mut group = Group::amid_update(2);
    group.world.heights.clear();
    group.world.lose("rpc-0");
    group.world.lose("rpc-1");
    group.at("rpc-green-0", HEIGHT);
    group.at("rpc-green-1", HEIGHT);
    group.world.act();
    assert_eq!(group.selected(), "rpc.green");
}

#[test]
fn an_image_that_does_not_work_stops_the_update_with_its_reason_while_the_old_nodes_serve() {
    let mut group = Group::new(2);
    let before = World::new(full_nodes(2));
    group.world.bad_images.push("seid:bad".to_owned());
    group.world.edit(IMAGE, json!("seid:bad"));
    group.world.settle();
    group.catch_up();
    group.world.settle();
    group.assert_untouched(&before);
    assert_eq!(group.reason("rpc-green-1"), "WaitingForPod");
    assert_eq!(group.ready(), ("False".into(), "UpdateInProgress".into()));
    assert_eq!(group.world.status().available_replicas, Some(2));
    for (image, names) in [("seid:c", "rpc-green-0"), ("seid:d", "rpc-0")] {
        group.world.edit(IMAGE, json!(image));
        group.finish();
        assert_eq!(group.world.names()[0], names);
        assert_eq!(group.world.images(), [image; 2]);
    }
}

#[test]
fn certificates_of_both_sets_can_be_issued_before_they_are_needed() {
    let mut spec = full_nodes(1);
    spec["updateStrategy"] = json!({ "type": "BlueGreen" });
    spec["template"]["spec"]["sidecar"] = json!({ "tls": { "secretName": "$(name)-tls" } });
    let mut world = World::new(spec);
    world.settle();
    let secrets = |world: &World| {
        let secrets = world.status().sidecar_tls.unwrap().into_iter();
        secrets.map(|secret| (secret.secret_name, secret.required_dns_names[0].clone())).collect::<Vec<_>>()
    };
    let of = |node: &str| (format!("{node}-tls"), format!("{node}.sei.svc.cluster.local"));
    let both = [of("rpc-0"), of("rpc-green-0")];
    assert_eq!(secrets(&world), both);
    world.edit(IMAGE, json!(NEW));
    world.settle();
    assert_eq!(secrets(&world), both);
    assert_eq!(world.nodes["rpc-green-0"]["spec"]["sidecar"]["tls"]["secretName"], "rpc-green-0-tls");
    // One Secret for all nodes needs the names of both sets, and is ready when the existing nodes accept it.
    world.edit("/template/spec/sidecar", json!({ "tls": { "secretName": "shared" } }));
    assert_eq!(secrets(&world).len(), 1);
    assert_eq!(world.status().sidecar_tls.unwrap()[0].required_dns_names.len(), 4);
}

#[test]
fn other_modes_and_shared_volumes_are_refused_with_what_to_do() {
    let mut import = full_nodes(1);
    import["template"]["spec"]["dataVolume"] = json!({ "import": { "pvcName": "old" } });
    for mut spec in [validators(1), import] {
        spec["updateStrategy"] = json!({ "type": "BlueGreen" });
        let mut world = World::new(spec);
        world.settle();
        assert_eq!(world.condition("Ready").0, "True", "no update is due yet");
        world.edit(IMAGE, json!(NEW));
        world.settle();
        assert_eq!(world.images(), [OLD]);
        assert_eq!(world.condition("Stalled"), ("True".into(), "NotSupported".into()));
        world.edit("/updateStrategy", json!({ "type": "InPlace" }));
        world.settle();
        assert_eq!(world.images(), [NEW]);
    }
}

#[test]
fn labels_and_annotations_reach_the_old_nodes_without_an_update() {
    let mut group = Group::new(1);
    group.world.edit("/template/metadata", json!({ "annotations": { "note": "x" } }));
    group.world.settle();
    assert_eq!(group.world.names(), ["rpc-0"]);
    assert_eq!(group.world.nodes["rpc-0"]["metadata"]["annotations"]["note"], "x");
    let writes = group.world.decide().writes;
    assert!(!writes.iter().any(|write| matches!(write, Write::Create(_))), "{writes:?}");
}
