//! Whether a node has caught up is reported when that changes, not at every block.

use jiff::SignedDuration;
use sei_api::conditions::ConditionType;
use sei_decide::{Answer, Observed, SeidStatus};
use sei_plan::Outcome;
use serde_json::json;

use crate::life::Life;

fn seid_status(height: u64, catching_up: Option<bool>) -> Box<dyn Fn(&mut Observed)> {
    Box::new(move |observed| {
        let status = |catching_up| SeidStatus { height, catching_up, latest_block: None, peers: None };
        observed.sidecar.seid = Some(Answer { at: observed.now, value: catching_up.map(status) });
    })
}

fn synced(life: &mut Life) -> Option<(String, String)> {
    life.now += SignedDuration::from_secs(60);
    while life.pass(Vec::new(), &Outcome::Done).unwrap() {}
    let condition = life.node.status.as_ref()?.condition(ConditionType::Synced)?;
    Some((condition.status.clone(), condition.reason.clone()))
}

#[test]
fn the_status_changes_with_synced_and_not_with_the_height() {
    let condition = |status: &str, reason: &str| Some((status.to_owned(), reason.to_owned()));
    let mut life = Life::new(json!({ "chainId": "c", "image": "seid:0", "fullNode": {} }));
    assert_eq!(synced(&mut life), None, "seid was not queried yet");
    life.adjust = seid_status(1, Some(true));
    assert_eq!(synced(&mut life), condition("False", "CatchingUp"));
    let before = life.node.status.clone();
    life.adjust = seid_status(2, Some(true));
    synced(&mut life);
    assert_eq!(life.node.status, before, "no write");
    life.adjust = seid_status(3, Some(false));
    assert_eq!(synced(&mut life), condition("True", "CaughtUp"));
    life.adjust = Box::new(|_| {});
    assert_eq!(synced(&mut life), condition("True", "CaughtUp"), "a new operator has not queried seid yet");
    life.adjust = seid_status(3, None);
    assert_eq!(synced(&mut life), condition("Unknown", "SeidUnreachable"));
}
