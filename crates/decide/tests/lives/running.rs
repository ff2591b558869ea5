//! A Running node whose configuration is changed.

use sei_api::{
    SeiNodeStatus,
    conditions::ConditionType,
    v1alpha1::{ConfigRollout, NodePhase, TaskPlan},
};
use sei_plan::Outcome;
use serde_json::json;

use crate::life::Life;

/// A Running node that matches its spec.
pub fn running() -> Life {
    let mut life = Life::new(json!({ "chainId": "c", "image": "seid:0", "fullNode": {} }));
    until_quiet(&mut life);
    assert_eq!(status(&life).phase, Some(NodePhase::Running));
    life
}

pub fn until_quiet(life: &mut Life) {
    while life.pass(Vec::new(), &Outcome::Done).unwrap() {}
}

pub fn status(life: &Life) -> &SeiNodeStatus {
    life.node.status.as_ref().unwrap()
}

pub fn set_port(life: &mut Life, port: &str) {
    life.change(|node| {
        node.spec.overrides.get_or_insert_default().insert("evm.http_port".to_owned(), port.to_owned());
    });
}

pub fn immediately(life: &mut Life) {
    life.change(|node| node.spec.config_rollout = Some(ConfigRollout::Immediate));
}

/// The next plan, once it is stored.
pub fn next_plan(life: &mut Life) -> TaskPlan {
    let before = life.plan().unwrap().id;
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    let plan = life.plan().unwrap();
    assert_ne!(plan.id, before, "a plan starts");
    plan
}

pub fn types(plan: &TaskPlan) -> Vec<&str> {
    plan.tasks.iter().map(|task| task.type_.as_str()).collect()
}

/// Reason and message of `SpecHonored`.
pub fn honored(life: &Life) -> Option<(&str, &str)> {
    let condition = status(life).condition(ConditionType::SpecHonored)?;
    Some((&condition.reason, &condition.message))
}
