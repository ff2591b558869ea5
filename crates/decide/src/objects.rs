//! Properties of the objects of a node.

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

/// Whether a pod has terminated: none of its processes is running, and it uses nothing.
pub fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// Image of the seid container in the template.
pub fn seid_image(stateful_set: &StatefulSet) -> Option<&str> {
    image_of(stateful_set.spec.as_ref()?.template.spec.as_ref())
}

/// Image of the seid container of a pod.
pub fn image_of(pod: Option<&PodSpec>) -> Option<&str> {
    pod?.containers.iter().find(|container| container.name == "seid")?.image.as_deref()
}

/// Whether and how a Job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It has not ended.
    Running,
    /// It completed.
    Complete,
    /// It failed, with its message.
    Failed(String),
}

/// The state of `job`, from its conditions.
pub fn job_state(job: &Job) -> JobState {
    let conditions = job.status.iter().flat_map(|status| status.conditions.iter().flatten());
    for condition in conditions.filter(|condition| condition.status == "True") {
        match condition.type_.as_str() {
            "Complete" => return JobState::Complete,
            "Failed" => {
                let message = condition.message.clone().filter(|message| !message.is_empty());
                let message = message.unwrap_or_else(|| "no reason given".to_owned());
                return JobState::Failed(format!("bootstrap Job {} failed: {message}", job.name_any()));
            }
            _ => {}
        }
    }
    JobState::Running
}
