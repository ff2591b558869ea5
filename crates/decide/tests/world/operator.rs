//! The operator in a small cluster: the product's own pass over nodes whose objects, sidecars and volumes are
//! models.

use std::{collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::{apps::v1::StatefulSet, batch::v1::Job, core::v1::Pod};
use proptest::prelude::*;
use sei_api::{SeiNode, SeiNodeSpec, SeiNodeStatus, conditions::TlsSecretReason, names};
use sei_decide::{
    Ask, Children, Finding, Keys, Observed, Pass, Repair, Repaired, Then, TlsFinding,
    contention::{Contention, Stage, Use, contention},
    exclusive::PublicKey,
    is_progress,
    neighbours::Peers,
    objects::{JobState, job_state},
};
use sei_node::Node;
use sei_plan::Outcome;
use sei_render::{Platform, Rendered};
use serde_json::{Value, json};

use crate::{
    act::Acting,
    actor::{Actor, Order},
    cached::Cached,
    objects::Objects,
};

/// How many times a pass repeats before other nodes have their turn, as in the reconciler.
const ROUNDS: usize = 4;
/// Maximum number of writes of one pass, including the status: the objects of a first plan or the repair of
/// all of them, the marks and deletions of a bootstrap, and the status.
const WRITES: u32 = 6;
/// Maximum number of passes in a row that request another one immediately: a plan ends or is replaced, the
/// next one is stored, and it runs until it waits.
const AT_ONCE: u32 = 4;

/// What happens to the next status write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not applied.
    Lost,
    /// It is applied, and the response is lost.
    Unanswered,
}

/// How long progress is kept before it is written.
const WRITE_WITHIN: SignedDuration = SignedDuration::from_secs(1);

/// Progress that is not written yet, in the memory of the operator.
struct Unsaved {
    since: Timestamp,
    stored: Option<SeiNodeStatus>,
    status: SeiNodeStatus,
}

/// A node and its environment.
pub struct Member {
    pub node: Cached<SeiNode>,
    pub objects: Objects,
    pub actor: Actor,
    pub faults: Vec<Fault>,
    /// As returned by the last successful status write.
    written: Option<SeiNode>,
    unsaved: Option<Unsaved>,
    at_once: u32,
    /// IDs of all stored plans.
    stored: BTreeSet<String>,
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

