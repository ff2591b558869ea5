//! The tasks of the bootstrap Job.

use kube::ResourceExt;
use sei_api::conditions::ReadyReason;
use sei_decide::{
    Health, Ownership,
    bootstrap::is_usable,
    objects::{JobState, job_state},
};
use sei_plan::{Outcome, Persisted, Plan, TaskKind};

use super::{Acting, waiting};

impl Acting<'_> {
    pub(super) fn deploy_job(&mut self, plan: &Plan<Persisted>) -> Outcome {
        let Some(mut wanted) = self.rendered.bootstrap_job.clone() else {
            return Outcome::Done;
        };
        let Some(live) = &self.objects.job.live else {
            if self.objects.stateful_set.live.is_some() && !self.objects.is_scaled_down() {
                self.apply_stateful_set(0);
                return waiting(
                    ReadyReason::WaitingForBootstrap,
                    "the pod of the StatefulSet is terminating",
                );
            }
            if self.objects.pod.live.is_some() {
                return waiting(
                    ReadyReason::WaitingForBootstrap,
                    "the pod of the StatefulSet is terminating",
                );
            }
            let uid = self.objects.uid("job");
            wanted.metadata.uid = Some(uid.clone());
            self.objects.job.live = Some(wanted);
            *self.writes += 1;
            return Outcome::DoneOn { uid };
        };
        if Ownership::of(live, &self.observed.node) != Ownership::Own {
            return waiting(ReadyReason::WaitingForDeletion, "the Job is being deleted");
        }
        if is_usable(live, &wanted, plan) {
            return Outcome::DoneOn { uid: live.uid().unwrap() };
        }
        if !self.data_stays() {
            return waiting(ReadyReason::WaitingForVolume, "the claim does not stay");
        }
        *self.writes += 1;
        self.objects.delete_job(self.now());
        waiting(ReadyReason::WaitingForDeletion, "the Job is being deleted")
    }

    pub(super) fn await_job(&self, plan: &Plan<Persisted>) -> Outcome {
        match self.observed.job_of(plan).map(job_state) {
            Some(JobState::Complete) => Outcome::Done,
            Some(JobState::Failed(error)) => Outcome::Rejected { error },
            Some(JobState::Running) if self.observed.sidecar.reports(Health::NotReady) => Outcome::Reissue,
            Some(JobState::Running) => waiting(ReadyReason::WaitingForBootstrap, "seid runs"),
            None => self.lost(plan),
        }
    }

    pub(super) fn lost(&self, plan: &Plan<Persisted>) -> Outcome {
        let known = plan.object_of(TaskKind::DeployBootstrapJob);
        let live = self.objects.job.live.as_ref();
        let live = live.filter(|job| known.is_none_or(|uid| job.uid().as_deref() == Some(uid)));
        match live.map(job_state) {
            None => Outcome::JobLost,
            Some(JobState::Failed(error)) => Outcome::Rejected { error },
            Some(_) => waiting(ReadyReason::WaitingForBootstrap, "the Job has just been created"),
        }
    }

    pub(super) fn teardown(&mut self) -> Outcome {
        if !self.data_stays() {
            return waiting(ReadyReason::WaitingForVolume, "the claim does not stay");
        }
        let now = self.now();
        let is_bootstrap = |label: Option<&String>| label.is_some_and(|label| label == "bootstrap");
        if let Some(claim) = self.observed.claim.as_ref().filter(|claim| !claim.has_state) {
            *self.writes += 1;
            self.mark_claim(&claim.clone());
        }
        self.objects
            .service
            .live
            .take_if(|service| is_bootstrap(service.labels().get(sei_api::labels::COMPONENT)));
        if self.objects.job.live.is_some() {
            *self.writes += 1;
            self.objects.delete_job(now);
        }
        match self.objects.job.live.is_none() && self.objects.bootstrap_pod.live.is_none() {
            true => Outcome::Done,
            false => waiting(ReadyReason::WaitingForBootstrap, "its Job and pod are ending"),
        }
    }
}
