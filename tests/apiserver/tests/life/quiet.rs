//! A Running fleet: restarted sidecars get mark-ready, expiry is reported when it happens, and nothing else is written.

use std::time::{Duration, Instant, SystemTime};

use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::{
    Api, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, PostParams},
};
use sei_api::{SeiNode, conditions::ConditionType};
use sei_testkit::{
    api_proxy::{ApiProxy, Recorded},
    builders,
    certs::Authority,
    cluster::{Cluster, NAMESPACE},
};
use serde_json::json;

use crate::harness::{self, condition, eventually, is_running, runs, until};

const A: &str = "ghcr.io/sei-protocol/sei:a";
const TLS: ConditionType = ConditionType::SidecarTlsSecretReady;
/// What a user perceives as immediate on a busy machine; a poll of 30 s would be slower.
const AT_ONCE: Duration = Duration::from_secs(5);

const REST: Duration = Duration::from_secs(60);
/// Size of a Running SeiNode, including managed fields.
const NODE_BYTES: usize = 5700;

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_fleet_causes_no_requests_and_a_restart_no_writes() {
    let cluster = harness::cluster().await;
    let proxy = ApiProxy::in_front_of(&cluster).await.unwrap();
    let operator = harness::operator(&cluster);
    let names: Vec<_> = (0..12).map(|index| format!("idle-{index}")).collect();
    let authority = Authority::new("issuer").unwrap();
    for (index, name) in names.iter().enumerate() {
        let secret = format!("{name}-tls");
        let spec = match index % 2 {
            0 => builders::full_node(A),
            _ => builders::tls_full_node(A, &secret),
        };
        harness::put_secret(&cluster, &authority, &secret, &harness::names(name)).await;
        harness::create(&cluster, name, spec).await;
    }
    for name in &names {
        until(&cluster, name, "at rest", |node| {
            condition(node, ConditionType::SidecarReady).as_deref() == Some("True/Ready")
                && condition(node, ConditionType::Synced).as_deref() == Some("True/CaughtUp")
                && runs(A)(node)
        })
        .await;
    }
    // Waits for the consequences of the last write.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let calls =
        || names.iter().map(|name| cluster.simulator.calls(&Cluster::host(name)).len()).sum::<usize>();
    let (start, asked) = (Instant::now(), calls());
    tokio::time::sleep(REST).await;
    let requests: Vec<_> = proxy.requests_since(start).iter().map(Recorded::summary).collect();
    assert!(requests.is_empty(), "{requests:?}");
    // Each sidecar is probed with growing intervals: 10 s at first.
    let asked = calls() - asked;
    assert!((1..=6 * names.len()).contains(&asked), "{asked} requests to {} sidecars", names.len());
    let sizes: Vec<_> = sizes(&cluster).await;
    println!("bytes of a SeiNode: {sizes:?}");
    assert!(sizes.iter().all(|size| *size <= NODE_BYTES), "{sizes:?}");

    operator.kill().unwrap();
    let restart = Instant::now();
    let of_each = || -> Vec<_> {
        names.iter().map(|name| cluster.simulator.call_count(&Cluster::host(name))).collect()
    };
    let before = of_each();
    let _operator = harness::operator(&cluster);
    eventually("every sidecar is called again", || async {
        of_each().iter().zip(&before).all(|(now, before)| now > before)
    })
    .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut writes: Vec<_> = proxy.writes_since(restart).iter().map(Recorded::summary).collect();
    // A new process has no token yet: it sends a SelfSubjectReview, and a TokenRequest for each sidecar
    // behind TLS. Nothing is stored.
    writes
        .retain(|write| !["POST serviceaccounts/token", "POST selfsubjectreviews"].contains(&write.as_str()));
    assert!(writes.is_empty(), "{writes:?}");
}

