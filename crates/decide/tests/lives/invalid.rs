//! Specs that the API server admits and the operator rejects, from the shared table of cases.

#[allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::panic,
    clippy::unwrap_used,
    reason = "each test reads a part of the table"
)]
#[path = "../../../api/tests/admission/cases.rs"]
mod cases;

use cases::Expect;
use sei_api::{
    conditions::{ConditionType, SpecReason, StalledReason},
    v1alpha1::NodePhase,
};
use sei_plan::Outcome;
use serde_json::json;

use crate::life::Life;

#[test]
fn specs_that_only_the_operator_can_reject_get_no_plan_and_a_condition() {
    let mut reported = 0;
    for case in cases::nodes() {
        let spec = case.object["spec"].clone();
        match case.expect {
            Expect::Stalled(part) => {
                let mut life = Life::new(spec);
                life.pass(Vec::new(), &Outcome::Done).unwrap();
                let status = life.node.status.as_ref().unwrap();
                let said = status.condition(ConditionType::Stalled).unwrap();
                assert_eq!(said.reason, StalledReason::InvalidSpec.as_str(), "{}", case.name);
                assert!(said.message.contains(&part), "{}: {}", case.name, said.message);
                assert_eq!(status.plan, None, "{}", case.name);
                reported += 1;
            }
            Expect::Admitted if case.old.is_none() => {
                let mut life = Life::new(spec);
                life.pass(Vec::new(), &Outcome::Done).unwrap();
                assert!(life.node.status.as_ref().unwrap().plan.is_some(), "{} gets its plan", case.name);
            }
            _ => {}
        }
    }
    assert!(reported >= 15, "{reported}");
}

/// A Running node that matches its spec.
fn running() -> Life {
    let mut life = Life::new(json!({ "chainId": "c", "image": "seid:0", "fullNode": {} }));
    until_quiet(&mut life);
    assert_eq!(image(&life), Some("seid:0"));
    life
}

fn until_quiet(life: &mut Life) {
    while life.pass(Vec::new(), &Outcome::Done).unwrap() {}
}

fn image(life: &Life) -> Option<&str> {
    life.node.status.as_ref()?.current_image.as_deref()
}

fn reason(life: &Life, kind: ConditionType) -> Option<&str> {
    life.node.status.as_ref()?.condition(kind).map(|condition| condition.reason.as_str())
}

#[test]
fn an_update_is_not_blocked_by_fields_that_it_does_not_use() {
    let mut life = running();
    life.change(|node| {
        node.spec.image = "seid:1".to_owned();
        node.spec.overrides = Some([("no.such.key".to_owned(), "1".to_owned())].into());
        node.spec.peers = serde_json::from_value(json!([{ "static": { "addresses": ["none"] } }])).unwrap();
    });
    until_quiet(&mut life);
    assert_eq!(image(&life), Some("seid:1"));
    assert_eq!(reason(&life, ConditionType::Stalled), None);
    assert_eq!(reason(&life, ConditionType::SpecHonored), Some(SpecReason::FieldInvalid.as_str()));
    life.change(|node| (node.spec.overrides, node.spec.peers) = (None, None));
    until_quiet(&mut life);
    assert_eq!(reason(&life, ConditionType::SpecHonored), None);
}

fn message(life: &Life, kind: ConditionType) -> String {
    life.node.status.as_ref().unwrap().condition(kind).unwrap().message.clone()
}

#[test]
fn an_overridden_log_level_is_reported() {
    let mut life = running();
    life.change(|node| {
        node.spec.overrides = Some([("logging.level".to_owned(), "debug".to_owned())].into());
    });
    until_quiet(&mut life);
    let said = message(&life, ConditionType::SpecHonored);
    assert!(said.contains("logging.level has no effect: it is always info"), "{said}");
}

#[test]
fn an_update_to_an_invalid_image_is_blocked() {
    let mut life = running();
    life.change(|node| node.spec.image = "seid:1\n".to_owned());
    until_quiet(&mut life);
    assert_eq!(image(&life), Some("seid:0"));
    assert_eq!(reason(&life, ConditionType::Stalled), Some(StalledReason::InvalidSpec.as_str()));
}

#[test]
fn a_restarted_sidecar_is_released_despite_invalid_pod_fields() {
    let mut life = running();
    life.change(|node| node.spec.sidecar = serde_json::from_value(json!({ "port": 8443 })).unwrap());
    life.forms.health = 1;
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    let plan = life.node.status.as_ref().unwrap().plan.as_ref().unwrap();
    assert_eq!(plan.tasks.iter().map(|task| task.type_.as_str()).collect::<Vec<_>>(), ["mark-ready"]);
}

#[test]
fn a_status_of_a_later_version_is_not_changed() {
    let mut life = running();
    life.node.status.as_mut().unwrap().phase = Some(NodePhase::Unknown);
    life.change(|node| node.spec.image = "seid:1".to_owned());
    until_quiet(&mut life);
    let status = life.node.status.as_ref().unwrap();
    assert_eq!((status.phase, image(&life)), (Some(NodePhase::Unknown), Some("seid:0")));
    assert_eq!(reason(&life, ConditionType::Stalled), Some(StalledReason::StatusUnknown.as_str()));
}
