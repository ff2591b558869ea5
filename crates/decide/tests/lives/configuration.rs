//! Changes of the configuration of a Running node.

use jiff::SignedDuration;
use sei_api::{
    conditions::{ConditionType, SpecReason},
    v1alpha1::{Configured, NodePhase},
};
use sei_decide::SidecarStep;
use sei_plan::{OfKind, Outcome, Plan, Task, TaskKind};
use serde_json::json;

use crate::{
    life::Life,
    running::{honored, immediately, next_plan, running, set_port, status, types, until_quiet},
};

const PEER: &str = "0123456789abcdef0123456789abcdef01234567@b:1";

#[test]
fn a_changed_configuration_waits_for_the_next_image_and_is_reported_until_then() {
    let mut life = running();
    let first = life.plan().unwrap().id;
    set_port(&mut life, "8546");
    until_quiet(&mut life);
    assert_eq!(life.plan().unwrap().id, first, "no plan starts");
    let (reason, said) = honored(&life).unwrap();
    assert_eq!(reason, SpecReason::FieldPending.as_str());
    assert!(said.contains("spec.overrides") && !said.contains("spec.peers"), "{said}");
    let ready = status(&life).condition(ConditionType::Ready).unwrap();
    assert!(ready.message.contains("SpecHonored"));

    life.change(|node| node.spec.overrides = None);
    until_quiet(&mut life);
    assert_eq!(honored(&life), None, "it was changed back");

    set_port(&mut life, "8546");
    life.change(|node| {
        node.spec.image = "seid:1".to_owned();
        node.spec.peers = serde_json::from_value(json!([{ "static": { "addresses": [PEER] } }])).unwrap();
    });
    let plan = next_plan(&mut life);
    let params =
        plan.tasks.iter().find(|task| task.is(TaskKind::ConfigApply)).unwrap().params.clone().unwrap();
    assert_eq!(
        (&params["incremental"], &params["overrides"]["evm.http_port"]),
        (&json!(true), &json!("8546"))
    );
    assert_eq!(params["peers"], json!(life.node.spec.peers));
    until_quiet(&mut life);
    assert_eq!(honored(&life), None, "the update has written it");
}

#[test]
fn a_changed_configuration_restarts_the_node_once_if_requested() {
    let mut life = running();
    immediately(&mut life);
    until_quiet(&mut life);
    let first = life.plan().unwrap().id;
    set_port(&mut life, "8546");
    let plan = next_plan(&mut life);
    let place = |kind| plan.tasks.iter().position(|task| task.is(kind)).unwrap();
    assert!(place(TaskKind::ConfigValidate) < place(TaskKind::ReplacePod), "{:?}", types(&plan));
    let task = Task::read(&plan.tasks[place(TaskKind::ReplacePod)]).unwrap();
    assert_eq!(task, Task::ReplacePod { also: Some("pod-1".to_owned()) });
    let update = status(&life).condition(ConditionType::NodeUpdateInProgress).unwrap();
    assert!(update.status == "True" && update.message.contains("configuration"), "{}", update.message);
    assert_eq!(honored(&life).unwrap().0, SpecReason::FieldPending.as_str(), "said before anything restarts");

    life.pod_uid = "pod-2";
    until_quiet(&mut life);
    assert_eq!((life.plan().unwrap().id, honored(&life)), (plan.id.clone(), None));
    assert_ne!(plan.id, first);
}

#[test]
fn an_update_that_has_restarted_the_pod_does_not_restart_it_for_the_same_configuration() {
    let mut life = running();
    immediately(&mut life);
    set_port(&mut life, "8546");
    let plan = next_plan(&mut life);
    let before = plan.tasks.iter().position(|task| task.is(TaskKind::ObserveImage)).unwrap();
    life.pass(vec![Outcome::Done; before], &Outcome::Rejected { error: "no".to_owned() }).unwrap();
    life.pod_uid = "pod-2";
    life.retry("1");
    let again = next_plan(&mut life);
    let replace = again.tasks.iter().find(|task| task.is(TaskKind::ReplacePod)).unwrap();
    assert_eq!(Task::read(replace).unwrap(), Task::ReplacePod { also: None });
}

