//! A group whose validators create a chain, and the operator that runs its ceremony.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use sei_api::{ClusterDomain, SeiNode, SeiNodeDeployment, SeiNodeDeploymentStatus};
use sei_decide::{Refusal, TaskProgress, TaskReport, neighbours::Peers};
use sei_deployment::{
    AssemblyOrder, AssemblyState, CeremonyFacts, GenesisBucket, Observed, Routes, Write, decide,
    needs_bucket, status, stored_assembly,
};
use sei_testkit::sidecar::Generation;
use serde_json::{Value, json};

use super::server_side_apply::apply;
use crate::{
    crash::{Crash, Crashes},
    life::PEER,
    node::Node,
    outside::Objects,
    sidecar::{CHAIN, Order, Volume},
};

/// A group, its validators, and the operator.
pub struct Group {
    pub object: SeiNodeDeployment,
    pub members: BTreeMap<String, Node>,
    pub bucket: Objects,
    generation: Generation,
    pub crashes: Option<Crashes>,
    /// Whether sidecars end as soon as they have accepted a task.
    pub ends_early: bool,
    /// Whether the operator has credentials for the bucket.
    has_credentials: bool,
    /// What the sidecar of the first validator reported about the assembly.
    said: Option<TaskReport>,
}

impl Group {
    pub fn new(genesis: &Value, generation: Generation, has_credentials: bool) -> Self {
        let template = json!({ "chainId": CHAIN, "image": "seid:0", "validator": {} });
        let mut spec = json!({ "replicas": 2, "template": { "spec": template } });
        spec["genesis"] = genesis.clone();
        let metadata = json!({
            "name": "devnet", "namespace": "sei", "uid": "11111111-1111-4111-9111-111111111111", "generation": 1,
            "creationTimestamp": "2027-01-01T00:00:00Z",
        });
        Self {
            object: serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap(),
            members: BTreeMap::new(),
            bucket: Objects::default(),
            generation,
            crashes: None,
            ends_early: false,
            has_credentials,
            said: None,
        }
    }

    pub fn status(&self) -> &SeiNodeDeploymentStatus {
        self.object.status.as_ref().unwrap()
    }

    fn now(&self) -> Timestamp {
        let times = self.members.values().map(|node| node.now);
        times.max().unwrap_or_else(|| "2027-01-01T00:00:00Z".parse().unwrap())
    }

    fn observe(&self) -> Observed {
        let nodes: Vec<_> = self.members.values().map(|node| Arc::new(node.object.clone())).collect();
        let result = ["genesis.json", "peers.json"].map(|object| format!("{CHAIN}/{object}"));
        let bucket = match result.iter().find(|key| self.bucket.has(key)) {
            _ if !self.has_credentials || !needs_bucket(&self.object, &nodes) => GenesisBucket::Unchecked,
            Some(key) => GenesisBucket::Holds(key.clone()),
            None => GenesisBucket::Empty,
        };
        let of_attempt = stored_assembly(&self.object).and_then(|task| {
            let said = self.said.as_ref()?;
            ((&said.id, said.retries) == (&task.id, task.retry_count.unwrap_or(0))).then_some(said)
        });
        let genesis_hash =
            of_attempt.and_then(|said| said.result.as_ref()).and_then(|result| result.genesis_hash.clone());
        Observed {
            group: Arc::new(self.object.clone()),
            nodes,
            objects: Vec::new(),
            unreadable: Default::default(),
            halts: BTreeMap::new(),
            heights: BTreeMap::new(),
            knows_budgets: true,
            routes: Routes::NotInstalled,
            rivals: Vec::new(),
            domain: ClusterDomain::default(),
            ceremony: CeremonyFacts {
                bucket,
                rival: None,
                sidecar_image: "seictl:main".to_owned(),
                assembly: of_attempt.map_or(AssemblyState::Unknown, |said| state(&said.progress)),
                genesis_hash,
            },
            now: self.now(),
        }
    }

