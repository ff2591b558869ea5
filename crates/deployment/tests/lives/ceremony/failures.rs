//! What fails during a ceremony, and when it ends.

use jiff::SignedDuration;
use sei_deployment::{AssemblyState, GenesisBucket};
use serde_json::json;

use super::{ACCOUNT, assembling, group, message, pass, reason, rest, say, upload_all, upload_from};
use crate::world::World;

#[test]
fn a_failed_assembly_is_retried_with_its_error_until_the_budget_is_used_up() {
    let (mut world, _) = assembling(json!({ "maxCeremonyDuration": "1000h" }));
    for retries in 1..=180 {
        say(&mut world, AssemblyState::Failed("network error".into()));
        assert_eq!(pass(&mut world), None);
        say(&mut world, AssemblyState::Unknown);
        assert_eq!(rest(&mut world), None, "backing off");
        assert_eq!(reason(&world), "AssemblyRetrying");
        world.now += SignedDuration::from_secs(30);
        assert_eq!(rest(&mut world).unwrap().retries, retries);
    }
    say(&mut world, AssemblyState::Failed("network error".into()));
    assert_eq!(rest(&mut world), None);
    assert_eq!(world.condition("Stalled"), ("True".into(), "AssemblyFailed".into()));
    let text = message(&world, "Stalled");
    assert!(text.contains("network error") && text.contains("sei.io/retry"), "{text}");
    // The sidecar runs the same task again.
    say(&mut world, AssemblyState::Unknown);
    world.group["metadata"]["annotations"] = json!({ "sei.io/retry": "1" });
    let order = rest(&mut world).unwrap();
    assert_eq!((order.id.as_str(), order.retries), ("2c1f99b5-9ae7-5263-a72b-33d2773159a5", 181));
    assert_eq!(world.condition("Stalled").0, "False");
}

#[test]
fn times_in_the_future_delay_neither_an_attempt_nor_the_time_limit() {
    let (mut world, _) = assembling(json!({ "maxCeremonyDuration": "1h" }));
    say(&mut world, AssemblyState::Failed("network error".into()));
    pass(&mut world);
    say(&mut world, AssemblyState::Unknown);
    let never = json!("9999-12-30T21:59:59Z");
    let plan = &mut world.group["status"]["plan"];
    plan["createdAt"] = never.clone();
    plan["tasks"][0]["nextAttemptAt"] = never;
    assert_eq!(rest(&mut world).unwrap().retries, 1);
    world.now += SignedDuration::from_hours(1);
    rest(&mut world);
    assert_eq!(world.condition("Stalled").1, "CeremonyTimedOut");
}

#[test]
fn a_rejected_assembly_is_not_retried() {
    let (mut world, _) = assembling(json!({}));
    say(&mut world, AssemblyState::Rejected("unknown task type".into()));
    assert_eq!(rest(&mut world), None);
    assert_eq!(world.condition("Stalled").1, "AssemblyFailed");
    assert!(message(&world, "Stalled").contains("unknown task type"));
}

#[test]
fn a_sidecar_that_would_ignore_overrides_is_named_with_the_release_that_is_needed() {
    let overrides = json!({ "staking.params.unbonding_time": "600s" });
    for (genesis, wanted) in [
        (json!({ "overrides": overrides }), "set template.spec.sidecar.image to v0.0.50 or later"),
        (json!({}), "set template.spec.sidecar.image to a later release"),
    ] {
        let (mut world, _) = assembling(genesis);
        say(&mut world, AssemblyState::Unsupported("it has no task type x".into()));
        assert_eq!(rest(&mut world), None);
        let text = message(&world, "Stalled");
        assert!(text.contains("it has no task type x") && text.contains(wanted), "{text}");
    }
}

