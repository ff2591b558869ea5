//! What the controllers of Kubernetes, the scheduler and the kubelet do.

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{Pod, PodStatus, PodTemplateSpec},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
};
use kube::ResourceExt;
use sei_decide::objects::{JobState, job_state};
use serde_json::{Value, json};

use super::{Objects, runs};

impl Objects {
    /// Runs every controller once.
    pub fn settle(&mut self, node_uid: &str, now: Timestamp) {
        self.collect(node_uid, now);
        if !self.holds_pods {
            self.pod.live.take_if(|pod| is_ending(pod));
            self.bootstrap_pod.live.take_if(|pod| is_ending(pod));
        }
        if self.bootstrap_pod.live.is_none() {
            self.job.live.take_if(|job| job.metadata.deletion_timestamp.is_some());
        }
        // A pod that is not scheduled does not protect the claim.
        if self.running().is_none()
            && self.claim.live.as_ref().is_some_and(|claim| claim.deleted_at.is_some())
        {
            let lost = self.claim.live.take().zip(self.volume.take());
            self.backup = lost.filter(|_| self.is_import);
        }
        self.create_pods(now);
        self.start_pods();
        self.complete_job();
    }

    /// Deletes objects of an earlier SeiNode.
    fn collect(&mut self, node_uid: &str, now: Timestamp) {
        let is_left = |metadata: &ObjectMeta| {
            metadata.owner_references.iter().flatten().any(|owner| owner.uid != node_uid)
        };
        if self.stateful_set.live.as_ref().is_some_and(|set| is_left(&set.metadata)) {
            self.stateful_set.live = None;
        }
        if self.service.live.as_ref().is_some_and(|service| is_left(&service.metadata)) {
            self.service.live = None;
        }
        self.config_map.live.take_if(|config| is_left(&config.metadata));
        if self.job.live.as_ref().is_some_and(|job| is_left(&job.metadata)) {
            self.delete_job(now);
        }
        if self.claim.live.as_ref().is_some_and(|claim| !claim.is_owned) {
            self.collect_claim(now);
        }
        let set = self.stateful_set.live.as_ref().map(|set| set.uid());
        let owner = self.pod.live.as_ref().map(|pod| Some(pod.owner_references()[0].uid.clone()));
        if owner.is_some() && (owner != set || self.is_scaled_down()) {
            self.delete_pod(now);
        }
    }

    fn create_pods(&mut self, now: Timestamp) {
        if self.pod.live.is_none()
            && !self.is_scaled_down()
            && let Some(set) = self.stateful_set.live.clone()
        {
            let revision = set.status.and_then(|status| status.update_revision).unwrap_or_default();
            let template = set.spec.unwrap().template;
            let owner = json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "set", "uid": set.metadata.uid, "controller": true });
            let uid = self.uid("pod");
            let mut pod = pod(&format!("{}-0", set.metadata.name.unwrap()), &uid, template, owner);
            pod.labels_mut().insert("controller-revision-hash".to_owned(), revision);
            pod.metadata.creation_timestamp = Some(Time(now));
            self.pod.live = Some(pod);
        }
        let wanted =
            self.job.live.clone().filter(|job| {
                job.metadata.deletion_timestamp.is_none() && job_state(job) == JobState::Running
            });
        if self.bootstrap_pod.live.is_none()
            && let Some(job) = wanted
        {
            let template = job.spec.unwrap().template;
            let owner = json!({ "apiVersion": "batch/v1", "kind": "Job", "name": "job", "uid": job.metadata.uid, "controller": true });
            let uid = self.uid("pod");
            self.bootstrap_pod.live = Some(pod(&job.metadata.name.unwrap(), &uid, template, owner));
        }
    }

    /// The scheduler and the kubelet.
    fn start_pods(&mut self) {
        let claim = self.claim.live.clone();
        let ready = self.ready.clone();
        for pod in [&mut self.pod.live, &mut self.bootstrap_pod.live].into_iter().flatten() {
            let refusal = match &claim {
                None => Some("not found"),
                Some(claim) if claim.deleted_at.is_some() => Some("is being deleted"),
                Some(_) => None,
            };
            if !runs(pod)
                && let Some(refusal) = refusal
            {
                let message = format!("persistentvolumeclaim \"data-{}\" {refusal}", self.name);
                let condition = json!({ "type": "PodScheduled", "status": "False", "message": message });
                pod.status = status(json!({ "conditions": [condition] }));
                continue;
            }
            let is_ready = ready.is_some() && ready == pod.metadata.uid;
            pod.status = status(json!({
                "conditions": [{ "type": "Ready", "status": if is_ready { "True" } else { "False" } }],
                "containerStatuses": [{
                    "name": "seid", "image": "", "imageID": "", "ready": is_ready, "restartCount": 0,
                    "state": { "running": {} },
                }],
            }));
        }
    }

    /// The seid of the bootstrap runs up to the height once it is allowed to start.
    fn complete_job(&mut self) {
        let pod = self.bootstrap_pod.live.as_ref().and_then(|pod| pod.metadata.uid.clone());
        if pod.is_some() && pod == self.ready {
            self.end_job("Complete", "");
        }
    }
}

fn status(status: Value) -> Option<PodStatus> {
    Some(serde_json::from_value(status).unwrap())
}

fn pod(name: &str, uid: &str, template: PodTemplateSpec, owner: Value) -> Pod {
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some("sei".to_owned()),
        uid: Some(uid.to_owned()),
        labels: template.metadata.and_then(|metadata| metadata.labels),
        owner_references: Some(vec![serde_json::from_value(owner).unwrap()]),
        ..ObjectMeta::default()
    };
    Pod { metadata, spec: template.spec, status: None }
}

fn is_ending(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}
