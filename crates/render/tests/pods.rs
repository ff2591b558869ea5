//! Rules for every pod, in every mode: the restricted standard, and which container may see which key.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{CASES, node, platform, rendered};
use k8s_openapi::api::core::v1::{Container, PodSpec, Volume};
use sei_api::{SeiNode, labels};
use sei_node::Node;
use sei_render::{RenderError, Rendered};
use serde_json::json;

fn pods(node: &SeiNode, case: &str) -> Vec<PodSpec> {
    let rendered = rendered(node, &platform(case));
    let own = rendered.stateful_set.spec.unwrap().template.spec;
    let bootstrap = rendered.bootstrap_job.and_then(|job| job.spec.unwrap().template.spec);
    own.into_iter().chain(bootstrap).collect()
}

fn containers(pod: &PodSpec) -> impl Iterator<Item = &Container> {
    pod.init_containers.iter().flatten().chain(&pod.containers)
}

/// A node with a bootstrap Job, TLS and an imported claim.
fn tls_bootstrap() -> SeiNode {
    let mut object = common::seinode("full-s3-bootstrap");
    object["spec"]["sidecar"] = json!({ "port": 7777, "tls": { "secretName": "cert" } });
    object["spec"]["dataVolume"] = json!({ "import": { "pvcName": "old-disk" } });
    serde_json::from_value(object).unwrap()
}

#[test]
fn every_pod_meets_the_restricted_standard() {
    let mut nodes: Vec<_> = CASES.map(|case| (case, node(case))).into();
    nodes.push(("full-s3-bootstrap", tls_bootstrap()));
    for (case, node) in nodes {
        for pod in pods(&node, case) {
            assert_ne!(pod.host_network, Some(true));
            for container in containers(&pod) {
                let at = format!("{case}/{}", container.name);
                let context = container.security_context.as_ref().unwrap_or_else(|| panic!("{at}"));
                assert_eq!(context.run_as_non_root, Some(true), "{at}");
                assert_eq!(context.allow_privilege_escalation, Some(false), "{at}");
                let capabilities = context.capabilities.as_ref().unwrap();
                assert_eq!(
                    (capabilities.drop.as_deref(), &capabilities.add),
                    (Some(&["ALL".to_owned()][..]), &None)
                );
                assert_eq!(context.seccomp_profile.as_ref().unwrap().type_, "RuntimeDefault", "{at}");
            }
            for volume in pod.volumes.unwrap() {
                assert!(volume.host_path.is_none(), "{case}: {}", volume.name);
            }
        }
    }
}

#[test]
fn only_the_sidecar_sees_the_operator_keyring() {
    for pod in pods(&node("validator-tls"), "validator-tls") {
        for container in containers(&pod).filter(|container| container.name != "sei-sidecar") {
            assert!(container.volume_mounts.iter().flatten().all(|mount| mount.name != "operator-keyring"));
            assert!(container.env_from.is_none());
            let reads_secret =
                |value: &k8s_openapi::api::core::v1::EnvVarSource| value.secret_key_ref.is_some();
            assert!(
                !container.env.iter().flatten().any(|var| var.value_from.as_ref().is_some_and(reads_secret))
            );
        }
    }
}

