//! What stops an Active plan, and what does not count as an obstacle.

use std::sync::Arc;

use sei_api::conditions::{ConditionType, StalledReason};
use sei_decide::Claim;
use sei_plan::Outcome;
use serde_json::{Value, json};

use crate::life::Life;

/// A node with a stored update plan that has not run any task, and whose pod uses the claim.
fn updating(mut spec: Value, is_owned: bool) -> Life {
    spec["chainId"] = "c".into();
    spec["image"] = "seid:0".into();
    spec["fullNode"] = json!({});
    let mut life = Life::new(spec);
    life.claim = Some(Claim {
        name: "data".to_owned(),
        uid: "claim-1".to_owned(),
        phase: Some("Bound".to_owned()),
        volume: Some("pv-1".to_owned()),
        deleted_at: None,
        is_owned,
        is_retained: false,
        has_state: true,
        config_mode: None,
    });
    while life.pass(Vec::new(), &Outcome::Done).unwrap() {}
    life.change(|node| node.spec.image = "seid:1".to_owned());
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    assert_eq!(life.plan().unwrap().tasks[0].type_, "apply-statefulset");
    life
}

fn delete_claim(life: &mut Life) {
    life.claim.as_mut().unwrap().deleted_at = Some(life.now);
}

fn assert_held(life: &mut Life, reason: StalledReason) {
    let plan = life.plan();
    assert!(!life.pass(Vec::new(), &Outcome::Done).unwrap(), "the plan continues");
    assert_eq!(life.plan(), plan);
    let stalled = life.node.status.as_ref().unwrap().condition(ConditionType::Stalled).unwrap();
    assert_eq!(stalled.reason, reason.as_str(), "{}", stalled.message);
}

#[test]
fn an_update_is_held_while_the_data_claim_is_terminating_imported_or_not() {
    let import = json!({ "dataVolume": { "import": { "pvcName": "data" } } });
    for (spec, is_owned) in [(json!({}), true), (import, false)] {
        let mut life = updating(spec, is_owned);
        delete_claim(&mut life);
        assert_held(&mut life, StalledReason::DataVolumeTerminating);
    }
}

#[test]
fn an_obstacle_that_holds_plans_is_reported_before_one_that_does_not() {
    let make_sidecar_old = |life: &mut Life| {
        life.change(|node| {
            node.spec.sidecar.as_mut().unwrap().image = Some("seictl:v0.0.49".to_owned());
        });
    };
    let tls = json!({ "sidecar": { "tls": { "secretName": "t" } } });
    let mut life = updating(tls.clone(), true);
    make_sidecar_old(&mut life);
    delete_claim(&mut life);
    assert_held(&mut life, StalledReason::DataVolumeTerminating);

    let mut life = updating(tls, true);
    make_sidecar_old(&mut life);
    life.forms.rival = true;
    assert_held(&mut life, StalledReason::VolumeInUse);
}

/// The garbage collector deletes them, then they are recreated.
#[test]
fn objects_left_by_a_deleted_seinode_of_the_same_name_are_neither_foreign_nor_changed() {
    let mut life = updating(json!({ "sidecar": { "tls": { "secretName": "t" } } }), true);
    while life.pass(Vec::new(), &Outcome::Done).unwrap() {}
    life.forms.stateful_set = 2;
    life.adjust = Box::new(|observed| {
        let children = &mut observed.children;
        let set = Arc::make_mut(children.stateful_set.as_mut().unwrap());
        let service = Arc::make_mut(children.service.as_mut().unwrap());
        let config = Arc::make_mut(children.config_map.as_mut().unwrap());
        for metadata in [&mut set.metadata, &mut service.metadata, &mut config.metadata] {
            metadata.owner_references.as_mut().unwrap()[0].uid = "former".to_owned();
        }
    });
    let before = life.repairs.len();
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    assert_eq!(life.node.status.as_ref().unwrap().condition(ConditionType::Stalled), None);
    assert_eq!(life.repairs.len(), before);
}