/// Size of each SeiNode in bytes, as stored by the API server.
async fn sizes(cluster: &Cluster) -> Vec<usize> {
    let kind = ApiResource::erase::<SeiNode>(&());
    let nodes: Api<DynamicObject> = Api::namespaced_with(cluster.client.clone(), NAMESPACE, &kind);
    let nodes = nodes.list(&ListParams::default()).await.unwrap().items;
    nodes.iter().map(|node| serde_json::to_vec(node).unwrap().len()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_node_is_reconciled_immediately_after_a_change() {
    let cluster = harness::cluster().await;
    let _operator = harness::operator(&cluster);
    tokio::join!(
        expires(&cluster),
        loses_its_secret(&cluster),
        restarts(&cluster),
        restarts_in_its_plan(&cluster)
    );
}

/// At the time of expiry, without any event: a condition and a Warning; the pod is not changed. A renewal
/// resolves it.
async fn expires(cluster: &Cluster) {
    let name = "expiring-0";
    let authority = Authority::new("issuer").unwrap();
    let until_when = SystemTime::now() + Duration::from_secs(15);
    let pair = authority.issue_for(&harness::names(name), SystemTime::now() - AT_ONCE, until_when).unwrap();
    let secret = builders::tls_secret(NAMESPACE, "expiring-0-tls", &pair, &authority.pem()).unwrap();
    harness::api::<Secret>(cluster).create(&PostParams::default(), &secret).await.unwrap();
    harness::create(cluster, name, builders::tls_full_node(A, "expiring-0-tls")).await;
    until(cluster, name, "Running", is_running).await;
    let pod = harness::api::<Pod>(cluster).get("expiring-0-0").await.unwrap().uid();
    until(cluster, name, "expired", |node| condition(node, TLS).as_deref() == Some("False/TLSSecretExpired"))
        .await;
    let late = SystemTime::now().duration_since(until_when).unwrap_or_default();
    assert!(late < AT_ONCE, "reported {late:?} after it expired");
    assert!(is_running(&cluster.nodes().get(name).await.unwrap()));
    assert_eq!(
        harness::api::<Pod>(cluster).get("expiring-0-0").await.unwrap().uid(),
        pod,
        "the pod is the same"
    );
    let events = harness::api::<k8s_openapi::api::events::v1::Event>(cluster);
    eventually("a warning", || async {
        let events = events.list(&ListParams::default()).await.unwrap().items;
        events.iter().any(|event| {
            event.reason.as_deref() == Some("SidecarTLSSecretNotReady")
                && event.regarding.as_ref().is_some_and(|it| it.name.as_deref() == Some(name))
        })
    })
    .await;
    harness::put_secret(cluster, &authority, "expiring-0-tls", &harness::names(name)).await;
    until(cluster, name, "renewed", |node| condition(node, TLS).as_deref() == Some("True/TLSSecretReady"))
        .await;
    until(cluster, name, "reached again", runs(A)).await;
}

async fn loses_its_secret(cluster: &Cluster) {
    let name = "bereft-0";
    let authority = Authority::new("issuer").unwrap();
    harness::put_secret(cluster, &authority, "bereft-0-tls", &harness::names(name)).await;
    harness::create(cluster, name, builders::tls_full_node(A, "bereft-0-tls")).await;
    until(cluster, name, "ready", runs(A)).await;
    let pod = harness::api::<Pod>(cluster).get("bereft-0-0").await.unwrap().uid();
    let began = Instant::now();
    harness::api::<Secret>(cluster).delete("bereft-0-tls", &DeleteParams::default()).await.unwrap();
    until(cluster, name, "missed", |node| condition(node, TLS).as_deref() == Some("False/TLSSecretNotFound"))
        .await;
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    assert!(is_running(&cluster.nodes().get(name).await.unwrap()));
    let began = Instant::now();
    harness::put_secret(cluster, &authority, "bereft-0-tls", &harness::names(name)).await;
    until(cluster, name, "back", |node| condition(node, TLS).as_deref() == Some("True/TLSSecretReady")).await;
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    assert_eq!(
        harness::api::<Pod>(cluster).get("bereft-0-0").await.unwrap().uid(),
        pod,
        "the pod is the same"
    );
}

fn publisher() -> serde_json::Value {
    let publish = json!({ "tendermint": { "keepRecent": 3, "publish": {} } });
    json!({ "chainId": "arctic-1", "image": A, "archive": { "snapshotGeneration": publish } })
}

/// Each restart of a sidecar that publishes causes one mark-ready. The sidecar resumes its single upload.
async fn restarts(cluster: &Cluster) {
    let name = "publisher-0";
    let host = Cluster::host(name);
    harness::create(cluster, name, publisher()).await;
    until(cluster, name, "ready", runs(A)).await;
    for restart in 1..=2 {
        cluster.simulator.stop(&host);
        cluster.simulator.run(&host);
        let ready = cluster.simulator.readiness(&host);
        eventually("it is ready", || async { *ready.borrow() }).await;
        until(cluster, name, "ready again", |node: &SeiNode| {
            let plan = node.status.as_ref().and_then(|status| status.plan.as_ref());
            runs(A)(node) && plan.is_some_and(|plan| plan.tasks.len() == 2)
        })
        .await;
        let runs = cluster.simulator.runs(&host);
        assert_eq!((runs["mark-ready"], runs["snapshot-upload"]), (1 + restart, 1));
    }
}

/// A restart between upload and mark-ready: both belong to the terminated process.
async fn restarts_in_its_plan(cluster: &Cluster) {
    let name = "unlucky-0";
    let host = Cluster::host(name);
    harness::stuck(cluster, name, &["mark-ready"]);
    harness::create(cluster, name, publisher()).await;
    until(cluster, name, "mark-ready is running", |node: &SeiNode| {
        let plan = node.status.as_ref().and_then(|status| status.plan.as_ref());
        plan.is_some_and(|plan| plan.tasks.last().is_some_and(|task| task.submitted_at.is_some()))
    })
    .await;
    harness::stuck(cluster, name, &[]);
    cluster.simulator.stop(&host);
    cluster.simulator.run(&host);
    until(cluster, name, "Running", is_running).await;
    let runs = cluster.simulator.runs(&host);
    assert_eq!(runs["config-apply"], 1, "{runs:?}");
    assert!(cluster.simulator.repeated(&host).is_empty());
}
