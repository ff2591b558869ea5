//! The API server: outdated writes change nothing.

use sei_api::labels;
use sei_deployment::{Write, taken_over};
use serde_json::{Value, json};

use super::{NAMESPACE, World, read, server_side_apply::apply};

impl World {
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
