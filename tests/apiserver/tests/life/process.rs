//! The process: leader election, endpoints, shutdown.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use sei_testkit::{builders, cluster::Cluster, operator::Operator};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{self, eventually, is_running, until};

const LEASE: &str = "bc1f5b0a.sei.io";

/// A replica that serves probes on `port` and metrics on the next one.
pub fn replica(cluster: &Cluster, port: u16) -> Operator {
    replica_with(cluster, port, &[], &[])
}

/// Like [`replica`], with additional arguments and environment variables.
pub fn replica_with(
    cluster: &Cluster,
    port: u16,
    arguments: &[&str],
    variables: &[(&str, String)],
) -> Operator {
    let health = format!("--health-probe-bind-address=127.0.0.1:{port}");
    let metrics = format!("--metrics-bind-address=127.0.0.1:{}", port + 1);
    let mut all = vec![health.as_str(), metrics.as_str(), "--leader-election-namespace=default"];
    all.extend(arguments);
    harness::start_with(cluster, &all, variables)
}

/// The response to a request, with its head; empty if the connection fails.
pub async fn get(port: u16, path: &str) -> String {
    get_with(port, path, "").await
}

/// Like [`get`], with additional headers.
pub async fn get_with(port: u16, path: &str, headers: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else { return String::new() };
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}connection: close\r\n\r\n");
    let mut answer = String::new();
    if stream.write_all(request.as_bytes()).await.is_ok() {
        let _ = stream.read_to_string(&mut answer).await;
    }
    answer
}

async fn holder(cluster: &Cluster) -> Option<String> {
    let leases: Api<Lease> = Api::namespaced(cluster.client.clone(), "default");
    leases.get_opt(LEASE).await.unwrap()?.spec?.holder_identity.filter(|holder| !holder.is_empty())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_replica_takes_over() {
    let cluster = harness::cluster().await;
    let mut first = replica(&cluster, 18_081);
    eventually("the first holds the lease", || async { holder(&cluster).await.is_some() }).await;
    let before = holder(&cluster).await;
    let mut second = replica(&cluster, 18_091);
    eventually("both are ready", || async {
        get(18_081, "/readyz").await.contains("200 OK") && get(18_091, "/readyz").await.contains("200 OK")
    })
    .await;
    assert!(get(18_081, "/healthz").await.contains("200 OK"));
    harness::create(&cluster, "node-0", builders::full_node("seid:a")).await;
    until(&cluster, "node-0", "Running", is_running).await;

    let metrics = get(18_082, "/metrics").await;
    for name in ["sei_controller_seinode_phase", "controller_runtime_reconcile_total"] {
        assert!(metrics.contains(name), "{name} is not in {metrics}");
    }
    let waiting = get(18_092, "/metrics").await;
    assert!(!waiting.contains("node-0"), "who waits knows of no node");
    let leads = |is: u8| format!("leader_election_master_status{{name=\"{LEASE}\"}} {is}");
    assert!(metrics.contains(&leads(1)) && waiting.contains(&leads(0)), "{metrics}\n{waiting}");
    assert!(metrics.contains("rest_client_requests_total{code=\"200\",method=\"GET\"}"), "{metrics}");
    assert!(
        metrics.contains("controller_runtime_max_concurrent_reconciles{controller=\"seinode\"} 32"),
        "{metrics}"
    );

    first.terminate().unwrap();
    eventually("the first has ended well", || std::future::ready(first.exit_code() == Some(0))).await;
    eventually("the second holds the lease", || async {
        let now = holder(&cluster).await;
        now.is_some() && now != before
    })
    .await;
    harness::create(&cluster, "node-1", builders::full_node("seid:a")).await;
    until(&cluster, "node-1", "Running", is_running).await;

    // Another holder takes the lease, so it must stop working.
    let leases: Api<Lease> = Api::namespaced(cluster.client.clone(), "default");
    let now = jiff::Timestamp::now() + Duration::from_secs(3600);
    let thief = json!({ "spec": { "holderIdentity": "thief", "leaseDurationSeconds": 3600, "renewTime": format!("{now:.6}") } });
    leases.patch(LEASE, &PatchParams::default(), &Patch::Merge(&thief)).await.unwrap();
    eventually("the second has given up", || std::future::ready(second.exit_code() == Some(1))).await;
}
