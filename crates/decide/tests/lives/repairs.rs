//! Repairs of a Running node that fail, or that do not last.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::StatefulSet;
use sei_api::conditions::{ConditionType, ReadyReason};
use sei_decide::{Claim, Overridden, Repair, Repaired};
use sei_plan::Outcome;
use serde_json::json;

use crate::life::{GOOD, Life};

/// `reason: message` of a condition.
fn condition(life: &Life, kind: ConditionType) -> String {
    let status = life.node.status.as_ref().unwrap();
    let condition = status.condition(kind).unwrap();
    format!("{}: {}", condition.reason, condition.message)
}

/// A Running node whose StatefulSet was edited by another client.
fn edited() -> Life {
    let mut life = Life::new(json!({ "chainId": "c", "image": "seid:0", "fullNode": {} }));
    while life.pass(Vec::new(), &Outcome::Done).unwrap() {}
    assert!(condition(&life, ConditionType::Ready).starts_with(ReadyReason::NodeReady.as_str()));
    life.forms.stateful_set = 2;
    life
}

#[test]
fn a_rejected_repair_makes_the_node_not_ready() {
    let mut life = edited();
    life.repaired = Repaired::Failed("failed to write StatefulSet node-0: exceeded quota".to_owned());
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    let ready = condition(&life, ConditionType::Ready);
    assert_eq!(ready, "WriteRefused: failed to write StatefulSet node-0: exceeded quota");
    life.forms = GOOD;
    life.repaired = Repaired::Done;
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    assert!(condition(&life, ConditionType::Ready).starts_with(ReadyReason::NodeReady.as_str()));
}

#[test]
fn a_repair_that_is_undone_is_reported_and_not_repeated() {
    let mut life = edited();
    let paths = vec!["/spec/replicas".to_owned()];
    let overridden = Overridden { kind: "StatefulSet", name: "node-0".to_owned(), paths };
    life.repaired = Repaired::Undone(overridden.clone());
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    let honored = condition(&life, ConditionType::SpecHonored);
    assert!(honored.starts_with("FieldOverridden: StatefulSet node-0: /spec/replicas"), "{honored}");
    life.overridden = vec![overridden];
    let before = life.repairs.len();
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    assert_eq!(life.repairs.len(), before);
    assert_eq!(condition(&life, ConditionType::SpecHonored), honored, "no status is written");
}

/// Number of repairs of the StatefulSet in a pass that observes it with this version and number of replicas.
fn repairs(life: &mut Life, version: &'static str, replicas: i32) -> usize {
    life.adjust = Box::new(move |observed| {
        let mut set = StatefulSet::clone(observed.children.stateful_set.as_ref().unwrap());
        set.metadata.uid = Some("set".to_owned());
        set.metadata.resource_version = Some(version.to_owned());
        set.spec.as_mut().unwrap().replicas = Some(replicas);
        observed.children.stateful_set = Some(Arc::new(set));
    });
    life.repairs.clear();
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    life.repairs.iter().filter(|repair| matches!(repair, Repair::StatefulSet(_))).count()
}

#[test]
fn an_object_is_compared_again_when_it_or_the_spec_changes() {
    let mut life = edited();
    life.forms = GOOD;
    assert_eq!(repairs(&mut life, "1", 1), 0);
    assert_eq!(repairs(&mut life, "1", 0), 0, "this version was compared");
    assert_eq!(repairs(&mut life, "2", 0), 1);
    assert_eq!(repairs(&mut life, "2", 0), 1, "drift is found until it is repaired");
    assert_eq!(repairs(&mut life, "3", 1), 0);
    life.change(|node| node.spec.pod_labels = Some([("team".to_owned(), "a".to_owned())].into()));
    assert_eq!(repairs(&mut life, "3", 0), 1);
}

/// The claim of the node, whose volume is not marked yet.
fn unmarked(is_owned: bool) -> Claim {
    Claim {
        name: "data-node-0".to_owned(),
        uid: "claim-1".to_owned(),
        phase: Some("Bound".to_owned()),
        volume: None,
        deleted_at: None,
        is_owned,
        is_retained: false,
        config_mode: None,
        has_state: false,
    }
}

#[test]
fn the_claim_of_a_running_node_is_marked_once_its_pod_is_ready() {
    let mut life = Life::new(json!({ "chainId": "c", "image": "seid:0", "fullNode": {} }));
    while life.pass(Vec::new(), &Outcome::Done).unwrap() {}
    let mut marked = |claim: Claim, pod: usize| {
        life.repairs.clear();
        life.claim = Some(claim);
        life.forms.pod = pod;
        life.pass(Vec::new(), &Outcome::Done).unwrap();
        life.repairs.contains(&Repair::ClaimMark(unmarked(true)))
    };
    let (ready, not_ready) = (0, 2);
    assert!(!marked(unmarked(true), not_ready), "it may not have caught up");
    assert!(marked(unmarked(true), ready));
    assert!(!marked(Claim { has_state: true, ..unmarked(true) }, ready));
    assert!(!marked(unmarked(false), ready), "it has another owner");
}

#[test]
fn a_publisher_without_the_publish_label_is_not_restarted() {
    let publish = json!({ "tendermint": { "keepRecent": 3, "publish": {} } });
    let spec = json!({ "chainId": "c", "image": "seid:0", "archive": { "snapshotGeneration": publish } });
    let mut life = Life::new(spec);
    while life.pass(Vec::new(), &Outcome::Done).unwrap() {}
    life.repairs.clear();
    let plan = life.plan().unwrap().id;
    life.adjust = Box::new(|observed| {
        let mut set = observed.children.stateful_set.as_deref().unwrap().clone();
        let template = &mut set.spec.as_mut().unwrap().template.metadata;
        let label = template.as_mut().unwrap().labels.as_mut().unwrap().remove("sei.io/snapshot-publish");
        assert_eq!(label.as_deref(), Some("true"));
        observed.children.stateful_set = Some(std::sync::Arc::new(set));
    });
    while life.pass(Vec::new(), &Outcome::Done).unwrap() {}
    let is_of_template = |repair: &Repair| matches!(repair, Repair::StatefulSet(_));
    assert!(!life.repairs.iter().any(is_of_template), "{:?}", life.repairs);
    assert_eq!(life.plan().unwrap().id, plan, "no plan starts");
}
