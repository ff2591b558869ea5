//! Takeover of groups of the Go controller in every recorded state, including those in which it is stuck.

use std::collections::BTreeMap;

use kube::ResourceExt;
use sei_api::labels;
use sei_deployment::{Write, decide};
use sei_render::drift::differences;
use serde_json::json;

use crate::{recorded::Recorded, world::World};

#[test]
fn the_first_pass_over_a_group_restarts_and_deletes_nothing() {
    for recorded in Recorded::all() {
        let group = recorded.group();
        let template = group.spec.template.spec.image;
        for write in decide(&recorded.observe()).writes {
            match write {
                Write::Apply { patch, .. } if patch["spec"] == json!({}) => {}
                // The validators of a ceremony find each other by label.
                Write::Apply { name, mut patch } if group.spec.genesis.is_some() => {
                    let node = recorded.nodes().into_iter().find(|node| node.name_any() == name).unwrap();
                    patch["spec"]["peers"] = json!(node.spec.peers);
                    assert_eq!(differences(&patch["spec"], &json!(node.spec)), [""; 0], "{}", recorded.name);
                }
                // The Go controller had not rolled out this change yet, or never would have.
                Write::Apply { name, patch } if patch["spec"]["image"] == template => {
                    let node = recorded.nodes().into_iter().find(|node| node.name_any() == name).unwrap();
                    assert_ne!(node.spec.image, template, "{}", recorded.name);
                }
                // Neither the Go controller nor a user had created a budget; its external Service had no mark or lacked
                // serving pods, and its websocket route had one spelling.
                Write::ApplyObject(object) => {
                    let is_new = [
                        "PodDisruptionBudget rpc",
                        "PodDisruptionBudget devnet",
                        "Service rpc-external",
                        "HTTPRoute rpc-evm",
                    ];
                    let what = format!("{} {}", object.kind().as_str(), object.name());
                    assert!(is_new.contains(&&*what), "{}: {what}", recorded.name);
                }
                // The Go controller created no node while a name did not resolve.
                Write::Create(_) => assert!(recorded.nodes().is_empty(), "{}", recorded.name),
                other => panic!("{}: {other:?}", recorded.name),
            }
        }
    }
}

#[test]
fn every_recorded_group_reaches_its_template_or_reports_what_it_needs() {
    for recorded in Recorded::all() {
        let group = recorded.group();
        let mut world = World::of(&recorded);
        let before: BTreeMap<_, _> =
            recorded.nodes().iter().map(|node| (node.name_any(), node.uid())).collect();
        world.settle();
        let expected = match recorded.has_two_sets() {
            true => ("True", "UnexpectedNode"),
            false => ("False", "Progressing"),
        };
        let (status, reason) = world.condition("Stalled");
        assert_eq!((status.as_str(), reason.as_str()), expected, "{}", recorded.name);
        if recorded.has_two_sets() {
            assert!(before.keys().all(|name| world.nodes.contains_key(name)), "{}", recorded.name);
            continue;
        }
        assert_eq!(world.condition("Ready").0, "True", "{}", recorded.name);
        assert_eq!(world.names().len(), group.spec.replicas() as usize, "{}", recorded.name);
        for (name, node) in &world.nodes {
            assert_eq!(node["spec"]["image"], group.spec.template.spec.image, "{}: {name}", recorded.name);
            if let Some(uid) = before.get(name) {
                assert_eq!(node["metadata"]["uid"], json!(uid), "{}: {name} is the same", recorded.name);
            }
        }
    }
}

#[test]
fn the_second_set_of_a_blue_green_update_is_the_group_when_the_first_is_gone() {
    for state in ["06-bluegreen-image/17-again-3-same", "07-hardfork-image/14-again-2-same-every-millisecond"]
    {
        let mut world = World::of(&Recorded::read(state));
        let before = world.nodes.clone();
        world.settle();
        assert_eq!(world.names(), ["rpc-g2-0", "rpc-g2-1"], "{state}");
        assert_eq!(world.condition("Ready").0, "True", "{state}");
        for (name, node) in &world.nodes {
            assert_eq!(node["spec"], before[name]["spec"], "{state}: the pod of {name} is not restarted");
        }
        let status = world.status();
        assert_eq!(status.per_pod_services.unwrap()[1].name, "rpc-g2-1");
        // Additional nodes get names of the new scheme.
        world.edit("/replicas", json!(3));
        world.settle();
        assert_eq!(world.names(), ["rpc-2", "rpc-g2-0", "rpc-g2-1"], "{state}");
        world.edit("/replicas", json!(1));
        world.settle();
        assert_eq!(world.names(), ["rpc-g2-0"], "{state}");
    }
}

