//! Requests that the sidecar, its proxy or the API server refuses: how each is reported, and how it recovers.

use k8s_openapi::api::{
    admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding},
    apps::v1::StatefulSet,
    core::v1::Event,
};
use kube::{
    Api,
    api::{DeleteParams, ListParams, PostParams},
};
use sei_api::conditions::ConditionType;
use sei_testkit::{builders, cluster::Cluster};
use serde_json::json;

use crate::{
    harness::{self, condition, eventually, is_running, until, until_condition},
    shared,
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
