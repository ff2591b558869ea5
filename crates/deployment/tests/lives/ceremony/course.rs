//! From no chain to a running one, and never to a second genesis.

use jiff::SignedDuration;
use sei_deployment::{AssemblyState, GenesisBucket, Write};
use serde_json::{Value, json};

use super::{ACCOUNT, assembling, group, message, pass, reason, rest, say, upload_all, upload_from};
use crate::world::World;

#[test]
fn validators_are_created_their_genesis_is_assembled_and_the_ceremony_ends_when_they_run() {
    let mut world = group(json!({
        "accounts": [{ "address": ACCOUNT, "balance": "5usei" }],
        "overrides": { "staking.params.unbonding_time": "600s", "staking.params.max_validators": "50" },
    }));
    assert_eq!(rest(&mut world), None);
    assert_eq!(world.names(), ["rpc-0", "rpc-1", "rpc-2"]);
    assert_eq!(world.nodes["rpc-2"]["spec"]["validator"]["genesisCeremony"]["index"], 2);
    assert_eq!(reason(&world), "WaitingForValidators");

    for name in ["rpc-0", "rpc-1"] {
        upload_from(&mut world, name, "claim");
    }
    assert_eq!(rest(&mut world), None);
    let text = message(&world, "GenesisCeremonyComplete");
    assert_eq!(text, "waiting for the genesis transactions of rpc-2");

    upload_from(&mut world, "rpc-2", "claim");
    let order = rest(&mut world).unwrap();
    assert_eq!(order.node, "rpc-0");
    // The ID that the Go controller derives from a plan of this ID.
    assert_eq!(order.id, "2c1f99b5-9ae7-5263-a72b-33d2773159a5");
    let expected = json!({
        "accountBalance": "1000000000000000000000usei,1000000000000000000000uusdc,1000000000000000000000uatom",
        "accounts": [{ "address": ACCOUNT, "balance": "5usei" }],
        "namespace": "sei",
        "nodes": [{ "name": "rpc-0" }, { "name": "rpc-1" }, { "name": "rpc-2" }],
        "overrides": { "staking.params.unbonding_time": "600s", "staking.params.max_validators": 50 },
    });
    assert_eq!(order.params, Some(expected));

    say(&mut world, AssemblyState::Completed);
    world.ceremony.genesis_hash = Some("a".repeat(64));
    world.ceremony.bucket = GenesisBucket::Holds("s3://genesis/devnet-1/genesis.json".into());
    assert_eq!(rest(&mut world), None);
    assert_eq!(reason(&world), "StartingValidators");
    // Nothing more is requested from the sidecar.
    world.ceremony.genesis_hash = None;
    world.tend();
    assert_eq!(rest(&mut world), None);
    assert_eq!(world.condition("GenesisCeremonyComplete"), ("True".into(), "CeremonyComplete".into()));
    assert_eq!((world.status().plan, world.status().genesis_hash), (None, Some("a".repeat(64))));
    assert_eq!(world.condition("Stalled").0, "False");
}

#[test]
fn requests_to_the_sidecar_are_stored_before_they_are_sent() {
    let mut world = group(json!({}));
    rest(&mut world);
    assert!(world.log.iter().any(|write| write.starts_with("Create")));
    upload_all(&mut world);
    assert_eq!(pass(&mut world), None, "the pass that decides it only stores it");
    let stored = world.group["status"]["plan"]["tasks"][0].clone();
    assert_eq!(stored["submittedAt"], "1970-01-01T00:00:00Z");
    let order = pass(&mut world).unwrap();
    assert_eq!(json!(order.id), stored["id"]);
    // A pass over an older state, of a cache that lags, submits nothing.
    world.group["status"]["plan"]["tasks"][0].as_object_mut().unwrap().remove("submittedAt");
    assert_eq!(world.decide().ceremony.unwrap().order, None);
}

#[test]
fn no_validator_is_created_before_the_ceremony_is_stored() {
    let mut world = group(json!({}));
    world.carry_out(&Write::Mark);
    let creates = |world: &World| {
        world.decide().writes.iter().filter(|write| matches!(write, Write::Create(_))).count()
    };
    assert_eq!(creates(&world), 0);
    world.group["status"] = json!(world.status());
    assert_eq!(creates(&world), 3);
}

