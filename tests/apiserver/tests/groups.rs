//! What is decided of groups, carried out on a real API server: its server-side apply, its defaults and its admission
//! have the last word on whether a decision is ever done. SeiNodes are looked after by the test.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::Service, apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, CustomResourceExt, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions},
    runtime::wait::{await_condition, conditions},
};
use sei_api::{SeiNode, SeiNodeDeployment, labels};
use sei_deployment::{Observed, Write, decide, status};
use sei_testkit::control_plane::{ControlPlane, assets};
use serde_json::{Value, json};

const GROUP: &str = "rpc";

struct Bed {
    _plane: ControlPlane,
    groups: Api<SeiNodeDeployment>,
    nodes: Api<SeiNode>,
    services: Api<Service>,
}

impl Bed {
    async fn with(spec: Value) -> Self {
        let plane = ControlPlane::start(&assets().unwrap()).await.unwrap();
        let client: Client = plane.client().await.unwrap();
        let crds = Api::<CustomResourceDefinition>::all(client.clone());
        for (crd, name) in [
            (sei_api::crd(), SeiNode::crd_name()),
            (sei_api::deployment_crd(), SeiNodeDeployment::crd_name()),
        ] {
            crds.create(&PostParams::default(), &crd).await.unwrap();
            let established = await_condition(crds.clone(), name, conditions::is_crd_established());
            tokio::time::timeout(Duration::from_secs(30), established).await.unwrap().unwrap();
        }
        let bed = Self {
            _plane: plane,
            groups: Api::default_namespaced(client.clone()),
            nodes: Api::default_namespaced(client.clone()),
            services: Api::default_namespaced(client),
        };
        bed.create(spec).await;
        bed
    }

    async fn create(&self, spec: Value) {
        let group = json!({
            "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeDeployment", "metadata": { "name": GROUP }, "spec": spec,
        });
        self.groups.create(&PostParams::default(), &serde_json::from_value(group).unwrap()).await.unwrap();
    }

    async fn edit(&self, spec: Value) {
        let change = Patch::Merge(json!({ "spec": spec }));
        self.groups.patch(GROUP, &PatchParams::default(), &change).await.unwrap();
    }

    async fn observe(&self) -> Option<Observed> {
        let group = self.groups.get_opt(GROUP).await.unwrap()?;
        let nodes =
            self.nodes.list(&ListParams::default()).await.unwrap().items.into_iter().map(Arc::new).collect();
        let internal_service = self.services.get_opt("rpc-internal").await.unwrap().map(Arc::new);
        Some(Observed { group: Arc::new(group), nodes, internal_service, now: Timestamp::UNIX_EPOCH })
    }

    async fn carry_out(&self, write: &Write) {
        let apply = PatchParams::apply(labels::DEPLOYMENT_FIELD_MANAGER);
        let merge = PatchParams::default();
        let finalizers = |list: Value| Patch::Merge(json!({ "metadata": { "finalizers": list } }));
        match write {
            Write::Mark => {
                let marked = finalizers(json!([labels::DEPLOYMENT_FINALIZER]));
                self.groups.patch(GROUP, &merge, &marked).await.map(drop)
            }
            Write::Unmark => self.groups.patch(GROUP, &merge, &finalizers(json!(null))).await.map(drop),
            Write::Create(node) => {
                self.nodes.patch(&node.name_any(), &apply, &Patch::Apply(node)).await.map(drop)
            }
            Write::Apply { name, patch } => {
                self.nodes.patch(name, &apply.force(), &Patch::Apply(patch)).await.map(drop)
            }
            Write::Delete { name, uid } => {
                let this = Preconditions { uid: Some(uid.clone()), resource_version: None };
                self.nodes.delete(name, &DeleteParams::default().preconditions(this)).await.map(drop)
            }
            Write::Release { name, version, owners } => {
                let metadata = json!({ "resourceVersion": version, "ownerReferences": owners });
                self.nodes.patch(name, &merge, &Patch::Merge(json!({ "metadata": metadata }))).await.map(drop)
            }
            Write::ApplyService(service) => {
                let (name, body) = (service.name_any(), Patch::Apply(service));
                self.services.patch(&name, &apply.force(), &body).await.map(drop)
            }
            Write::ReleaseService { version, owners } => {
                let metadata = json!({ "resourceVersion": version, "ownerReferences": owners });
                let body = Patch::Merge(json!({ "metadata": metadata }));
                self.services.patch("rpc-internal", &merge, &body).await.map(drop)
            }
        }
        .unwrap_or_else(|error| panic!("{write:?}: {error}"));
    }

