//! Failures of a node's environment: how each is reported, and how to recover.

use k8s_openapi::api::{
    admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding},
    apps::v1::StatefulSet,
    core::v1::{ConfigMap, Event, PersistentVolumeClaim, Pod, Secret, Service},
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, PropagationPolicy},
};
use sei_api::{conditions::ConditionType, v1alpha1::NodePhase};
use sei_testkit::{
    builders,
    cluster::{Cluster, NAMESPACE},
};
use serde_json::json;

use crate::{
    harness::{self, condition, eventually, is_running, runs, until, until_condition},
    modes, shared,
};

const A: &str = "ghcr.io/sei-protocol/sei:a";
const READY: ConditionType = ConditionType::Ready;
const STALLED: ConditionType = ConditionType::Stalled;

/// 401 and 403 are reported, and resolved as soon as the permissions are fixed.
#[test]
fn requests_that_the_proxy_rejects_are_reported_until_they_are_permitted() {
    shared::run(async |cluster| {
        let name = "denied-0";
        let host = Cluster::host(name);
        for (code, part) in [(403, "seinodetasks.sei.io"), (401, "audience")] {
            cluster.simulator.faults(&host, |faults| faults.answer = Some(code));
            if code == 403 {
                harness::create(cluster, name, builders::full_node(A)).await;
            }
            until_condition(cluster, name, READY, "False/SidecarAccessDenied", part).await;
        }
        cluster.simulator.faults(&host, |faults| faults.answer = None);
        until(cluster, name, "Running", is_running).await;
    });
}

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

