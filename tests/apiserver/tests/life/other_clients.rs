//! Objects and fields that other clients own, write or delete.

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{ConfigMap, PersistentVolumeClaim, Service},
};
use kube::{
    ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams, PropagationPolicy},
};
use sei_api::{conditions::ConditionType, v1alpha1::NodePhase};
use sei_testkit::{
    builders,
    cluster::{Cluster, NAMESPACE},
};
use serde_json::json;

use crate::{
    harness::{self, condition, eventually, is_running, runs, until, until_condition},
    shared,
};

const A: &str = "ghcr.io/sei-protocol/sei:a";

const READY: ConditionType = ConditionType::Ready;

const STALLED: ConditionType = ConditionType::Stalled;

#[test]
fn a_claim_with_another_owner_is_neither_used_nor_deleted() {
    shared::run(async |cluster| {
        let claims = harness::api::<PersistentVolumeClaim>(cluster);
        let claim = serde_json::from_value(json!({
            "metadata": { "name": "data-taken-0" },
            "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } },
        }));
        claims.create(&PostParams::default(), &claim.unwrap()).await.unwrap();
        harness::create(cluster, "taken-0", builders::full_node(A)).await;
        let failed = until_condition(cluster, "taken-0", STALLED, "True/PlanFailed", "pvcName").await;
        assert_eq!(failed.status.unwrap().phase, Some(NodePhase::Failed));
        cluster.nodes().delete("taken-0", &DeleteParams::default()).await.unwrap();
        eventually("the node is gone", || async {
            cluster.nodes().get_opt("taken-0").await.unwrap().is_none()
        })
        .await;
        let kept = claims.get("data-taken-0").await.unwrap();
        assert!(kept.metadata.deletion_timestamp.is_none(), "the claim is not ours to delete");
        claims.delete("data-taken-0", &DeleteParams::default()).await.unwrap();
    });
}

/// A Service with another owner is not changed; without it the next attempt succeeds.
#[test]
fn a_service_with_another_owner_is_not_changed() {
    shared::run(async |cluster| {
        let services = harness::api::<Service>(cluster);
        let service = serde_json::from_value(json!({
            "metadata": { "name": "named-0" },
            "spec": { "selector": { "app": "other" }, "ports": [{ "port": 80 }] },
        }));
        let before = services.create(&PostParams::default(), &service.unwrap()).await.unwrap();
        harness::create(cluster, "named-0", builders::full_node(A)).await;
        until_condition(cluster, "named-0", STALLED, "True/PlanFailed", "Service named-0").await;
        assert_eq!(services.get("named-0").await.unwrap().resource_version(), before.resource_version());
        services.delete("named-0", &DeleteParams::default()).await.unwrap();
        harness::retry(cluster, "named-0").await;
        until(cluster, "named-0", "Running", is_running).await;
    });
}

#[test]
fn objects_that_are_deleted_during_the_first_plan_are_recreated() {
    shared::run(async |cluster| {
        let name = "stripped-0";
        harness::stuck(cluster, name, &["configure-genesis"]);
        harness::create(cluster, name, builders::full_node(A)).await;
        until(cluster, name, "in its plan", |node| {
            condition(node, READY).as_deref() == Some("False/SidecarTaskRunning")
        })
        .await;
        let (sets, services) = (harness::api::<StatefulSet>(cluster), harness::api::<Service>(cluster));
        let (set, service) = (sets.get(name).await.unwrap().uid(), services.get(name).await.unwrap().uid());
        let orphan =
            DeleteParams { propagation_policy: Some(PropagationPolicy::Orphan), ..DeleteParams::default() };
        sets.delete(name, &orphan).await.unwrap();
        services.delete(name, &DeleteParams::default()).await.unwrap();
        eventually("both are back", || async {
            let (now, named) = (sets.get_opt(name).await.unwrap(), services.get_opt(name).await.unwrap());
            now.is_some_and(|now| now.uid() != set) && named.is_some_and(|named| named.uid() != service)
        })
        .await;
        harness::stuck(cluster, name, &[]);
        cluster.simulator.run(&Cluster::host(name));
        until(cluster, name, "Running", is_running).await;
    });
}

#[test]
fn a_stateful_set_that_is_scaled_down_is_scaled_up_again() {
    shared::run(async |cluster| {
        let name = "scaled-0";
        harness::create(cluster, name, builders::full_node(A)).await;
        until(cluster, name, "ready", runs(A)).await;
        let sets = harness::api::<StatefulSet>(cluster);
        let scale = Patch::Merge(json!({ "spec": { "replicas": 0 } }));
        sets.patch_scale(name, &PatchParams::default(), &scale).await.unwrap();
        eventually("it is scaled back", || async {
            let set = sets.get(name).await.unwrap();
            set.spec.unwrap().replicas == Some(1) && set.metadata.generation > Some(2)
        })
        .await;
    });
}

/// Fields of the status that another client writes are kept and used.
#[test]
fn an_external_address_that_another_client_writes_is_kept_and_used() {
    shared::run(async |cluster| {
        let name = "public-0";
        let tls = builders::tls_full_node(A, "public-0-tls");
        harness::create(cluster, name, tls).await;
        until(cluster, name, "held", |node| condition(node, ConditionType::SidecarTlsSecretReady).is_some())
            .await;
        let address = Patch::Merge(json!({ "status": { "externalAddress": "p2p.example:26656" } }));
        cluster.nodes().patch_status(name, &PatchParams::default(), &address).await.unwrap();
        let authority = sei_testkit::certs::Authority::new("issuer").unwrap();
        harness::put_secret(cluster, &authority, "public-0-tls", &harness::names(name)).await;
        let node = until(cluster, name, "Running", is_running).await;
        assert_eq!(node.status.unwrap().external_address.as_deref(), Some("p2p.example:26656"));
        let calls = cluster.simulator.calls(&Cluster::host(name));
        let applied = calls.iter().find(|call| call.body["type"] == "config-apply").unwrap();
        assert_eq!(applied.body["params"]["overrides"]["network.p2p.external_address"], "p2p.example:26656");
        let config = harness::api::<ConfigMap>(cluster).get("public-0-rbac-proxy-config").await.unwrap();
        assert!(config.data.unwrap()["config.yaml"].contains(&format!("namespace: \"{NAMESPACE}\"")));
    });
}
