//! Random disturbances of nodes in a model cluster, through the product's own pass: changes of the spec, deleted pods
//! and claims, recreated nodes, restarted sidecars, failed tasks, lost status writes and lagging caches. The sidecar
//! keeps its records and markers on the volume.
//!
//! In every order: no task runs before it is stored, no work is done twice on one volume, seid does not start without
//! the configuration of the plan, no two pods have the same signing key, and the writes and immediate requeues of a
//! pass are bounded. When the disturbances end, every node is Running or reports what it waits for, and it is Running
//! once a user has done what it requests.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

mod act;
mod actor;
mod cached;
mod checks;
mod events;
mod member;
mod objects;
mod operator;
#[path = "../../../plan/tests/life/volume.rs"]
mod volume;

use proptest::prelude::*;
use sei_api::{
    conditions::{ConditionType, ReadyReason, StalledReason},
    v1alpha1::NodePhase,
};
use serde_json::json;

use events::{Event, PEER, event, peers, specs};
use member::{Fault, Member};
use operator::World;

/// Status writes that record the end of a task are lost, and the spec changes before the next one.
#[test]
fn a_task_is_submitted_only_after_the_preceding_ones_are_stored() {
    let spec = json!({
        "chainId": "c", "image": "seid:0", "peers": [{ "static": { "addresses": [PEER] } }],
        "fullNode": { "snapshot": { "stateSync": {} } },
    });
    let mut world = World::new(vec![spec]);
    for event in [
        Event::Go(7),
        Event::KillPod,
        Event::Go(1),
        Event::Fault(Fault::Lost),
        Event::Go(2),
        Event::KillPod,
        Event::Override(0),
        Event::Fault(Fault::Lost),
        Event::Lag(4, 3),
        Event::Go(20),
    ] {
        world.take(0, event).unwrap();
    }
}

/// The imported claim of a Running node is deleted, and an empty one takes its place.
#[test]
fn seid_does_not_start_without_configuration_on_an_empty_claim() {
    let spec = json!({
        "chainId": "c", "image": "seid:0", "peers": [{ "static": { "addresses": [PEER] } }],
        "fullNode": {}, "dataVolume": { "import": { "pvcName": "old" } },
    });
    let mut world = World::new(vec![spec]);
    let events = [
        Event::References(true),
        Event::Go(20),
        Event::DeleteClaim,
        Event::KillPod,
        Event::Settle,
        Event::ReplaceImport,
        Event::Go(20),
    ];
    for event in events {
        world.take(0, event).unwrap();
    }
    let (stalled, _) = world.members[0].reason(ConditionType::Stalled).unwrap();
    assert_eq!(stalled, StalledReason::DataVolumeLost.as_str());
    world.members[0].help(1, world.now);
    world.take(0, Event::Go(20)).unwrap();
    assert_eq!(world.members[0].status().phase, Some(NodePhase::Running));
}

/// An override is set after a sidecar was requested to let seid start with the first plan's configuration.
#[test]
fn seid_does_not_keep_a_configuration_that_was_superseded_while_it_started() {
    let key = |name: &str| json!({ "secret": { "secretName": name } });
    let spec = json!({
        "chainId": "c", "image": "seid:0", "configRollout": "Immediate",
        "peers": [{ "static": { "addresses": [PEER] } }],
        "validator": { "nodeKey": key("n"), "signingKey": key("s") },
    });
    let mut world = World::new(vec![spec]);
    for event in [Event::Go(8), Event::Override(0), Event::Go(1), Event::Override(1), Event::Go(20)] {
        world.take(0, event).unwrap();
    }
    let member = &world.members[0];
    assert_eq!(member.status().phase, Some(NodePhase::Running));
    let (_, config) = member.objects.started.as_ref().unwrap();
    assert_eq!(config.overrides.get("evm.http_port").map(String::as_str), Some("8541"));
}

/// A plan that may have let seid start is replaced: the stored progress lags behind, and the state of the sidecar is
/// unknown. Either a pod ends while its sidecar runs `mark-ready`, and the sidecar of the next pod runs it again when
/// it starts; or the sidecar restarts and no longer knows that seid is running.
#[test]
fn seid_does_not_keep_the_configuration_of_a_plan_that_was_replaced() {
    let spec = json!({
        "chainId": "c", "image": "seid:0", "configRollout": "Immediate",
        "peers": [{ "static": { "addresses": [PEER] } }],
        "archive": {},
    });
    let started = [Event::Go(6), Event::Crash, Event::Go(5), Event::Override(0)];
    let repeated = [Event::Query, Event::DeleteStatefulSet, Event::Go(1), Event::DeleteStatefulSet];
    let restarted = [Event::Crash, Event::Go(1), Event::RestartSidecar];
    for events in [repeated.as_slice(), &restarted] {
        let mut world = World::new(vec![spec.clone()]);
        for event in started.iter().chain(events).chain(&[Event::Go(20)]) {
            world.take(0, *event).unwrap();
        }
        let member = &world.members[0];
        assert_eq!(member.status().phase, Some(NodePhase::Running), "{events:?}");
        let (_, config) = member.objects.started.as_ref().unwrap();
        let port = config.overrides.get("evm.http_port").map(String::as_str);
        assert_eq!(port, Some("8540"), "{events:?}");
    }
}

