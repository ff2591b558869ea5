//! State left by the Go controller: the objects and plans of a conformance case, for a node with another name.

use kube::{
    Api, ResourceExt,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
    core::GroupVersionKind,
};
use sei_api::SeiNode;
use sei_testkit::{
    cluster::{Cluster, NAMESPACE},
    sidecar::Generation,
};
use serde_json::{Value, json};

/// Documents of a case by kind, and the name of its node.
pub struct Case {
    node: &'static str,
    documents: &'static [(&'static str, &'static str)],
}

macro_rules! case {
    ($folder:literal, $node:literal, $($kind:literal: $file:literal),+) => {
        Case { node: $node, documents: &[$(($kind, include_str!(concat!("../../../conformance/", $folder, "/", $file)))),+] }
    };
}

/// A full node.
pub const PLAIN: Case = case!("full-plain", "rpc-0",
    "seinode": "seinode.yaml", "pvc": "pvc.json", "statefulset": "statefulset.json", "service": "service.json",
    "plan": "plan.json");
/// The same with TLS.
pub const TLS: Case = case!("full-tls", "rpc-0",
    "seinode": "seinode.yaml", "pvc": "pvc.json", "statefulset": "statefulset.json", "service": "service.json",
    "plan": "plan.json", "configmap": "configmap.json");
/// A full node that a Job restores from a snapshot.
pub const BOOTSTRAP: Case = case!("full-s3-bootstrap", "syncer-0",
    "seinode": "seinode.yaml", "pvc": "pvc.json", "statefulset": "statefulset.json", "service": "service.json",
    "plan": "plan.json", "bootstrap-job": "bootstrap-job.json", "bootstrap-service": "bootstrap-service.json");

impl Case {
    /// A document of the case, for a node with another name.
    pub fn document(&self, kind: &str, node: &str) -> Value {
        let text = self.documents.iter().find(|(name, _)| *name == kind).unwrap().1;
        let mut document: Value = serde_saphyr::from_str(text).unwrap();
        rename(&mut document, self.node, node);
        document
    }

    /// The plan of this recorded story, completed up to `done`.
    pub fn plan(&self, story: &str, node: &str, done: usize) -> Value {
        let mut plan = self.document("plan", node)[story]["plan"].clone();
        for task in plan["tasks"].as_array_mut().unwrap().iter_mut().take(done) {
            task["status"] = "Complete".into();
        }
        plan
    }

    /// Writes the effects of the first `done` tasks of the init plan to the node's volume.
    pub async fn did(&self, cluster: &Cluster, node: &str, done: usize) {
        let requests = self.document("plan", node)["init"]["sidecarRequests"].clone();
        // The release in the platform's image, which the pod runs.
        cluster.simulator.play(&Cluster::host(node), Generation::V50);
        for request in requests.as_array().unwrap() {
            let (index, body) = (request["taskIndex"].as_u64().unwrap(), &request["body"]);
            let (type_, params) = (body["type"].as_str().unwrap(), body["params"].as_object());
            // Readiness is lost with the process.
            if index < done as u64 && type_ != "mark-ready" {
                let params = params.cloned().unwrap_or_default();
                cluster.simulator.perform(&Cluster::host(node), type_, params).await.unwrap();
            }
        }
    }

    /// Creates an object of the Go controller, owned by `node`.
    pub async fn leave(&self, cluster: &Cluster, kind: &str, node: &SeiNode) {
        let mut object = self.document(kind, &node.name_any());
        object["metadata"]["namespace"] = NAMESPACE.into();
        object["metadata"]["ownerReferences"][0]["uid"] = node.uid().unwrap().into();
        let api_version = object["apiVersion"].as_str().unwrap();
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let gvk = GroupVersionKind::gvk(group, version, object["kind"].as_str().unwrap());
        let api: Api<DynamicObject> =
            Api::namespaced_with(cluster.client.clone(), NAMESPACE, &ApiResource::from_gvk(&gvk));
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let params = PatchParams::apply("seinode-controller").force();
        api.patch(&name, &params, &Patch::Apply(&object)).await.unwrap();
    }

    /// A SeiNode with the Go controller's finalizer and this status.
    pub async fn node(&self, cluster: &Cluster, name: &str, status: Value) -> SeiNode {
        self.node_with(cluster, name, status, json!({})).await
    }

    /// Like [`node`](Self::node), with additional fields in its spec.
    pub async fn node_with(&self, cluster: &Cluster, name: &str, status: Value, more: Value) -> SeiNode {
        let mut object = self.document("seinode", name);
        object["spec"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        object["metadata"] =
            json!({ "name": name, "namespace": NAMESPACE, "finalizers": [sei_api::labels::FINALIZER] });
        let made: SeiNode = serde_json::from_value(object).unwrap();
        cluster.nodes().create(&Default::default(), &made).await.unwrap();
        let patch = Patch::Merge(json!({ "status": status }));
        cluster.nodes().patch_status(name, &PatchParams::default(), &patch).await.unwrap()
    }
}

fn rename(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) => {
            *text = text.replace(from, to).replace("pacific-1.svc", &format!("{NAMESPACE}.svc"))
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, from, to)),
        Value::Object(fields) => fields.values_mut().for_each(|field| rename(field, from, to)),
        _ => {}
    }
}
