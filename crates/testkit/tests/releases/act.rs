//! The objects of a node: the steps of tasks on them, and what is observed of them.

use std::sync::Arc;

use k8s_openapi::api::{apps::v1::StatefulSet, batch::v1::Job, core::v1::Pod};
use sei_api::{
    SeiNode,
    conditions::{ReadyReason, TlsSecretReason},
    names,
    v1alpha1::PlannedTask,
};
use sei_decide::{
    Children, Claim, Finding, Keys, Observed, SidecarStep, TlsFinding, contention::Contention, sidecar_step,
};
use sei_node::Node as Parsed;
use sei_plan::{Outcome, Persisted, Plan, Task, needed_object};
use sei_render::Rendered;
use serde_json::json;

use crate::{node::Node, sidecar::Order};

impl Node {
    pub(crate) fn step(
        &mut self,
        observed: &Observed,
        plan: &Plan<Persisted>,
        planned: &PlannedTask,
    ) -> Outcome {
        match Task::read(planned).unwrap() {
            Task::EnsureDataPvc => {
                self.has_claim = true;
                Outcome::DoneOn { uid: "claim-1".to_owned() }
            }
            Task::DeployBootstrapJob => {
                if self.job.is_none() {
                    self.job = Some(false);
                    self.volume.restart_in("job-pod");
                }
                Outcome::DoneOn { uid: "job-1".to_owned() }
            }
            Task::AwaitBootstrapComplete if self.job.is_none() => Outcome::JobLost,
            Task::AwaitBootstrapComplete => {
                self.job = Some(true);
                Outcome::Done
            }
            Task::TeardownBootstrap => {
                (self.job, self.has_state) = (None, true);
                if self.pod.is_none() {
                    self.volume.leave();
                }
                Outcome::Done
            }
            Task::ApplyStatefulSet => {
                self.template = Some(observed.node.spec.image.clone());
                if self.pod.is_none() {
                    self.start_pod();
                }
                Outcome::Done
            }
            Task::ReplacePod { also } => {
                let (uid, image) = self.pod.clone().unwrap();
                if Some(&image) != self.template.as_ref()
                    || Some(uid.as_str()) == plan.outdated_pod(also.as_deref())
                {
                    self.start_pod();
                }
                Outcome::Done
            }
            Task::ObserveImage => Outcome::DoneOn { uid: self.pod.clone().unwrap().0 },
            Task::Sidecar(task) => {
                let needed = self.bucket.is_some().then(|| needed_object(&observed.node, &task)).flatten();
                let is_missing = |key: &String| self.bucket.as_ref().is_some_and(|it| !it.has(key));
                let (outcome, params) = match sidecar_step(observed, plan, planned, &task, needed.is_some()) {
                    SidecarStep::Ended(outcome) => return outcome,
                    SidecarStep::Completed => return Outcome::Done,
                    SidecarStep::Failed(error) => return Outcome::AttemptFailed { error },
                    SidecarStep::Query(meanwhile) => (meanwhile, None),
                    SidecarStep::Submit { meanwhile: Outcome::Requested, .. }
                        if needed.as_ref().is_some_and(is_missing) =>
                    {
                        (waiting("waiting for the group to upload it"), None)
                    }
                    SidecarStep::Submit { params, meanwhile } => (meanwhile, Some(params)),
                };
                self.order = Some(Order {
                    id: planned.id.clone(),
                    type_: planned.type_.clone(),
                    retries: planned.retry_count.unwrap_or(0),
                    was_submitted: planned.submitted_at.is_some(),
                    once: false,
                    needs_type: None,
                    params,
                });
                outcome
            }
            _ => Outcome::Done,
        }
    }

    pub(crate) fn observe(&self, object: SeiNode) -> Observed {
        let spec = &object.spec;
        let rendered = Rendered::of(Parsed::of(&object), &self.platform).unwrap();
        let is_ready = self.volume.is_ready();
        let keyed = spec.validator.as_ref().is_some_and(|validator| validator.signing_key.is_some());
        let good = |wanted: bool| wanted.then(|| Finding::Good("good".to_owned()));
        let stateful_set = self.template.as_ref().map(|image| with_image(rendered.stateful_set, image));
        Observed {
            in_sync: Vec::new(),
            tasks: None,
            node: Arc::new(object.clone()),
            tls: spec.tls().map(|_| TlsFinding {
                reason: TlsSecretReason::Ready,
                message: "the Secret".to_owned(),
                certificate: None,
                not_after: None,
                changes_at: None,
            }),
            keys: Keys { signing: good(keyed), node: good(keyed), keyring: None },
            import: good(names::imported_claim(&object).is_some()),
            claim: self.has_claim.then(|| Claim {
                name: names::data_claim(&object),
                uid: "claim-1".to_owned(),
                phase: Some("Bound".to_owned()),
                volume: Some("volume".to_owned()),
                deleted_at: None,
                is_owned: names::imported_claim(&object).is_none(),
                is_retained: false,
                has_state: self.has_state,
                config_mode: None,
            }),
            peers: self.peers.clone(),
            sidecar_turn: None,
            contention: Contention::default(),
            children: Children {
                stateful_set: stateful_set.map(Arc::new),
                service: Some(Arc::new(rendered.service)),
                config_map: rendered.rbac_proxy_config.map(Arc::new),
                job: self.job.map(|is_complete| Arc::new(job(is_complete))),
                pod: self
                    .pod
                    .as_ref()
                    .map(|(uid, image)| Arc::new(pod(&names::pod(&object), uid, image, is_ready))),
                bootstrap_pod: self.job.map(|_| Arc::new(pod("job", "job-pod", "seid:old", is_ready))),
                pod_refusal: None,
            },
            overridden: Vec::new(),
            sidecar: self.volume.known.clone(),
            read_again_at: None,
            now: self.now,
        }
    }
}

fn waiting(detail: &str) -> Outcome {
    Outcome::Waiting { reason: ReadyReason::WaitingForGenesis, detail: detail.to_owned() }
}

fn with_image(mut stateful_set: StatefulSet, image: &str) -> StatefulSet {
    let pod = stateful_set.spec.as_mut().and_then(|spec| spec.template.spec.as_mut());
    let seid = pod.and_then(|pod| pod.containers.iter_mut().find(|container| container.name == "seid"));
    seid.unwrap().image = Some(image.to_owned());
    stateful_set
}

fn pod(name: &str, uid: &str, image: &str, is_ready: bool) -> Pod {
    let ready = if is_ready { "True" } else { "False" };
    serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": "sei", "uid": uid },
        "spec": { "containers": [{ "name": "seid", "image": image }] },
        "status": { "conditions": [{ "type": "Ready", "status": ready }] },
    }))
    .unwrap()
}

fn job(is_complete: bool) -> Job {
    let conditions = if is_complete { json!([{ "type": "Complete", "status": "True" }]) } else { json!([]) };
    let metadata = json!({ "name": "node-0-bootstrap", "uid": "job-1" });
    serde_json::from_value(json!({ "metadata": metadata, "status": { "conditions": conditions } })).unwrap()
}
