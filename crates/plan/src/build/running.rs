//! Plans of a node that runs. They know nothing of TLS: nothing about it can change.

use sei_api::{SeiNode, v1alpha1::TaskPlan};

use super::plan;
use crate::{SidecarTask, Task};

/// Brings the pod to `spec.image`, and with it everything else of the template.
pub fn update(node: &SeiNode, plan_id: &str) -> TaskPlan {
    let mut tasks = vec![Task::ApplyStatefulSet, Task::ApplyService, Task::ReplacePod, Task::ObserveImage];
    tasks.extend(ready(node.spec.publishes_snapshots()));
    TaskPlan { target_image: Some(node.spec.image.clone()), ..plan(node, plan_id, &tasks) }
}

/// Lets seid start again after the sidecar restarted, and `with_upload` makes sure that snapshots are uploaded:
/// a restart may have ended that.
pub fn mark_ready(node: &SeiNode, plan_id: &str, with_upload: bool) -> TaskPlan {
    plan(node, plan_id, &ready(with_upload))
}

fn ready(with_upload: bool) -> Vec<Task> {
    let upload = with_upload.then_some(SidecarTask::SnapshotUpload);
    upload.into_iter().chain([SidecarTask::MarkReady]).map(Task::Sidecar).collect()
}
