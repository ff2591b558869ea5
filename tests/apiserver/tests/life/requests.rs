//! The API requests of a node: counted, since times depend on the machine.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use sei_api::conditions::ConditionType;
use sei_testkit::{api_proxy::ApiProxy, builders, certs::Authority, cluster::Cluster};

use crate::harness::{self, condition, runs, until};

const A: &str = "ghcr.io/sei-protocol/sei:a";

/// Number of requests of each kind.
type Table = BTreeMap<String, usize>;

/// Creates a node, and counts the requests until it is ready and nothing more is written.
async fn requests(
    cluster: &Cluster,
    proxy: &ApiProxy,
    name: &str,
    spec: serde_json::Value,
) -> (Table, Duration) {
    let start = Instant::now();
    harness::create(cluster, name, spec).await;
    until(cluster, name, "ready", runs(A)).await;
    let took = start.elapsed();
    until(cluster, name, "synced", |node| {
        condition(node, ConditionType::Synced).as_deref() == Some("True/CaughtUp")
    })
    .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut table = Table::new();
    for request in proxy.requests_since(start) {
        let summary = request.summary();
        // Shows what was written too often.
        let body = if summary.ends_with("/status") { &request.body[..] } else { &[] };
        eprintln!("{name} {:>6.0?} {summary} {}", request.at - start, String::from_utf8_lossy(body));
        *table.entry(request.summary()).or_default() += 1;
    }
    eprintln!("{name}: {} requests, ready after {took:.1?}", table.values().sum::<usize>());
    (table, took)
}

/// On a busy machine a node takes longer: its progress is then written every second, it may be Running before its pod is
/// seen to be ready, and events about a missing pod are read.
fn without_delays((mut table, took): (Table, Duration)) -> Table {
    if took > Duration::from_secs(3) {
        table.remove("GET events");
    }
    let writes = table.entry("PATCH seinodes/status".to_owned()).or_default();
    let seconds = usize::try_from(took.as_secs()).unwrap();
    let delayed = if seconds == 0 { 0 } else { seconds + 1 };
    *writes = (*writes).saturating_sub(delayed).max(3);
    table
}

/// `docs/scaling.md` lists these requests, and explains each of them.
const PLAIN: [(&str, usize); 7] = [
    ("PATCH persistentvolumeclaims", 1),
    ("PATCH seinodes", 1),
    ("PATCH seinodes/status", 3),
    ("PATCH services", 1),
    ("PATCH statefulsets", 1),
    ("POST events", 1),
    ("POST persistentvolumeclaims", 1),
];
const TLS: [(&str, usize); 3] =
    [("GET secrets", 1), ("PATCH configmaps", 1), ("POST serviceaccounts/token", 1)];

fn table(rows: &[(&str, usize)]) -> Table {
    rows.iter().map(|(request, count)| ((*request).to_owned(), *count)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_costs_few_requests() {
    let cluster = harness::cluster().await;
    let proxy = ApiProxy::in_front_of(&cluster).await.unwrap();
    let _operator = harness::operator(&cluster);
    let authority = Authority::new("issuer").unwrap();
    for name in ["warm-0", "rpc-0"] {
        harness::put_secret(&cluster, &authority, &format!("{name}-tls"), &harness::names(name)).await;
    }
    // One-time requests of a process.
    requests(&cluster, &proxy, "warm-0", builders::tls_full_node(A, "warm-0-tls")).await;

    let plain = requests(&cluster, &proxy, "plain-0", builders::full_node(A)).await;
    assert_eq!(without_delays(plain), table(&PLAIN));
    let tls = requests(&cluster, &proxy, "rpc-0", builders::tls_full_node(A, "rpc-0-tls")).await;
    assert_eq!(without_delays(tls), table(&[&PLAIN[..], &TLS].concat()));
}
