//! Stored times that are in the future: the clock of an earlier operator was fast, or the status was edited.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use sei_api::v1alpha1::NodePhase;
use sei_plan::Outcome;
use serde_json::json;

use crate::life::Life;

#[test]
fn a_plan_does_not_wait_for_a_time_that_no_delay_allows() {
    let mut life = Life::new(json!({ "chainId": "c", "image": "seid:0", "fullNode": {} }));
    life.pass(Vec::new(), &Outcome::Done).unwrap();
    let never = Time("9999-12-30T21:59:59Z".parse().unwrap());
    let plan = life.node.status.as_mut().unwrap().plan.as_mut().unwrap();
    for task in &mut plan.tasks {
        task.next_attempt_at = Some(never.clone());
        task.waiting_since = Some(never.clone());
    }
    while life.pass(Vec::new(), &Outcome::Done).unwrap() {}
    assert_eq!(life.node.status.unwrap().phase, Some(NodePhase::Running));
}
