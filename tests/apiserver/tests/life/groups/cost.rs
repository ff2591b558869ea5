//! The API requests of a group in addition to those of its nodes, which do not grow with it; `docs/scaling.md` explains them.

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

/// Number of requests of each kind.
type Table = BTreeMap<String, usize>;

fn table(rows: &[(&str, usize)]) -> Table {
    rows.iter().map(|(request, count)| ((*request).to_owned(), *count)).collect()
}

/// The requests in addition to those that each node needs. The numbers of statuses and events of nodes depend on how
/// long the nodes take.
fn without_nodes(all: &Table, size: usize, of_node: &[(&str, usize)]) -> Table {
    let mut left = all.clone();
    for (request, each) in of_node {
        let count = left.remove(*request).unwrap_or_default();
        let others = count.checked_sub(each * size).unwrap_or_else(|| panic!("{request}: {count}: {all:?}"));
        left.extend((others > 0).then(|| ((*request).to_owned(), others)));
    }
    left.retain(|request, _| {
        !["PATCH seinodes/status", "POST events", "GET events"].contains(&request.as_str())
    });
    left
}

fn at_most(left: &mut Table, request: &str, most: usize) {
    let count = left.remove(request).unwrap_or_default();
    assert!(count <= most, "{request}: {count} of {most}");
}

/// The number of requests of each kind since `start`, once nothing changes, and the time in seconds.
async fn requests(bed: &Bed, proxy: &ApiProxy, size: usize, start: Instant) -> (Table, usize) {
    bed.until_complete().await;
    // Seconds later each node reports whether its seid has caught up.
    let has_caught_up =
        |node: &SeiNode| condition(node, ConditionType::Synced).as_deref() == Some("True/CaughtUp");
    eventually("all nodes are synced", || async { bed.nodes().await.iter().all(has_caught_up) }).await;
    let seconds = usize::try_from(start.elapsed().as_secs()).unwrap() + 1;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut table = Table::new();
    for request in proxy.requests_since(start) {
        *table.entry(request.summary()).or_default() += 1;
    }
    eprintln!("{size} nodes in {seconds} s: {table:?}");
    (table, seconds)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_adds_at_most_one_status_write_a_second() {
    let cluster = harness::cluster().await;
    let proxy = ApiProxy::in_front_of(&cluster).await.unwrap();
    let operator = Some(harness::operator(&cluster));
    let bed = Bed { cluster, operator };
    // One-time requests of a process.
    harness::create(&bed.cluster, "warm-0", builders::full_node(A)).await;
    harness::until(&bed.cluster, "warm-0", "Running", harness::is_running).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    for size in [4, 12] {
        costs_a_bounded_number_of_requests(&bed, &proxy, size).await;
        bed.delete().await;
    }
}

/// A group of this size is created, updated and left alone.
async fn costs_a_bounded_number_of_requests(bed: &Bed, proxy: &ApiProxy, size: usize) {
    let start = Instant::now();
    let mut spec = full_nodes(u32::try_from(size).unwrap());
    spec["updateStrategy"] = json!({ "type": "InPlace", "inPlace": { "maxUnavailable": "100%" } });
    bed.create(spec).await;
    let (created, seconds) = requests(bed, proxy, size, start).await;
    let mut of_group = without_nodes(
        &created,
        size,
        &[
            // A node is created, and gets its finalizer.
            ("PATCH seinodes", 2),
            ("POST persistentvolumeclaims", 1),
            ("PATCH persistentvolumeclaims", 1),
            ("PATCH services", 1),
            ("PATCH statefulsets", 1),
        ],
    );
    // A busy API server may refuse the finalizer once.
    at_most(&mut of_group, "PATCH seinodedeployments", 2);
    at_most(&mut of_group, "GET services", 2);
    at_most(&mut of_group, "PATCH seinodedeployments/status", 2 + seconds);
    assert_eq!(of_group, table(&[("PATCH poddisruptionbudgets", 1), ("PATCH services", 1)]));

    let start = Instant::now();
    bed.set_image(B).await;
    let (updated, seconds) = requests(bed, proxy, size, start).await;
    assert_eq!(updated["PATCH seinodes"], size);
    assert!(updated["PATCH seinodedeployments/status"] <= 2 + seconds, "{updated:?} in {seconds} s");
    assert_eq!(updated.get("PATCH seinodedeployments"), None);

    let start = Instant::now();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let at_rest: Vec<_> = proxy.requests_since(start).iter().map(Recorded::summary).collect();
    assert!(at_rest.is_empty(), "{at_rest:?}");
}
