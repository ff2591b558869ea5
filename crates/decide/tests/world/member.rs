//! A node of the model cluster: its SeiNode, its objects and sidecar, and what the operator remembers of it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::{apps::v1::StatefulSet, batch::v1::Job, core::v1::Pod};
use sei_api::{SeiNode, SeiNodeStatus, names};
use sei_decide::{
    InSync,
    contention::{Stage, Use},
    is_progress,
    objects::{JobState, job_state},
};
use serde_json::{Value, json};

use crate::{actor::Actor, cached::Cached, objects::Objects};

/// The fate of the next status write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not applied.
    Lost,
    /// It is applied, but the response is lost.
    Unanswered,
}

/// How long progress is kept before it is written.
const WRITE_WITHIN: SignedDuration = SignedDuration::from_secs(1);

/// Progress that is not written yet, as the operator remembers it.
struct Unsaved {
    since: Timestamp,
    stored: Option<SeiNodeStatus>,
    status: SeiNodeStatus,
}

/// A node and everything about it.
pub struct Member {
    pub node: Cached<SeiNode>,
    pub objects: Objects,
    pub actor: Actor,
    pub faults: Vec<Fault>,
    /// As the last answered status write returned it.
    written: Option<SeiNode>,
    unsaved: Option<Unsaved>,
    /// Objects in which the last pass found no drift.
    pub in_sync: Vec<InSync>,
    /// How many consecutive passes requested another one immediately.
    pub at_once: u32,
    /// Ids of all plans that were stored.
    pub stored: BTreeSet<String>,
}

impl Member {
    pub fn new(name: &str, spec: Value) -> Self {
        let node = node(name, "node-1", spec);
        let mut objects = Objects::new(name);
        if let Some(claim) = names::imported_claim(&node) {
            objects.import(claim);
        }
        Self {
            node: Cached::new(node),
            objects,
            actor: Actor::default(),
            faults: Vec::new(),
            written: None,
            unsaved: None,
            in_sync: Vec::new(),
            at_once: 0,
            stored: BTreeSet::new(),
        }
    }

    pub fn change(&mut self, change: impl FnOnce(&mut SeiNode)) {
        let node = &mut self.node.live;
        let before = node.spec.clone();
        change(node);
        let version: u64 = node.metadata.resource_version.as_ref().unwrap().parse().unwrap();
        node.metadata.resource_version = Some((version + 1).to_string());
        if node.spec != before {
            node.metadata.generation = node.metadata.generation.map(|generation| generation + 1);
        }
    }

    pub fn retry(&mut self, value: &str) {
        self.change(|node| {
            let annotations = node.metadata.annotations.get_or_insert_default();
            annotations.insert("sei.io/retry".to_owned(), value.to_owned());
        });
    }

