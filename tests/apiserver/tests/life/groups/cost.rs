//! The API requests of a group in addition to those of its nodes; `docs/scaling.md` explains them.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use sei_api::{SeiNode, conditions::ConditionType};
use sei_testkit::{
    api_proxy::{ApiProxy, Recorded},
    builders,
};
use serde_json::json;

use super::bed::{A, B, Bed, full_nodes};
use crate::harness::{self, condition, eventually};

const SIZE: usize = 12;

/// The number of requests of each kind since `start`, once nothing changes any more, and the time in seconds.
async fn requests(bed: &Bed, proxy: &ApiProxy, start: Instant) -> (BTreeMap<String, usize>, usize) {
    bed.until_complete().await;
    // Seconds later each node reports whether its seid has caught up.
    let has_caught_up =
        |node: &SeiNode| condition(node, ConditionType::Synced).as_deref() == Some("True/CaughtUp");
    eventually("all nodes are synced", || async { bed.nodes().await.iter().all(has_caught_up) }).await;
    let seconds = usize::try_from(start.elapsed().as_secs()).unwrap() + 1;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut table = BTreeMap::new();
    for request in proxy.requests_since(start) {
        *table.entry(request.summary()).or_default() += 1;
    }
    eprintln!("{SIZE} nodes in {seconds} s: {table:?}");
    (table, seconds)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_costs_what_its_nodes_cost_and_a_status_a_second_at_most() {
    let cluster = harness::cluster().await;
    let proxy = ApiProxy::in_front_of(&cluster).await.unwrap();
    let operator = Some(harness::operator(&cluster));
    let bed = Bed { cluster, operator };
    // One-time requests of a process.
    harness::create(&bed.cluster, "warm-0", builders::full_node(A)).await;
    harness::until(&bed.cluster, "warm-0", "Running", harness::is_running).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let start = Instant::now();
    let mut spec = full_nodes(u32::try_from(SIZE).unwrap());
    spec["updateStrategy"] = json!({ "type": "InPlace", "inPlace": { "maxUnavailable": "100%" } });
    bed.create(spec).await;
    let (created, seconds) = requests(&bed, &proxy, start).await;
    // The Service of the group beside those of the nodes, and its finalizer, which a busy API server may refuse once.
    assert_eq!(created["PATCH services"], SIZE + 1);
    assert!(created["PATCH seinodedeployments"] <= 2, "{created:?}");
    // Each node is created, and gets its finalizer.
    assert_eq!(created["PATCH seinodes"], 2 * SIZE);
    assert!(created["PATCH seinodedeployments/status"] <= 2 + seconds, "{created:?} in {seconds} s");
    assert!(created.get("GET services").is_none_or(|reads| *reads <= 2), "{created:?}");

    let start = Instant::now();
    bed.set_image(B).await;
    let (updated, seconds) = requests(&bed, &proxy, start).await;
    assert_eq!(updated["PATCH seinodes"], SIZE);
    assert!(updated["PATCH seinodedeployments/status"] <= 2 + seconds, "{updated:?} in {seconds} s");
    assert_eq!(updated.get("PATCH seinodedeployments"), None);

    let start = Instant::now();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let at_rest: Vec<_> = proxy.requests_since(start).iter().map(Recorded::summary).collect();
    assert!(at_rest.is_empty(), "{at_rest:?}");
}