#[test]
fn accounts_that_an_earlier_attempt_has_written_are_not_sent_again() {
    let accounts = json!([{ "address": ACCOUNT, "balance": "5usei" }]);
    let (mut world, order) = assembling(json!({ "accounts": accounts }));
    assert_eq!(order.params.unwrap()["accounts"], accounts);
    let next = |world: &mut World, error: &str| {
        say(world, AssemblyState::Failed(error.into()));
        pass(world);
        say(world, AssemblyState::Unknown);
        world.now += SignedDuration::from_secs(30);
        rest(world).unwrap()
    };
    assert_eq!(next(&mut world, "S3: access denied").params.unwrap()["accounts"], accounts);
    let collision = format!("external account {ACCOUNT} collides with an existing genesis account");
    for error in [collision.as_str(), "S3: access denied"] {
        let params = next(&mut world, error).params.unwrap();
        assert!(params.get("accounts").is_none(), "{params}");
        assert_eq!(params["nodes"].as_array().unwrap().len(), 3);
    }
}

#[test]
fn after_the_limit_nothing_is_submitted_until_it_is_raised() {
    let mut world = group(json!({ "maxCeremonyDuration": "15m" }));
    rest(&mut world);
    let left = world.decide().ceremony.unwrap().next.unwrap();
    assert_eq!(left.as_secs(), 900);
    world.now += SignedDuration::from_mins(15);
    upload_all(&mut world);
    assert_eq!(rest(&mut world), None);
    assert_eq!(world.condition("Stalled"), ("True".into(), "CeremonyTimedOut".into()));
    world.edit("/genesis/maxCeremonyDuration", json!("1h"));
    assert!(rest(&mut world).is_some());
    assert_eq!(world.condition("Stalled").0, "False");

    // What was submitted is still followed.
    world.now += SignedDuration::from_hours(1);
    assert_eq!(rest(&mut world).unwrap().params, None);
    assert_eq!(world.condition("Stalled").1, "CeremonyTimedOut");
    say(&mut world, AssemblyState::Completed);
    rest(&mut world);
    assert!(
        message(&world, "Stalled").contains("waiting for rpc-0, rpc-1, rpc-2"),
        "{}",
        message(&world, "Stalled")
    );
    world.tend();
    rest(&mut world);
    assert_eq!(world.condition("Stalled").0, "False");
}

#[test]
fn only_the_first_validator_assembles_the_genesis() {
    let (mut world, first) = assembling(json!({}));
    assert_eq!(first.node, "rpc-0");
    let kept = world.nodes["rpc-0"].clone();
    for (field, value) in [
        ("deletionTimestamp", json!("2027-01-01T00:00:00Z")),
        (
            "ownerReferences",
            json!([{ "apiVersion": "v1", "kind": "X", "name": "x", "uid": "x", "controller": true }]),
        ),
    ] {
        world.nodes.get_mut("rpc-0").unwrap()["metadata"][field] = value;
        assert_eq!(rest(&mut world), None, "{field}");
        let text = message(&world, "GenesisCeremonyComplete");
        assert_eq!(text, "waiting for the first validator, which assembles the genesis", "{field}");
        world.nodes.insert("rpc-0".to_owned(), kept.clone());
        assert_eq!(rest(&mut world).as_ref(), Some(&first));
    }
}

#[test]
fn a_genesis_is_reassembled_only_if_the_lost_volume_uploaded_none() {
    let (mut world, first) = assembling(json!({ "accounts": [{ "address": ACCOUNT, "balance": "5usei" }] }));
    upload_from(&mut world, "rpc-0", "another-claim");
    let mut holds = world.ceremony.clone();
    for bucket in
        [GenesisBucket::Unchecked, GenesisBucket::Holds("s3://genesis/devnet-1/genesis.json".into())]
    {
        world.ceremony.bucket = bucket;
        assert_eq!(rest(&mut world), None);
        assert_eq!(world.condition("Stalled").0, "True");
    }
    holds.bucket = GenesisBucket::Empty;
    world.ceremony = holds;
    assert_eq!(rest(&mut world).unwrap().params, first.params);
}
