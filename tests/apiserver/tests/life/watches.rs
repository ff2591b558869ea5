//! Watches that break, lag or are denied: the operator's state is stale for seconds at most, and it never
//! writes in a loop because of that.

use std::time::{Duration, Instant};

use sei_api::{SeiNode, conditions::ConditionType};
use sei_testkit::{api_proxy::ApiProxy, builders, cluster::Cluster};

use crate::{
    harness::{self, condition, eventually, is_running, until},
    process::{get, replica},
};

const A: &str = "ghcr.io/sei-protocol/sei:a";
/// Maximum time without events. Attempts of a failing watch are at most 6.25 s apart.
const SOON: Duration = Duration::from_secs(10);

fn is_known(node: &SeiNode) -> bool {
    node.status.as_ref().is_some_and(|status| status.phase.is_some())
}

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
    eventually("the metric tells", || async { get(18_102, "/metrics").await.contains(&failing(1)) }).await;
    for round in 1..=4 {
        tokio::time::sleep(Duration::from_secs(3)).await;
        is_taken_up_soon(&cluster, &format!("node-{round}")).await;
    }
    proxy.allow("jobs");
    eventually("it has recovered", || async { get(18_102, "/metrics").await.contains(&failing(0)) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_without_tls_run_while_secrets_may_not_be_watched() {
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

/// Maximum number of writes to a node in any state with lagging caches, including its whole plan.
const WRITES_PER_NODE: usize = 25;
const WINDOW: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_whose_caches_lag_never_writes_in_a_loop() {
    let cluster = harness::cluster().await;
    let proxy = ApiProxy::in_front_of(&cluster).await.unwrap();
    proxy.delay("", Duration::from_secs(2));
    let _operator = harness::operator(&cluster);
    harness::stuck(&cluster, "stuck-0", &["config-apply"]);
    let nodes = [
        ("runs-0", builders::full_node(A)),
        ("stuck-0", builders::full_node(A)),
        ("waits-0", builders::tls_full_node(A, "absent")),
    ];
    let start = Instant::now();
    for (name, spec) in &nodes {
        harness::create(&cluster, name, spec.clone()).await;
    }
    tokio::time::sleep(WINDOW).await;
    let writes = proxy.writes_since(start);
    let mut by_path = std::collections::BTreeMap::<String, usize>::new();
    for write in &writes {
        *by_path.entry(format!("{} {}", write.method, write.path)).or_default() += 1;
    }
    println!("{} writes: {by_path:#?}", writes.len());
    assert!(writes.len() <= WRITES_PER_NODE * nodes.len(), "{by_path:#?}");
    // The interval for a node without changes, regardless of the caches.
    let start = Instant::now();
    tokio::time::sleep(WINDOW / 2).await;
    let writes = proxy.writes_since(start);
    assert!(writes.len() <= 2 * nodes.len(), "{writes:#?}");
}

/// Maximum number of writes to one node per minute while any cache lags: a first plan with its bootstrap and
/// events, or an update.
const WRITES_PER_MINUTE: usize = 90;

#[tokio::test(flavor = "multi_thread")]
async fn no_cache_that_lags_a_minute_makes_the_operator_write_in_a_loop() {
    let cluster = harness::cluster().await;
    let proxy = ApiProxy::in_front_of(&cluster).await.unwrap();
    harness::create(&cluster, "updated-0", builders::full_node(A)).await;
    let _operator = harness::operator(&cluster);
    until(&cluster, "updated-0", "Running", is_running).await;
    let snapshot = serde_json::json!({ "s3": { "targetHeight": 100 }, "bootstrapImage": "seid:old" });
    for (index, kind) in ["jobs", "pods", "statefulsets"].into_iter().enumerate() {
        proxy.delay(kind, 2 * WINDOW);
        let start = Instant::now();
        let mut spec = builders::full_node(A);
        spec["fullNode"] = serde_json::json!({ "snapshot": snapshot });
        spec["peers"] = builders::outside_peers();
        harness::create(&cluster, &format!("{kind}-0"), spec).await;
        harness::set_image(&cluster, "updated-0", &format!("ghcr.io/sei-protocol/sei:{index}")).await;
        tokio::time::sleep(WINDOW).await;
        let writes = proxy.writes_since(start);
        println!("{kind}: {} writes", writes.len());
        // Two nodes are written to, for half a minute.
        assert!(writes.len() <= WRITES_PER_MINUTE, "while {kind} lag: {writes:#?}");
        proxy.delay(kind, Duration::ZERO);
    }
}
