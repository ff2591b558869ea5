//! The configuration that a replacing plan writes: changed in place where state sync or seid depends on it, else
//! rewritten.

use sei_api::v1alpha1::TaskStatus;
use sei_plan::{OfKind, Outcome, Step, TaskKind};
use serde_json::json;

use crate::{
    initializing::{restore, set_override, state_sync, statuses, task, up_to},
    world::World,
};

use TaskKind::{
    ConfigApply, ConfigValidate, ConfigureGenesis, ConfigureStateSync, DiscoverPeers, MarkReady,
    SnapshotRestore,
};
use TaskStatus::{Complete, Pending};

#[test]
fn a_corrected_override_keeps_the_state_sync_that_was_configured() {
    let mut world = state_sync();
    up_to(&mut world, ConfigValidate);
    world.change_spec(|node| set_override(node, "8546"));
    world.propose();
    assert_eq!(task(&world, ConfigApply).params.unwrap()["incremental"], true, "the file is not rewritten");
    assert_eq!(
        statuses(&world, &[ConfigureGenesis, ConfigApply, ConfigureStateSync, ConfigValidate]),
        [Complete, Pending, Complete, Pending]
    );
    // Another correction before the first one was written.
    world.change_spec(|node| set_override(node, "8547"));
    world.propose();
    let params = task(&world, ConfigApply).params.unwrap();
    assert_eq!(
        (&params["incremental"], &params["overrides"]["evm.http_port"]),
        (&json!(true), &json!("8547"))
    );
}

#[test]
fn a_second_correction_before_the_pod_returns_keeps_state_sync() {
    let mut world = state_sync();
    up_to(&mut world, ConfigValidate);
    // The pod is replaced first, so that the intermediate plan has not reached the configuration again.
    world.change_spec(|node| node.spec.image = "seid:b".to_owned());
    world.propose();
    world.change_spec(|node| set_override(node, "8546"));
    world.propose();
    assert_eq!(task(&world, ConfigApply).params.unwrap()["incremental"], true);
    assert_eq!(statuses(&world, &[ConfigApply, ConfigureStateSync]), [Pending, Complete]);
}

#[test]
fn a_configuration_without_state_sync_is_rewritten_and_the_lost_parts_repeated() {
    let mut world = state_sync();
    up_to(&mut world, ConfigApply);
    world.step(|_| Outcome::Done);
    // State sync is next and may have been submitted: its marker would prevent it from running again.
    world.change_spec(|node| set_override(node, "8546"));
    world.propose();
    assert_eq!(task(&world, ConfigApply).params.unwrap()["incremental"], true);

    let mut world = state_sync();
    up_to(&mut world, ConfigApply);
    world.change_spec(|node| set_override(node, "8546"));
    world.propose();
    assert_eq!(task(&world, ConfigApply).params.unwrap().get("incremental"), None);
}

/// Changes the plan of `world` to the form in which it was stored before `config-apply` wrote the peers.
fn discover_peers_instead(world: &mut World) {
    let plan = world.node.status.as_mut().unwrap().plan.as_mut().unwrap();
    let place = plan.tasks.iter().position(|task| task.is(ConfigApply)).unwrap();
    plan.tasks[place].params.as_mut().unwrap().as_object_mut().unwrap().remove("peers");
    let sources = json!({ "Sources": [{ "type": "static", "addresses": ["a@b:1"] }] });
    let discovery = json!({ "type": "discover-peers", "id": "d", "status": "Pending", "params": sources });
    plan.tasks.insert(place + 1, serde_json::from_value(discovery).unwrap());
}

#[test]
fn a_stored_plan_with_discover_peers_is_continued_or_replaced_by_one_without_it() {
    let stored = || {
        let mut world = state_sync();
        discover_peers_instead(&mut world);
        up_to(&mut world, DiscoverPeers);
        world
    };
    let mut supported = stored();
    assert_eq!(supported.step(|_| Outcome::Done), Some(Step::Next));
    assert_eq!(statuses(&supported, &[ConfigApply, DiscoverPeers]), [Complete, Complete]);

    let mut unsupported = stored();
    assert_eq!(
        unsupported.step(|plan| {
            assert!(!plan.writes_peers());
            Outcome::Reissue
        }),
        Some(Step::Replan)
    );

    // As stored by an earlier version of the operator.
    let mut failed = stored();
    failed.step(|_| Outcome::TaskUnknown { error: "unknown task type: discover-peers".to_owned() });
    assert!(failed.propose(), "no manual retry is needed");

    for world in [unsupported, failed] {
        let tasks = world.plan().unwrap().tasks;
        assert!(!tasks.iter().any(|task| task.is(DiscoverPeers)), "{tasks:?}");
        assert_eq!(statuses(&world, &[ConfigureGenesis, ConfigApply]), [Complete, Pending]);
    }
}

#[test]
fn a_configuration_that_seid_has_data_for_is_changed_in_place() {
    let mut world = restore();
    up_to(&mut world, MarkReady);
    world.step(|_| Outcome::Submitted);
    world.change_spec(|node| set_override(node, "8546"));
    world.propose();
    assert_eq!(task(&world, ConfigApply).params.unwrap()["incremental"], true);
}

#[test]
fn a_configuration_written_by_another_sidecar_is_rewritten() {
    let mut world = restore();
    up_to(&mut world, ConfigValidate);
    world.step(|_| Outcome::TaskUnknown { error: "unknown task type".to_owned() });
    world.inputs.sidecar_image = Some("seictl:v0.0.66".to_owned());
    world.ask_for_retry("1");
    world.propose();
    assert_eq!(
        statuses(&world, &[SnapshotRestore, ConfigApply, ConfigValidate]),
        [Complete, Pending, Pending]
    );
}

#[test]
fn an_invalid_configuration_is_rewritten() {
    let mut world = restore();
    up_to(&mut world, ConfigValidate);
    world.step(|_| Outcome::Rejected { error: "invalid".to_owned() });
    world.ask_for_retry("1");
    world.propose();
    assert_eq!(statuses(&world, &[SnapshotRestore, ConfigApply]), [Complete, Pending]);
}
