//! Watches that lag: the operator does not write in a loop although its caches do not show what it wrote.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, api::PostParams};
use sei_testkit::{api_proxy::ApiProxy, builders, certs::Authority};
use serde_json::json;

use crate::{
    groups::bed::{A, Bed, GROUP, full_nodes},
    harness::{self, is_known, is_running, until},
};

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
    let mut by_path = BTreeMap::<String, usize>::new();
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

/// Every kind that is watched, by its plural. Kinds in one row lag together; no reconciler depends on two of them.
/// There is one test per table, since its rows lag one after the other.
const PODS: &[&[&str]] = &[&["jobs"], &["pods"], &["statefulsets"]];
const DEPENDENCIES: &[&[&str]] = &[
    &["services", "httproutes"],
    &["configmaps", "poddisruptionbudgets"],
    &["persistentvolumeclaims"],
    &["secrets"],
];
const OURS: &[&[&str]] = &[&["seinodes"], &["seinodedeployments"], &["seinodetasks"]];
/// Maximum number of writes to one object while a cache lags. A first plan with its bootstrap takes half of them.
const WRITES_PER_OBJECT: usize = 30;
/// How long each kind lags: longer than the operator remembers its writes.
const LAG: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread")]
async fn lagging_caches_of_pods_and_what_creates_them_cause_no_loop_of_writes() {
    no_loop_of_writes_while_each_lags(PODS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lagging_caches_of_what_nodes_depend_on_cause_no_loop_of_writes() {
    no_loop_of_writes_while_each_lags(DEPENDENCIES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lagging_caches_of_what_is_reconciled_cause_no_loop_of_writes() {
    no_loop_of_writes_while_each_lags(OURS).await;
}

async fn no_loop_of_writes_while_each_lags(lines: &[&[&str]]) {
    let (bed, proxy) = bed().await;
    let cluster = &bed.cluster;
    let authority = Authority::new("issuer").unwrap();
    for (index, kinds) in lines.iter().enumerate() {
        let lag = || kinds.iter().for_each(|kind| proxy.delay(kind, 10 * LAG));
        let (name, image) = (format!("{}-0", kinds[0]), format!("ghcr.io/sei-protocol/sei:{index}"));
        let mut spec = builders::tls_full_node(A, &format!("{name}-tls"));
        let snapshot = json!({ "s3": { "targetHeight": 100 }, "bootstrapImage": "seid:old" });
        spec["fullNode"] = json!({ "snapshot": snapshot });
        spec["peers"] = builders::outside_peers();
        harness::put_secret(cluster, &authority, &format!("{name}-tls"), &harness::names(&name)).await;
        // Nothing happens to a SeiNode or group that the operator has not seen.
        let is_reconciled = kinds[0].starts_with("sei");
        if !is_reconciled {
            lag();
        }
        let start = Instant::now();
        harness::create(cluster, &name, spec).await;
        harness::set_image(cluster, "updated-0", &image).await;
        bed.set_image(&image).await;
        if is_reconciled {
            until(cluster, &name, "known", is_known).await;
            lag();
        }
        tokio::time::sleep(LAG).await;
        let writes = proxy.writes_since(start);
        let mut by_object = BTreeMap::<&str, usize>::new();
        for write in writes.iter().filter(|write| !write.path.ends_with("/events")) {
            *by_object.entry(&write.path).or_default() += 1;
        }
        let most = by_object.values().max().copied().unwrap_or_default();
        eprintln!("{kinds:?}: {} writes in {:?}, {most} to one object", writes.len(), start.elapsed());
        assert!(most <= WRITES_PER_OBJECT, "while {kinds:?} lag: {by_object:#?}");
        kinds.iter().for_each(|kind| proxy.delay(kind, Duration::ZERO));
        proxy.break_watches();
    }
    let kinds = [PODS, DEPENDENCIES, OURS].concat().concat();
    let watched: BTreeSet<_> = kinds.into_iter().map(str::to_owned).collect();
    assert_eq!(proxy.watched(), watched);
}

/// A Running node and a published group, whose operator is behind a proxy.
async fn bed() -> (Bed, ApiProxy) {
    let mut bed = Bed { operator: None, cluster: harness::cluster().await.not_reused() };
    let crd = serde_json::from_str(include_str!("../../crds/httproutes.json")).unwrap();
    let crds: Api<CustomResourceDefinition> = Api::all(bed.cluster.client.clone());
    crds.create(&PostParams::default(), &crd).await.unwrap();
    let proxy = ApiProxy::in_front_of(&bed.cluster).await.unwrap();
    let settings = [
        ("SEI_GATEWAY_NAME", "public".to_owned()),
        ("SEI_GATEWAY_NAMESPACE", "gateways".to_owned()),
        ("SEI_GATEWAY_DOMAIN", "example.com".to_owned()),
    ];
    bed.operator = Some(harness::operator_with(&bed.cluster, &settings));
    let mut spec = full_nodes(1);
    spec["networking"] = json!({});
    bed.create(spec).await;
    harness::create(&bed.cluster, "updated-0", builders::full_node(A)).await;
    for name in ["updated-0", &format!("{GROUP}-0")] {
        until(&bed.cluster, name, "Running", is_running).await;
    }
    (bed, proxy)
}
