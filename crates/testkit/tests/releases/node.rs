//! A node whose plans are run by the product's own pass. Its objects follow every step at once.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::{apps::v1::StatefulSet, batch::v1::Job, core::v1::Pod};
use sei_api::{
    SeiNode, SeiNodeStatus,
    conditions::{ConditionType, TlsSecretReason, is_true},
    names,
    v1alpha1::{NodePhase, PlannedTask},
};
use sei_decide::{
    Ask, Children, Claim, Finding, Keys, Observed, Pass, Repaired, SidecarStep, Then, TlsFinding,
    contention::Contention, sidecar_step,
};
use sei_node::Node as Parsed;
use sei_plan::{Outcome, Persisted, Plan, Task};
use sei_render::{Platform, Rendered};
use sei_testkit::sidecar::Generation;
use serde_json::{Value, json};

use crate::sidecar::{Order, Volume};

/// How many passes a plan may take.
const PASSES: usize = 400;

/// A node, its objects, its volume, and the operator.
pub struct Node {
    pub object: SeiNode,
    pub volume: Volume,
    platform: Platform,
    now: Timestamp,
    plans: u32,
    pods: u32,
    order: Option<Order>,
    /// The images of the StatefulSet and of its pod.
    template: Option<String>,
    pod: Option<(String, String)>,
    /// The bootstrap Job, and whether it is complete.
    job: Option<bool>,
}

impl Node {
    pub fn new(spec: &Value, generation: Generation) -> Self {
        let settings = include_str!("../../../../tests/conformance/full-tls/platform.env");
        let settings = settings.lines().filter_map(|line| line.split_once('='));
        let settings: BTreeMap<_, _> =
            settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let metadata = json!({
            "name": "node-0", "namespace": "sei", "uid": "u", "generation": 1, "resourceVersion": "1",
        });
        Self {
            object: serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap(),
            volume: Volume::new(generation),
            platform: Platform::from_settings(&settings).unwrap(),
            now: "2027-01-01T00:00:00Z".parse().unwrap(),
            plans: 0,
            pods: 0,
            order: None,
            template: None,
            pod: None,
            job: None,
        }
    }

    pub fn change(&mut self, change: impl FnOnce(&mut SeiNode)) {
        change(&mut self.object);
        self.object.metadata.generation = self.object.metadata.generation.map(|generation| generation + 1);
    }

    pub fn status(&self) -> &SeiNodeStatus {
        self.object.status.as_ref().unwrap()
    }

    pub fn is_ready(&self) -> bool {
        let ready = self.object.status.as_ref().and_then(|status| status.condition(ConditionType::Ready));
        is_true(ready) && self.status().phase == Some(NodePhase::Running)
    }

    /// Reconciles until the node runs as its spec says.
    pub async fn until_ready(&mut self, story: &str) {
        for _ in 0..PASSES {
            self.pass();
            if self.is_ready() && self.status().observed_generation == self.object.metadata.generation {
                return;
            }
            self.volume.ask(self.order.as_ref(), self.now).await;
            self.now += SignedDuration::from_secs(400);
        }
        panic!("{story}: never ready: {:#?}\n{:#?}", self.status(), self.volume.records());
    }

    fn pass(&mut self) {
        loop {
            let observed = self.observe();
            self.plans += 1;
            let id = format!("00000000-0000-4000-8000-{:012}", self.plans);
            let platform = self.platform.clone();
            let mut pass = Pass::begin(&observed, &platform, &id);
            self.order = None;
            loop {
                let outcome = match pass.ask() {
                    Ask::Repair(_) => {
                        pass.repaired(Repaired::Done);
                        continue;
                    }
                    Ask::Step { plan, task, .. } => self.step(&observed, plan, task),
                    Ask::End => break,
                };
                pass.stepped(outcome, self.now, 0.0);
            }
            let (status, then) = pass.end();
            self.object.status = Some(status);
            if matches!(then, Then::Wait(_)) {
                return;
            }
        }
    }

