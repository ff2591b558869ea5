//! Whether the seid of a node has caught up.

use sei_api::conditions::ConditionType;
use sei_testkit::{builders, cluster::Cluster};

use crate::harness::{self, is_running, until, until_condition};

#[tokio::test(flavor = "multi_thread")]
async fn a_running_node_reports_whether_seid_has_caught_up() {
    let cluster = harness::cluster().await;
    let _operator = harness::operator(&cluster);
    cluster.simulator.seid(&Cluster::host("behind-0"), |seid| seid.catching_up = true);
    for name in ["behind-0", "ahead-0"] {
        harness::create(&cluster, name, builders::full_node("ghcr.io/sei-protocol/sei:a")).await;
    }
    for (name, said) in [("behind-0", "False/CatchingUp"), ("ahead-0", "True/CaughtUp")] {
        until(&cluster, name, "Running", is_running).await;
        until_condition(&cluster, name, ConditionType::Synced, said, "chain").await;
    }
}