    /// Every node runs its image, as the operator of SeiNodes would report. Returns how many were new to that.
    async fn tend(&self) -> usize {
        let mut changed = 0;
        for node in self.nodes.list(&ListParams::default()).await.unwrap() {
            let observed = node.status.as_ref().and_then(|status| status.observed_generation);
            if observed == node.metadata.generation {
                continue;
            }
            changed += 1;
            let ready = json!([{
                "type": "Ready", "status": "True", "reason": "NodeReady", "message": "",
                "lastTransitionTime": "2026-11-27T04:00:00Z",
            }]);
            let status = json!({
                "phase": "Running", "currentImage": node.spec.image, "conditions": ready,
                "observedGeneration": node.metadata.generation,
            });
            let body = Patch::Merge(json!({ "status": status }));
            self.nodes.patch_status(&node.name_any(), &PatchParams::default(), &body).await.unwrap();
        }
        changed
    }

    /// Decides and acts until nothing is left to do. Returns the images after each round.
    async fn settle(&self) -> Vec<Vec<String>> {
        let mut rounds = Vec::new();
        for _ in 0..40 {
            let Some(observed) = self.observe().await else { return rounds };
            let writes = decide(&observed).writes;
            for write in &writes {
                self.carry_out(write).await;
            }
            rounds.push(self.images().await);
            if self.tend().await == 0 && writes.is_empty() {
                return rounds;
            }
        }
        panic!("never settles: {:?}", decide(&self.observe().await.unwrap()));
    }

    async fn images(&self) -> Vec<String> {
        let nodes = self.nodes.list(&ListParams::default()).await.unwrap();
        nodes.into_iter().map(|node| node.spec.image).collect()
    }

    async fn names(&self) -> Vec<String> {
        self.nodes.list(&ListParams::default()).await.unwrap().iter().map(ResourceExt::name_any).collect()
    }

    async fn delete(&self) {
        self.groups.delete(GROUP, &DeleteParams::default()).await.unwrap();
    }

    /// Status and reason of `Ready`, after the server has taken the whole status.
    async fn ready(&self) -> (String, String) {
        let observed = self.observe().await.unwrap();
        let status = status(&observed, &decide(&observed), &[]);
        let body = Patch::Merge(json!({ "status": status }));
        let written = self.groups.patch_status(GROUP, &PatchParams::default(), &body).await.unwrap();
        assert_eq!(written.status, Some(status), "the server stores what was said");
        let conditions = written.status.unwrap().conditions.unwrap();
        let ready = conditions.into_iter().find(|condition| condition.type_ == "Ready").unwrap();
        (ready.status, ready.reason)
    }
}

fn full_nodes(replicas: u32) -> Value {
    json!({
        "replicas": replicas,
        "template": { "spec": { "chainId": "pacific-1", "image": "seid:a", "fullNode": {} } },
    })
}

fn image(name: &str) -> Value {
    json!({ "template": { "spec": { "image": name } } })
}

#[tokio::test]
async fn a_group_grows_shrinks_and_is_deleted() {
    let bed = Bed::with(full_nodes(1)).await;
    for (replicas, nodes) in [(1, 1), (3, 3), (5, 5), (2, 2)] {
        bed.edit(json!({ "replicas": replicas })).await;
        bed.settle().await;
        assert_eq!(bed.names().await.len(), nodes);
        assert_eq!(bed.ready().await, ("True".into(), "AllNodesReady".into()));
    }
    assert_eq!(bed.names().await, ["rpc-0", "rpc-1"]);
    bed.delete().await;
    bed.settle().await;
    assert!(bed.names().await.is_empty() && bed.groups.get_opt(GROUP).await.unwrap().is_none());
}

#[tokio::test]
async fn an_image_is_rolled_out_node_by_node_and_reverted_amid_the_rollout() {
    let bed = Bed::with(full_nodes(3)).await;
    bed.settle().await;
    bed.edit(image("seid:b")).await;
    let observed = bed.observe().await.unwrap();
    let writes = decide(&observed).writes;
    assert_eq!(writes.len(), 1);
    bed.carry_out(&writes[0]).await;
    assert_eq!(bed.images().await, ["seid:a", "seid:a", "seid:b"]);
    // Carried out again, as by an operator that ended before it saw the answer: nothing changes.
    let before = bed.nodes.get("rpc-2").await.unwrap().metadata.generation;
    bed.carry_out(&writes[0]).await;
    assert_eq!(bed.nodes.get("rpc-2").await.unwrap().metadata.generation, before);
    bed.edit(image("seid:a")).await;
    let rounds = bed.settle().await;
    assert!(rounds.iter().all(|images| images.iter().filter(|image| *image == "seid:b").count() == 0));
    bed.edit(image("seid:c")).await;
    let rounds = bed.settle().await;
    let updated: Vec<_> =
        rounds.iter().map(|images| images.iter().filter(|image| *image == "seid:c").count()).collect();
    assert_eq!(updated[..3], [1, 2, 3], "one more each round");
    assert_eq!(bed.ready().await.0, "True");
}

