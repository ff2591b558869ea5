//! Plans of a Running node. They do not depend on TLS, which cannot change.

use sei_api::v1alpha1::TaskPlan;
use sei_node::Node;

use super::{plan, sidecar};
use crate::{PlanInputs, SidecarTask, Task};

/// Rolls out `spec.image`, and with it the rest of the template and the configuration.
pub fn update(node: &Node<'_>, plan_id: &str) -> TaskPlan {
    update_on(node, &PlanInputs::default(), plan_id)
}

/// [`update`], adapted to existing objects. The configuration is written before the pod is replaced, so that a rejected
/// one costs no pod; if no sidecar responds, the sidecar of the next pod writes it, since the update may be what
/// repairs the sidecar. That pod is replaced again if the configuration changed: its sidecar may already have repeated
/// an earlier `mark-ready`.
pub fn update_on(node: &Node<'_>, inputs: &PlanInputs, plan_id: &str) -> TaskPlan {
    let config = sidecar::in_use(node, inputs.lacks_discovery);
    let (before, after) = if inputs.lacks_sidecar { (Vec::new(), config) } else { (config, Vec::new()) };
    let mut tasks = vec![Task::ApplyStatefulSet, Task::ApplyService];
    tasks.extend(before);
    tasks.extend([Task::ReplacePod { also: inputs.outdated_pod.clone() }, Task::ObserveImage]);
    let is_late = inputs.may_have_started && !after.is_empty();
    tasks.extend(after);
    tasks.extend(is_late.then_some(Task::ReplacePod { also: None }));
    tasks.extend(ready(node));
    TaskPlan { target_image: Some(node.object.spec.image.clone()), ..plan(node, plan_id, &tasks) }
}

/// Lets seid start again after the sidecar restarted, and restarts the snapshot upload of a publisher: a
/// restart may have ended it.
pub fn mark_ready(node: &Node<'_>, plan_id: &str) -> TaskPlan {
    plan(node, plan_id, &ready(node))
}

fn ready(node: &Node<'_>) -> Vec<Task> {
    let upload = node.publishes_snapshots().then_some(SidecarTask::SnapshotUpload);
    upload.into_iter().chain([SidecarTask::MarkReady]).map(Task::Sidecar).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{OfKind, TaskKind};

    #[test]
    fn other_peers_are_written_where_the_sidecar_finds_no_instances_of_ec2() {
        let ec2 = json!({ "ec2Tags": { "region": "r", "tags": { "chain": "c" } } });
        let other = json!({ "static": { "addresses": ["0123456789abcdef0123456789abcdef01234567@b:1"] } });
        for (peers, lacks_discovery, discovers, written) in [
            (json!([other, ec2]), false, true, Value::Null),
            (json!([other, ec2]), true, false, json!([other, ec2])),
            // Nothing else finds those that it has.
            (json!([ec2]), true, false, Value::Null),
            (json!([other]), true, false, json!([other])),
        ] {
            let spec = json!({ "chainId": "c", "image": "i", "fullNode": {}, "peers": peers });
            let node = json!({ "metadata": { "name": "node-0" }, "spec": spec });
            let node = serde_json::from_value(node).unwrap();
            let inputs = PlanInputs { lacks_discovery, ..PlanInputs::default() };
            let plan = update_on(&Node::of(&node), &inputs, "p");
            let find = |kind| plan.tasks.iter().find(|task| task.is(kind));
            let config = find(TaskKind::ConfigApply).and_then(|task| task.params.clone()).unwrap();
            assert_eq!(config.get("peers").cloned().unwrap_or_default(), written, "{peers}");
            assert_eq!(find(TaskKind::DiscoverPeers).is_some(), discovers, "{peers}");
        }
    }
}
