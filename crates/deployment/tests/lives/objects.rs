//! SeiNodes, Service and status equal those of the Go controller in every recorded state, except for what section
//! Objects of `docs/deployments.md` lists.

use std::collections::BTreeSet;

use kube::ResourceExt;
use sei_api::{SeiNode, SeiNodeDeployment, labels, v1alpha1::deployment::DeploymentPhase};
use sei_deployment::{Color, Object, Seat, Write, child, child_name, decide, objects};
use sei_render::drift::differences;
use serde_json::{Value, json};

use crate::recorded::Recorded;

/// Rows of section Objects, as `OBJECT PATH`.
fn listed() -> BTreeSet<String> {
    let page = include_str!("../../../../docs/deployments.md");
    let section = page.split("\n## ").find(|section| section.starts_with("Objects\n")).unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ") && line.contains(" | `/"));
    rows.map(|row| {
        let mut cells = row.split('|').map(|cell| cell.trim().trim_matches('`')).skip(1);
        format!("{} {}", cells.next().unwrap(), cells.next().unwrap())
    })
    .collect()
}

/// Paths at which two objects differ.
fn compared(kind: &str, ours: &Value, theirs: &Value) -> Vec<String> {
    let mut found = differences(ours, theirs);
    found.extend(differences(theirs, ours));
    // The table lists whole lists, not their elements.
    let whole = |path: String| match path.split_once("/peers/") {
        Some((before, _)) => format!("{before}/peers"),
        None => path,
    };
    found.into_iter().map(|path| format!("{kind} {}", whole(path))).collect()
}

/// The part that a controller writes, without what the API server adds.
fn shown_object(object: &Object) -> Value {
    let metadata = object.metadata();
    let mut shown = json!({
        "metadata": {
            "labels": metadata.labels, "annotations": metadata.annotations, "ownerReferences": metadata.owner_references,
        },
        "spec": object.body()["spec"],
    });
    let spec = shown["spec"].as_object_mut().unwrap();
    for rule in spec.get_mut("rules").into_iter().flat_map(|rules| rules.as_array_mut().unwrap()) {
        // Every path, which is the default.
        rule.as_object_mut().unwrap().retain(|field, value| field != "matches" || *value != json!([{}]));
    }
    for added in ["internalTrafficPolicy", "ipFamilies", "ipFamilyPolicy", "sessionAffinity"] {
        spec.remove(added);
    }
    shown
}

/// Whether the Go controller had updated the node to the template: in some states it had not yet, and it does not update
/// its second set and the nodes above the replicas.
fn is_current(group: &SeiNodeDeployment, node: &SeiNode) -> bool {
    (0..group.spec.replicas()).any(|ordinal| child_name(group, ordinal) == node.name_any())
        && node.spec.image == group.spec.template.spec.image
}

#[test]
fn objects_of_a_group_match_the_go_controller_except_for_documented_differences() {
    let mut found = BTreeSet::new();
    let (mut compared_nodes, mut compared_objects) = (0, 0);
    for recorded in Recorded::all() {
        let group = recorded.group();
        for node in recorded.nodes().iter().filter(|node| is_current(&group, node)) {
            let ordinal = node.labels()[labels::DEPLOYMENT_ORDINAL].parse().unwrap();
            let ours =
                child(&group, &Seat::new(&group, Color::Blue, ordinal), &node.labels()[labels::REVISION]);
            assert_eq!(ours.name_any(), node.name_any());
            let shown = |node: &SeiNode| {
                let metadata = &node.metadata;
                json!({
                    "metadata": {
                        "labels": metadata.labels, "annotations": metadata.annotations,
                        "ownerReferences": metadata.owner_references,
                    },
                    "spec": node.spec,
                })
            };
            found.extend(compared("SeiNode", &shown(&ours), &shown(node)));
            compared_nodes += 1;
        }
        let live = recorded.objects();
        for ours in objects(&group, Color::Blue, &recorded.routes()) {
            let theirs = live.iter().find(|live| live.kind() == ours.kind() && live.name() == ours.name());
            let kind = ours.kind().as_str();
            match theirs {
                Some(theirs) => found.extend(compared(kind, &shown_object(&ours), &shown_object(theirs))),
                None => drop(found.insert(format!("{kind} /"))),
            }
            compared_objects += usize::from(theirs.is_some());
        }
    }
    assert_eq!(found, listed());
    assert!(compared_nodes > 120 && compared_objects > 100, "{compared_nodes}, {compared_objects}");
}

