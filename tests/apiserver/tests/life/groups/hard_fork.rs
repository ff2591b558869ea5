//! A group is updated at a height of its chain.

use sei_testkit::{
    cluster::Cluster,
    sidecar::{Record, Status, Upgrade},
};
use serde_json::json;

use super::bed::{A, B, Bed, GROUP, full_nodes};
use crate::harness::{self, eventually};

const HEIGHT: u64 = 200_000;

/// Reason and message of each node of the group.
async fn waits(bed: &Bed) -> Vec<(String, String)> {
    let status = bed.groups().get(GROUP).await.unwrap().status.unwrap();
    let nodes = status.nodes.unwrap_or_default().into_iter();
    nodes.map(|node| (node.reason.unwrap_or_default(), node.message.unwrap_or_default())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_replaced_when_seid_has_halted_at_the_height() {
    let mut bed = Bed::start().await;
    bed.create(full_nodes(2)).await;
    bed.until_complete().await;
    let simulator = &bed.cluster.simulator;
    for name in ["rpc-0", "rpc-1"] {
        simulator.seid(&Cluster::host(name), |seid| seid.height = HEIGHT - 10);
    }
    // The chain of rpc-0 is upgraded at another height.
    let upgrade = Upgrade { name: B.to_owned(), height: HEIGHT };
    simulator.seid(&Cluster::host("rpc-1"), |seid| seid.upgrade = Some(upgrade));
    bed.edit(json!({
        "updateStrategy": { "type": "HardFork", "hardFork": { "haltHeight": HEIGHT } },
        "template": { "spec": { "image": B } },
    }))
    .await;
    eventually("the nodes wait for their halt", || async {
        let waits = waits(&bed).await;
        waits.len() == 2
            && waits.iter().all(|(reason, message)| {
                reason == "WaitingForHalt" && message.contains("until seid halts at height 200000")
            })
    })
    .await;

    // The operator is stopped while a seid executes its last block and halts, which the sidecar observes.
    let seen = |bed: &Bed| {
        let records = bed.cluster.simulator.records(&Cluster::host("rpc-1"));
        let seen = |record: &&Record| record.type_ == "await-condition" && record.status == Status::Completed;
        records.iter().filter(seen).count()
    };
    drop(bed.operator.take());
    bed.cluster.simulator.seid(&Cluster::host("rpc-1"), |seid| seid.execute(HEIGHT - 1));
    eventually("its sidecar has seen the last block", || async { seen(&bed) == 1 }).await;
    bed.cluster.simulator.seid(&Cluster::host("rpc-1"), |seid| {
        seid.execute(HEIGHT);
        assert_eq!(seid.panic(), Some("UPGRADE \"ghcr.io/sei-protocol/sei:b\" NEEDED at height: 200000"));
    });
    bed.operator = Some(harness::operator(&bed.cluster));
    eventually("the node that has halted is updated", || async {
        bed.cluster.nodes().get("rpc-1").await.unwrap().spec.image == B
    })
    .await;
    assert_eq!(bed.cluster.nodes().get("rpc-0").await.unwrap().spec.image, A);

    harness::until(&bed.cluster, "rpc-1", "ready with the new image", harness::runs(B)).await;
    bed.cluster.simulator.seid(&Cluster::host("rpc-1"), |seid| {
        seid.execute(HEIGHT);
        assert_eq!((seid.height, seid.panic()), (HEIGHT, None));
    });

    bed.cluster.simulator.seid(&Cluster::host("rpc-0"), |seid| seid.execute(HEIGHT + 1));
    bed.until_ready("False/HaltHeightPassed").await;
    assert_eq!(bed.cluster.nodes().get("rpc-0").await.unwrap().spec.image, A);
    bed.edit(json!({ "updateStrategy": { "type": "InPlace" } })).await;
    bed.until_complete().await;
    assert_eq!(bed.with_image(B).await, 2);
}
