//! The Secret of a node with TLS in every state: no pod is affected, and no key is printed.

use std::time::{Duration, SystemTime};

use k8s_openapi::{
    ByteString,
    api::{
        core::v1::{Pod, Secret},
        events::v1::Event,
    },
};
use kube::{
    ResourceExt,
    api::{DeleteParams, ListParams, PostParams},
};
use sei_api::conditions::ConditionType;
use sei_testkit::{
    builders,
    certs::{Authority, Pair},
    cluster::{Cluster, NAMESPACE},
};
use serde_json::{Value, json};

use crate::harness::{self, condition, is_running, runs, until, until_condition};

const A: &str = "ghcr.io/sei-protocol/sei:a";
const TLS: ConditionType = ConditionType::SidecarTlsSecretReady;
const HOUR: Duration = Duration::from_secs(3600);

/// A node at rest, one in its plan, and one whose Secret does not change.
const RUNNING: &str = "rpc-0";
const PLANNED: &str = "rpc-1";
const BYSTANDER: &str = "rpc-2";

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_any_state_affects_no_pod_and_is_never_printed() {
    let cluster = harness::cluster().await;
    let operator = harness::operator_with(&cluster, &[("RUST_LOG", "debug".to_owned())]);
    let mut keys = Keys::default();
    let first = Authority::new("first").unwrap();
    harness::stuck(&cluster, PLANNED, &["config-apply"]);
    for name in [RUNNING, PLANNED, BYSTANDER] {
        put(&cluster, name, tls(&keys.issue(&first, name), &first)).await;
        harness::create(&cluster, name, builders::tls_full_node(A, &secret(name))).await;
    }
    for name in [RUNNING, BYSTANDER] {
        until(&cluster, name, "at rest", |node| {
            runs(A)(node) && condition(node, ConditionType::Synced).as_deref() == Some("True/CaughtUp")
        })
        .await;
    }
    until(&cluster, PLANNED, "in its plan", |node| {
        condition(node, ConditionType::Ready).as_deref() == Some("False/SidecarTaskRunning")
    })
    .await;
    let pods_before = pods(&cluster).await;
    let bystander = cluster.nodes().get(BYSTANDER).await.unwrap().resource_version();

    for (name, faulty) in [RUNNING, PLANNED].map(|name| (name, faulty(&mut keys, name))) {
        for (reason, said, faulty) in faulty {
            put(&cluster, name, faulty).await;
            let node = until_condition(&cluster, name, TLS, &format!("False/{reason}"), said).await;
            assert_eq!(is_running(&node), name == RUNNING);
            // Renewed by another authority, in a Secret that is almost as large as possible.
            let next = Authority::new("next").unwrap();
            let mut renewed = tls(&keys.issue(&next, name), &next);
            renewed["stringData"]["extra"] = json!("x".repeat(1_000_000));
            put(&cluster, name, renewed).await;
            until_condition(&cluster, name, TLS, "True/TLSSecretReady", "valid for").await;
        }
    }

    harness::stuck(&cluster, PLANNED, &[]);
    cluster.simulator.run(&Cluster::host(PLANNED));
    for name in [RUNNING, PLANNED] {
        until(&cluster, name, "ready", runs(A)).await;
    }
    assert_eq!(pods(&cluster).await, pods_before);
    assert_eq!(cluster.simulator.runs(&Cluster::host(PLANNED))["config-apply"], 1);
    assert_eq!(cluster.nodes().get(BYSTANDER).await.unwrap().resource_version(), bystander);
    let events = harness::api::<Event>(&cluster).list(&ListParams::default()).await.unwrap().items;
    keys.assert_absent(&serde_json::to_string(&events).unwrap());
    let nodes = cluster.nodes().list(&ListParams::default()).await.unwrap().items;
    keys.assert_absent(&serde_json::to_string(&nodes).unwrap());
    assert!(operator.log().contains("DEBUG"), "{}", operator.log());
    keys.assert_absent(&operator.log());
}

/// The watch of Secrets of type `kubernetes.io/tls` does not report it.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_secret_that_is_created_with_another_type_is_reported_at_once() {
    let cluster = harness::cluster().await;
    let _operator = harness::operator(&cluster);
    let mut keys = Keys::default();
    let authority = Authority::new("issuer").unwrap();
    harness::create(&cluster, RUNNING, builders::tls_full_node(A, &secret(RUNNING))).await;
    until_condition(&cluster, RUNNING, TLS, "False/TLSSecretNotFound", "does not exist").await;
    let good = tls(&keys.issue(&authority, RUNNING), &authority);
    let mut opaque = good.clone();
    opaque["type"] = json!("Opaque");
    put(&cluster, RUNNING, opaque).await;
    until_condition(&cluster, RUNNING, TLS, "False/TLSSecretMalformed", "its type is \"Opaque\"").await;
    put(&cluster, RUNNING, good).await;
    until(&cluster, RUNNING, "ready", runs(A)).await;
}