#[test]
fn both_sets_of_an_unfinished_update_are_kept_and_the_second_one_can_be_deleted() {
    for state in
        ["06-bluegreen-image/11-entrants-running-not-caught-up", "07-hardfork-image/10-awaiting-height"]
    {
        let recorded = Recorded::read(state);
        let mut world = World::of(&recorded);
        world.settle();
        let obstacles = world.decide().obstacles;
        assert!(obstacles[0].message.contains("delete it"), "{}", obstacles[0].message);
        for name in ["rpc-g2-0", "rpc-g2-1"] {
            world.nodes.remove(name);
        }
        world.settle();
        assert_eq!(world.names(), ["rpc-0", "rpc-1"], "{state}");
        assert_eq!(world.condition("Ready").0, "True", "{state}");
    }
}

#[test]
fn nodes_and_services_retained_by_the_go_controller_are_adopted_unchanged() {
    for (after, before) in [
        ("11-delete-retain/05-deleted", "11-delete-retain/03-running"),
        ("11-delete-retain/06-gone", "11-delete-retain/03-running"),
    ] {
        let mut recorded = Recorded::read(after);
        recorded.state["seiNodeDeployment"] = Recorded::read(before).state["seiNodeDeployment"].clone();
        let mut adopted = Vec::new();
        for write in decide(&recorded.observe()).writes {
            match write {
                Write::Apply { name, patch } => {
                    assert_eq!(patch["spec"], json!({}));
                    assert_eq!(patch["metadata"]["ownerReferences"][0]["kind"], "SeiNodeDeployment");
                    adopted.push(name);
                }
                Write::ApplyObject(object) => {
                    adopted.push(format!("{} {}", object.kind().as_str(), object.name()))
                }
                other => panic!("{other:?}"),
            }
        }
        adopted.sort();
        let expected = [
            "HTTPRoute rpc-evm",
            "HTTPRoute rpc-grpc",
            "HTTPRoute rpc-rest",
            "HTTPRoute rpc-rpc",
            "PodDisruptionBudget rpc",
            "Service rpc-external",
            "Service rpc-internal",
            "rpc-0",
            "rpc-1",
        ];
        assert_eq!(adopted, expected);
    }
}

#[test]
fn nodes_being_garbage_collected_with_the_former_group_are_waited_for() {
    let mut recorded = Recorded::read("12-delete-default/05-deleted");
    let mut next = Recorded::read("12-delete-default/03-running").state["seiNodeDeployment"].clone();
    next["metadata"]["uid"] = json!("the-next-group");
    recorded.state["seiNodeDeployment"] = next;
    let mut world = World::of(&recorded);
    let waiting = |world: &World| {
        let nodes = world.status().nodes.unwrap();
        nodes.iter().map(|node| node.reason.clone().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(waiting(&world), ["WaitingForDeletion"; 2]);
    let touched = world.decide().writes.iter().any(|write| !matches!(write, Write::ApplyObject(_)));
    assert!(!touched, "{:?}", world.decide().writes);
    world.nodes.clear();
    world.objects.clear();
    world.settle();
    assert_eq!(world.condition("Ready").0, "True");
    assert!(world.nodes.values().all(|node| node["metadata"]["labels"][labels::REVISION] == "1"));
}

#[test]
fn a_bad_image_of_a_wedged_rollout_is_reverted_at_once() {
    let mut recorded = Recorded::read("14-inplace-superseded/06-bad-image-awaiting");
    let before = Recorded::read("05-inplace-image/03-before").state["seiNodes"][0]["spec"]["image"].clone();
    recorded.state["seiNodeDeployment"]["spec"]["template"]["spec"]["image"] = before.clone();
    let writes = decide(&recorded.observe()).writes;
    let reverted = writes
        .iter()
        .filter(|write| matches!(write, Write::Apply { patch, .. } if patch["spec"]["image"] == before));
    assert_eq!(reverted.count(), recorded.nodes().len(), "none of them is available");
}

#[test]
fn no_node_is_created_while_one_of_the_second_set_is_being_deleted() {
    let mut world = World::of(&Recorded::read("06-bluegreen-image/17-again-3-same"));
    world.settle();
    let second = world.nodes.get_mut("rpc-g2-0").unwrap();
    second["metadata"]["deletionTimestamp"] = json!("2027-01-01T00:00:00Z");
    let creates = |world: &World| {
        world.decide().writes.iter().filter(|write| matches!(write, Write::Create(_))).count()
    };
    assert_eq!(creates(&world), 0);
    world.nodes.remove("rpc-g2-0");
    assert_eq!(creates(&world), 1);
}
