//! Plans of a Running node. They do not depend on TLS, which cannot change.

use sei_api::v1alpha1::TaskPlan;
use sei_node::Node;

use super::plan;
use crate::{SidecarTask, Task};

/// Rolls out `spec.image`, and with it the rest of the template.
pub fn update(node: &Node<'_>, plan_id: &str) -> TaskPlan {
    let mut tasks = vec![Task::ApplyStatefulSet, Task::ApplyService, Task::ReplacePod, Task::ObserveImage];
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