#[test]
fn nodes_created_after_the_genesis_are_not_genesis_validators() {
    let (mut world, _) = assembling(json!({}));
    say(&mut world, AssemblyState::Completed);
    rest(&mut world);
    world.nodes.remove("rpc-1");
    rest(&mut world);
    let block = |world: &World, name: &str| world.nodes[name]["spec"]["validator"]["genesisCeremony"].clone();
    assert_eq!(block(&world, "rpc-1"), Value::Null, "its former keys are lost");
    assert_eq!(block(&world, "rpc-2")["index"], 2);
    world.tend();
    rest(&mut world);
    assert_eq!(world.condition("GenesisCeremonyComplete").0, "True");

    world.edit("/replicas", json!(4));
    rest(&mut world);
    assert_eq!(block(&world, "rpc-3"), Value::Null);
    world.tend();
    let written = world.log.len();
    rest(&mut world);
    assert_eq!(world.log[written..], [""; 0], "which is the value of the template");
    assert_eq!(world.condition("Ready").0, "True");
}

#[test]
fn a_validator_deleted_during_the_assembly_is_reported_as_missing_from_the_genesis() {
    let (mut world, order) = assembling(json!({}));
    assert!(order.params.is_some());
    say(&mut world, AssemblyState::Running);
    world.nodes.remove("rpc-1");
    rest(&mut world);
    assert_eq!(world.names(), ["rpc-0", "rpc-2"], "another one would upload other keys meanwhile");
    say(&mut world, AssemblyState::Completed);
    rest(&mut world);
    assert_eq!(world.nodes["rpc-1"]["spec"]["validator"]["genesisCeremony"], Value::Null);
    let text = message(&world, "GenesisCeremonyComplete");
    assert!(text.ends_with("; created after the genesis, and not among its validators: rpc-1"), "{text}");
    world.tend();
    rest(&mut world);
    assert_eq!(world.condition("GenesisCeremonyComplete").0, "True");
    assert!(message(&world, "GenesisCeremonyComplete").ends_with("not among its validators: rpc-1"));
}

#[test]
fn a_validator_deleted_between_two_attempts_takes_part_in_the_next() {
    let (mut world, first) = assembling(json!({}));
    say(&mut world, AssemblyState::Failed("network error".into()));
    pass(&mut world);
    say(&mut world, AssemblyState::Unknown);
    world.nodes.remove("rpc-1");
    rest(&mut world);
    assert_eq!(world.nodes["rpc-1"]["spec"]["validator"]["genesisCeremony"]["index"], 1);
    world.now += SignedDuration::from_secs(30);
    assert_eq!(
        rest(&mut world).unwrap().params,
        None,
        "its genesis transaction is still that of the deleted one"
    );
    assert_eq!(message(&world, "GenesisCeremonyComplete"), "waiting for the genesis transactions of rpc-1");
    // It is deleted again, and the next attempt does not wait for it.
    let recreated = world.nodes.remove("rpc-1").unwrap();
    assert_eq!(rest(&mut world).unwrap().params, first.params);
    world.nodes.insert("rpc-1".to_owned(), recreated);
    upload_from(&mut world, "rpc-1", "new");
    assert_eq!(rest(&mut world).unwrap().params, first.params);
}

#[test]
fn a_ceremony_is_never_repeated_whatever_happens_to_its_validators() {
    let (mut world, _) = assembling(json!({}));
    say(&mut world, AssemblyState::Completed);
    world.tend();
    rest(&mut world);
    say(&mut world, AssemblyState::Unknown);
    world.ceremony.bucket = GenesisBucket::Empty;
    for name in ["rpc-0", "rpc-1", "rpc-2"] {
        world.nodes.get_mut(name).unwrap()["status"] = json!({ "phase": "Failed" });
        upload_from(&mut world, name, "new");
        assert_eq!(rest(&mut world), None);
    }
    world.nodes.clear();
    assert_eq!(rest(&mut world), None);
    assert_eq!(world.condition("GenesisCeremonyComplete").0, "True");
}

#[test]
fn a_lost_status_does_not_repeat_a_ceremony() {
    let (mut world, first) = assembling(json!({}));
    // With the same ID, the sidecar recognizes its task.
    world.group["status"] = Value::Null;
    assert_eq!(rest(&mut world).unwrap().id, first.id);
    // With a running validator the genesis exists.
    world.group["status"] = Value::Null;
    world.tend_one("rpc-2");
    assert_eq!(rest(&mut world), None);
    assert_eq!(reason(&world), "StartingValidators");
}
