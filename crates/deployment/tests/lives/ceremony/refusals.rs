//! Ceremonies that must not start.

use sei_deployment::GenesisBucket;
use serde_json::json;

use super::{ACCOUNT, group, message, reason, rest, upload_all};

#[test]
fn an_invalid_genesis_is_reported_before_anything_is_created_and_can_be_corrected() {
    let account = |address: &str| json!([{ "address": address, "balance": "5usei" }]);
    let mut world = group(json!({ "accounts": account(&ACCOUNT.replace("vhc", "vhq")) }));
    rest(&mut world);
    assert_eq!(world.names(), [""; 0]);
    assert_eq!(world.condition("Stalled"), ("True".into(), "InvalidGenesis".into()));
    assert!(message(&world, "Stalled").contains("spec.genesis.accounts: "), "{}", message(&world, "Stalled"));
    world.edit("/genesis/accounts", account(ACCOUNT));
    rest(&mut world);
    assert_eq!(world.names().len(), 3);
    assert_eq!(world.condition("Stalled").0, "False");
}

#[test]
fn objects_of_another_ceremony_stop_one_that_has_not_started() {
    let mut world = group(json!({}));
    world.ceremony.bucket = GenesisBucket::Holds("s3://genesis/devnet-1/genesis.json".into());
    rest(&mut world);
    assert_eq!(world.names(), [""; 0]);
    assert_eq!(world.condition("Stalled"), ("True".into(), "ChainIdInUse".into()));
    let text = message(&world, "Stalled");
    assert!(text.contains("s3://genesis/devnet-1/genesis.json exists"), "{text}");

    world.ceremony.bucket = GenesisBucket::Unavailable("no response within 5 s".into());
    rest(&mut world);
    assert_eq!((world.names().len(), reason(&world)), (0, "WaitingForBucket".into()));
    assert!(world.decide().ceremony.unwrap().next.is_some(), "it is checked again");

    world.ceremony.bucket = GenesisBucket::Empty;
    rest(&mut world);
    assert_eq!(world.names().len(), 3);
    // Another one appears before this one has assembled its genesis.
    world.ceremony.bucket = GenesisBucket::Holds("s3://genesis/devnet-1/genesis.json".into());
    upload_all(&mut world);
    assert_eq!(rest(&mut world), None);
    assert_eq!(world.condition("Stalled").1, "ChainIdInUse");
}

#[test]
fn a_second_group_of_the_same_chain_is_not_started() {
    let mut world = group(json!({}));
    world.ceremony.rival = Some("sei/first".into());
    rest(&mut world);
    assert_eq!(world.names(), [""; 0]);
    assert_eq!(world.condition("Stalled").1, "ChainIdInUse");
    assert!(message(&world, "Stalled").contains("SeiNodeDeployment sei/first"));
}
