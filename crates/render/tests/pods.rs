//! Rules for every pod, in every mode: the restricted standard, and which container may see which key.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use k8s_openapi::api::core::v1::Volume;
use sei_api::SeiNode;
use serde_json::json;

use common::{CASES, containers, node, platform, pods, rendered};

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
