//! Invalid overrides, and overrides that are removed.

use sei_api::conditions::{ConditionType, SpecReason};

use crate::running::{honored, immediately, next_plan, running, set_port, status, types, until_quiet};

#[test]
fn an_invalid_configuration_restarts_nothing_and_does_not_block_the_image() {
    let mut life = running();
    immediately(&mut life);
    set_port(&mut life, "no number");
    let first = life.plan().unwrap().id;
    until_quiet(&mut life);
    assert_eq!(life.plan().unwrap().id, first);
    life.change(|node| node.spec.image = "seid:1".to_owned());
    let plan = next_plan(&mut life);
    assert!(!types(&plan).contains(&"config-apply"), "{:?}", types(&plan));
    until_quiet(&mut life);
    assert_eq!(status(&life).current_image.as_deref(), Some("seid:1"));
    assert_eq!(honored(&life).unwrap().0, SpecReason::FieldInvalid.as_str());
}

#[test]
fn a_configuration_that_becomes_invalid_during_an_update_does_not_block_it() {
    let mut life = running();
    life.change(|node| node.spec.image = "seid:1".to_owned());
    next_plan(&mut life);
    set_port(&mut life, "no number");
    let plan = next_plan(&mut life);
    assert!(!types(&plan).contains(&"config-apply"), "{:?}", types(&plan));
    until_quiet(&mut life);
    assert_eq!(status(&life).current_image.as_deref(), Some("seid:1"));
    assert_eq!(status(&life).condition(ConditionType::Stalled), None);
}

#[test]
fn a_key_that_is_removed_is_named_until_it_is_set_again() {
    let mut life = running();
    assert_eq!(status(&life).overridden_keys.as_deref(), Some(&[][..]));
    set_port(&mut life, "8546");
    life.change(|node| node.spec.overrides = None);
    until_quiet(&mut life);
    assert_eq!(honored(&life), None, "it was never written");
    set_port(&mut life, "8546");
    life.change(|node| node.spec.image = "seid:1".to_owned());
    until_quiet(&mut life);
    assert_eq!((honored(&life), status(&life).overridden_keys.as_ref().unwrap().len()), (None, 1));

    life.change(|node| node.spec.overrides = None);
    until_quiet(&mut life);
    assert!(
        honored(&life)
            .unwrap()
            .1
            .contains("kept with their last values in the configuration of the node: evm.http_port;")
    );
    life.change(|node| node.spec.image = "seid:2".to_owned());
    until_quiet(&mut life);
    assert_eq!(status(&life).current_image.as_deref(), Some("seid:2"));
    assert_eq!(honored(&life).unwrap().0, SpecReason::OverrideKept.as_str(), "an update does not remove it");
    set_port(&mut life, "8545");
    life.change(|node| node.spec.image = "seid:3".to_owned());
    until_quiet(&mut life);
    assert_eq!(honored(&life), None);
}

#[test]
fn a_running_node_that_is_taken_over_is_assumed_to_override_what_its_plan_or_spec_says() {
    let mut life = running();
    set_port(&mut life, "8546");
    let node = life.node.status.as_mut().unwrap();
    (node.overridden_keys, node.plan, node.configured) = (None, None, None);
    until_quiet(&mut life);
    assert_eq!(status(&life).overridden_keys.as_deref(), Some(&["evm.http_port".to_owned()][..]));
}