/// Reported in a separate condition, which is removed when the problem is resolved.
#[test]
fn a_task_that_the_sidecar_does_not_know_is_reported_until_its_version_has_it() {
    shared::run(async |cluster| {
        let name = "modern-0";
        let host = Cluster::host(name);
        cluster.simulator.faults(&host, |faults| faults.unknown = ["config-validate".to_owned()].into());
        harness::create(cluster, name, builders::full_node(A)).await;
        until_condition(cluster, name, STALLED, "True/PlanFailed", "unknown task type: config-validate")
            .await;
        let supported = ConditionType::SidecarSupported;
        until_condition(cluster, name, supported, "False/SidecarTaskUnknown", "every version since v0.0.47")
            .await;
        cluster.simulator.faults(&host, |faults| faults.unknown.clear());
        let older = json!({ "spec": { "sidecar": { "image": "ghcr.io/sei-protocol/seictl:v0.0.56" } } });
        harness::patch(cluster, name, older).await;
        let node = until(cluster, name, "Running", is_running).await;
        assert_eq!(condition(&node, supported).as_deref(), Some("True/SidecarVersionSupported"));
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

#[test]
fn a_write_that_a_policy_denies_is_retried_until_it_is_admitted() {
    shared::run(async |cluster| {
        let name = "ruled-0";
        let policies = Api::<ValidatingAdmissionPolicy>::all(cluster.client.clone());
        let bindings = Api::<ValidatingAdmissionPolicyBinding>::all(cluster.client.clone());
        let policy = json!({ "metadata": { "name": "ruled" }, "spec": {
            "matchConstraints": { "resourceRules": [{
                "apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["statefulsets"],
            }]},
            "validations": [{ "expression": "object.metadata.name != 'ruled-0'", "message": "not on a Friday" }],
        }});
        let binding = json!({ "metadata": { "name": "ruled" }, "spec": {
            "policyName": "ruled", "validationActions": ["Deny"],
        }});
        policies.create(&PostParams::default(), &serde_json::from_value(policy).unwrap()).await.unwrap();
        bindings.create(&PostParams::default(), &serde_json::from_value(binding).unwrap()).await.unwrap();
        let probe = json!({ "metadata": { "name": name }, "spec": {
            "serviceName": "x", "selector": { "matchLabels": { "a": "b" } },
            "template": { "metadata": { "labels": { "a": "b" } }, "spec": { "containers": [{ "name": "c", "image": "i" }] } },
        }});
        let probe: StatefulSet = serde_json::from_value(probe).unwrap();
        let dry = PostParams { dry_run: true, ..PostParams::default() };
        eventually("the policy is in force", || async {
            harness::api::<StatefulSet>(cluster).create(&dry, &probe).await.is_err()
        })
        .await;
        harness::create(cluster, name, builders::full_node(A)).await;
        let node = until_condition(cluster, name, READY, "False/WriteRefused", "not on a Friday").await;
        let ready = node.status.as_ref().and_then(|status| status.condition(READY)).unwrap();
        assert_eq!(ready.message.matches("not on a Friday").count(), 1, "{}", ready.message);
        assert!(!ready.message.contains("Status {"), "{}", ready.message);
        bindings.delete("ruled", &DeleteParams::default()).await.unwrap();
        until(cluster, name, "Running", is_running).await;
    });
}

/// A validator with a copy of a signing key is blocked until the pod that uses the key is gone, however long
/// that takes.
#[test]
fn a_second_validator_with_the_same_key_waits_for_the_pod_of_the_first() {
    shared::run(async |cluster| {
        harness::put_keys(cluster).await;
        let secrets = harness::api::<Secret>(cluster);
        let mut copy = Secret { data: secrets.get("signing").await.unwrap().data, ..Secret::default() };
        copy.metadata.name = Some("signing-copy".to_owned());
        secrets.create(&PostParams::default(), &copy).await.unwrap();
        let spec = |secret: &str| {
            json!({ "chainId": "arctic-1", "image": A, "validator": {
                "signingKey": { "secret": { "secretName": secret } },
                "nodeKey": { "secret": { "secretName": "node-key" } },
            }})
        };
        harness::create(cluster, "signer-0", spec("signing")).await;
        until(cluster, "signer-0", "Running", is_running).await;
        let pods = harness::api::<Pod>(cluster);
        let finalizers = |list: &[&str]| Patch::Merge(json!({ "metadata": { "finalizers": list } }));
        let lost = finalizers(&["test.example/lost-machine"]);
        pods.patch("signer-0-0", &PatchParams::default(), &lost).await.unwrap();
        harness::create(cluster, "signer-1", spec("signing-copy")).await;
        until_condition(cluster, "signer-1", STALLED, "True/SigningKeyInUse", "signer-0-0").await;
        let key = ConditionType::SigningKeyReady;
        until_condition(cluster, "signer-0", key, "True/SigningKeyValidated", "signer-1").await;
        cluster.nodes().delete("signer-0", &DeleteParams::default()).await.unwrap();
        eventually("its pod is asked to end", || async {
            pods.get("signer-0-0").await.unwrap().metadata.deletion_timestamp.is_some()
        })
        .await;
        // Longer than a pass.
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        let held = cluster.nodes().get("signer-1").await.unwrap();
        assert_eq!(condition(&held, STALLED).as_deref(), Some("True/SigningKeyInUse"));
        assert!(pods.get_opt("signer-1-0").await.unwrap().is_none());
        pods.patch("signer-0-0", &PatchParams::default(), &finalizers(&[])).await.unwrap();
        until(cluster, "signer-1", "Running", is_running).await;
    });
}

#[test]
fn a_second_node_on_the_same_volume_waits_for_the_first() {
    shared::run(async |cluster| {
        modes::import(cluster).await;
        let import = json!({ "import": { "pvcName": "old-data" } });
        let spec = json!({ "chainId": "arctic-1", "image": A, "fullNode": {}, "dataVolume": import });
        harness::create(cluster, "tenant-0", spec.clone()).await;
        until(cluster, "tenant-0", "Running", is_running).await;
        // Creation timestamps have a resolution of one second.
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        harness::create(cluster, "tenant-1", spec).await;
        until_condition(cluster, "tenant-1", STALLED, "True/VolumeInUse", "tenant-0").await;
        cluster.nodes().delete("tenant-0", &DeleteParams::default()).await.unwrap();
        until(cluster, "tenant-1", "Running", is_running).await;
    });
}

/// The proxy of a node passes the token on to its sidecar, which can repeat it in an error.
#[test]
fn a_token_that_a_sidecar_repeats_is_not_published() {
    const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJyZXBlYXRlZCJ9.c2lnbmF0dXJl";
    shared::run(async |cluster| {
        let name = "repeating-0";
        cluster.simulator.faults(&Cluster::host(name), |faults| {
            let error = format!("no access with Bearer {TOKEN}");
            faults.fail.insert("config-apply".to_owned(), (u32::MAX, error));
        });
        harness::create(cluster, name, builders::full_node(A)).await;
        let node =
            until_condition(cluster, name, READY, "False/TaskRetrying", "no access with Bearer (masked)")
                .await;
        assert!(!serde_json::to_string(&node).unwrap().contains(TOKEN));
        let events = harness::api::<Event>(cluster);
        eventually("an event has the error", || async {
            let events =
                serde_json::to_string(&events.list(&ListParams::default()).await.unwrap().items).unwrap();
            assert!(!events.contains(TOKEN), "{events}");
            events.contains("(masked)")
        })
        .await;
        let log = std::fs::read_to_string(cluster.operator_log()).unwrap();
        assert!(!log.contains(TOKEN), "{log}");
    });
}
