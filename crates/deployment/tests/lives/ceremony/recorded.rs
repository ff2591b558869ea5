//! The ceremony that was recorded from the Go controller: its plan, its requests and its conditions.

use jiff::{SignedDuration, Timestamp};
use sei_deployment::AssemblyState;
use serde_json::{Value, json};

use super::{pass, reason, rest, say};
use crate::{recorded::Recorded, world::World};

#[test]
fn the_plan_and_the_request_are_those_of_the_go_controller() {
    let mut recorded = Recorded::read("04-genesis-ceremony/01-first-children-and-plan");
    let theirs = recorded.state["seiNodeDeployment"]["status"]["plan"].clone();
    recorded.state["seiNodeDeployment"]["metadata"]["uid"] = theirs["id"].clone();
    for node in recorded.state["seiNodes"].as_array_mut().unwrap() {
        node["metadata"]["ownerReferences"][0]["uid"] = theirs["id"].clone();
    }
    let mut fresh = World::of(&recorded);
    fresh.group["status"] = Value::Null;
    rest(&mut fresh);
    let mut ours = json!(fresh.status().plan);
    let mut expected = theirs.clone();
    // Documented differences: overrides take effect, peers are selected by label.
    assert_eq!(
        ours["tasks"][0]["params"].as_object_mut().unwrap().remove("Overrides"),
        Some(json!({ "gov.voting_params.voting_period": "30s", "staking.params.unbonding_time": "600s" }))
    );
    expected["tasks"].as_array_mut().unwrap().remove(1);
    expected["tasks"][1]["id"] = ours["tasks"][1]["id"].clone();
    ours.as_object_mut().unwrap().remove("createdAt");
    assert_eq!(ours, expected);

    // A stored plan of the Go controller is continued, with its ID.
    for (state, is_submitted) in [("03-assemble-submitted", true), ("04-assemble-polled", true)] {
        let recorded = Recorded::read(&format!("04-genesis-ceremony/{state}"));
        let mut world = World::of(&recorded);
        world.now = Timestamp::UNIX_EPOCH;
        let order = rest(&mut world);
        assert_eq!(order.is_some(), is_submitted, "{state}");
        let order = order.unwrap();
        let request = &recorded.state["reconcile"]["sidecarRequests"][0];
        assert_eq!(request["body"], json!({ "id": order.id, "type": order.type_, "params": order.params }));
        assert!(request["url"].as_str().unwrap().contains(&format!("//{}-0.", order.node)));
    }
}

/// The Go controller submits it again immediately, without a limit.
#[test]
fn a_failed_attempt_is_submitted_again_after_a_delay_under_the_same_id() {
    let recorded =
        Recorded::read("04-genesis-ceremony/06-assemble-failed-is-resubmitted-by-the-post-and-seen-running");
    let mut world = World::of(&recorded);
    say(&mut world, AssemblyState::Failed("S3: access denied".to_owned()));
    assert_eq!(pass(&mut world), None);
    say(&mut world, AssemblyState::Unknown);
    assert_eq!(rest(&mut world), None);
    assert_eq!(reason(&world), "AssemblyRetrying");
    world.now += SignedDuration::from_secs(30);
    let order = rest(&mut world).unwrap();
    let request = &recorded.state["reconcile"]["sidecarRequests"][0];
    assert_eq!(request["body"], json!({ "id": order.id, "type": order.type_, "params": order.params }));
    assert_eq!(order.retries, 1);
}

#[test]
fn conditions_of_recorded_ceremonies_match_the_go_controller() {
    for (state, expected) in [
        ("01-first-children-and-plan", "WaitingForValidators"),
        ("03-assemble-submitted", "AssemblingGenesis"),
        ("04-assemble-polled", "AssemblingGenesis"),
        ("06-assemble-failed-is-resubmitted-by-the-post-and-seen-running", "AssemblingGenesis"),
        ("08-assemble-done-peers-set-await-running", "StartingValidators"),
        ("09-await-running-polled", "StartingValidators"),
        ("11-three-running", "StartingValidators"),
        ("13-plan-complete", "CeremonyComplete"),
        ("14-after", "CeremonyComplete"),
        ("15-steady", "CeremonyComplete"),
        ("18-scaled-to-5", "CeremonyComplete"),
    ] {
        let mut world = World::of(&Recorded::read(&format!("04-genesis-ceremony/{state}")));
        world.ceremony.assembly = AssemblyState::Running;
        rest(&mut world);
        assert_eq!(reason(&world), expected, "{state}");
        let status = json!(world.status());
        assert!(!status.to_string().contains("GenesisCeremonyNeeded"), "{state}");
    }
}
