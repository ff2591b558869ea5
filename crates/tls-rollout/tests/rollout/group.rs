//! Enabling and disabling TLS on groups.

use kube::ResourceExt;
use sei_api::{SeiNodeDeployment, labels, v1alpha1::deployment::ChildNode};
use sei_tls_rollout::{
    Group, GroupProgress, GroupStep, Issuer, ObservedGroup, Secret, Step, Target, Volume, group_steps,
    members, next_group,
};
use serde_json::json;

use crate::world;

fn enable() -> Target {
    Target::Enable { secret: "$(name)-tls".to_owned(), issuer: None }
}

fn group() -> SeiNodeDeployment {
    serde_json::from_value(json!({
        "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeDeployment",
        "metadata": { "name": "rpc", "namespace": "sei", "uid": "group-1", "generation": 2, "resourceVersion": "9",
            "labels": { "team": "infra" } },
        "spec": { "replicas": 2,
            "template": { "spec": { "chainId": "pacific-1", "image": "seid:1", "fullNode": {} } } },
        "status": { "observedGeneration": 2, "conditions": [{ "type": "Ready", "status": "True",
            "reason": "AllNodesReady", "message": "", "lastTransitionTime": "2030-01-01T00:00:00Z" }] },
    }))
    .unwrap()
}

fn running() -> ObservedGroup {
    let owner = json!([{ "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeDeployment", "name": "rpc", "uid": "group-1",
        "controller": true }]);
    let nodes = members(&group()).into_iter().map(|name| {
        let mut observed = world::running(&name);
        observed.node.as_mut().unwrap().metadata.owner_references =
            serde_json::from_value(owner.clone()).unwrap();
        observed.group = Some(Group { name: "rpc".to_owned(), uid: "group-1".to_owned() });
        (name, observed)
    });
    ObservedGroup { group: Some(group()), claim: Some(world::claim("rpc-0")), nodes: nodes.collect() }
}