#[test]
fn the_bootstrap_pod_of_a_validator_sees_no_key() {
    let mut object = common::seinode("validator-tls");
    object["spec"]["validator"]["snapshot"] =
        json!({ "s3": { "targetHeight": 5 }, "bootstrapImage": "seid:old" });
    let node: SeiNode = serde_json::from_value(object).unwrap();
    let job = rendered(&node, &platform("validator-tls")).bootstrap_job.unwrap();
    let text = serde_json::to_string(&job).unwrap();
    for secret in ["signing-key", "node-key", "operator-keyring", "operator-passphrase"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[test]
fn a_bootstrap_with_tls_has_a_proxy_and_the_imported_claim() {
    let node = tls_bootstrap();
    let rendered = rendered(&node, &platform("full-s3-bootstrap"));
    let pod = rendered.bootstrap_job.unwrap().spec.unwrap().template.spec.unwrap();
    let names: Vec<_> = containers(&pod).map(|container| container.name.as_str()).collect();
    assert_eq!(names, ["seid-init", "sei-sidecar", "kube-rbac-proxy", "seid"]);
    let claim = pod.volumes.as_ref().unwrap()[0].persistent_volume_claim.as_ref().unwrap();
    assert_eq!(claim.claim_name, "old-disk");
    let ports = rendered.bootstrap_service.unwrap().spec.unwrap().ports.unwrap();
    assert_eq!(ports.iter().map(|port| port.port).collect::<Vec<_>>(), [7777, 8443]);
}

#[test]
fn only_the_proxy_has_a_token_of_the_service_account() {
    let mut nodes: Vec<_> = CASES.map(|case| (case, node(case))).into();
    nodes.push(("full-s3-bootstrap", tls_bootstrap()));
    for (case, node) in nodes {
        for pod in pods(&node, case) {
            assert_eq!(pod.automount_service_account_token, Some(false), "{case}");
            let is_token = |volume: &&Volume| {
                let sources =
                    volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten());
                sources.into_iter().any(|source| source.service_account_token.is_some())
            };
            let tokens: Vec<_> = pod.volumes.iter().flatten().filter(is_token).map(|it| &it.name).collect();
            assert_eq!(tokens.is_empty(), node.spec.tls().is_none(), "{case}");
            let mounting = containers(&pod).filter(|container| {
                container.volume_mounts.iter().flatten().any(|mount| tokens.contains(&&mount.name))
            });
            assert!(mounting.into_iter().all(|container| container.name == "kube-rbac-proxy"), "{case}");
        }
    }
}

/// Clients of the API server refuse to start in a pod where one of these files is missing.
#[test]
fn the_service_account_volume_of_the_proxy_has_every_file_that_the_kubelet_mounts() {
    for pod in pods(&tls_bootstrap(), "full-s3-bootstrap") {
        let account =
            pod.volumes.iter().flatten().find(|volume| volume.name == "rbac-proxy-account").unwrap();
        let sources = account.projected.as_ref().unwrap().sources.iter().flatten();
        let mut files: Vec<_> = sources
            .flat_map(|source| {
                let token = source.service_account_token.iter().map(|token| token.path.as_str());
                let map = source.config_map.iter().flat_map(|map| map.items.iter().flatten());
                let field = source.downward_api.iter().flat_map(|api| api.items.iter().flatten());
                let map = map.map(|item| item.path.as_str());
                token.chain(map).chain(field.map(|item| item.path.as_str())).collect::<Vec<_>>()
            })
            .collect();
        files.sort_unstable();
        assert_eq!(files, ["ca.crt", "namespace", "token"]);
    }
}

#[test]
fn services_of_the_namespace_add_no_environment_variables() {
    for case in CASES {
        for pod in pods(&node(case), case) {
            assert_eq!(pod.enable_service_links, Some(false), "{case}");
        }
    }
}

#[test]
fn no_probe_restarts_seid_or_the_sidecar_for_a_failure_of_the_proxy() {
    for case in CASES {
        let node = node(case);
        for container in pods(&node, case).iter().flat_map(containers) {
            let Some(probe) = &container.liveness_probe else { continue };
            let through_proxy =
                probe.http_get.as_ref().is_some_and(|get| get.scheme.as_deref() == Some("HTTPS"));
            assert!(!through_proxy || container.name == "kube-rbac-proxy", "{case}: {}", container.name);
        }
    }
}

#[test]
fn every_mount_has_its_volume() {
    for case in CASES {
        for pod in pods(&node(case), case) {
            let volumes: Vec<_> = pod.volumes.iter().flatten().map(|volume| volume.name.as_str()).collect();
            for mount in containers(&pod).flat_map(|container| container.volume_mounts.iter().flatten()) {
                assert!(volumes.contains(&mount.name.as_str()), "{case}: {}", mount.name);
            }
        }
    }
}

#[test]
fn tls_without_a_proxy_image_says_which_setting_is_missing() {
    let mut settings = common::settings("full-tls");
    settings.remove("SEI_KUBE_RBAC_PROXY_IMAGE");
    let platform = sei_render::Platform::from_settings(&settings).unwrap();
    let error = Rendered::of(Node::of(&node("full-tls")), &platform).unwrap_err();
    assert_eq!(error, RenderError::NoProxyImage { node: "rpc-0".into() });
    assert!(error.to_string().contains("SEI_KUBE_RBAC_PROXY_IMAGE"));
    let plain = node("full-plain");
    assert!(Rendered::of(Node::of(&plain), &platform).is_ok(), "plain nodes need no proxy");
}

#[test]
fn pods_of_a_group_are_spread_over_the_zones_and_others_are_not() {
    let spread = |labels: serde_json::Value| {
        let mut object = common::seinode("full-plain");
        object["spec"]["podLabels"] = labels;
        let node: SeiNode = serde_json::from_value(object).unwrap();
        json!(pods(&node, "full-plain")[0].topology_spread_constraints)
    };
    let of_group = json!({ "sei.io/nodedeployment": "rpc" });
    let expected = json!([{
        "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": { "matchLabels": of_group },
    }]);
    assert_eq!(spread(json!({ "sei.io/nodedeployment": "rpc", "team": "a" })), expected);
    assert_eq!(spread(json!({ "team": "a" })), json!(null));
}

/// The pod of the conformance case `case` with these further settings.
fn pod_with(case: &str, node: &SeiNode, more: &[(&str, &str)]) -> PodSpec {
    let mut settings = common::settings(case);
    settings.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let platform = sei_render::Platform::from_settings(&settings).unwrap();
    rendered(node, &platform).stateful_set.spec.unwrap().template.spec.unwrap()
}

#[test]
fn a_mode_has_the_default_size_except_for_what_is_set_for_it() {
    let node = node("validator-tls");
    let before = pod_with("validator-tls", &node, &[]);
    let other = pod_with("validator-tls", &node, &[("SEI_RESOURCE_CPU_REPLAYER", "99")]);
    assert_eq!(before, other, "the setting of another mode");
    let larger = [("SEI_RESOURCE_CPU_VALIDATOR", "16"), ("SEI_NODEPOOL_VALIDATOR", "sei-validator")];
    let after = pod_with("validator-tls", &node, &larger);
    let requests = |pod: &PodSpec| pod.containers[0].resources.clone().unwrap().requests.unwrap();
    assert_eq!(requests(&after)["cpu"].0, "16");
    assert_eq!(requests(&after)["memory"], requests(&before)["memory"]);
    assert_eq!(after.tolerations.unwrap()[0].value.as_deref(), Some("sei-validator"));
}

#[test]
fn go_collects_garbage_before_the_memory_limit_is_reached() {
    let node = node("full-plain");
    let variable = |pod: &PodSpec| {
        let variables = pod.containers[0].env.clone().unwrap();
        variables.into_iter().find(|it| it.name == "GOMEMLIMIT").and_then(|it| it.value)
    };
    let before = pod_with("full-plain", &node, &[]);
    assert_eq!((variable(&before), before.containers[0].resources.clone().unwrap().limits), (None, None));
    let limited = pod_with("full-plain", &node, &[("SEI_RESOURCE_MEM_LIMIT_DEFAULT", "1000Gi")]);
    assert_eq!(limited.containers[0].resources.clone().unwrap().limits.unwrap()["memory"].0, "1000Gi");
    let bytes: i64 = variable(&limited).unwrap().parse().unwrap();
    assert_eq!(bytes / (1 << 30), 870);
    let mut settings = common::settings("full-plain");
    settings.insert("SEI_RESOURCE_MEM_LIMIT_DEFAULT".to_owned(), "1".to_owned());
    let error = sei_render::Platform::from_settings(&settings).unwrap_err().to_string();
    assert!(error.contains("SEI_RESOURCE_MEM_LIMIT_DEFAULT is \"1\": write at least the request"), "{error}");
}

#[test]
fn a_dedicated_node_shares_its_machine_with_no_other_node() {
    let mut node = node("full-plain");
    let anti_affinity =
        |node: &SeiNode| pods(node, "full-plain")[0].affinity.clone().unwrap().pod_anti_affinity;
    assert_eq!(anti_affinity(&node), None);
    node.metadata.annotations = Some([("sei.io/dedicated-node".to_owned(), "true".to_owned())].into());
    let terms = anti_affinity(&node).unwrap().required_during_scheduling_ignored_during_execution.unwrap();
    assert_eq!(
        serde_json::to_value(&terms[0]).unwrap(),
        json!({
            "labelSelector": { "matchExpressions": [{ "key": "sei.io/node", "operator": "Exists" }] },
            "namespaceSelector": {},
            "topologyKey": "kubernetes.io/hostname",
        })
    );
}

#[test]
fn seid_of_a_group_serves_until_its_pod_is_in_no_service_and_then_has_its_time_to_end() {
    for (case, group, expected) in [
        ("full-plain", None, (None, None)),
        ("full-plain", Some("rpc"), (Some(5), Some(35))),
        ("archive-publish", Some("rpc"), (Some(5), Some(35))),
        ("validator-tls", Some("rpc"), (None, None)),
    ] {
        let mut node = node(case);
        let labels = node.spec.pod_labels.get_or_insert_default();
        labels.extend(group.map(|name: &str| (labels::DEPLOYMENT.to_owned(), name.to_owned())));
        let pod = pods(&node, case).into_iter().next().unwrap();
        let seid = containers(&pod).find(|container| container.name == "seid").unwrap();
        let drain =
            seid.lifecycle.as_ref().and_then(|it| it.pre_stop.as_ref()?.sleep.as_ref()).map(|it| it.seconds);
        assert_eq!((drain, pod.termination_grace_period_seconds), expected, "{case}, group {group:?}");
    }
}
