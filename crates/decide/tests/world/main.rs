//! Random disturbances of nodes in a model cluster, through the product's own pass: changes of the spec,
//! deleted pods and claims, recreated nodes, restarted sidecars, failed tasks, lost status writes and lagging
//! caches. The sidecar keeps its records and markers on the volume.
//!
//! In every order: no task runs before it is stored, no work is done twice on one volume, seid does not start
//! without the configuration of the plan, no two pods have the same signing key, and the writes and immediate
//! requeues of a pass are bounded. When the disturbances end, every node is Running or reports what it waits
//! for, and it is Running after a user has done what it asks for.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

mod act;
mod actor;
mod cached;
mod events;
mod member;
mod objects;
mod operator;
#[path = "../../../plan/tests/life/volume.rs"]
mod volume;

use jiff::SignedDuration;
use proptest::prelude::*;
use sei_api::{
    conditions::{ConditionType, ReadyReason, StalledReason},
    v1alpha1::NodePhase,
};
use sei_node::{FirstState, Node};
use sei_plan::{OfKind, TaskKind};
use serde_json::json;

use events::{Event, PEER, event, peers, specs};
use member::{Fault, Member};
use operator::{World, selects_by_label};

impl World {
    /// Everything that is due happens once.
    fn go(&mut self, index: usize) -> Result<(), TestCaseError> {
        let now = self.now;
        let member = &mut self.members[index];
        member.settle(now);
        member.work()?;
        member.actor.ask(&mut member.objects, now);
        self.pass(index)?;
        self.holds()
    }

    /// The invariants that hold at every moment.
    fn holds(&self) -> Result<(), TestCaseError> {
        for member in &self.members {
            let volume = member.objects.volume.as_ref();
            let violations = volume.map(|volume| volume.violations.as_slice()).unwrap_or_default();
            prop_assert!(violations.is_empty(), "{violations:#?}");
        }
        for member in &self.members {
            let pods = member.objects.pods();
            prop_assert!(pods <= 1, "{pods} pods on one volume");
        }
        let signing = self.members.iter().filter(|member| member.signs());
        let pods: usize = signing.map(|member| member.objects.pods()).sum();
        prop_assert!(pods <= 1, "{pods} pods with one signing key");
        Ok(())
    }

    /// Continues without disturbance until nothing changes any more.
    fn rest(&mut self) -> Result<(), TestCaseError> {
        let mut quiet = 0;
        for _ in 0..400 {
            let before: Vec<_> = self.members.iter().map(|member| member.node.live.status.clone()).collect();
            for index in 0..self.members.len() {
                self.go(index)?;
            }
            let after: Vec<_> = self.members.iter().map(|member| member.node.live.status.clone()).collect();
            self.now += SignedDuration::from_secs(400);
            quiet = if before == after { quiet + 1 } else { 0 };
            if quiet == 4 {
                return Ok(());
            }
        }
        prop_assert!(false, "no rest: {:#?}", self.members[0].status());
        Ok(())
    }
}

impl Member {
    /// The sidecar completes its running tasks, and seid starts when it may.
    fn work(&mut self) -> Result<(), TestCaseError> {
        let Some(pod) = self.objects.running().and_then(|pod| pod.metadata.uid.clone()) else {
            return Ok(());
        };
        let Some(volume) = &mut self.objects.volume else { return Ok(()) };
        let completed = volume.work();
        let is_mark = |id: &String| volume.record(id).is_some_and(|it| it.kind == TaskKind::MarkReady);
        let marks: Vec<_> = completed.into_iter().filter(is_mark).collect();
        for id in marks {
            self.objects.ready = Some(pod.clone());
            self.seid_starts(&pod, &id)?;
        }
        Ok(())
    }

    /// seid starts with the configuration that the plan with this mark-ready has written.
    fn seid_starts(&mut self, pod: &str, id: &str) -> Result<(), TestCaseError> {
        let Some(volume) = &mut self.objects.volume else { return Ok(()) };
        let config = volume.config.clone().unwrap_or_default();
        // A sidecar that restarted does not restart seid.
        if self.objects.started.as_ref().is_none_or(|(earlier, _)| earlier != pod) {
            self.objects.started = Some((pod.to_owned(), config.clone()));
        }
        let wants_state_sync =
            Node::of(&self.node.live).first_state() != FirstState::Genesis && !volume.has_chain;
        prop_assert!(config.state_sync || !wants_state_sync, "seid starts without state sync");
        volume.has_chain = true;
        let plan = self.node.live.status.as_ref().and_then(|status| status.plan.as_ref());
        let tasks = plan.map(|plan| plan.tasks.as_slice()).unwrap_or_default();
        let Some(place) = tasks.iter().position(|task| task.id == id) else { return Ok(()) };
        let before = &tasks[..place];
        let applied = before.iter().rev().find(|task| task.is(TaskKind::ConfigApply));
        let wanted = applied.and_then(|task| task.params.as_ref()?.get("overrides")?.as_object());
        for (key, value) in wanted.into_iter().flatten() {
            prop_assert_eq!(config.overrides.get(key).map(String::as_str), value.as_str(), "{}", key);
        }
        prop_assert!(config.peers || selects_by_label(&self.node.live.spec), "seid starts without peers");
        Ok(())
    }

    fn reason(&self, kind: ConditionType) -> Option<(&str, &str)> {
        let condition = self.status().condition(kind)?;
        Some((&condition.reason, &condition.message))
    }

    /// Does what the node asks a user to do. Returns whether there was anything.
    fn help(&mut self, attempt: u32, now: jiff::Timestamp) -> bool {
        if self.objects.restore_import() {
            return true;
        }
        let Some((reason, message)) = self.reason(ConditionType::Stalled) else { return false };
        if reason == StalledReason::DataVolumeLost.as_str() {
            let (_, uid) = message.split_once("sei.io/retry=").unwrap();
            let uid = uid.split(' ').next().unwrap().to_owned();
            self.retry(&uid);
        } else if reason == StalledReason::DataVolumeTerminating.as_str() {
            self.objects.delete_pod(now);
            self.objects.delete_job(now);
        } else if reason == StalledReason::PlanFailed.as_str() {
            self.retry(&format!("attempt {attempt}"));
        } else {
            return false;
        }
        true
    }
}

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

/// A sidecar was asked to let seid start with the first plan's configuration, when an override is set.
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
            prop_assert!(attempt < 8, "a user is asked for action repeatedly");
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