    /// A pass over the group, followed by its requests to a sidecar.
    pub async fn turn(&mut self, crash: Option<Crash>) {
        let observed = self.observe();
        let decision = decide(&observed);
        let mut is_written = false;
        for write in &decision.writes {
            is_written |= self.carry_out(write);
        }
        let status = status(&observed, &decision, &[]);
        let reason = decision.ceremony.as_ref().map(|step| format!("{:?} {is_written}", step.reason));
        let crashes = self.crashes.as_mut();
        let planned = crashes.and_then(|it| it.at_step(&reason.unwrap_or_default(), status.plan.as_ref()));
        let crash = crash.or(planned);
        let mut order = None;
        if !is_written && crash != Some(Crash::BeforeStatus) {
            self.object.status = Some(status);
            order = decision.ceremony.and_then(|step| step.order);
        }
        if let Some(order) = order.filter(|_| crash != Some(Crash::BeforeOrder)) {
            self.follow(order).await;
        }
        if crash.is_some() {
            self.said = None;
        }
        if planned.is_some() && self.crashes.as_ref().is_some_and(|crashes| crashes.with_sidecar) {
            self.members.values().for_each(|node| node.volume.restart());
        }
    }

    /// A user requests another attempt.
    pub fn retry(&mut self, value: &str) {
        let annotations = self.object.metadata.annotations.get_or_insert_default();
        annotations.insert("sei.io/retry".to_owned(), value.to_owned());
    }

    async fn follow(&mut self, order: AssemblyOrder) {
        let AssemblyOrder { node, type_, id, retries, needs_type, params } = order;
        let params = params.map(Some);
        let order = Order { id, type_, retries, was_submitted: false, once: false, needs_type, params };
        let volume = &mut self.members.get_mut(&node).unwrap().volume;
        self.said = Some(volume.follow(&order).await);
    }

    /// Carries out `write`; returns whether it changed anything. A ceremony does not depend on Services and budgets.
    fn carry_out(&mut self, write: &Write) -> bool {
        match write {
            Write::Mark => {
                self.object.metadata.finalizers =
                    Some(vec![sei_api::labels::DEPLOYMENT_FINALIZER.to_owned()]);
            }
            Write::Create(node) => {
                let mut live = json!({
                    "apiVersion": "sei.io/v1alpha1", "kind": "SeiNode", "spec": {},
                    "metadata": {
                        "name": node.metadata.name, "namespace": "sei", "generation": 1,
                        "uid": node.metadata.name, "resourceVersion": "1",
                    },
                });
                apply(&mut live, &json!(node));
                live["metadata"]["generation"] = json!(1);
                let volume = Volume::with_genesis(self.generation, Arc::new(self.bucket.clone()));
                let object: SeiNode = serde_json::from_value(live.clone()).unwrap();
                let mut node = Node::of(object, volume);
                (node.now, node.pace) = (self.now(), SignedDuration::from_secs(10));
                node.crashes = self.crashes.as_ref().map(Crashes::fresh);
                node.volume.restarts = self.ends_early;
                node.peers = Some(Peers { addresses: vec![PEER.to_owned()], silent: Vec::new() });
                node.bucket = self.has_credentials.then(|| self.bucket.clone());
                self.members.insert(live["metadata"]["name"].as_str().unwrap().to_owned(), node);
            }
            Write::Apply { name, patch } => {
                let node = self.members.get_mut(name).unwrap();
                let mut live = json!(node.object);
                apply(&mut live, patch);
                node.object = serde_json::from_value(live).unwrap();
            }
            Write::ApplyObject(_) => return false,
            other => panic!("{other:?}"),
        }
        true
    }
}

/// The report of a sidecar as the reconciler of groups reads it.
fn state(progress: &TaskProgress) -> AssemblyState {
    match progress {
        TaskProgress::Completed => AssemblyState::Completed,
        TaskProgress::Failed(error) | TaskProgress::Refused(Refusal::Other, error) => {
            AssemblyState::Failed(error.clone())
        }
        TaskProgress::Refused(Refusal::TaskUnknown, error) => AssemblyState::Unsupported(error.clone()),
        TaskProgress::Refused(Refusal::Malformed, error) => AssemblyState::Rejected(error.clone()),
        TaskProgress::Submitted | TaskProgress::Running => AssemblyState::Running,
        TaskProgress::Unknown | TaskProgress::Lost | TaskProgress::Held => AssemblyState::Unknown,
    }
}
