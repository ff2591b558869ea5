//! Descriptions of steps, planned or failed.

use kube::ResourceExt;
use sei_tls_rollout::{GroupStep, GroupSteps, Step};
use serde_json::Value;

/// Describes `step` of the node `name`.
pub(super) fn describe(name: &str, step: &Step) -> String {
    match step {
        Step::Issue(certificate) => issue(certificate),
        Step::Keep { claim, .. } => {
            format!(
                "remove SeiNode {name} from the owners of claim {claim}, and store the new SeiNode on the claim"
            )
        }
        Step::Delete { .. } => format!("delete SeiNode {name}, and wait until its pod is gone"),
        Step::Create(node) => format!("create SeiNode {}", node.name_any()),
        Step::HandOver { claim, .. } => {
            format!("make the new SeiNode {name} the owner of claim {claim}, and wait until it is Ready")
        }
        Step::Forget { claim, .. } => format!("remove the stored SeiNode from claim {claim}"),
    }
}

/// Describes `step` of the group `name`.
pub(super) fn describe_group(name: &str, step: &GroupStep) -> String {
    match step {
        GroupStep::Issue { certificate, .. } => issue(certificate),
        GroupStep::Keep { claim, .. } => format!("store the new SeiNodeDeployment {name} on claim {claim}"),
        GroupStep::Delete { .. } => {
            format!("delete SeiNodeDeployment {name}; its SeiNodes keep running without it")
        }
        GroupStep::Create(_) => format!(
            "create SeiNodeDeployment {name}; it reports its SeiNodes as foreign until each is recreated"
        ),
        GroupStep::Forget { claim, .. } => {
            format!("remove the stored SeiNodeDeployment from claim {claim}")
        }
    }
}

fn issue(certificate: &Value) -> String {
    format!("create Certificate {}", certificate["metadata"]["name"].as_str().unwrap_or_default())
}

/// All steps of the node `name`.
pub(super) fn node_lines(name: &str, steps: &[Step]) -> Vec<String> {
    steps.iter().map(|step| describe(name, step)).collect()
}

/// All steps of the group `name` and of its nodes.
pub(super) fn group_lines(name: &str, steps: &GroupSteps) -> Vec<String> {
    let of_group =
        |steps: &[GroupStep]| -> Vec<_> { steps.iter().map(|step| describe_group(name, step)).collect() };
    let nodes = steps.nodes.iter().flat_map(|(name, steps)| node_lines(name, steps));
    of_group(&steps.before).into_iter().chain(nodes).chain(of_group(&steps.after)).collect()
}
