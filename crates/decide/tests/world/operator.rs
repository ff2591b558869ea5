//! The operator in a small cluster: the product's own pass over nodes whose objects, sidecars and volumes are
//! models.

use std::{collections::BTreeSet, mem, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use kube::Resource;
use proptest::prelude::*;
use sei_api::{SeiNode, SeiNodeSpec, SeiNodeStatus, conditions::TlsSecretReason, names};
use sei_decide::{
    Children, Finding, Keys, Observed, Pass, Repair, Repaired, Request, Requeue, TlsFinding,
    contention::{Contention, Stage, Use, contention},
    exclusive::PublicKey,
    neighbours::Peers,
};
use sei_node::Node;
use sei_plan::Outcome;
use sei_render::{Platform, Rendered};
use serde::Serialize;
use serde_json::Value;

use crate::{act::Acting, actor::Order, member::Member};

/// How many times a pass repeats before other nodes get their turn, as in the reconciler.
const ROUNDS: usize = 4;
/// Maximum number of writes of one pass, including the status: the objects of a first plan or the repair of
/// all of them, the marks and deletions of a bootstrap, and the status.
const WRITES: u32 = 6;
/// Maximum number of consecutive passes that request another one immediately: a plan ends or is replaced, the next one
/// is stored, and it runs until it waits.
const AT_ONCE: u32 = 4;

fn tls(is_ready: bool) -> TlsFinding {
    TlsFinding {
        reason: if is_ready { TlsSecretReason::Ready } else { TlsSecretReason::NotFound },
        message: "the Secret".to_owned(),
        certificate: None,
        not_after: None,
        changes_at: None,
    }
}

/// Whether the persistent peers are other SeiNodes.
pub fn selects_by_label(spec: &SeiNodeSpec) -> bool {
    spec.peers.iter().flatten().any(|source| source.label.is_some())
}

/// `object` with a resource version that is derived from its content.
fn versioned<K: Resource + Serialize>(mut object: K) -> Arc<K> {
    object.meta_mut().uid.get_or_insert_with(|| "u".to_owned());
    object.meta_mut().resource_version = serde_json::to_string(&object).ok();
    Arc::new(object)
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
            stateful_set: objects.stateful_set.observe().map(versioned),
            service: objects.service.observe().map(versioned),
            config_map: objects.config_map.observe().map(versioned),
            job: job.map(Arc::new),
            pod: pod.map(Arc::new),
            bootstrap_pod: bootstrap_pod.map(Arc::new),
            pod_refusal: None,
        };
        let claim = objects.claim.observe();
        let references = objects.references;
        let in_sync = member.in_sync.clone();
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
            import: names::imported_claim(node).map(|_| match &claim {
                Some(claim) if references && claim.deleted_at.is_none() => Finding::Good("bound".to_owned()),
                _ => Finding::NotYet("not bound".to_owned()),
            }),
            claim,
            peers: selects_by_label(&node.spec).then(|| self.peers.clone()),
            sidecar_turn: None,
            contention,
            children,
            overridden: Vec::new(),
            in_sync,
            tasks: Some(Vec::new()),
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
            let mut observed = self.observe(index, &node);
            self.nothing_is_hidden(&mut observed)?;
            self.plans += 1;
            let id = format!("00000000-0000-4000-8000-{:012}", self.plans);
            let mut writes = 0;
            let (status, then, order) = self.run(index, &observed, &id, &mut writes)?;
            let member = &mut self.members[index];
            let written = match then {
                Requeue::After(_) if member.keeps(&stored, &status, self.now) => Some(stored),
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
            if let Requeue::After(delay) = then {
                member.at_once = 0;
                return Ok(Some(delay.try_into().unwrap()));
            }
            member.at_once += 1;
            self.most.1 = self.most.1.max(member.at_once);
            prop_assert!(member.at_once <= AT_ONCE, "{} passes without a delay", member.at_once);
        }
        Ok(Some(SignedDuration::ZERO))
    }

    /// The repairs are those of a pass without memory of earlier ones.
    fn nothing_is_hidden(&self, observed: &mut Observed) -> Result<(), TestCaseError> {
        let with_memory = self.repairs(observed);
        let in_sync = mem::take(&mut observed.in_sync);
        if !in_sync.is_empty() {
            prop_assert_eq!(with_memory, self.repairs(observed));
        }
        observed.in_sync = in_sync;
        Ok(())
    }

    fn repairs(&self, observed: &Observed) -> Vec<Repair> {
        let mut pass = Pass::begin(observed, &self.platform, "");
        std::iter::from_fn(|| match pass.next_request() {
            Request::Repair(repair) => Some(repair),
            Request::Step { .. } | Request::WriteStatus => None,
        })
        .collect()
    }

    fn run(
        &mut self,
        index: usize,
        observed: &Observed,
        plan_id: &str,
        writes: &mut u32,
    ) -> Result<(SeiNodeStatus, Requeue, Option<Order>), TestCaseError> {
        let rival = self.contention(&observed.node, false).rival.map(|rival| rival.message);
        let member = &mut self.members[index];
        let rendered = Rendered::of(Node::of(&observed.node), &self.platform).unwrap();
        let mut acting =
            Acting { objects: &mut member.objects, rendered: &rendered, observed, rival, writes };
        let mut pass = Pass::begin(observed, &self.platform, plan_id);
        member.in_sync = pass.in_sync();
        let mut order = None;
        loop {
            let outcome = match pass.next_request() {
                Request::Repair(repair) => {
                    pass.repaired(acting.repair(repair));
                    continue;
                }
                Request::Step { plan, task, .. } => {
                    prop_assert!(member.stored.contains(&plan.stored().id), "it runs before it is stored");
                    let stepped = acting.step(plan, task);
                    order = stepped.order;
                    stepped.outcome
                }
                Request::WriteStatus => break,
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
