//! Leader election, readiness, and shutdown.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use sei_controller::{SecretAccess, rbac};
use sei_testkit::{api_proxy::ApiProxy, cluster::Cluster, operator::Operator};

use crate::{
    harness::eventually,
    pool::{self, TestCluster},
    process::{get, get_with, replica, replica_with},
};

/// Half of the operator's termination grace period in a cluster.
const AT_ONCE: Duration = Duration::from_secs(5);
const NAME: &str = "other.sei.io";

async fn cluster(lease: Option<&str>) -> TestCluster {
    let mut rules = rbac::rules(SecretAccess::Watch);
    rules.extend(rbac::metrics_auth_rules());
    rules.extend(lease.into_iter().flat_map(rbac::lease_rules));
    pool::cluster(rules).await
}

async fn holder(cluster: &Cluster, name: &str) -> Option<String> {
    let leases: Api<Lease> = Api::namespaced(cluster.client.clone(), "default");
    leases.get_opt(name).await.unwrap()?.spec?.holder_identity
}

async fn leads(port: u16) -> bool {
    get(port, "/metrics").await.contains(&format!("leader_election_master_status{{name=\"{NAME}\"}} 1"))
}

/// The operator in a container of the pod `operator-0`.
fn container(cluster: &Cluster, port: u16) -> Operator {
    let pod = [("POD_NAME", "operator-0".to_owned()), ("POD_UID", format!("uid-of-{}", std::process::id()))];
    replica_with(cluster, port, &["--leader-election-id", NAME], &pod)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_container_reacquires_the_lease_of_its_pod_immediately() {
    let cluster = cluster(Some(NAME)).await;
    let first = container(&cluster, 18_141);
    eventually("it leads", || leads(18_142)).await;
    let before = holder(&cluster, NAME).await.unwrap();
    assert!(before.starts_with("operator-0_uid-of-"), "{before}");

    // Another process that claims to be the same pod, but is not.
    let twin = container(&cluster, 18_151);
    eventually("the other waits", || async { get(18_151, "/readyz").await.contains("200 OK") }).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!leads(18_152).await && leads(18_142).await);
    twin.kill().unwrap();

    first.kill().unwrap();
    let restarted = Instant::now();
    let _second = container(&cluster, 18_141);
    eventually("it leads again", || leads(18_142)).await;
    assert!(restarted.elapsed() < AT_ONCE, "a lease lasts 15 s, and it took {:?}", restarted.elapsed());
    assert_eq!(holder(&cluster, NAME).await, Some(before));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_is_not_ready_before_it_can_read_the_lease_and_reports_why() {
    let cluster = cluster(None).await;
    let operator = replica(&cluster, 18_161);
    eventually("it says why", || async {
        let answer = get(18_161, "/readyz").await;
        answer.contains("503") && answer.contains("is forbidden") && answer.contains("leases")
    })
    .await;
    assert!(operator.log().contains("leases.coordination.k8s.io"), "{}", operator.log());
}

/// Sends SIGTERM, and waits until the process has exited.
async fn ends_at_once(operator: &mut Operator) {
    let asked = Instant::now();
    operator.terminate().unwrap();
    eventually("it has ended well", || std::future::ready(operator.exit_code() == Some(0))).await;
    assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_a_process_that_cannot_fill_its_caches_and_releases_its_lease() {
    let cluster = cluster(Some(NAME)).await;
    let proxy = ApiProxy::in_front_of(&cluster).await.unwrap();
    proxy.hang("seinodes");
    let mut operator = container(&cluster, 18_171);
    eventually("it leads", || leads(18_172)).await;
    assert!(get(18_171, "/readyz").await.contains("waiting for caches to sync"));
    ends_at_once(&mut operator).await;
    assert_eq!(holder(&cluster, NAME).await.as_deref(), Some(""), "the next replica need not wait");

    // It also ends while it waits for a response about the lease.
    proxy.hang("leases");
    let mut operator = container(&cluster, 18_171);
    eventually("it waits", || async { get(18_171, "/readyz").await.contains("waiting to read the lease") })
        .await;
    ends_at_once(&mut operator).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_served_only_to_clients_that_the_api_server_authorizes() {
    let cluster = cluster(Some(NAME)).await;
    let _operator = replica_with(&cluster, 18_181, &["--leader-election-id", NAME, "--metrics-auth"], &[]);
    eventually("it serves", || async { !get(18_182, "/metrics").await.is_empty() }).await;
    let ask = |token: String| async move {
        let answer = get_with(18_182, "/metrics", &format!("authorization: Bearer {token}\r\n")).await;
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    assert!(get(18_182, "/metrics").await.starts_with("HTTP/1.1 401"));
    assert_eq!(ask("unknown".into()).await, "401");
    let token = |path| std::fs::read_to_string(path).unwrap();
    let kubeconfig = |path| -> String {
        let kubeconfig: serde_json::Value = serde_json::from_str(&token(path)).unwrap();
        kubeconfig["users"][0]["user"]["token"].as_str().unwrap().to_owned()
    };
    assert_eq!(ask(kubeconfig(cluster.operator_kubeconfig())).await, "403", "known, and without the right");
    assert_eq!(ask(kubeconfig(cluster.plane.kubeconfig())).await, "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_listed_twice_is_watched_once() {
    let cluster = cluster(Some(NAME)).await;
    let twice = ["--watch-namespace=sei-demo", "--watch-namespace=sei-demo", "--leader-election-id", NAME];
    let _operator = replica_with(&cluster, 18_191, &twice, &[]);
    let workers = "controller_runtime_max_concurrent_reconciles{controller=\"seinode\"} ";
    eventually("it reconciles", || async { get(18_192, "/metrics").await.contains(workers) }).await;
    let metrics = get(18_192, "/metrics").await;
    assert!(metrics.contains(&format!("{workers}32")), "{metrics}");
}
