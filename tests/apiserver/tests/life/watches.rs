//! Watches that break or are denied: the operator's state is stale for seconds at most.

use std::time::{Duration, Instant};

use sei_api::conditions::ConditionType;
use sei_testkit::{api_proxy::ApiProxy, builders, cluster::Cluster};

use crate::{
    harness::{self, condition, eventually, is_known, is_running, until},
    process::{get, replica},
};

const A: &str = "ghcr.io/sei-protocol/sei:a";
/// Maximum time without events. Attempts of a failing watch are at most 6.25 s apart.
const SOON: Duration = Duration::from_secs(10);

async fn is_taken_up_soon(cluster: &Cluster, name: &str) {
    harness::create(cluster, name, builders::full_node(A)).await;
    let created = Instant::now();
    until(cluster, name, "taken up", is_known).await;
    let took = created.elapsed();
    eprintln!("{name} was taken up after {took:?}");
    assert!(took < SOON, "{name} was taken up after {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_reconciled_within_seconds_after_all_watches_broke() {
    let cluster = harness::cluster().await;
    let proxy = ApiProxy::in_front_of(&cluster).await.unwrap();
    let _operator = harness::operator(&cluster);
    is_taken_up_soon(&cluster, "node-0").await;
    for round in 1..=3 {
        proxy.break_watches();
        is_taken_up_soon(&cluster, &format!("node-{round}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_reconciled_within_seconds_after_the_api_server_restarted() {
    let mut cluster = harness::cluster().await;
    let operator = harness::operator(&cluster);
    is_taken_up_soon(&cluster, "node-0").await;
    cluster.plane.restart_api_server(Duration::from_secs(15)).await.unwrap();
    is_taken_up_soon(&cluster, "node-1").await;
    let log = operator.log();
    assert!(log.contains("watch failed; retrying") && log.contains("watch recovered"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permanently_denied_kind_does_not_stop_others() {
    let cluster = harness::cluster().await;
    let proxy = ApiProxy::in_front_of(&cluster).await.unwrap();
    let _operator = replica(&cluster, 18_101);
    is_taken_up_soon(&cluster, "node-0").await;
    proxy.deny("jobs");
    proxy.break_watches();
    let failing = |count: u8| format!("sei_controller_watches_failing{{kind=\"Job\"}} {count}");
    eventually("the metric counts it", || async { get(18_102, "/metrics").await.contains(&failing(1)) })
        .await;
    for round in 1..=4 {
        tokio::time::sleep(Duration::from_secs(3)).await;
        is_taken_up_soon(&cluster, &format!("node-{round}")).await;
    }
    proxy.allow("jobs");
    eventually("it has recovered", || async { get(18_102, "/metrics").await.contains(&failing(0)) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_without_tls_run_although_secrets_cannot_be_watched() {
    let cluster = harness::cluster().await;
    let proxy = ApiProxy::in_front_of(&cluster).await.unwrap();
    proxy.deny("secrets");
    let operator = replica(&cluster, 18_111);
    harness::create(&cluster, "plain-0", builders::full_node(A)).await;
    harness::create(&cluster, "tls-0", builders::tls_full_node(A, "tls-0-tls")).await;
    until(&cluster, "plain-0", "Running", is_running).await;
    assert!(!is_known(&cluster.nodes().get("tls-0").await.unwrap()), "nothing is known of its Secret");
    assert!(get(18_111, "/readyz").await.contains("503"), "a rollout must not go on");
    assert!(operator.log().contains("secrets is forbidden"), "{}", operator.log());
    proxy.allow("secrets");
    until(&cluster, "tls-0", "its Secret is missed", |node| {
        condition(node, ConditionType::SidecarTlsSecretReady).as_deref() == Some("False/TLSSecretNotFound")
    })
    .await;
    eventually("it is ready", || async { get(18_111, "/readyz").await.contains("200 OK") }).await;
}
