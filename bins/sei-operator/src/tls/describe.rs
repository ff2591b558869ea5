//! Steps in words, for those that are to come and those that failed.

use kube::ResourceExt;
use sei_tls_rollout::Step;

/// `step` of the node `name` in words.
pub(super) fn describe(name: &str, step: &Step) -> String {
    match step {
        Step::Issue(certificate) => {
            format!("create Certificate {}", certificate["metadata"]["name"].as_str().unwrap_or_default())
        }
        Step::Keep { claim, .. } => {
            format!(
                "take SeiNode {name} off the owners of claim {claim}, and store the new SeiNode on the claim"
            )
        }
        Step::Delete { .. } => format!("delete SeiNode {name}, and wait until its pod is gone"),
        Step::Create(node) => {
            format!("create SeiNode {} on its volume, and wait until it is Ready", node.name_any())
        }
        Step::Forget { claim, .. } => format!("remove the stored SeiNode from claim {claim}"),
    }
}
