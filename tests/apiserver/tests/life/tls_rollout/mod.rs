//! `sei-operator tls`, killed repeatedly: TLS is enabled on the nodes and disabled again, with the same
//! volumes.

mod certificates;
mod group;

use std::{
    collections::BTreeMap,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::{ResourceExt, api::ListParams};
use sei_testkit::{
    builders,
    certs::Authority,
    cluster::{Cluster, NAMESPACE},
    volumes,
};

use crate::{
    harness::{self, api, create, names, put_secret, runs, until},
    pool::TestCluster,
};

const IMAGE: &str = "ghcr.io/sei-protocol/sei:a";
const NODES: [&str; 2] = ["rpc-0", "rpc-1"];

fn tls(cluster: &Cluster, arguments: &[&str]) -> Command {
    let mut command = Command::new(harness::binary());
    command.arg("tls").args(arguments).args(["-n", NAMESPACE, "--kubeconfig"]);
    command.arg(cluster.plane.kubeconfig());
    command
}

/// The command, which is expected to fail.
fn fails(cluster: &Cluster, arguments: &[&str]) -> Output {
    let output = tls(cluster, arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    output
}

/// Binds the claim of a node to a separate volume, like a provisioner.
async fn bind(cluster: &Cluster, node: &str, policy: &str) {
    volumes::bind(cluster, node, policy).await.unwrap();
}

async fn claims(cluster: &Cluster) -> BTreeMap<String, String> {
    let claims = api::<PersistentVolumeClaim>(cluster).list(&ListParams::default()).await.unwrap();
    claims.items.iter().map(|claim| (claim.name_any(), claim.uid().unwrap())).collect()
}

/// Runs the command, killing it after increasing times, until it completes.
async fn killed_until_done(cluster: &Cluster, arguments: &[&str]) -> u64 {
    for kills in 0.. {
        let mut child = tls(cluster, arguments).stdout(Stdio::null()).spawn().unwrap();
        if let Some(code) = ends_within(&mut child, Duration::from_millis((kills + 1) * 150)).await {
            assert_eq!(code, 0, "after {kills} kills");
            return kills;
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    unreachable!("it ends in time")
}

async fn ends_within(child: &mut Child, time: Duration) -> Option<i32> {
    let end = tokio::time::Instant::now() + time;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if tokio::time::Instant::now() >= end {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn cluster_of_two() -> TestCluster {
    let cluster = harness::cluster().await;
    for node in NODES {
        create(&cluster, node, builders::full_node(IMAGE)).await;
    }
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_enabled_and_disabled_on_the_same_volumes_despite_kills() {
    let cluster = cluster_of_two().await;
    let _operator = harness::operator(&cluster);
    let authority = Authority::new("issuer").unwrap();
    for node in NODES {
        until(&cluster, node, "is Ready", runs(IMAGE)).await;
        bind(&cluster, node, "Retain").await;
        put_secret(&cluster, &authority, &format!("{node}-tls"), &names(node)).await;
    }
    let volumes = claims(&cluster).await;

    let kills = killed_until_done(&cluster, &["enable", "rpc-0", "rpc-1"]).await;
    assert!(kills > 3, "it was killed {kills} times");
    for node in NODES {
        let node = until(&cluster, node, "is Ready again", runs(IMAGE)).await;
        assert_eq!(node.spec.tls().unwrap().secret_name, format!("{}-tls", node.name_any()));
    }
    assert_eq!(claims(&cluster).await, volumes, "each claim is the same object");

    killed_until_done(&cluster, &["disable", "rpc-0", "rpc-1"]).await;
    for node in NODES {
        let node = until(&cluster, node, "is Ready again", runs(IMAGE)).await;
        assert!(node.spec.tls().is_none());
    }
    assert_eq!(claims(&cluster).await, volumes);
    assert_as_before(&cluster).await;
}

/// Each claim is owned by its SeiNode and has no stored object.
async fn assert_as_before(cluster: &Cluster) {
    for claim in api::<PersistentVolumeClaim>(cluster).list(&ListParams::default()).await.unwrap() {
        let stored: Vec<_> =
            claim.annotations().keys().filter(|key| key.starts_with("sei.io/recreate-")).collect();
        assert!(stored.is_empty(), "{stored:?}");
        let node = cluster.nodes().get(claim.name_any().trim_start_matches("data-")).await.unwrap();
        let owners: Vec<_> = claim.owner_references().iter().map(|owner| owner.uid.as_str()).collect();
        assert_eq!(owners, [node.uid().unwrap()]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_changed_while_one_node_has_a_problem() {
    let cluster = cluster_of_two().await;
    let _operator = harness::operator(&cluster);
    let authority = Authority::new("issuer").unwrap();
    for (node, policy) in [("rpc-0", "Retain"), ("rpc-1", "Delete")] {
        until(&cluster, node, "is Ready", runs(IMAGE)).await;
        bind(&cluster, node, policy).await;
        put_secret(&cluster, &authority, &format!("{node}-tls"), &names(node)).await;
    }
    let before = pods(&cluster).await;

    let plan = fails(&cluster, &["plan", "rpc-0", "rpc-1"]);
    let text = String::from_utf8_lossy(&plan.stdout).into_owned();
    assert!(text.contains("rpc-0: 2. delete SeiNode rpc-0"), "{text}");
    assert!(
        text.contains("rpc-1: not possible now: PersistentVolume rpc-1 has reclaim policy Delete"),
        "{text}"
    );

    let refused = fails(&cluster, &["enable", "rpc-0", "rpc-1"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("nothing was changed"), "{refused:?}");
    assert_eq!(pods(&cluster).await, before);
}

async fn pods(cluster: &Cluster) -> Vec<Option<String>> {
    let pods = api::<Pod>(cluster).list(&ListParams::default()).await.unwrap();
    pods.items.iter().map(ResourceExt::uid).collect()
}
