//! Sidecars that accept requests and never respond, among healthy ones.
//! `crates/controller/src/sidecar/hung.rs` has thousands of them, without an API server.

use std::time::{Duration, Instant};

use kube::{ResourceExt, api::ListParams};
use sei_api::conditions::ConditionType;
use sei_testkit::{builders, cluster::Cluster};

use crate::harness::{self, condition, eventually, runs, until_condition};

const A: &str = "ghcr.io/sei-protocol/sei:a";
const HEALTHY: usize = 24;
const PREFIX: &str = "healthy";
/// Long enough for a busy machine.
const LIMIT: Duration = Duration::from_secs(300);
const HUNG: usize = 16;
/// Maximum number of calls to one hanging sidecar during the test, each with its deadline.
const CALLS: usize = 30;

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|index| format!("{prefix}-{index}")).collect()
}

/// The nodes that are not ready, and why.
async fn not_ready(cluster: &Cluster, prefix: &str) -> Vec<(String, Option<String>)> {
    let nodes = cluster.nodes().list(&ListParams::default()).await.unwrap();
    let missing = nodes.iter().filter(|node| node.name_any().starts_with(prefix) && !runs(A)(node));
    missing.map(|node| (node.name_any(), condition(node, ConditionType::Ready))).collect()
}

/// Creates the healthy nodes, and returns how long it takes until all are ready.
async fn time_to_ready(cluster: &Cluster) -> Duration {
    let start = Instant::now();
    for name in names(PREFIX, HEALTHY) {
        harness::create(cluster, &name, builders::full_node(A)).await;
    }
    loop {
        let missing = not_ready(cluster, PREFIX).await;
        if missing.is_empty() {
            return start.elapsed();
        }
        assert!(start.elapsed() < LIMIT, "not ready: {missing:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hung_sidecars_do_not_slow_down_the_creation_of_healthy_nodes() {
    let (cluster, other) = (harness::cluster().await, harness::cluster().await);
    let (_operator, _other_operator) = (harness::operator(&cluster), harness::operator(&other));
    let hung = names("hung", HUNG);
    for name in &hung {
        cluster.simulator.faults(&Cluster::host(name), |faults| faults.hang = true);
        harness::create(&cluster, name, builders::full_node(A)).await;
    }
    for name in &hung {
        until_condition(&cluster, name, ConditionType::Ready, "False/SidecarUnreachable", "").await;
    }
    // At the same time, so that both get the same share of a busy machine.
    let (beside, alone) = tokio::join!(time_to_ready(&cluster), time_to_ready(&other));
    println!("{HEALTHY} nodes: {alone:.1?} alone, {beside:.1?} beside {HUNG} whose sidecar hangs");
    assert!(beside < 3 * alone, "{beside:?} instead of {alone:?}");

    // Each healthy sidecar that restarts gets mark-ready again.
    let healthy = names(PREFIX, HEALTHY);
    for name in &healthy {
        cluster.simulator.stop(&Cluster::host(name));
        cluster.simulator.run(&Cluster::host(name));
    }
    eventually("all are released again", || async {
        healthy.iter().all(|name| cluster.simulator.runs(&Cluster::host(name))["mark-ready"] == 2)
    })
    .await;
    for name in &hung {
        let node = cluster.nodes().get(name).await.unwrap();
        assert_eq!(condition(&node, ConditionType::Ready).as_deref(), Some("False/SidecarUnreachable"));
        let calls = cluster.simulator.calls(&Cluster::host(name)).len();
        assert!((1..=CALLS).contains(&calls), "{calls} calls to {name}");
    }
}
