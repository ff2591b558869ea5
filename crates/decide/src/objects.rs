//! What the objects of a node say about themselves.

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    batch::v1::Job,
    core::v1::{Pod, PodSpec},
};
use kube::{Resource, ResourceExt};
use sei_api::SeiNode;

/// Whether `object` has `node` as its controller.
pub fn is_owned_by(object: &impl Resource, node: &SeiNode) -> bool {
    let references = object.meta().owner_references.iter().flatten();
    let mut controllers = references.filter(|owner| owner.controller == Some(true));
    controllers.any(|owner| Some(&owner.uid) == node.metadata.uid.as_ref())
}

/// Whether the pod says it is ready.
pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// What keeps a pod from running, in the kubelet's or scheduler's words.
pub fn trouble(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let containers = status.init_container_statuses.iter().flatten();
    for container in containers.chain(status.container_statuses.iter().flatten()) {
        let waiting = container.state.as_ref().and_then(|state| state.waiting.as_ref());
        let Some(reason) = waiting.and_then(|waiting| waiting.reason.as_deref()) else { continue };
        if !matches!(reason, "PodInitializing" | "ContainerCreating") {
            let message = waiting.and_then(|waiting| waiting.message.as_deref()).unwrap_or_default();
            let text = format!("container {} ({}): {reason} {message}", container.name, container.image);
            return Some(text.trim_end().to_owned());
        }
    }
    unscheduled(pod).map(|message| format!("not scheduled: {message}"))
}

/// Why the scheduler finds no place for a pod, in its words.
pub fn unscheduled(pod: &Pod) -> Option<&str> {
    let mut conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let refused = conditions.find(|it| it.type_ == "PodScheduled" && it.status == "False")?;
    Some(refused.message.as_deref().unwrap_or_default())
}

/// Image of the seid container in the template.
pub fn seid_image(stateful_set: &StatefulSet) -> Option<&str> {
    image_of(stateful_set.spec.as_ref()?.template.spec.as_ref())
}

/// Image of the seid container of a pod.
pub fn image_of(pod: Option<&PodSpec>) -> Option<&str> {
    pod?.containers.iter().find(|container| container.name == "seid")?.image.as_deref()
}

/// How a Job ended, or that it has not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It has not ended.
    Running,
    /// It completed.
    Complete,
    /// It failed, with its message.
    Failed(String),
}

/// How `job` ended, by its conditions.
pub fn job_state(job: &Job) -> JobState {
    let conditions = job.status.iter().flat_map(|status| status.conditions.iter().flatten());
    for condition in conditions.filter(|condition| condition.status == "True") {
        match condition.type_.as_str() {
            "Complete" => return JobState::Complete,
            "Failed" => {
                let message = condition.message.clone().filter(|message| !message.is_empty());
                let message = message.unwrap_or_else(|| "it gives no reason".to_owned());
                return JobState::Failed(format!("bootstrap Job {} failed: {message}", job.name_any()));
            }
            _ => {}
        }
    }
    JobState::Running
}
