//! What the API server cannot reject, the operator reports as `Stalled`, with a message that names the field.

#[allow(dead_code, reason = "each test reads a part of the table")]
#[path = "../../../../crates/api/tests/admission/cases.rs"]
mod cases;

use kube::api::PostParams;
use sei_api::{SeiNode, conditions::ConditionType};

use crate::harness;

#[tokio::test(flavor = "multi_thread")]
async fn specs_that_only_the_operator_can_reject_are_stalled_with_the_field_in_the_message() {
    let cluster = harness::cluster().await;
    let _operator = harness::operator(&cluster);
    let mut reported = 0;
    let mut parts = Vec::new();
    for (index, case) in cases::nodes().into_iter().enumerate() {
        let cases::Expect::Stalled(part) = case.expect else { continue };
        let mut node: SeiNode = serde_json::from_value(case.object).unwrap();
        let name = format!("case-{index}");
        node.metadata.name = Some(name.clone());
        cluster.nodes().create(&PostParams::default(), &node).await.unwrap();
        parts.push((name, part));
    }
    for (name, part) in &parts {
        harness::until_condition(&cluster, name, ConditionType::Stalled, "True/InvalidSpec", part).await;
        reported += 1;
    }
    assert!(reported >= 15, "{reported}");
    // Once corrected, it is reconciled.
    let right = serde_json::json!({ "spec": { "overrides": null, "sidecar": null, "podLabels": null } });
    harness::patch(&cluster, &parts[0].0, right).await;
    harness::until(&cluster, &parts[0].0, "Running", harness::is_running).await;
}