#[tokio::test]
async fn a_template_with_every_kind_of_field_is_done_once_it_is_applied() {
    let key = |name: &str| json!({ "secret": { "secretName": name } });
    let spec = json!({
        "replicas": 2,
        "template": {
            "metadata": { "labels": { "team": "core", "sei.io/role": "validator" }, "annotations": { "note": "x" } },
            "spec": {
                "chainId": "pacific-1", "image": "seid:a",
                "podLabels": { "zone": "a" },
                "overrides": { "a.b": "c", "d.e": "f" },
                "entrypoint": { "command": ["seid"] },
                "peers": [{ "label": { "selector": { "role": "seed" } } }],
                "sidecar": {
                    "image": "seictl:a", "tls": { "secretName": "$(name)-tls" },
                    "resources": { "limits": { "memory": "1024Mi", "cpu": 1 } },
                },
                "dataVolume": { "import": { "pvcName": "data-$(name)" } },
                "validator": {
                    "signingKey": key("$(name)-signing"), "nodeKey": key("$(name)-node"),
                    "operatorKeyring": { "secret": {
                        "secretName": "$(name)-keyring",
                        "passphraseSecretRef": { "secretName": "$(name)-phrase", "key": "phrase" },
                    } },
                    "snapshot": { "s3": { "targetHeight": 100 } },
                },
            },
        },
    });
    let bed = Bed::with(spec).await;
    bed.settle().await;
    let node = bed.nodes.get("rpc-1").await.unwrap();
    assert_eq!(node.spec.tls().unwrap().secret_name, "rpc-1-tls");

    // What others set stays; what the template no longer has leaves the nodes.
    let by_others = Patch::Merge(json!({
        "metadata": { "annotations": { labels::RETRY_ANNOTATION: "1" }, "labels": { "by": "hand" } },
    }));
    bed.nodes.patch("rpc-1", &PatchParams::default(), &by_others).await.unwrap();
    bed.edit(json!({ "template": {
        "metadata": { "labels": { "team": null }, "annotations": null },
        "spec": { "overrides": { "a.b": null }, "peers": null, "podLabels": null, "sidecar": { "resources": null } },
    } }))
    .await;
    bed.settle().await;
    for name in ["rpc-0", "rpc-1"] {
        let node = json!(bed.nodes.get(name).await.unwrap());
        let spec = &node["spec"];
        assert_eq!(spec["overrides"], json!({ "d.e": "f" }));
        assert_eq!((&spec["peers"], &spec["sidecar"]["resources"]), (&Value::Null, &Value::Null));
        let mut labels: Vec<_> = spec["podLabels"].as_object().unwrap().keys().cloned().collect();
        labels.sort();
        assert_eq!(labels, [labels::DEPLOYMENT, labels::REVISION]);
        assert_eq!(node["metadata"]["labels"]["team"], Value::Null);
    }
    let node = bed.nodes.get("rpc-1").await.unwrap();
    assert_eq!(
        node.annotations().iter().collect::<Vec<_>>(),
        [(&labels::RETRY_ANNOTATION.to_owned(), &"1".to_owned())]
    );
    assert_eq!(node.labels()["by"], "hand");
    assert_eq!(bed.ready().await.0, "True");
}

#[tokio::test]
async fn retained_nodes_are_adopted_and_foreign_ones_left_alone() {
    let mut spec = full_nodes(2);
    spec["deletionPolicy"] = json!("Retain");
    let bed = Bed::with(spec.clone()).await;
    bed.settle().await;
    let shown = |node: &SeiNode| (node.uid(), node.metadata.generation);
    let before = bed.nodes.get("rpc-1").await.unwrap();
    bed.delete().await;
    bed.settle().await;
    assert_eq!(bed.nodes.get("rpc-1").await.unwrap().owner_references(), []);
    let foreign = json!({
        "apiVersion": "sei.io/v1alpha1", "kind": "SeiNode", "metadata": { "name": "rpc-2" },
        "spec": { "chainId": "other-1", "image": "seid:x", "archive": {} },
    });
    bed.nodes.create(&PostParams::default(), &serde_json::from_value(foreign).unwrap()).await.unwrap();
    bed.tend().await;
    let foreign = bed.nodes.get("rpc-2").await.unwrap();
    spec["replicas"] = json!(3);
    bed.create(spec).await;
    bed.settle().await;
    let after = bed.nodes.get("rpc-1").await.unwrap();
    assert_eq!(shown(&before), shown(&after), "adopted without a change of its spec");
    assert_eq!(after.owner_references().len(), 1);
    assert_eq!(bed.nodes.get("rpc-2").await.unwrap().resource_version(), foreign.resource_version());
    assert_eq!(bed.ready().await, ("False".into(), "ForeignObject".into()));
}
