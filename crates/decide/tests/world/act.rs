//! The steps of tasks, on the current objects.

mod job;

use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{Pod, Service},
};
use kube::ResourceExt;
use sei_api::{SeiNode, conditions::ReadyReason, v1alpha1::PlannedTask};
use sei_decide::{
    Claim, Finding, Observed, Ownership, SidecarStep,
    objects::is_owned_by,
    rollout::{self, not_running},
    sidecar_step,
};
use sei_plan::{Outcome, Persisted, Plan, Task, TaskKind};
use sei_render::Rendered;
use serde_json::json;

use crate::{
    actor::Order,
    objects::{Objects, bound},
    volume::Volume,
};

/// The outcome of a step, and its order to the sidecar.
pub struct Stepped {
    pub outcome: Outcome,
    pub order: Option<Order>,
}

impl From<Outcome> for Stepped {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, order: None }
    }
}

/// The context of a step.
pub struct Acting<'a> {
    pub objects: &'a mut Objects,
    pub rendered: &'a Rendered,
    pub observed: &'a Observed,
    /// Which other pod uses what the node needs, according to the API server.
    pub rival: Option<String>,
    pub writes: &'a mut u32,
}

impl Acting<'_> {
    pub fn step(&mut self, plan: &Plan<Persisted>, planned: &PlannedTask) -> Stepped {
        match Task::read(planned).unwrap() {
            Task::EnsureDataPvc => self.ensure_claim().into(),
            Task::ApplyStatefulSet => {
                match self.rival.clone().filter(|_| self.observed.children.pod.is_none()) {
                    Some(rival) => waiting(ReadyReason::WaitingForRelease, &rival).into(),
                    None => self.apply_stateful_set(1).into(),
                }
            }
            Task::ApplyService | Task::DeployBootstrapService => self.apply_service(planned).into(),
            Task::ReplacePod { also } => self.replace_pod(plan.outdated_pod(also.as_deref())).into(),
            Task::ObserveImage => self.observe_image().into(),
            Task::DeployBootstrapJob => self.deploy_job(plan).into(),
            Task::AwaitBootstrapComplete => self.await_job(plan).into(),
            Task::TeardownBootstrap => self.teardown().into(),
            Task::ValidateSigningKey { .. }
            | Task::ValidateNodeKey { .. }
            | Task::ValidateOperatorKeyring { .. } => Outcome::Done.into(),
            Task::ApplyRbacProxyConfig => self.apply_proxy_config().into(),
            Task::Sidecar(task) => match sidecar_step(self.observed, plan, planned, &task, false) {
                SidecarStep::Ended(Outcome::JobLost) => self.lost(plan).into(),
                SidecarStep::Ended(outcome) => outcome.into(),
                SidecarStep::Completed => Outcome::Done.into(),
                SidecarStep::Failed(error) => Outcome::AttemptFailed { error }.into(),
                SidecarStep::Query(outcome) => Stepped { outcome, order: Some(Order::of(planned, None)) },
                SidecarStep::Submit { params, meanwhile } => {
                    let params = params.unwrap_or_else(|| json!({}));
                    Stepped { outcome: meanwhile, order: Some(Order::of(planned, Some(params))) }
                }
            },
        }
    }

    fn node(&self) -> &SeiNode {
        &self.observed.node
    }

    fn now(&self) -> Timestamp {
        self.observed.now
    }

    fn ensure_claim(&mut self) -> Outcome {
        if let Some(import) = &self.observed.import {
            let claim = self.observed.claim.as_ref().filter(|_| matches!(import, Finding::Good(_)));
            return match claim {
                Some(claim) => Outcome::DoneOn { uid: claim.uid.clone() },
                None => waiting(ReadyReason::WaitingForVolume, "the imported claim is not bound"),
            };
        }
        match &self.objects.claim.live {
            Some(claim) if claim.deleted_at.is_some() || !claim.is_owned => {
                waiting(ReadyReason::WaitingForDeletion, "the claim is being deleted")
            }
            Some(claim) => Outcome::DoneOn { uid: claim.uid.clone() },
            None => {
                *self.writes += 1;
                let uid = self.objects.uid("claim");
                let name = sei_api::names::data_claim(self.node());
                self.objects.claim.live = Some(bound(name, uid.clone()));
                self.objects.volume = Some(Volume::default());
                // What the operator has created counts as observed.
                self.objects.claim.relist();
                Outcome::DoneOn { uid }
            }
        }
    }

    /// Whether the claim remains after the pod is gone.
    fn data_stays(&self) -> bool {
        self.objects.claim.live.as_ref().is_some_and(|claim| claim.deleted_at.is_none())
    }

    pub fn apply_stateful_set(&mut self, replicas: i32) -> Outcome {
        let mut wanted = self.rendered.stateful_set.clone();
        let revision = json!(wanted.spec).to_string();
        wanted.spec.as_mut().unwrap().replicas = Some(replicas);
        let mut generation = 1;
        if let Some(live) = &self.objects.stateful_set.live {
            if Ownership::of(live, &self.observed.node) != Ownership::Own {
                return waiting(ReadyReason::WaitingForDeletion, "the StatefulSet is being deleted");
            }
            wanted.metadata.uid = live.metadata.uid.clone();
            let is_same = live.spec == wanted.spec;
            generation = live.metadata.generation.unwrap() + i64::from(!is_same);
        } else {
            wanted.metadata.uid = Some(self.objects.uid("set"));
        }
        wanted.metadata.generation = Some(generation);
        // The same template has the same revision.
        let status = json!({ "replicas": 1, "observedGeneration": generation, "updateRevision": revision });
        wanted.status = serde_json::from_value(status).unwrap();
        *self.writes += 1;
        self.objects.stateful_set.live = Some(wanted);
        Outcome::Done
    }

    fn apply_service(&mut self, planned: &PlannedTask) -> Outcome {
        let service = match planned.type_ == TaskKind::DeployBootstrapService.as_str() {
            true => self.rendered.bootstrap_service.clone(),
            false => Some(self.rendered.service.clone()),
        };
        service.map_or(Outcome::Done, |service| self.put_service(service))
    }

    pub fn apply_proxy_config(&mut self) -> Outcome {
        let live = self.objects.config_map.live.as_ref();
        if live.is_some_and(|live| Ownership::of(live, &self.observed.node) != Ownership::Own) {
            return waiting(ReadyReason::WaitingForDeletion, "the ConfigMap is being deleted");
        }
        *self.writes += 1;
        self.objects.config_map.live.clone_from(&self.rendered.rbac_proxy_config);
        Outcome::Done
    }

    pub fn put_service(&mut self, service: Service) -> Outcome {
        let live = self.objects.service.live.as_ref();
        if live.is_some_and(|live| Ownership::of(live, &self.observed.node) != Ownership::Own) {
            return waiting(ReadyReason::WaitingForDeletion, "the Service is being deleted");
        }
        *self.writes += 1;
        self.objects.service.live = Some(service);
        Outcome::Done
    }

    fn workload(&self) -> (Option<StatefulSet>, Vec<Pod>) {
        let node = &self.observed.node;
        let set = self.objects.stateful_set.live.clone();
        let set = set.filter(|set| is_owned_by(set, node));
        (set, self.objects.pod.live.clone().into_iter().collect())
    }

    fn replace_pod(&mut self, also: Option<&str>) -> Outcome {
        let (set, pods) = self.workload();
        match rollout::judge(set.as_ref(), &pods, also) {
            rollout::Verdict::Wait(_) if set.is_none() => Outcome::Reissue,
            rollout::Verdict::Wait(detail) => waiting(ReadyReason::WaitingForPod, &detail),
            rollout::Verdict::Current(_) => Outcome::Done,
            rollout::Verdict::Stale(_) if !self.data_stays() => {
                waiting(ReadyReason::WaitingForVolume, "the claim does not stay")
            }
            rollout::Verdict::Stale(_) => {
                *self.writes += 1;
                self.objects.delete_pod(self.now());
                waiting(ReadyReason::WaitingForPod, "the pod is ending")
            }
        }
    }

    fn observe_image(&self) -> Outcome {
        let (set, pods) = self.workload();
        match rollout::judge(set.as_ref(), &pods, None) {
            rollout::Verdict::Current(pod) => match not_running(pod) {
                None => Outcome::DoneOn { uid: pod.uid().unwrap() },
                Some(why) => waiting(ReadyReason::WaitingForPod, &why),
            },
            rollout::Verdict::Stale(_) => Outcome::Reissue,
            rollout::Verdict::Wait(_) if set.is_none() => Outcome::Reissue,
            rollout::Verdict::Wait(detail) => waiting(ReadyReason::WaitingForPod, &detail),
        }
    }

    pub fn mark_claim(&mut self, of: &Claim) {
        if let Some(claim) = self.objects.claim.live.as_mut().filter(|live| live.uid == of.uid) {
            claim.has_state = true;
        }
    }
}

fn waiting(reason: ReadyReason, detail: &str) -> Outcome {
    Outcome::Waiting { reason, detail: detail.to_owned() }
}