    fn step(&mut self, observed: &Observed, plan: &Plan<Persisted>, planned: &PlannedTask) -> Outcome {
        match Task::read(planned).unwrap() {
            Task::EnsureDataPvc => Outcome::DoneOn { uid: "claim-1".to_owned() },
            Task::DeployBootstrapJob => {
                if self.job.is_none() {
                    self.job = Some(false);
                    self.volume.restart_in("job-pod");
                }
                Outcome::DoneOn { uid: "job-1".to_owned() }
            }
            Task::AwaitBootstrapComplete => {
                self.job = Some(true);
                Outcome::Done
            }
            Task::TeardownBootstrap => {
                self.job = None;
                Outcome::Done
            }
            Task::ApplyStatefulSet => {
                self.template = Some(observed.node.spec.image.clone());
                if self.pod.is_none() {
                    self.start_pod();
                }
                Outcome::Done
            }
            Task::ReplacePod { also } => {
                let (uid, image) = self.pod.clone().unwrap();
                if Some(&image) != self.template.as_ref()
                    || Some(uid.as_str()) == plan.outdated_pod(also.as_deref())
                {
                    self.start_pod();
                }
                Outcome::Done
            }
            Task::ObserveImage => Outcome::DoneOn { uid: self.pod.clone().unwrap().0 },
            Task::Sidecar(task) => {
                let (outcome, params) = match sidecar_step(observed, plan, planned, &task, false) {
                    SidecarStep::Ended(outcome) => return outcome,
                    SidecarStep::Completed => return Outcome::Done,
                    SidecarStep::Failed(error) => return Outcome::AttemptFailed { error },
                    SidecarStep::Ask(meanwhile) => (meanwhile, None),
                    SidecarStep::Submit { params, meanwhile } => (meanwhile, Some(params)),
                };
                self.order = Some(Order {
                    id: planned.id.clone(),
                    type_: planned.type_.clone(),
                    retries: planned.retry_count.unwrap_or(0),
                    was_submitted: planned.submitted_at.is_some(),
                    once: false,
                    needs_type: None,
                    params,
                });
                outcome
            }
            _ => Outcome::Done,
        }
    }

    fn start_pod(&mut self) {
        self.pods += 1;
        let uid = format!("pod-{}", self.pods);
        self.volume.restart_in(&uid);
        self.pod = self.template.clone().map(|image| (uid, image));
    }

    fn observe(&self) -> Observed {
        let spec = &self.object.spec;
        let rendered = Rendered::of(Parsed::of(&self.object), &self.platform).unwrap();
        let is_ready = self.volume.known.says(sei_decide::Health::Ready);
        let keyed = spec.validator.as_ref().is_some_and(|validator| validator.signing_key.is_some());
        let good = |wanted: bool| wanted.then(|| Finding::Good("good".to_owned()));
        let stateful_set = self.template.as_ref().map(|image| with_image(rendered.stateful_set, image));
        Observed {
            in_sync: Vec::new(),
            tasks: None,
            node: Arc::new(self.object.clone()),
            tls: spec.tls().map(|_| TlsFinding {
                reason: TlsSecretReason::Ready,
                message: "the Secret".to_owned(),
                certificate: None,
                not_after: None,
                changes_at: None,
            }),
            keys: Keys { signing: good(keyed), node: good(keyed), keyring: None },
            import: good(names::imported_claim(&self.object).is_some()),
            claim: self.object.status.is_some().then(|| Claim {
                name: names::data_claim(&self.object),
                uid: "claim-1".to_owned(),
                phase: Some("Bound".to_owned()),
                volume: Some("volume".to_owned()),
                deleted_at: None,
                is_owned: names::imported_claim(&self.object).is_none(),
                is_retained: false,
                has_state: false,
                config_mode: None,
            }),
            peers: None,
            sidecar_turn: None,
            contention: Contention::default(),
            children: Children {
                stateful_set: stateful_set.map(Arc::new),
                service: Some(Arc::new(rendered.service)),
                config_map: rendered.rbac_proxy_config.map(Arc::new),
                job: self.job.map(|is_complete| Arc::new(job(is_complete))),
                pod: self.pod.as_ref().map(|(uid, image)| Arc::new(pod("node-0-0", uid, image, is_ready))),
                bootstrap_pod: self.job.map(|_| Arc::new(pod("job", "job-pod", "seid:old", is_ready))),
                pod_refusal: None,
            },
            overridden: Vec::new(),
            sidecar: self.volume.known.clone(),
            read_again_at: None,
            now: self.now,
        }
    }
}

fn with_image(mut stateful_set: StatefulSet, image: &str) -> StatefulSet {
    let pod = stateful_set.spec.as_mut().and_then(|spec| spec.template.spec.as_mut());
    let seid = pod.and_then(|pod| pod.containers.iter_mut().find(|container| container.name == "seid"));
    seid.unwrap().image = Some(image.to_owned());
    stateful_set
}

fn pod(name: &str, uid: &str, image: &str, is_ready: bool) -> Pod {
    let ready = if is_ready { "True" } else { "False" };
    serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": "sei", "uid": uid },
        "spec": { "containers": [{ "name": "seid", "image": image }] },
        "status": { "conditions": [{ "type": "Ready", "status": ready }] },
    }))
    .unwrap()
}

fn job(is_complete: bool) -> Job {
    let conditions = if is_complete { json!([{ "type": "Complete", "status": "True" }]) } else { json!([]) };
    let metadata = json!({ "name": "node-0-bootstrap", "uid": "job-1" });
    serde_json::from_value(json!({ "metadata": metadata, "status": { "conditions": conditions } })).unwrap()
}
