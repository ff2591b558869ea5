//! What happens between two events, and what must hold after each.

use jiff::SignedDuration;
use proptest::prelude::*;
use sei_api::conditions::{ConditionType, StalledReason};
use sei_node::{FirstState, Node};
use sei_plan::{OfKind, TaskKind};

use crate::{
    member::Member,
    operator::{World, selects_by_label},
};

impl World {
    /// Everything that is due happens once.
    pub fn go(&mut self, index: usize) -> Result<(), TestCaseError> {
        let now = self.now;
        let member = &mut self.members[index];
        member.settle(now);
        member.work()?;
        member.actor.ask(&mut member.objects, now);
        self.pass(index)?;
        self.holds()
    }

    /// The invariants that hold at all times.
    pub fn holds(&self) -> Result<(), TestCaseError> {
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

    /// Continues without disturbance until nothing changes.
    pub fn rest(&mut self) -> Result<(), TestCaseError> {
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
    pub fn work(&mut self) -> Result<(), TestCaseError> {
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

    pub fn reason(&self, kind: ConditionType) -> Option<(&str, &str)> {
        let condition = self.status().condition(kind)?;
        Some((&condition.reason, &condition.message))
    }

    /// Does what the node requests from a user. Returns whether there was anything to do.
    pub fn help(&mut self, attempt: u32, now: jiff::Timestamp) -> bool {
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