#[test]
fn new_nodes_carry_the_generation_of_the_group_as_their_revision() {
    let mut recorded = Recorded::read("01-full-minimal/01-first");
    recorded.state["seiNodes"] = json!([]);
    let created: Vec<_> = decide(&recorded.observe()).writes;
    let revisions: Vec<_> = created
        .iter()
        .filter_map(|write| match write {
            Write::Create(node) => Some((node.name_any(), node.labels()[labels::REVISION].clone())),
            _ => None,
        })
        .collect();
    assert_eq!(revisions, ["rpc-0", "rpc-1", "rpc-2"].map(|name| (name.to_owned(), "1".to_owned())));
}

#[test]
fn the_status_of_a_ready_group_matches_the_go_controller() {
    let ready = |recorded: &Recorded| {
        recorded.state["seiNodeDeployment"]["status"]["phase"] == "Ready"
            && recorded.status().phase == Some(DeploymentPhase::Ready)
    };
    let states: Vec<_> = Recorded::all().into_iter().filter(ready).collect();
    assert!(states.len() > 15, "{}", states.len());
    for recorded in states {
        let (ours, theirs) = (json!(recorded.status()), &recorded.state["seiNodeDeployment"]["status"]);
        for field in
            ["observedGeneration", "replicas", "readyReplicas", "nodes", "internalService", "perPodServices"]
        {
            assert_eq!(ours[field], theirs[field], "{} {field}", recorded.name);
        }
        // The Go controller lists EVM endpoints of validators, which serve none.
        if recorded.group().spec.template.spec.validator.is_none() {
            assert_eq!(ours["endpoints"], theirs["endpoints"], "{}", recorded.name);
        }
        let conditions = recorded.status().conditions.unwrap();
        let types: Vec<_> = conditions.iter().map(|condition| condition.type_.as_str()).collect();
        assert!(
            types.ends_with(&["Ready", "Progressing", "Stalled"]),
            "conditions without a cause are removed: {types:?}"
        );
    }
}

#[test]
fn phases_match_the_go_controller_where_it_observed_its_nodes() {
    // Members of a ceremony are first changed to select their peers by label.
    for recorded in Recorded::all().into_iter().filter(|recorded| recorded.group().spec.genesis.is_none()) {
        let theirs = recorded.state["seiNodeDeployment"]["status"]["phase"].as_str().unwrap();
        let ours = recorded.status().phase.unwrap().as_str();
        let group = recorded.group();
        let images: Vec<_> = recorded
            .nodes()
            .iter()
            .map(|node| node.status.as_ref().and_then(|status| status.current_image.clone()))
            .collect();
        let template = group.spec.template.spec.image.as_str();
        let is_updated = images.iter().flatten().all(|image| image == template);
        let runs = is_updated && images.iter().all(Option::is_some);
        let expected = match theirs {
            // The Go controller no longer saw any node during an update, and reported the update as complete before the
            // images ran.
            "Ready" if !is_updated => "Upgrading",
            // The Go controller still counted nodes that are being deleted.
            "Initializing" if recorded.nodes().len() > group.spec.replicas() as usize => "Ready",
            // The Go controller never ends an update by a second set, which is now the group.
            "Upgrading" if recorded.has_second_set() && runs => "Ready",
            "Upgrading" if recorded.has_second_set() && is_updated => "Initializing",
            theirs => theirs,
        };
        assert_eq!(ours, expected, "{}", recorded.name);
    }
}

#[test]
fn the_validators_of_a_ceremony_select_each_other_by_label() {
    let mut recorded = Recorded::read("04-genesis-ceremony/18-scaled-to-5");
    let of_template = json!([{ "label": { "selector": { "role": "seed" } } }]);
    recorded.state["seiNodeDeployment"]["spec"]["template"]["spec"]["peers"] = of_template.clone();
    let group = recorded.group();
    for ordinal in 0..5 {
        let node = child(&group, &Seat::new(&group, Color::Blue, ordinal), "1");
        let members = json!({ "label": { "selector": { labels::DEPLOYMENT: "devnet" } } });
        assert_eq!(json!(node.spec.peers), json!([of_template[0], members]));
        assert_eq!(node.labels()[labels::DEPLOYMENT], "devnet");
    }
}
