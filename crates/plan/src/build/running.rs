//! Plans of a Running node. They do not depend on TLS, which cannot change.

use sei_api::v1alpha1::TaskPlan;
use sei_node::Node;

use super::{plan, sidecar};
use crate::{Ground, SidecarTask, Task};

/// Rolls out `spec.image`, and with it the rest of the template and the configuration.
pub fn update(node: &Node<'_>, plan_id: &str) -> TaskPlan {
    update_on(node, &Ground::default(), plan_id)
}

/// [`update`] for what exists. The configuration is written before the pod is replaced, so that one that is rejected
/// costs no pod; if no sidecar responds, by that of the next pod, since the update may be what repairs it. That pod is
/// replaced again if the configuration changed: its sidecar may have repeated an earlier `mark-ready` before.
pub fn update_on(node: &Node<'_>, ground: &Ground, plan_id: &str) -> TaskPlan {
    let config = sidecar::in_use(node);
    let (before, after) = if ground.lacks_sidecar { (Vec::new(), config) } else { (config, Vec::new()) };
    let mut tasks = vec![Task::ApplyStatefulSet, Task::ApplyService];
    tasks.extend(before);
    tasks.extend([Task::ReplacePod { also: ground.outdated_pod.clone() }, Task::ObserveImage]);
    let is_late = ground.may_have_started && !after.is_empty();
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