    /// The SeiNode is deleted and created again. Its objects are left to the garbage collector.
    pub fn recreate(&mut self, now: Timestamp) {
        let uid = self.objects.uid("node");
        self.change(|node| {
            node.metadata.uid = Some(uid);
            node.metadata.generation = Some(1);
            node.metadata.creation_timestamp =
                Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(now));
            node.status = None;
        });
        if let Some(claim) = &mut self.objects.claim.live {
            claim.is_owned = false;
        }
        self.objects.collect_claim(now);
        // The work of another SeiNode on an imported volume is known only from the markers.
        self.objects.volume.iter_mut().for_each(|volume| volume.records.clear());
        // The cache of SeiNodes shows the deletion, and the operator drops its memory of the node.
        self.node = Cached::new(self.node.live.clone());
        self.forget();
    }

    /// Another process of the operator takes over: it remembers nothing and lists everything.
    pub fn crash(&mut self) {
        self.forget();
        self.node.relist();
        let objects = &mut self.objects;
        objects.stateful_set.relist();
        objects.service.relist();
        objects.config_map.relist();
        objects.job.relist();
        objects.pod.relist();
        objects.bootstrap_pod.relist();
        objects.claim.relist();
    }

    fn forget(&mut self) {
        (self.actor, self.written, self.unsaved) = (Actor::default(), None, None);
        self.in_sync.clear();
    }

    pub fn status(&self) -> &SeiNodeStatus {
        self.node.live.status.as_ref().unwrap()
    }

    pub fn settle(&mut self, now: Timestamp) {
        let uid = self.node.live.metadata.uid.clone().unwrap();
        self.objects.settle(&uid, now);
    }

    /// The cached SeiNode, or the newer one that the last write returned.
    pub fn freshest(&mut self) -> SeiNode {
        let version = |node: &SeiNode| node.metadata.resource_version.as_ref()?.parse::<u64>().ok();
        let cached = self.node.observe();
        self.written.take_if(|written| version(written) <= version(&cached));
        self.written.clone().unwrap_or(cached)
    }

    /// `stored` with the progress that is not written yet.
    pub fn with_unsaved(&mut self, stored: &SeiNode) -> SeiNode {
        self.unsaved.take_if(|unsaved| unsaved.stored != stored.status);
        let unsaved = self.unsaved.as_ref().map(|unsaved| unsaved.status.clone());
        SeiNode { status: unsaved.or_else(|| stored.status.clone()), ..stored.clone() }
    }

    /// Whether `status` is kept for a later write.
    pub fn keeps(&mut self, stored: &SeiNode, status: &SeiNodeStatus, now: Timestamp) -> bool {
        let since = self.unsaved.as_ref().map_or(now, |unsaved| unsaved.since);
        let is_kept = stored.status.as_ref().is_some_and(|before| is_progress(before, status))
            && now.duration_since(since) < WRITE_WITHIN;
        if is_kept {
            self.unsaved = Some(Unsaved { since, stored: stored.status.clone(), status: status.clone() });
        }
        is_kept
    }

    /// Writes `status` under optimistic lock; `None` when the write failed or got no response.
    pub fn record(&mut self, node: &SeiNode, status: SeiNodeStatus, writes: &mut u32) -> Option<SeiNode> {
        if node.status.as_ref() == Some(&status) {
            return Some(node.clone());
        }
        *writes += 1;
        let fault = self.faults.pop();
        let is_current = self.node.live.metadata.resource_version == node.metadata.resource_version;
        if fault == Some(Fault::Lost) || !is_current {
            return None;
        }
        self.stored.extend(status.plan.as_ref().map(|plan| plan.id.clone()));
        self.change(|node| node.status = Some(status));
        if fault == Some(Fault::Unanswered) {
            return None;
        }
        (self.written, self.unsaved) = (Some(self.node.live.clone()), None);
        self.written.clone()
    }

    /// Whether it has a signing key.
    pub fn signs(&self) -> bool {
        self.node.live.spec.validator.as_ref().is_some_and(|validator| validator.signing_key.is_some())
    }

    pub fn uses(&self, seen: bool) -> Vec<Use> {
        let of = |live: &Cached<Option<Pod>>| if seen { live.seen().clone() } else { live.live.clone() };
        let pods = [of(&self.objects.pod), of(&self.objects.bootstrap_pod)];
        let (set, job) = (&self.objects.stateful_set, &self.objects.job);
        let (set, job) = if seen { (set.seen(), job.seen()) } else { (&set.live, &job.live) };
        let set = set.as_ref().and_then(|set: &StatefulSet| {
            let spec = set.spec.as_ref().filter(|spec| spec.replicas != Some(0))?;
            Use::of_object(set, Stage::Template, spec.template.spec.as_ref()?)
        });
        let job = job.as_ref().filter(|job| job_state(job) == JobState::Running);
        let job = job.and_then(|job: &Job| {
            Use::of_object(job, Stage::Template, job.spec.as_ref()?.template.spec.as_ref()?)
        });
        let pods = pods.iter().flatten();
        let pods = pods.filter_map(|pod| Use::of_object(pod, Stage::Pod, pod.spec.as_ref()?));
        set.into_iter().chain(job).chain(pods).collect()
    }
}

fn node(name: &str, uid: &str, spec: Value) -> SeiNode {
    serde_json::from_value(json!({
        "apiVersion": "sei.io/v1alpha1",
        "kind": "SeiNode",
        "metadata": {
            "name": name, "namespace": "sei", "uid": format!("{name}-{uid}"), "generation": 1,
            "resourceVersion": "1", "labels": { "chain": "c" }, "creationTimestamp": "2026-12-31T00:00:00Z",
        },
        "spec": spec,
    }))
    .unwrap()
}