fn refused(observed: &ObservedGroup, target: &Target) -> String {
    match next_group(observed, target) {
        GroupProgress::Refused(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_group_is_recreated_without_its_nodes_and_then_each_node() {
    let steps = group_steps(&running(), &enable()).unwrap();
    let [GroupStep::Keep { claim, .. }, GroupStep::Delete { uid, resource_version }, GroupStep::Create(new)] =
        &*steps.before
    else {
        panic!("{steps:?}")
    };
    assert_eq!((&**claim, &**uid, &**resource_version), ("data-rpc-0", "group-1", "9"));
    assert_eq!(new.spec.template.spec.tls().unwrap().secret_name, "$(name)-tls");
    assert_eq!(new.labels()["team"], "infra");
    assert!(new.metadata.uid.is_none() && new.status.is_none());
    let names: Vec<_> = steps.nodes.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["rpc-1", "rpc-0"], "the highest ordinal first");
    for (name, steps) in &steps.nodes {
        let is_whole = matches!(
            &**steps,
            [Step::Keep { .. }, Step::Delete { .. }, Step::HandOver { .. }, Step::Forget { .. }]
        );
        assert!(is_whole, "the group creates {name}: {steps:?}");
    }
    assert!(matches!(&*steps.after, [GroupStep::Forget { .. }]), "{steps:?}");
}

#[test]
fn a_group_whose_nodes_are_of_a_second_set_is_refused() {
    let mut observed = running();
    let status = observed.group.as_mut().unwrap().status.as_mut().unwrap();
    status.nodes = Some(vec![ChildNode { name: "rpc-green-0".to_owned(), ..ChildNode::default() }]);
    let why = refused(&observed, &enable());
    assert!(why.contains("rpc-green-0 belongs to the second set"), "{why}");
}

#[test]
fn certificates_of_all_nodes_come_before_anything_is_deleted() {
    let mut observed = running();
    observed.nodes.iter_mut().for_each(|(_, node)| node.secret = Secret::Missing);
    let issuer = Issuer { kind: "Issuer".to_owned(), name: "ca".to_owned() };
    let target = Target::Enable { secret: "$(name)-tls".to_owned(), issuer: Some(issuer) };
    let steps = group_steps(&observed, &target).unwrap();
    let issued = steps.before.iter().map_while(|step| match step {
        GroupStep::Issue { node, .. } => Some(node.as_str()),
        _ => None,
    });
    assert_eq!(issued.collect::<Vec<_>>(), ["rpc-1", "rpc-0"]);
}

#[test]
fn it_continues_after_an_interruption_at_any_step() {
    let mut observed = running();
    let GroupProgress::Next(GroupStep::Keep { recreate, .. }) = next_group(&observed, &enable()) else {
        panic!()
    };
    let claim = observed.claim.as_mut().unwrap();
    claim.annotations_mut().insert(labels::RECREATE_GROUP_ANNOTATION.to_owned(), recreate);
    assert!(matches!(next_group(&observed, &enable()), GroupProgress::Next(GroupStep::Delete { .. })));

    observed.group = None;
    let waiting = next_group(&observed, &enable());
    assert_eq!(waiting, GroupProgress::Wait("SeiNode rpc-1 is being released".to_owned()));
    observed
        .nodes
        .iter_mut()
        .for_each(|(_, node)| node.node.as_mut().unwrap().metadata.owner_references = None);
    assert!(refused(&observed, &Target::Disable).contains("finish it first"));
    let GroupProgress::Next(GroupStep::Create(new)) = next_group(&observed, &enable()) else { panic!() };

    observed.group = Some(*new);
    let due = next_group(&observed, &enable());
    assert_eq!(due, GroupProgress::Nodes(vec!["rpc-1".to_owned(), "rpc-0".to_owned()]));
    for (name, node) in &mut observed.nodes {
        let tls = json!({ "sidecar": { "tls": { "secretName": format!("{name}-tls") } } });
        node.node = Some(world::node(name, tls));
    }
    assert!(matches!(next_group(&observed, &enable()), GroupProgress::Wait(_)), "until the group is Ready");
    let group = observed.group.as_mut().unwrap();
    (group.metadata.generation, group.status) = (Some(2), self::group().status);
    assert!(matches!(next_group(&observed, &enable()), GroupProgress::Next(GroupStep::Forget { .. })));
    observed.claim = Some(world::claim("rpc-0"));
    assert_eq!(next_group(&observed, &enable()), GroupProgress::Done);
}

/// A change of the observed state, and part of the message with which it is refused.
type Obstacle = (&'static str, fn(&mut ObservedGroup));

#[test]
fn nothing_is_deleted_while_a_check_fails() {
    let cases: [Obstacle; 7] = [
        ("no SeiNodeDeployment of this name", |it| it.group = None),
        ("has not reconciled", |it| it.group.as_mut().unwrap().metadata.generation = Some(3)),
        ("genesis ceremony", |it| {
            let genesis = json!({ "chainId": "new-1" });
            it.group.as_mut().unwrap().spec.genesis = serde_json::from_value(genesis).unwrap();
        }),
        ("it has TLS already, with Secret other", |it| {
            let sidecar = json!({ "tls": { "secretName": "other" } });
            let group = it.group.as_mut().unwrap();
            group.spec.template.spec.sidecar = serde_json::from_value(sidecar).unwrap();
        }),
        ("rpc-0: PersistentVolume pv-1 has reclaim policy Delete", |it| {
            it.nodes[1].1.volume = Volume::Deleted("pv-1".to_owned());
        }),
        ("SeiNode rpc-1 does not exist", |it| it.nodes[0].1.node = None),
        ("rpc-1: it belongs to SeiNodeDeployment rpc", |it| {
            it.nodes[0].1.group.as_mut().unwrap().uid = "group-2".to_owned();
        }),
    ];
    for (expected, change) in cases {
        let mut observed = running();
        change(&mut observed);
        let why = refused(&observed, &enable());
        assert!(why.contains(expected), "{expected}: {why}");
        assert_eq!(group_steps(&observed, &enable()), Err(why));
    }
}
