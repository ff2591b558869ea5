//! What the process keeps in memory: no secrets, no fields that it does not compare, and no data of deleted nodes.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    time::Duration,
};

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{DeleteParams, PostParams};
use sei_api::conditions::ConditionType;
use sei_testkit::{api_proxy::ApiProxy, builders, operator::Operator};
use serde_json::json;

use crate::{
    harness::{self, condition, eventually, is_running, until},
    process::{get, replica},
};

const A: &str = "ghcr.io/sei-protocol/sei:a";

/// How often `wanted` occurs in the memory of a process.
fn occurrences(pid: u32, wanted: &[u8]) -> usize {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut found = 0;
    for line in maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|mode| mode.starts_with("rw")))
    {
        let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let [start, end] = [start, end].map(|address| u64::from_str_radix(address, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        // A mapping may have been unmapped since.
        if memory.read_exact_at(&mut bytes, start).is_ok() {
            found += bytes.windows(wanted.len()).filter(|window| window == &wanted).count();
        }
    }
    found
}

/// Resident memory in kilobytes.
fn resident(operator: &Operator) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", operator.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn private_keys_in_annotations_do_not_stay_in_memory() {
    // Assembled here, so that the test binary does not contain it.
    let key = ["MIIEvQIBADANBgkqhkiG9w0BAQEF", "AASCBKcwggSjAgEAAoIBAQC7"].concat();
    let cluster = harness::cluster().await;
    let operator = harness::operator(&cluster);
    for index in 0..20 {
        let applied = json!({ "data": { "tls.key": format!("{key}{index}") } }).to_string();
        let secret: Secret = serde_json::from_value(json!({
            "metadata": {
                "name": format!("tls-{index}"),
                "annotations": { "kubectl.kubernetes.io/last-applied-configuration": applied },
                "labels": { "copied": "from-elsewhere" },
            },
            "type": "kubernetes.io/tls",
            "stringData": { "tls.crt": "", "tls.key": "" },
        }))
        .unwrap();
        harness::api(&cluster).create(&PostParams::default(), &secret).await.unwrap();
    }
    // It has received the Secrets.
    harness::create(&cluster, "node-0", builders::tls_full_node(A, "tls-0")).await;
    until(&cluster, "node-0", "its Secret is judged", |node| {
        condition(node, ConditionType::SidecarTlsSecretReady).as_deref() == Some("False/TLSSecretMalformed")
    })
    .await;
    println!("while it is received: {}", occurrences(operator.pid(), key.as_bytes()));
    eventually("the key is gone from memory", || async { occurrences(operator.pid(), key.as_bytes()) == 0 })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_labelled_config_maps_use_no_memory() {
    let cluster = harness::cluster().await;
    harness::create(&cluster, "node-0", builders::full_node(A)).await;
    {
        let operator = harness::operator(&cluster);
        until(&cluster, "node-0", "Running", is_running).await;
        println!("without them: {} kB", resident(&operator));
        operator.kill().unwrap();
    }
    for index in 0..80 {
        let config: ConfigMap = serde_json::from_value(json!({
            "metadata": { "name": format!("large-{index}"), "labels": { "sei.io/node": "node-0" } },
            "data": { "config.yaml": "x".repeat(900_000) },
        }))
        .unwrap();
        harness::api(&cluster).create(&PostParams::default(), &config).await.unwrap();
    }
    let operator = harness::operator(&cluster);
    harness::create(&cluster, "node-1", builders::full_node(A)).await;
    until(&cluster, "node-1", "Running", is_running).await;
    let used = resident(&operator);
    println!("with 72 MB of them: {used} kB");
    assert!(used < 96 * 1024, "{used} kB");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_cached_for_a_node_whose_finalizer_was_removed_manually() {
    let cluster = harness::cluster().await;
    let proxy = ApiProxy::in_front_of(&cluster).await.unwrap();
    let _operator = replica(&cluster, 18_131);
    for name in ["gone-0", "stays-0"] {
        harness::create(&cluster, name, builders::full_node(A)).await;
        until(&cluster, name, "Running", is_running).await;
    }
    let served = |name: &'static str| async move { get(18_132, "/metrics").await.contains(name) };
    assert!(served("gone-0").await);
    // It observes the deletion too late to finalize.
    proxy.delay("seinodes", Duration::from_secs(2));
    cluster.nodes().delete("gone-0", &DeleteParams::default()).await.unwrap();
    harness::patch(&cluster, "gone-0", json!({ "metadata": { "finalizers": null } })).await;
    eventually("its series are gone", || async { !served("gone-0").await }).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!served("gone-0").await && served("stays-0").await, "also later");
}