/// Secrets of the node `name` that are refused: the reason, a part of the message, and the Secret.
fn faulty(keys: &mut Keys, name: &str) -> Vec<(&'static str, &'static str, Value)> {
    let (authority, other) = (Authority::new("faulty").unwrap(), Authority::new("other").unwrap());
    let (now, names) = (SystemTime::now(), harness::names(name));
    let good = keys.issue(&authority, name);
    let foreign = keys.issue(&other, name);
    let unnamed = keys.issue(&authority, "other");
    let expired = keys.add(authority.issue_for(&names, now - 2 * HOUR, now - HOUR).unwrap());
    let early = keys.add(authority.issue_for(&names, now + HOUR, now + 2 * HOUR).unwrap());
    let with = |field: &str, value: &str| {
        let mut secret = tls(&good, &authority);
        secret["stringData"][field] = json!(value);
        secret
    };
    let mut opaque = tls(&good, &authority);
    opaque["type"] = json!("Opaque");
    vec![
        ("TLSSecretMalformed", "its type is \"Opaque\"", opaque),
        ("TLSSecretSANsMismatch", "does not cover", tls(&unnamed, &authority)),
        ("TLSSecretExpired", "expired at", tls(&expired, &authority)),
        ("TLSSecretNotYetValid", "valid only from", tls(&early, &authority)),
        ("TLSSecretMalformed", "does not belong to the certificate", with("tls.key", &foreign.key)),
        ("TLSSecretMalformed", "no CA in the Secret issued it", tls(&good, &other)),
        ("TLSSecretMalformed", "tls.crt holds a private key", with("tls.crt", &good.key)),
        ("TLSSecretMalformed", "ca.crt holds a private key", with("ca.crt", &good.key)),
        ("TLSSecretMalformed", "not clean PEM", with("tls.key", &good.key.replacen("MI", "M!", 1))),
        ("TLSSecretMalformed", "tls.crt is missing or empty", with("tls.crt", "")),
    ]
}

fn tls(pair: &Pair, authority: &Authority) -> Value {
    let data = json!({ "tls.crt": pair.crt, "tls.key": pair.key, "ca.crt": authority.pem() });
    json!({ "type": "kubernetes.io/tls", "stringData": data })
}

fn secret(node: &str) -> String {
    format!("{node}-tls")
}

/// Replaces the Secret of `node`: its type cannot be changed.
async fn put(cluster: &Cluster, node: &str, mut object: Value) {
    object["metadata"] = json!({ "name": secret(node), "namespace": NAMESPACE });
    let secrets = harness::api::<Secret>(cluster);
    // There is none at first.
    let _ = secrets.delete(&secret(node), &DeleteParams::default()).await;
    secrets.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
}

async fn pods(cluster: &Cluster) -> Vec<(Option<String>, bool)> {
    let pods = harness::api::<Pod>(cluster).list(&ListParams::default()).await.unwrap();
    pods.iter().map(|pod| (pod.uid(), pod.metadata.deletion_timestamp.is_some())).collect()
}

/// Parts of every private key that was in a Secret, as PEM and as base64 of the PEM.
#[derive(Default)]
struct Keys(Vec<String>);

impl Keys {
    fn issue(&mut self, authority: &Authority, node: &str) -> Pair {
        self.add(authority.issue(&harness::names(node)).unwrap())
    }

    fn add(&mut self, pair: Pair) -> Pair {
        // The first line, and the start of the next one, are the same in every key.
        let lines = pair.key.lines().skip(2).filter(|line| !line.starts_with('-'));
        self.0.extend(lines.map(str::to_owned));
        let base64 = serde_json::to_value(ByteString(pair.key.clone().into_bytes())).unwrap();
        self.0.push(base64.as_str().unwrap()[120..180].to_owned());
        pair
    }

    /// Nor is any token of a ServiceAccount in `text`.
    fn assert_absent(&self, text: &str) {
        assert!(self.0.len() > 20);
        for secret in self.0.iter().map(String::as_str).chain(["PRIVATE KEY", "eyJhbGciOi"]) {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
}