    /// The SeiNode is deleted and recreated. Its objects are left to the garbage collector.
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
        self.objects.delete_claim(now);
        // Work of another SeiNode on an imported volume is only known from the markers.
        self.objects.volume.iter_mut().for_each(|volume| volume.records.clear());
        // The cache of SeiNodes reports that it is gone, and its state in memory is dropped.
        self.node = Cached::new(self.node.live.clone());
        self.forget();
    }

    /// Another process of the operator takes over: it remembers nothing, and lists everything.
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
    }

    pub fn status(&self) -> &SeiNodeStatus {
        self.node.live.status.as_ref().unwrap()
    }

    pub fn settle(&mut self, now: Timestamp) {
        let uid = self.node.live.metadata.uid.clone().unwrap();
        self.objects.settle(&uid, now);
    }

    /// The cached SeiNode, or the newer one that the last write returned.
    fn freshest(&mut self) -> SeiNode {
        let version = |node: &SeiNode| node.metadata.resource_version.as_ref()?.parse::<u64>().ok();
        let cached = self.node.observe();
        self.written.take_if(|written| version(written) <= version(&cached));
        self.written.clone().unwrap_or(cached)
    }

    /// `stored` with the progress that is not written yet.
    fn with_unsaved(&mut self, stored: &SeiNode) -> SeiNode {
        self.unsaved.take_if(|unsaved| unsaved.stored != stored.status);
        let unsaved = self.unsaved.as_ref().map(|unsaved| unsaved.status.clone());
        SeiNode { status: unsaved.or_else(|| stored.status.clone()), ..stored.clone() }
    }

    /// Whether writing `status` is deferred.
    fn keeps(&mut self, stored: &SeiNode, status: &SeiNodeStatus, now: Timestamp) -> bool {
        let since = self.unsaved.as_ref().map_or(now, |unsaved| unsaved.since);
        let is_kept = stored.status.as_ref().is_some_and(|before| is_progress(before, status))
            && now.duration_since(since) < WRITE_WITHIN;
        if is_kept {
            self.unsaved = Some(Unsaved { since, stored: stored.status.clone(), status: status.clone() });
        }
        is_kept
    }

    /// Writes `status` with optimistic locking; `None` if the write failed or its response was lost.
    fn record(&mut self, node: &SeiNode, status: SeiNodeStatus, writes: &mut u32) -> Option<SeiNode> {
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

    fn uses(&self, seen: bool) -> Vec<Use> {
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

fn tls(is_ready: bool) -> TlsFinding {
    TlsFinding {
        reason: if is_ready { TlsSecretReason::Ready } else { TlsSecretReason::NotFound },
        message: "the Secret".to_owned(),
        not_after: None,
        changes_at: None,
    }
}

/// Whether the persistent peers are other SeiNodes.
pub fn selects_by_label(spec: &SeiNodeSpec) -> bool {
    spec.peers.iter().flatten().any(|source| source.label.is_some())
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

/// The cluster, and the operator in it.
pub struct World {
    pub members: Vec<Member>,
    pub now: Timestamp,
    /// The peers found by label sources.
    pub peers: Peers,
    platform: Platform,
    granted: BTreeSet<String>,
    plans: u32,
    /// The highest observed numbers of writes and immediate requeues.
    pub most: (u32, u32),
}

impl World {
    pub fn new(specs: Vec<Value>) -> Self {
        let settings = include_str!("../../../../tests/conformance/full-tls/platform.env");
        let settings = settings.lines().filter_map(|line| line.split_once('='));
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let members = specs.into_iter().enumerate();
        Self {
            members: members.map(|(index, spec)| Member::new(&format!("node-{index}"), spec)).collect(),
            now: "2027-01-01T00:00:00Z".parse().unwrap(),
            peers: Peers::default(),
            platform: Platform::from_settings(&settings).unwrap(),
            granted: BTreeSet::new(),
            plans: 0,
            most: (0, 0),
        }
    }

    fn contention(&self, node: &SeiNode, seen: bool) -> Contention {
        let key = |_: &str, _: &str| PublicKey::read(br#"{ "address": "A", "pub_key": { "value": "P" } }"#);
        let mut uses: Vec<_> = self.members.iter().flat_map(|member| member.uses(seen)).collect();
        if seen {
            uses.extend(self.members.iter().map(|member| {
                let node = member.node.seen();
                let granted = self.granted.contains(node.metadata.uid.as_ref().unwrap());
                Use::of_node(node, if granted { Stage::Granted } else { Stage::Named })
            }));
        }
        contention(node, &uses, &key)
    }

    fn observe(&mut self, index: usize, node: &SeiNode) -> Observed {
        let member = &mut self.members[index];
        let objects = &mut member.objects;
        let (job, pod) = (objects.job.observe(), objects.pod.observe());
        let bootstrap_pod = objects.bootstrap_pod.observe().filter(|_| job.is_some());
        let callable = [&pod, &bootstrap_pod].into_iter().flatten().next();
        let sidecar = member.actor.begin_pass(callable.and_then(|pod| pod.metadata.uid.clone()));
        let children = Children {
            stateful_set: objects.stateful_set.observe().map(Arc::new),
            service: objects.service.observe().map(Arc::new),
            config_map: objects.config_map.observe().map(Arc::new),
            job: job.map(Arc::new),
            pod: pod.map(Arc::new),
            bootstrap_pod: bootstrap_pod.map(Arc::new),
            pod_refusal: None,
        };
        let claim = objects.claim.observe();
        let references = objects.references;
        let contention = self.contention(node, true);
        if contention.rival.is_none() {
            self.granted.extend(node.metadata.uid.clone());
        }
        let keyed = node.spec.validator.as_ref().is_some_and(|validator| validator.signing_key.is_some());
        let found = || keyed.then(|| Finding::Good("good".to_owned()));
        Observed {
            node: Arc::new(node.clone()),
            tls: node.spec.tls().map(|_| tls(references)),
            keys: Keys { signing: found(), node: found(), keyring: None },
            import: names::imported_claim(node).map(|_| match references {
                true => Finding::Good("bound".to_owned()),
                false => Finding::NotYet("not bound".to_owned()),
            }),
            claim,
            peers: selects_by_label(&node.spec).then(|| self.peers.clone()),
            contention,
            children,
            overridden: Vec::new(),
            sidecar,
            read_again_at: None,
            now: self.now,
        }
    }

    /// Reconciles a node. Returns its requeue time; `None` if a write failed.
    pub fn pass(&mut self, index: usize) -> Result<Option<SignedDuration>, TestCaseError> {
        let mut stored = self.members[index].freshest();
        for _ in 0..ROUNDS {
            let node = self.members[index].with_unsaved(&stored);
            let observed = self.observe(index, &node);
            self.plans += 1;
            let id = format!("00000000-0000-4000-8000-{:012}", self.plans);
            let mut writes = 0;
            let (status, then, order) = self.run(index, &observed, &id, &mut writes)?;
            let member = &mut self.members[index];
            let written = match then {
                Then::Wait(_) if member.keeps(&stored, &status, self.now) => Some(stored),
                _ => member.record(&stored, status, &mut writes),
            };
            self.most.0 = self.most.0.max(writes);
            prop_assert!(writes <= WRITES, "{writes} writes in a pass");
            // A task is submitted once the status is stored.
            member.actor.end_pass(order.filter(|_| written.is_some()));
            let Some(written) = written else {
                member.at_once = 0;
                return Ok(None);
            };
            stored = written;
            if let Then::Wait(delay) = then {
                member.at_once = 0;
                return Ok(Some(delay.try_into().unwrap()));
            }
            member.at_once += 1;
            self.most.1 = self.most.1.max(member.at_once);
            prop_assert!(member.at_once <= AT_ONCE, "{} passes without a delay", member.at_once);
        }
        Ok(Some(SignedDuration::ZERO))
    }

    fn run(
        &mut self,
        index: usize,
        observed: &Observed,
        plan_id: &str,
        writes: &mut u32,
    ) -> Result<(SeiNodeStatus, Then, Option<Order>), TestCaseError> {
        let rival = self.contention(&observed.node, false).rival.map(|rival| rival.message);
        let member = &mut self.members[index];
        let rendered = Rendered::of(&Node::of(&observed.node), &self.platform).unwrap();
        let mut acting =
            Acting { objects: &mut member.objects, rendered: &rendered, observed, rival, writes };
        let mut pass = Pass::begin(observed, &self.platform, plan_id);
        let mut order = None;
        loop {
            let outcome = match pass.ask() {
                Ask::Repair(repair) => {
                    pass.repaired(acting.repair(repair));
                    continue;
                }
                Ask::Step { plan, task, .. } => {
                    prop_assert!(member.stored.contains(&plan.stored().id), "it runs before it is stored");
                    let stepped = acting.step(plan, task);
                    order = stepped.order;
                    stepped.outcome
                }
                Ask::End => break,
            };
            pass.stepped(outcome, self.now, 0.0);
        }
        let (status, then) = pass.end();
        Ok((status, then, order))
    }
}

impl Acting<'_> {
    fn repair(&mut self, repair: Repair) -> Repaired {
        let done = match repair {
            Repair::StatefulSet(_) => self.apply_stateful_set(1),
            Repair::Service(service) => self.put_service(*service),
            Repair::ConfigMap(_) => self.apply_proxy_config(),
            Repair::ClaimRetention(_) => panic!("no node of this world retains its claim"),
            Repair::ClaimMark(claim) => {
                *self.writes += 1;
                self.mark_claim(&claim);
                Outcome::Done
            }
        };
        match done {
            Outcome::Done => Repaired::Done,
            other => Repaired::Failed(format!("{other:?}")),
        }
    }
}