/// A bootstrap Job is deleted while its sidecar configures state sync, which it does once per volume, and an override is
/// set before that is known to be complete.
#[test]
fn state_sync_stays_configured_when_its_job_is_lost_meanwhile() {
    let spec = json!({
        "chainId": "c", "image": "seid:0", "peers": [{ "static": { "addresses": [PEER] } }],
        "fullNode": { "snapshot": { "s3": { "targetHeight": 7 }, "bootstrapImage": "seid:old" } },
    });
    let mut world = World::new(vec![spec]);
    // `World::holds` fails if seid starts without state sync.
    for event in [Event::Go(8), Event::Query, Event::DeleteJob, Event::Override(0), Event::Go(30)] {
        world.take(0, event).unwrap();
    }
    assert_eq!(world.members[0].status().phase, Some(NodePhase::Running));
}

/// The sidecar of a deleted node ended while it ran `mark-ready`, and that of the next node of its name has the same volume.
#[test]
fn seid_does_not_start_with_the_configuration_of_an_earlier_node_on_the_volume() {
    let spec = json!({
        "chainId": "c", "image": "seid:0", "configRollout": "Immediate",
        "peers": [{ "static": { "addresses": [PEER] } }],
        "fullNode": {}, "dataVolume": { "import": { "pvcName": "old" } },
    });
    let mut world = World::new(vec![spec]);
    let before =
        [Event::Go(9), Event::DeleteClaim, Event::KillPod, Event::Override(0), Event::Go(1), Event::Recreate];
    for event in before.into_iter().chain([Event::Go(4)]) {
        world.take(0, event).unwrap();
    }
    // The claim is restored from a backup.
    world.members[0].help(1, world.now);
    world.take(0, Event::Go(30)).unwrap();
    let member = &world.members[0];
    assert_eq!(member.status().phase, Some(NodePhase::Running));
    let (_, config) = member.objects.started.as_ref().unwrap();
    assert_eq!(config.overrides.get("evm.http_port").map(String::as_str), Some("8540"));
}

/// As many cases as fit in a test run; more with `PROPTEST_CASES`.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig::with_cases(cases.unwrap_or(48))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn nodes_converge_and_no_work_is_done_twice(specs in specs(), events in prop::collection::vec(event(), 0..80)) {
        let mut world = World::new(specs);
        for (index, event) in events {
            world.take(index % world.members.len(), event)?;
        }
        world.peers = peers(true);
        for member in &mut world.members {
            member.faults.clear();
            member.objects.holds_pods = false;
            member.objects.references = true;
            (0..8).for_each(|cache| member.lag(cache, 0));
        }
        let mut attempt = 0;
        loop {
            world.rest()?;
            attempt += 1;
            let is_stalled = |member: &Member| member.reason(ConditionType::Stalled).is_some();
            let any_is_stalled = world.members.iter().any(is_stalled);
            for member in &world.members {
                let (ready, message) = member.reason(ConditionType::Ready).unwrap();
                let is_ready = ready == ReadyReason::NodeReady.as_str();
                // The peer that goes first may be the one that needs a user's action.
                let waits_for_peer = ready == ReadyReason::WaitingForPeers.as_str() && any_is_stalled;
                let waits_for_claim = member.objects.lacks_import();
                prop_assert!(
                    is_ready || is_stalled(member) || waits_for_peer || waits_for_claim,
                    "waits for nothing: {ready}: {message}\n{:#?}",
                    member.status()
                );
            }
            let mut helped = false;
            for member in &mut world.members {
                helped |= member.help(attempt, world.now);
            }
            if !helped {
                break;
            }
            prop_assert!(attempt < 8, "manual intervention is requested repeatedly");
        }
        let running = world.members.iter().filter(|member| {
            member.status().phase == Some(NodePhase::Running)
                && member.status().condition(ConditionType::Ready).unwrap().status == "True"
        });
        let running: Vec<_> = running.collect();
        let signing = world.members.iter().filter(|member| member.signs()).count();
        let wanted = world.members.len() - signing.saturating_sub(1);
        prop_assert_eq!(running.len(), wanted, "one of the nodes with the same key runs, and every other node");
        for member in running {
            let node = &member.node.live;
            prop_assert_eq!(member.status().current_image.as_ref(), Some(&node.spec.image));
            let pod = member.objects.pod.live.as_ref().unwrap();
            if node.spec.config_rollout.is_some() {
                let (_, config) = member.objects.started.as_ref().unwrap();
                for (key, value) in node.spec.overrides.iter().flatten() {
                    prop_assert_eq!(config.overrides.get(key), Some(value), "seid runs with {}", key);
                }
            }
            let image = sei_decide::objects::image_of(pod.spec.as_ref());
            prop_assert_eq!(image, Some(node.spec.image.as_str()));
        }
    }
}
