//! TLS is enabled on a group and disabled again.

use kube::ResourceExt;
use sei_testkit::certs::Authority;
use serde_json::json;

use super::{assert_as_before, bind, claims, fails, killed_until_done};
use crate::{
    groups::bed::{Bed, full_nodes},
    harness::{names, put_secret},
};

const NODES: [&str; 3] = ["rpc-0", "rpc-1", "rpc-2"];

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_enabled_and_disabled_on_a_group_with_the_same_volumes_despite_kills() {
    let bed = Bed::start().await;
    bed.create(full_nodes(3)).await;
    bed.until_complete().await;
    let authority = Authority::new("issuer").unwrap();
    for node in NODES {
        bind(&bed.cluster, node, "Retain").await;
        put_secret(&bed.cluster, &authority, &format!("{node}-tls"), &names(node)).await;
    }
    let volumes = claims(&bed.cluster).await;
    let refused = fails(&bed.cluster, &["enable", "rpc-0"]);
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(text.contains("use seinodedeployment/rpc instead"), "{text}");

    let unavailable = bed.count_unavailable();
    let kills = killed_until_done(&bed.cluster, &["enable", "snd/rpc"]).await;
    assert!(kills > 3, "it was killed {kills} times");
    assert_eq!(unavailable.most(&bed).await, 1, "nodes that were down at the same time");
    assert_eq!(tls_secrets(&bed).await, ["rpc-0-tls", "rpc-1-tls", "rpc-2-tls"]);
    bed.until_complete().await;
    assert_eq!(claims(&bed.cluster).await, volumes, "each claim is the same object");
    assert_as_before(&bed.cluster).await;

    killed_until_done(&bed.cluster, &["disable", "--all"]).await;
    assert!(tls_secrets(&bed).await.is_empty());
    bed.until_complete().await;
    assert_eq!(claims(&bed.cluster).await, volumes);
    assert_as_before(&bed.cluster).await;
    bed.edit(json!({ "replicas": 4 })).await;
    bed.until_complete().await;
    assert_eq!(bed.names().await.len(), 4, "it is scaled up as before");
}

/// The TLS Secrets of the group's nodes.
async fn tls_secrets(bed: &Bed) -> Vec<String> {
    let nodes = bed.nodes().await;
    let owned = nodes.iter().filter(|node| node.owner_references().iter().any(|owner| owner.name == "rpc"));
    owned.filter_map(|node| node.spec.tls()).map(|tls| tls.secret_name.clone()).collect()
}
