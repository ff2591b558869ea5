//! One node without a cluster: its observations are chosen, and the product's own pass processes them.

use std::{collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::{apps::v1::StatefulSet, batch::v1::Job, core::v1::Pod};
use proptest::prelude::*;
use sei_api::{
    SeiNode, SeiNodeStatus, SeiNodeTask,
    conditions::{ConditionType, ReadyReason, StalledReason, TlsSecretReason},
    v1alpha1::{NodePhase, PlanPhase, PlannedTask, TaskPlan, TaskStatus},
};
use sei_decide::{
    Answer, Ask, Children, Claim, Finding, Health, InSync, Keys, Observed, Overridden, Pass, Repair,
    Repaired, Sidecar, Then, TlsFinding, Trouble, TroubleKind,
    contention::{Contention, Rival},
};
use sei_node::Node;
use sei_plan::{OfKind, Outcome, Purpose, TaskKind};
use sei_render::{Platform, Rendered};
use serde_json::{Value, json};

const START: &str = "2027-01-01T00:00:00Z";

/// What the next passes observe. The numbers select one of the possible forms of each object.
#[derive(Clone, Debug)]
pub struct Forms {
    pub tls: usize,
    pub finding: usize,
    pub rival: bool,
    pub stateful_set: usize,
    pub pod: usize,
    pub job: usize,
    pub health: usize,
}

/// Everything is healthy.
pub const GOOD: Forms =
    Forms { tls: 0, finding: 0, rival: false, stateful_set: 0, pod: 0, job: 0, health: 0 };

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

    pub fn observe(&self) -> Observed {
        let Forms { tls, finding, rival, stateful_set, pod, job, health } = self.forms;
        let spec = &self.node.spec;
        let found = |wanted: bool| {
            let forms =
                [Finding::Good("good".into()), Finding::NotYet("not yet".into()), Finding::Bad("bad".into())];
            wanted.then(|| forms[finding].clone())
        };
        let keyed = spec.validator.as_ref().is_some_and(|it| it.signing_key.is_some());
        let answer = |value| Some(Answer { at: self.now, value });
        let health = answer([Health::Ready, Health::NotReady, Health::Held, Health::Ready][health]);
        let gone = Trouble { kind: TroubleKind::Unreachable, message: "gone".into() };
        let is_silent = self.forms.health == 3;
        let rendered = Rendered::of(Node::of(&self.node), &self.platform).ok();
        let service = rendered.as_ref().filter(|_| stateful_set > 0);
        Observed {
            node: Arc::new(self.node.clone()),
            tls: spec.tls().map(|_| TlsFinding {
                reason: [
                    TlsSecretReason::Ready,
                    TlsSecretReason::NotFound,
                    TlsSecretReason::Unavailable,
                    TlsSecretReason::Malformed,
                    TlsSecretReason::SansMismatch,
                    TlsSecretReason::Expired,
                ][tls],
                message: "the Secret".to_owned(),
                certificate: None,
                not_after: None,
                changes_at: None,
            }),
            keys: Keys { signing: found(keyed), node: found(keyed), keyring: None },
            import: found(spec.data_volume.is_some()),
            claim: self.claim.clone(),
            peers: None,
            sidecar_turn: None,
            overridden: self.overridden.clone(),
            in_sync: self.in_sync.clone(),
            tasks: Some(self.tasks.clone()),
            contention: Contention {
                rival: rival.then(|| Rival {
                    reason: StalledReason::VolumeInUse,
                    message: "it has another owner".into(),
                }),
                ..Contention::default()
            },
            children: Children {
                stateful_set: rendered.as_ref().and_then(|it| self.stateful_set(it, stateful_set)),
                service: service.map(|it| Arc::new(it.service.clone())),
                config_map: rendered.as_ref().and_then(|it| it.rbac_proxy_config.clone()).map(Arc::new),
                job: job_in(job),
                pod: self.pod(pod),
                bootstrap_pod: None,
                pod_refusal: None,
            },
            sidecar: Sidecar {
                pod: Some("u".to_owned()),
                trouble: is_silent.then_some(gone),
                health: health.filter(|_| self.phase() == Some(NodePhase::Running)),
                ..Sidecar::default()
            },
            read_again_at: None,
            now: self.now,
        }
    }

    /// Own, none, edited by another client, or with another owner.
    fn stateful_set(&self, rendered: &Rendered, form: usize) -> Option<Arc<StatefulSet>> {
        let mut set = rendered.stateful_set.clone();
        if let Some(image) = self.live_image {
            let pod = set.spec.as_mut().unwrap().template.spec.as_mut().unwrap();
            pod.containers[0].image = Some(image.to_owned());
        }
        match form {
            1 => return None,
            2 => {
                let edit = json!([{ "manager": "kubectl", "fieldsV1": { "f:spec": {} } }]);
                set.metadata.managed_fields = serde_json::from_value(edit).unwrap();
                set.spec.as_mut().unwrap().replicas = Some(0);
            }
            3 => set.metadata.owner_references = None,
            _ => {}
        }
        Some(Arc::new(set))
    }

    /// Ready, none, not ready, or without its claim.
    fn pod(&self, form: usize) -> Option<Arc<Pod>> {
        let lost = "0/3 nodes are available: persistentvolumeclaim \"data-node-0\" not found.";
        let conditions = match form {
            0 => json!([{ "type": "Ready", "status": "True" }]),
            2 => json!([{ "type": "Ready", "status": "False" }]),
            3 => json!([{ "type": "PodScheduled", "status": "False", "message": lost }]),
            _ => return None,
        };
        let pod = json!({
            "metadata": { "name": "node-0-0", "namespace": "sei", "uid": self.pod_uid },
            "spec": { "containers": [{
                "name": "seid", "image": self.live_image.unwrap_or(&self.node.spec.image),
            }] },
            "status": { "conditions": conditions },
        });
        Some(Arc::new(serde_json::from_value(pod).unwrap()))
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
            let outcome = match pass.ask() {
                Ask::Repair(object) => {
                    self.repairs.push(object);
                    pass.repaired(self.repaired.clone());
                    continue;
                }
                Ask::End => break,
                Ask::Step { task, .. } => {
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
        let moves = stepped || backs_off || !matches!(then, Then::Wait(_));
        if then == Then::Store {
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
                "a plan starts although a task has the node"
            );
            prop_assert!(
                before.node_task == status.node_task || active.is_none(),
                "a task gets the node although a plan is active"
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

/// Running, none, complete or failed.
fn job_in(form: usize) -> Option<Arc<Job>> {
    let conditions = match form {
        0 => json!([]),
        2 => json!([{ "type": "Complete", "status": "True" }]),
        3 => json!([{ "type": "Failed", "status": "True", "message": "evicted" }]),
        _ => return None,
    };
    let job = json!({ "metadata": { "name": "node-0-bootstrap", "uid": "job-1" }, "status": { "conditions": conditions } });
    Some(Arc::new(serde_json::from_value(job).unwrap()))
}
