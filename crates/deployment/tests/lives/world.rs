//! A model of a cluster: SeiNodes with their reconciler, server-side apply, and an executor that carries out decisions
//! immediately, late or not at all.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use sei_api::{ClusterDomain, SeiNode, SeiNodeDeploymentStatus, labels};
use sei_deployment::{
    CeremonyFacts, Color, Decision, Halt, Height, Object, ObjectKind, Observed, Routes, Write, decide,
    status, taken_over,
};
use serde_json::{Map, Value, json};

use crate::recorded::Recorded;

pub const NAMESPACE: &str = "sei";

pub struct World {
    pub group: Value,
    /// The SeiNodes by name.
    pub nodes: BTreeMap<String, Value>,
    /// Names of those that cannot be decoded.
    pub unreadable: BTreeSet<String>,
    /// The other objects, by kind and name.
    pub objects: BTreeMap<(ObjectKind, String), Value>,
    /// How their seids stand to the halt height.
    pub halts: BTreeMap<String, Halt>,
    /// How far their seids are.
    pub heights: BTreeMap<String, Height>,
    pub knows_budgets: bool,
    pub routes: Routes,
    /// HTTPRoutes of other namespaces with the same host names.
    pub rivals: Vec<Value>,
    pub ceremony: CeremonyFacts,
    pub now: Timestamp,
    /// Images whose pods never become ready.
    pub bad_images: Vec<String>,
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
            uids: 0,
            log: Vec::new(),
        }
    }

    /// A group of the Go controller, whose fields count as written by it.
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

    /// The reconciler of SeiNodes: starts new nodes, and makes those with a good image ready.
    pub fn tend(&mut self) {
        self.nodes.retain(|_, node| node["metadata"]["deletionTimestamp"].is_null());
        let names: Vec<_> = self.nodes.keys().cloned().collect();
        names.iter().for_each(|name| self.tend_one(name));
    }

    pub fn tend_one(&mut self, name: &str) {
        if self.unreadable.contains(name) {
            return;
        }
        let Some(node) = self.nodes.get(name) else { return };
        let image = node["spec"]["image"].as_str().unwrap().to_owned();
        let is_good = !self.bad_images.contains(&image);
        let mut next = json!({ "phase": "Running", "observedGeneration": node["metadata"]["generation"] });
        next["currentImage"] = match is_good {
            true => json!(image),
            false => node["status"]["currentImage"].clone(),
        };
        next["conditions"] = json!([condition(is_good)]);
        self.nodes.get_mut(name).unwrap()["status"] = next;
    }

    /// The pod of a node is not ready.
    pub fn lose(&mut self, name: &str) {
        self.nodes.get_mut(name).unwrap()["status"]["conditions"] = json!([condition(false)]);
    }

    /// Whether the group is the owner of a node.
    pub fn is_own(&self, name: &str) -> bool {
        self.nodes[name]["metadata"]["ownerReferences"][0]["uid"] == self.group["metadata"]["uid"]
    }

    pub fn is_available(&self, name: &str) -> bool {
        let Some(node) = self.nodes.get(name) else { return false };
        node["metadata"]["deletionTimestamp"].is_null()
            && node["status"]["observedGeneration"] == node["metadata"]["generation"]
            && node["status"]["conditions"][0]["status"] == "True"
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

    pub fn insert(&mut self, mut node: Value) {
        self.uids += 1;
        node["metadata"]["namespace"] = json!(NAMESPACE);
        node["metadata"]["uid"] = json!(format!("node-{}", self.uids));
        node["metadata"]["generation"] = json!(1);
        self.nodes.insert(node["metadata"]["name"].as_str().unwrap().to_owned(), node);
    }

    /// Behaves like the API server; an outdated write changes nothing.
    pub fn carry_out(&mut self, write: &Write) {
        self.log.push(format!("{write:?}"));
        match write {
            Write::Mark => self.group["metadata"]["finalizers"] = json!([labels::DEPLOYMENT_FINALIZER]),
            Write::Unmark => drop(self.group["metadata"].as_object_mut().unwrap().remove("finalizers")),
            Write::Create(node) => {
                let patch = json!(node);
                let name = patch["metadata"]["name"].as_str().unwrap();
                if !self.nodes.contains_key(name) {
                    self.insert(json!({
                        "apiVersion": "sei.io/v1alpha1", "kind": "SeiNode", "metadata": { "name": name }, "spec": {},
                    }));
                    apply(self.nodes.get_mut(name).unwrap(), &patch);
                    self.nodes.get_mut(name).unwrap()["metadata"]["generation"] = json!(1);
                }
            }
            Write::Apply { name, patch } => {
                let node = self.nodes.get_mut(name);
                let node = node.filter(|node| node["metadata"]["uid"] == patch["metadata"]["uid"]);
                node.into_iter().for_each(|node| apply(node, patch));
            }
            Write::TakeOver { name, uid } => {
                let node = self.nodes.get_mut(name).filter(|node| node["metadata"]["uid"] == json!(uid));
                if let Some(node) = node {
                    let entries = taken_over(&read(node)).unwrap();
                    node["metadata"]["managedFields"] = json!(entries);
                }
            }
            Write::Delete { name, uid } => {
                let node = self.nodes.get_mut(name).filter(|node| node["metadata"]["uid"] == json!(uid));
                node.into_iter()
                    .for_each(|node| node["metadata"]["deletionTimestamp"] = json!("2027-01-01T00:00:00Z"));
            }
            Write::Release { name, owners, .. } => {
                let node = self.nodes.get_mut(name);
                node.into_iter().for_each(|node| node["metadata"]["ownerReferences"] = json!(owners));
            }
            Write::ApplyObject(object) => {
                let mut body = object.body();
                body["metadata"]["uid"] = json!(object.name());
                body["metadata"]["managedFields"] = json!([{
                    "manager": labels::DEPLOYMENT_FIELD_MANAGER, "operation": "Apply", "time": self.now,
                }]);
                self.objects.insert((object.kind(), object.name().to_owned()), body);
            }
            Write::DeleteObject { kind, name, uid } => {
                let object = self.objects.remove(&(*kind, name.clone())).unwrap();
                assert_eq!(object["metadata"]["uid"], json!(uid));
            }
            Write::ReleaseObject { kind, name, owners, .. } => {
                let object = self.objects.get_mut(&(*kind, name.clone())).unwrap();
                object["metadata"]["ownerReferences"] = json!(owners);
            }
        }
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

fn condition(ready: bool) -> Value {
    json!({
        "type": "Ready", "status": if ready { "True" } else { "False" },
        "reason": if ready { "NodeReady" } else { "WaitingForPod" },
        "message": if ready { "" } else { "pod is not ready" },
        "lastTransitionTime": "2026-11-27T04:00:00Z",
    })
}

/// Server-side apply, by force, with the field manager of groups.
fn apply(live: &mut Value, patch: &Value) {
    let before = live["spec"].clone();
    let parts = ["labels", "annotations", "ownerReferences"];
    let mut wanted = json!({ "spec": patch["spec"], "metadata": {} });
    for part in parts.iter().filter(|part| !patch["metadata"][**part].is_null()) {
        wanted["metadata"][*part] = patch["metadata"][*part].clone();
    }
    let fields = fields_of(&wanted);
    let had = live["metadata"]["managedFields"][0]["fieldsV1"].clone();
    remove(live, &had, &fields);
    merge(live, &wanted);
    live["metadata"]["managedFields"] = json!([{
        "manager": labels::DEPLOYMENT_FIELD_MANAGER, "operation": "Apply", "fieldsV1": fields,
    }]);
    if live["spec"] != before {
        let generation = live["metadata"]["generation"].as_i64().unwrap();
        live["metadata"]["generation"] = json!(generation + 1);
    }
}

fn fields_of(value: &Value) -> Value {
    let members = value.as_object().filter(|members| !members.is_empty());
    let fields =
        members.map(|members| members.iter().map(|(key, value)| (format!("f:{key}"), fields_of(value))));
    Value::Object(fields.map(Iterator::collect::<Map<_, _>>).unwrap_or_default())
}

/// Removes the fields in `had` that are not in `fields`.
fn remove(live: &mut Value, had: &Value, fields: &Value) {
    for (field, inner) in had.as_object().into_iter().flatten() {
        let name = field.trim_start_matches("f:");
        let is_map = live[name].is_object() && inner.as_object().is_some_and(|inner| !inner.is_empty());
        match fields.get(field) {
            Some(kept) if is_map => remove(&mut live[name], inner, kept),
            None if is_map => remove(&mut live[name], inner, &json!({})),
            None => drop(live.as_object_mut().unwrap().remove(name)),
            Some(_) => {}
        }
    }
}

fn merge(live: &mut Value, patch: &Value) {
    match patch {
        Value::Object(members) if live.is_object() || !members.is_empty() => {
            members.iter().for_each(|(key, value)| merge(&mut live[key], value));
        }
        _ => *live = patch.clone(),
    }
}
