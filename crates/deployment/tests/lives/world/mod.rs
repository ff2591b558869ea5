//! A model of a cluster: SeiNodes with their reconciler, server-side apply, and an executor that executes decisions
//! immediately, late or not at all.

mod api_server;
mod nodes;
mod server_side_apply;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use sei_api::{ClusterDomain, SeiNode, SeiNodeDeploymentStatus, labels};
use sei_deployment::{
    CeremonyFacts, Color, Decision, Halt, Height, Object, ObjectKind, Observed, Routes, decide, status,
};
use serde_json::{Value, json};

use self::server_side_apply::fields_of;
use crate::recorded::Recorded;

pub const NAMESPACE: &str = "sei";

pub struct World {
    pub group: Value,
    /// The SeiNodes by name.
    pub nodes: BTreeMap<String, Value>,
    /// Names of SeiNodes that cannot be decoded.
    pub unreadable: BTreeSet<String>,
    /// The other objects, by kind and name.
    pub objects: BTreeMap<(ObjectKind, String), Value>,
    /// Progress of their seids towards the halt height.
    pub halts: BTreeMap<String, Halt>,
    /// Heights of their seids.
    pub heights: BTreeMap<String, Height>,
    pub knows_budgets: bool,
    pub routes: Routes,
    /// HTTPRoutes of other namespaces with the same host names.
    pub rivals: Vec<Value>,
    pub ceremony: CeremonyFacts,
    pub now: Timestamp,
    /// Images whose pods never become ready.
    pub bad_images: Vec<String>,
    /// The requested image of sidecars.
    pub sidecar: String,
    /// Whether pods are restarted to get it.
    pub replaces_sidecars: bool,
    uids: u64,
    /// Every executed decision, with the state before it.
    pub log: Vec<String>,
}

impl World {
    pub fn new(spec: Value) -> Self {
        let group = json!({
            "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeDeployment", "spec": spec,
            "metadata": { "name": "rpc", "namespace": NAMESPACE, "uid": "group-1", "generation": 1 },
        });
        Self {
            group,
            nodes: BTreeMap::new(),
            unreadable: BTreeSet::new(),
            objects: BTreeMap::new(),
            halts: BTreeMap::new(),
            heights: BTreeMap::new(),
            knows_budgets: true,
            routes: Routes::NotInstalled,
            rivals: Vec::new(),
            ceremony: CeremonyFacts::default(),
            now: Timestamp::UNIX_EPOCH,
            bad_images: Vec::new(),
            sidecar: "seictl:0".to_owned(),
            replaces_sidecars: true,
            uids: 0,
            log: Vec::new(),
        }
    }

    /// A group of the Go controller, whose fields are recorded as written by it.
    pub fn of(recorded: &Recorded) -> Self {
        let mut world = Self::new(Value::Null);
        world.group = recorded.state["seiNodeDeployment"].clone();
        world.routes = recorded.routes();
        for object in recorded.objects() {
            world.objects.insert((object.kind(), object.name().to_owned()), object.body());
        }
        for node in recorded.state["seiNodes"].as_array().unwrap() {
            let mut node = node.clone();
            let metadata = &node["metadata"];
            let written = json!({ "spec": node["spec"], "metadata": { "labels": metadata["labels"] } });
            node["metadata"]["managedFields"] = json!([{
                "manager": labels::GO_FIELD_MANAGER, "operation": "Update", "fieldsV1": fields_of(&written),
            }]);
            world.nodes.insert(node["metadata"]["name"].as_str().unwrap().to_owned(), node);
        }
        world
    }

    pub fn observe(&self) -> Observed {
        Observed {
            group: Arc::new(read(&self.group)),
            nodes: self.readable().map(|node| Arc::new(read::<SeiNode>(node))).collect(),
            objects: self.objects.iter().map(|((kind, _), body)| object(*kind, body)).collect(),
            unreadable: self
                .unreadable
                .iter()
                .filter(|name| self.nodes.contains_key(*name))
                .cloned()
                .collect(),
            halts: self.halts.clone(),
            heights: self.heights.clone(),
            knows_budgets: self.knows_budgets,
            routes: self.routes.clone(),
            rivals: self.rivals.iter().map(|route| Arc::new(read(route))).collect(),
            domain: ClusterDomain::default(),
            ceremony: self.ceremony.clone(),
            now: self.now,
        }
    }