#[test]
fn nodes_of_earlier_versions_are_not_restarted_for_their_configuration() {
    // Of the Go controller, which recorded no configuration.
    let mut life = running();
    immediately(&mut life);
    set_port(&mut life, "8546");
    life.node.status.as_mut().unwrap().configured = None;
    let first = life.plan().unwrap().id;
    until_quiet(&mut life);
    assert_eq!((life.plan().unwrap().id, honored(&life)), (first, None));

    // With a change that an earlier version of this operator has only reported.
    let mut life = running();
    set_port(&mut life, "8546");
    let earlier = Configured { overrides: "another".to_owned(), ..status(&life).configured.clone().unwrap() };
    life.node.status.as_mut().unwrap().configured = Some(earlier);
    let first = life.plan().unwrap().id;
    until_quiet(&mut life);
    assert_eq!(life.plan().unwrap().id, first);
    assert_eq!(honored(&life).unwrap().0, SpecReason::FieldPending.as_str());
}

#[test]
fn the_next_pod_is_configured_where_no_sidecar_responds() {
    let mut life = running();
    life.forms.health = 3;
    life.change(|node| node.spec.image = "seid:1".to_owned());
    let plan = next_plan(&mut life);
    let place = |kind| plan.tasks.iter().position(|task| task.is(kind)).unwrap();
    assert!(place(TaskKind::ObserveImage) < place(TaskKind::ConfigApply), "{:?}", types(&plan));
}

#[test]
fn an_update_does_not_wait_for_a_sidecar_that_stops_responding() {
    let mut life = running();
    life.change(|node| node.spec.image = "seid:1".to_owned());
    next_plan(&mut life);
    life.pass(vec![Outcome::Done; 2], &Outcome::Requested).unwrap();
    life.forms.health = 3;
    let step = |life: &mut Life| {
        let observed = life.observe();
        let plan = Plan::load(&observed.node).unwrap();
        let (_, planned) = plan.current().unwrap();
        let Task::Sidecar(task) = Task::read(planned).unwrap() else { panic!("{planned:?}") };
        sei_decide::sidecar_step(&observed, &plan, planned, &task, false)
    };
    let SidecarStep::Submit { meanwhile, .. } = step(&mut life) else { panic!("it waits") };
    assert!(matches!(meanwhile, Outcome::Waiting { .. }), "{meanwhile:?}");
    life.pass(vec![meanwhile], &Outcome::Running).unwrap();
    life.now += SignedDuration::from_secs(60);
    assert_eq!(step(&mut life), SidecarStep::Ended(Outcome::Reissue));
    life.pass(vec![Outcome::Reissue], &Outcome::Running).unwrap();
    let plan = life.plan().unwrap();
    let place = |kind| plan.tasks.iter().position(|task| task.is(kind)).unwrap();
    assert!(place(TaskKind::ObserveImage) < place(TaskKind::ConfigApply), "{:?}", types(&plan));
}

#[test]
fn a_node_whose_spec_changed_during_a_plan_is_not_ready_before_the_next_pass() {
    let mut life = Life::new(json!({ "chainId": "c", "image": "seid:0", "fullNode": {} }));
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    let tasks = life.plan().unwrap().tasks.len();
    life.pass(vec![Outcome::Done; tasks - 1], &Outcome::Running).unwrap();
    life.change(|node| node.spec.image = "seid:1".to_owned());
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    let ready = |life: &Life| status(life).condition(ConditionType::Ready).unwrap().status.clone();
    assert_eq!((status(&life).phase, ready(&life).as_str()), (Some(NodePhase::Running), "False"));
    until_quiet(&mut life);
    assert_eq!((status(&life).current_image.as_deref(), ready(&life).as_str()), (Some("seid:1"), "True"));
}
