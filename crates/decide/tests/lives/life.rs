//! One node without a cluster: its observations are chosen, and the product's own pass processes them.

mod observation;

use std::{collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use sei_api::{
    SeiNode, SeiNodeStatus, SeiNodeTask,
    conditions::{ConditionType, ReadyReason},
    v1alpha1::{NodePhase, PlanPhase, PlannedTask, TaskPlan, TaskStatus},
};
use sei_decide::{Claim, InSync, Observed, Overridden, Pass, Repair, Repaired, Request, Requeue, TlsFinding};
use sei_plan::{OfKind, Outcome, Purpose, TaskKind};
use sei_render::Platform;
use serde_json::{Value, json};

pub use observation::{Forms, GOOD};

const START: &str = "2027-01-01T00:00:00Z";

/// A node, its observations, and its history.
pub struct Life {
    pub node: SeiNode,
    platform: Platform,
    pub forms: Forms,
    pub now: Timestamp,
    /// The result of repairs.
    pub repaired: Repaired,
    /// Repairs that are known not to last.
    pub overridden: Vec<Overridden>,
    /// The repairs that were requested.
    pub repairs: Vec<Repair>,
    /// The data volume claim.
    pub claim: Option<Claim>,
    /// Image in the live StatefulSet and pod, if it differs from the spec.
    pub live_image: Option<&'static str>,
    pub pod_uid: &'static str,
    /// SeiNodeTasks of the node that have not finished.
    pub tasks: Vec<Arc<SeiNodeTask>>,
    /// Changes the observation beyond what `forms` can express.
    pub adjust: Box<dyn Fn(&mut Observed)>,
    /// Objects in which the last pass found no drift.
    in_sync: Vec<InSync>,
    plans: u32,
    /// IDs of tasks that succeeded.
    done: BTreeSet<String>,
}

impl Life {
    pub fn new(spec: Value) -> Self {
        let settings = include_str!("../../../../tests/conformance/full-tls/platform.env");
        let settings = settings.lines().filter_map(|line| line.split_once('='));
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let node = json!({
            "apiVersion": "sei.io/v1alpha1",
            "kind": "SeiNode",
            "metadata": {
                "name": "node-0", "namespace": "sei", "uid": "u", "generation": 1, "resourceVersion": "1",
            },
            "spec": spec,
        });
        Self {
            node: serde_json::from_value(node).unwrap(),
            platform: Platform::from_settings(&settings).unwrap(),
            forms: GOOD,
            now: START.parse().unwrap(),
            repaired: Repaired::Done,
            overridden: Vec::new(),
            repairs: Vec::new(),
            claim: None,
            live_image: None,
            pod_uid: "pod-1",
            tasks: Vec::new(),
            adjust: Box::new(|_| {}),
            in_sync: Vec::new(),
            plans: 0,
            done: BTreeSet::new(),
        }
    }

    pub fn change(&mut self, change: impl FnOnce(&mut SeiNode)) {
        let before = self.node.spec.clone();
        change(&mut self.node);
        if self.node.spec != before {
            self.node.metadata.generation = self.node.metadata.generation.map(|it| it + 1);
        }
    }

    pub fn retry(&mut self, value: &str) {
        let annotations = self.node.metadata.annotations.get_or_insert_default();
        annotations.insert("sei.io/retry".to_owned(), value.to_owned());
    }

    fn phase(&self) -> Option<NodePhase> {
        self.node.status.as_ref()?.phase
    }

    pub fn plan(&self) -> Option<TaskPlan> {
        self.node.status.as_ref()?.plan.clone()
    }

    /// One pass, with these outcomes and then `last` for all others. Returns whether anything is left to do.
    pub fn pass(&mut self, outcomes: Vec<Outcome>, last: &Outcome) -> Result<bool, TestCaseError> {
        self.now += SignedDuration::from_secs(1);
        let mut observed = self.observe();
        (self.adjust)(&mut observed);
        self.plans += 1;
        let id = format!("00000000-0000-4000-8000-{:012}", self.plans);
        let mut pass = Pass::begin(&observed, &self.platform, &id);
        self.in_sync = pass.in_sync();
        let mut outcomes = outcomes.into_iter();
        let mut stepped = false;
        loop {
            let outcome = match pass.next_request() {
                Request::Repair(object) => {
                    self.repairs.push(object);
                    pass.repaired(self.repaired.clone());
                    continue;
                }
                Request::WriteStatus => break,
                Request::Step { task, .. } => {
                    let stored = self.plan().unwrap();
                    prop_assert!(stored.tasks.iter().any(|it| it.id == task.id), "runs before it is stored");
                    // The claim and the pod are observed again when they are not in the cache.
                    let repeated =
                        [TaskKind::SnapshotUpload, TaskKind::EnsureDataPvc, TaskKind::ObserveImage];
                    let once = !repeated.iter().any(|kind| task.is(*kind));
                    let again = once && self.done.contains(&task.id);
                    prop_assert!(!again, "{} runs again: {}", task.type_, task.id);
                    let outcome = outcomes.next().unwrap_or_else(|| last.clone());
                    if outcome == Outcome::Done {
                        self.done.insert(task.id.clone());
                    }
                    outcome
                }
            };
            pass.stepped(outcome, self.now, 0.0);
            stepped = true;
        }
        let (status, then) = pass.end();
        let active = status.plan.as_ref().filter(|plan| plan.phase == PlanPhase::Active);
        let backs_off = active.is_some_and(|it| it.tasks.iter().any(|it| it.next_attempt_at.is_some()));
        let moves = stepped || backs_off || !matches!(then, Requeue::After(_));
        if then == Requeue::PlanStored {
            let stored = self.plan();
            prop_assert!(status.plan != stored, "a plan to store is new");
            let active = stored.is_some_and(|plan| plan.phase == PlanPhase::Active);
            let tls = observed.tls.as_ref().is_none_or(TlsFinding::is_ready);
            prop_assert!(active || tls, "no plan starts without the TLS Secret");
        }

        let ready = status.condition(ConditionType::Ready).unwrap();
        prop_assert!(!ready.message.is_empty());
        if !moves {
            let about_to = ready.reason == ReadyReason::PlanInProgress.as_str();
            let stalled = status.condition(ConditionType::Stalled).is_some();
            let paused = self.node.spec.is_paused();
            prop_assert!(
                !about_to && active.is_none() || stalled || paused,
                "it waits for nothing: {}",
                ready.message
            );
        }
        prop_assert_eq!(status.observed_generation, self.node.metadata.generation);
        let before = self.node.status.clone().unwrap_or_default();
        let id = |status: &SeiNodeStatus| status.plan.as_ref().map(|plan| plan.id.clone());
        if status.node_task.is_some() {
            let started = status.plan.as_ref().filter(|_| id(&status) != id(&before));
            prop_assert!(
                started.is_none_or(|plan| Purpose::of(plan) == Purpose::MarkReady),
                "a plan starts although a task holds the node"
            );
            prop_assert!(
                before.node_task == status.node_task || active.is_none(),
                "a task starts although a plan is active"
            );
        }
        prop_assert_eq!(
            status.phase != before.phase,
            status.phase_transition_time != before.phase_transition_time,
            "its transition time changes with the phase"
        );
        // A task that is repeated within its plan, like the Job of a bootstrap, may succeed again.
        let pending = |task: &&PlannedTask| {
            task.status == TaskStatus::Pending && task.type_.starts_with("deploy-bootstrap")
        };
        for task in status.plan.iter().flat_map(|plan| plan.tasks.iter().filter(pending)) {
            self.done.remove(&task.id);
        }
        self.node.status = Some(status);
        Ok(moves)
    }
}