    fn readable(&self) -> impl Iterator<Item = &Value> {
        self.nodes.iter().filter(|(name, _)| !self.unreadable.contains(*name)).map(|(_, node)| node)
    }

    pub fn decide(&self) -> Decision {
        decide(&self.observe())
    }

    pub fn status(&self) -> SeiNodeDeploymentStatus {
        let observed = self.observe();
        status(&observed, &decide(&observed), &[])
    }

    /// Reason and status of a condition.
    pub fn condition(&self, kind: &str) -> (String, String) {
        let conditions = self.status().conditions.unwrap();
        let condition = conditions.into_iter().find(|condition| condition.type_ == kind).unwrap();
        (condition.status, condition.reason)
    }

    /// Executes the next decision while the nodes make no progress.
    pub fn act(&mut self) {
        self.decide().writes.iter().for_each(|write| self.carry_out(write));
    }

    /// Decides and executes until nothing is left to do, with the reconciler of SeiNodes in between. Returns the number of
    /// rounds.
    pub fn settle(&mut self) -> usize {
        for round in 0..200 {
            let decision = self.decide();
            let before = self.nodes.clone();
            decision.writes.iter().for_each(|write| self.carry_out(write));
            self.tend();
            if decision.writes.is_empty() && before == self.nodes {
                return round;
            }
        }
        panic!("never settles: {:?}", self.decide());
    }

    /// Whether the group owns a node.
    pub fn is_own(&self, name: &str) -> bool {
        self.nodes[name]["metadata"]["ownerReferences"][0]["uid"] == self.group["metadata"]["uid"]
    }

    /// Kinds and names of the objects that the group needs.
    pub fn objects_wanted(&self) -> Vec<(ObjectKind, String)> {
        let wanted = sei_deployment::objects(&read(&self.group), Color::Blue, &self.routes);
        wanted.iter().map(|object| (object.kind(), object.name().to_owned())).collect()
    }

    pub fn object(&self, kind: ObjectKind, name: &str) -> &Value {
        &self.objects[&(kind, name.to_owned())]
    }

    pub fn images(&self) -> Vec<&str> {
        self.nodes.values().map(|node| node["spec"]["image"].as_str().unwrap()).collect()
    }

    pub fn names(&self) -> Vec<&str> {
        self.nodes.keys().map(String::as_str).collect()
    }

    /// Changes the spec of the group by a JSON pointer.
    pub fn edit(&mut self, pointer: &str, value: Value) {
        let (parent, last) = pointer.rsplit_once('/').unwrap();
        let parent = self.group["spec"].pointer_mut(parent).unwrap();
        if parent.get(last) != Some(&value) {
            parent[last] = value;
            let generation = self.group["metadata"]["generation"].as_i64().unwrap();
            self.group["metadata"]["generation"] = json!(generation + 1);
        }
    }

    pub fn delete_group(&mut self) {
        self.group["metadata"]["deletionTimestamp"] = json!("2027-01-01T00:00:00Z");
    }

    pub fn is_marked(&self) -> bool {
        self.group["metadata"]["finalizers"].as_array().is_some_and(|finalizers| !finalizers.is_empty())
    }
}

pub fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

/// An object from its JSON.
pub fn object(kind: ObjectKind, body: &Value) -> Object {
    match kind {
        ObjectKind::Service => Arc::new(read::<k8s_openapi::api::core::v1::Service>(body)).into(),
        ObjectKind::PodDisruptionBudget => {
            Arc::new(read::<k8s_openapi::api::policy::v1::PodDisruptionBudget>(body)).into()
        }
        ObjectKind::HTTPRoute => Arc::new(read::<sei_deployment::HTTPRoute>(body)).into(),
    }
}
