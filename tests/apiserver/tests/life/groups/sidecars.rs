//! Another image of sidecars reaches groups and single nodes of a chain, within the budgets of both.

use kube::ResourceExt;
use sei_api::labels::SIDECAR_UPDATE_ANNOTATION;
use sei_testkit::builders;

use super::bed::{A, Bed, full_nodes};
use crate::{
    harness::{self, eventually, until},
    sidecar_rollout::{has, operator, watch},
};

const NAMES: [&str; 5] = ["more-0", "more-1", "rpc-0", "rpc-1", "solo-0"];

#[tokio::test(flavor = "multi_thread")]
async fn sidecars_of_groups_and_single_nodes_are_replaced_one_after_the_other() {
    let mut bed = Bed::start().await;
    bed.create(full_nodes(2)).await;
    bed.create_named("more", full_nodes(2)).await;
    harness::create(&bed.cluster, "solo-0", builders::full_node(A)).await;
    for name in NAMES {
        until(&bed.cluster, name, "ready", has("v0.0.50")).await;
    }
    bed.operator.take().unwrap().kill().unwrap();

    let (seen, watching) = watch(&bed.cluster);
    let first = operator(&bed.cluster, "v0.0.61", "Paced");
    let is_under_way = || async { seen.lock().unwrap().deleted.len() >= 2 };
    eventually("the second node is being updated", is_under_way).await;
    first.kill().unwrap();
    let _second = operator(&bed.cluster, "v0.0.61", "Paced");
    for name in NAMES {
        until(&bed.cluster, name, "updated", has("v0.0.61")).await;
    }
    watching.abort();
    {
        let seen = seen.lock().unwrap();
        assert_eq!((seen.deleted.len(), seen.most_down), (NAMES.len(), 1), "{:?}", seen.deleted);
    }
    let no_more = || async {
        !bed.nodes().await.iter().any(|node| node.annotations().contains_key(SIDECAR_UPDATE_ANNOTATION))
    };
    eventually("no further node may be restarted", no_more).await;
    let generations: Vec<_> = bed.nodes().await.iter().map(|node| node.metadata.generation).collect();
    assert_eq!(generations, [Some(1); 5], "no spec was changed");
}
