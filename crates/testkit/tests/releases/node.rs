//! A node whose plans are run by the product's own pass, and the operator that runs them. Its objects follow every step at
//! once.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use sei_api::{
    SeiNode, SeiNodeStatus,
    conditions::{ConditionType, is_true},
    v1alpha1::NodePhase,
};
use sei_decide::{Pass, Repaired, Request, Requeue, is_progress, neighbours::Peers};
use sei_render::Platform;
use sei_testkit::sidecar::Generation;
use serde_json::{Value, json};

use crate::{
    crash::{Crash, Crashes},
    outside::Objects,
    sidecar::{Order, Volume},
};

/// For how many passes progress is kept before it is written: as many as a plan takes.
const KEPT: usize = 16;
/// How many passes a plan may take.
const PASSES: usize = 2000;

/// A node, its objects, its volume, and the operator.
pub struct Node {
    /// As it is stored.
    pub object: SeiNode,
    pub volume: Volume,
    pub now: Timestamp,
    /// Time between two passes.
    pub pace: SignedDuration,
    pub crashes: Option<Crashes>,
    /// What its label sources find, if it has any.
    pub peers: Option<Peers>,
    /// What the operator can see of the genesis bucket.
    pub bucket: Option<Objects>,
    /// Progress that the operator only remembers, and for how many passes.
    unsaved: Option<(SeiNodeStatus, usize)>,
    pub(crate) platform: Platform,
    plans: u32,
    pods: u32,
    pub(crate) order: Option<Order>,
    pub(crate) has_claim: bool,
    /// Whether the claim is marked: a bootstrap has completed on it.
    pub(crate) has_state: bool,
    /// The images of the StatefulSet and of its pod.
    pub(crate) template: Option<String>,
    pub(crate) pod: Option<(String, String)>,
    /// The bootstrap Job, and whether it is complete.
    pub(crate) job: Option<bool>,
}

impl Node {
    pub fn new(spec: &Value, generation: Generation) -> Self {
        let metadata = json!({
            "name": "node-0", "namespace": "sei", "uid": "u", "generation": 1, "resourceVersion": "1",
        });
        let object = serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap();
        Self::of(object, Volume::new(generation))
    }

    pub fn of(object: SeiNode, volume: Volume) -> Self {
        let settings = include_str!("../../../../tests/conformance/full-tls/platform.env");
        let settings = settings.lines().filter_map(|line| line.split_once('='));
        let settings: BTreeMap<_, _> =
            settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self {
            object,
            volume,
            now: "2027-01-01T00:00:00Z".parse().unwrap(),
            pace: SignedDuration::from_secs(400),
            crashes: None,
            peers: None,
            bucket: None,
            unsaved: None,
            platform: Platform::from_settings(&settings).unwrap(),
            plans: 0,
            pods: 0,
            order: None,
            has_claim: false,
            has_state: false,
            template: None,
            pod: None,
            job: None,
        }
    }

    pub fn change(&mut self, change: impl FnOnce(&mut SeiNode)) {
        let before = self.object.spec.clone();
        change(&mut self.object);
        let is_new = i64::from(self.object.spec != before);
        self.object.metadata.generation = self.object.metadata.generation.map(|now| now + is_new);
    }

    pub fn status(&self) -> &SeiNodeStatus {
        self.object.status.as_ref().unwrap()
    }

    pub fn is_ready(&self) -> bool {
        let ready = self.object.status.as_ref().and_then(|status| status.condition(ConditionType::Ready));
        is_true(ready)
            && self.status().phase == Some(NodePhase::Running)
            && self.status().observed_generation == self.object.metadata.generation
    }

    /// Reconciles until the node runs according to its spec.
    pub async fn until_ready(&mut self, story: &str) {
        for _ in 0..PASSES {
            self.turn(None).await;
            if self.is_ready() {
                return;
            }
        }
        panic!("{story}: never ready: {:#?}\n{:#?}", self.status(), self.volume.records());
    }

    /// A pass, followed by its requests to the sidecar.
    pub async fn turn(&mut self, crash: Option<Crash>) {
        let (status, then) = self.pass();
        let planned = self.crashes.as_mut().and_then(|crashes| crashes.at(&status));
        let crash = crash.or(planned);
        if crash != Some(Crash::BeforeStatus) {
            self.record(status, then);
        }
        if matches!(then, Requeue::After(_)) {
            if !matches!(crash, Some(Crash::BeforeStatus | Crash::BeforeOrder)) {
                self.volume.ask(self.order.as_ref(), self.now).await;
            }
            self.now += self.pace;
        }
        if crash.is_some() {
            self.unsaved = None;
            self.volume.forget();
        }
        if planned.is_some() && self.crashes.as_ref().is_some_and(|crashes| crashes.with_sidecar) {
            self.volume.restart();
        }
    }

    fn pass(&mut self) -> (SeiNodeStatus, Requeue) {
        let mut object = self.object.clone();
        object.status = self.unsaved.clone().map(|(status, _)| status).or(object.status);
        let observed = self.observe(object);
        self.plans += 1;
        let id = format!("00000000-0000-4000-8000-{:012}", self.plans);
        let platform = self.platform.clone();
        let mut pass = Pass::begin(&observed, &platform, &id);
        self.order = None;
        loop {
            let outcome = match pass.next_request() {
                Request::Repair(_) => {
                    pass.repaired(Repaired::Done);
                    continue;
                }
                Request::Step { plan, task, .. } => self.step(&observed, plan, task),
                Request::WriteStatus => break,
            };
            pass.stepped(outcome, self.now, 0.0);
        }
        pass.end()
    }

    fn record(&mut self, status: SeiNodeStatus, then: Requeue) {
        let is_kept = matches!(then, Requeue::After(_))
            && self.object.status.as_ref().is_some_and(|before| is_progress(before, &status));
        let passes = self.unsaved.as_ref().map_or(0, |(_, passes)| *passes);
        if is_kept && passes < KEPT {
            self.unsaved = Some((status, passes + 1));
        } else {
            (self.object.status, self.unsaved) = (Some(status), None);
        }
    }

    /// Another pod starts on the volume.
    pub fn start_pod(&mut self) {
        self.pods += 1;
        let uid = format!("pod-{}", self.pods);
        self.volume.restart_in(&uid);
        self.pod = self.template.clone().map(|image| (uid, image));
    }
}
