//! The next step of a ceremony.

use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt;
use sei_api::{
    SeiNodeDeployment,
    deployment_conditions::{CeremonyReason, StalledReason},
    v1alpha1::{TaskPlan, TaskStatus, deployment::DeploymentGenesis},
};
use sei_plan::correct_times;

use super::{
    decided::{AssemblyOrder, CeremonyStep},
    plan,
    validators::{any_runs, assembler, claim, followers, has_moved, missing, not_running, uploading},
    validity, was_completed,
};
use crate::{
    observed::Observed,
    surroundings::{AssemblyState, GenesisBucket},
};

/// Interval between checks of the genesis bucket.
const RECHECK: Duration = Duration::from_secs(30);
/// How many validators a message names.
const NAMED: usize = 5;

/// The next step of the ceremony, if the group has one.
pub(crate) fn step(observed: &Observed) -> Option<CeremonyStep> {
    let group = &*observed.group;
    let genesis = group.spec.genesis.as_ref()?;
    if was_completed(group) || not_running(group, &observed.nodes).is_empty() {
        let text = format!("the genesis was created and every validator is running{}", latecomers(observed));
        return Some(CeremonyStep::new(None, CeremonyReason::CeremonyComplete, text));
    }
    let ceremony = Ceremony { observed, group, genesis };
    let mut step = match plan::stored(group) {
        Some(stored) => ceremony.resume(stored.clone()),
        None => ceremony.begin(),
    };
    if step.plan.as_ref() != plan::stored(group) {
        step.next = Some(Duration::ZERO);
    }
    Some(step)
}

/// The ceremony of a group that has not completed it.
pub(super) struct Ceremony<'a> {
    observed: &'a Observed,
    pub(super) group: &'a SeiNodeDeployment,
    pub(super) genesis: &'a DeploymentGenesis,
}

impl Ceremony<'_> {
    pub(super) fn now(&self) -> Timestamp {
        self.observed.now
    }

    /// Nothing is stored, so nothing was created or assembled for this group.
    fn begin(&self) -> CeremonyStep {
        if !any_runs(self.group, &self.observed.nodes) {
            let image = &self.observed.ceremony.sidecar_image;
            if let Some(fault) = validity::fault(self.genesis, image) {
                let message = format!("the genesis ceremony is not started: spec.genesis.{fault}");
                return CeremonyStep::blocked(None, StalledReason::InvalidGenesis, message);
            }
            if let Some(rival) = &self.observed.ceremony.rival {
                let chain = &self.genesis.chain_id;
                let message = format!(
                    "the genesis ceremony is not started: SeiNodeDeployment {rival} also creates chain {chain}; delete one of \
                     them and recreate it with another chain ID"
                );
                return CeremonyStep::blocked(None, StalledReason::ChainIdInUse, message);
            }
            if let Some(step) = self.taken(None) {
                return step;
            }
        }
        let plan = plan::propose(self.group, self.genesis, self.now());
        CeremonyStep::new(Some(plan), CeremonyReason::WaitingForValidators, "creating the validators")
    }

    /// Why nothing is created or assembled under the chain ID, according to the content of the bucket: the validators
    /// would read the genesis of another ceremony.
    fn taken(&self, plan: Option<&TaskPlan>) -> Option<CeremonyStep> {
        match &self.observed.ceremony.bucket {
            GenesisBucket::Unchecked | GenesisBucket::Empty => None,
            GenesisBucket::Holds(url) => {
                let message = format!(
                    "{url} exists but does not belong to this ceremony; if no chain was started from it, delete this SeiNodeDeployment, \
                     its SeiNodes and the objects of chain {} in the bucket, then recreate it; otherwise use another chain ID",
                    self.genesis.chain_id
                );
                let step = CeremonyStep::blocked(plan.cloned(), StalledReason::ChainIdInUse, message);
                Some(CeremonyStep { next: Some(RECHECK), ..step })
            }
            GenesisBucket::Unavailable(why) => {
                let message = format!("checking whether chain {} exists: {why}", self.genesis.chain_id);
                let step = CeremonyStep::new(plan.cloned(), CeremonyReason::WaitingForBucket, message);
                Some(CeremonyStep { next: Some(RECHECK), ..step })
            }
        }
    }

    fn resume(&self, mut plan: TaskPlan) -> CeremonyStep {
        correct_times(&mut plan, self.now());
        plan::retry(&mut plan, self.group, self.now());
        if any_runs(self.group, &self.observed.nodes) {
            plan::complete(&mut plan);
        }
        let Some(task) = plan::assembly(&plan) else { return self.begin() };
        if task.status == TaskStatus::Failed {
            return self.failed(plan);
        }
        let step = match (task.status, plan::is_submitted(task)) {
            (TaskStatus::Complete, _) => self.start(plan),
            (_, true) => self.follow(plan),
            (_, false) => self.gather(plan),
        };
        self.within_limit(step)
    }

    /// Nothing was submitted yet.
    fn gather(&self, mut plan: TaskPlan) -> CeremonyStep {
        plan::refresh(&mut plan, self.group, self.genesis);
        let nodes = &self.observed.nodes;
        let missing = missing(self.group, nodes);
        if !missing.is_empty() {
            let message = format!("waiting for the genesis transactions of {}", named(&missing));
            return CeremonyStep::new(Some(plan), CeremonyReason::WaitingForValidators, message);
        }
        if let Some(step) = self.taken(Some(&plan)) {
            return step;
        }
        if !self.is_over(&plan) {
            plan::submit(&mut plan, assembler(self.group, nodes).and_then(|node| claim(node)), self.now());
        }
        CeremonyStep::new(Some(plan), CeremonyReason::AssemblingGenesis, "assembling the genesis")
    }

    /// The task may have been submitted.
    fn follow(&self, mut plan: TaskPlan) -> CeremonyStep {
        if has_moved(&plan, self.group, &self.observed.nodes) {
            return self.start_over(plan);
        }
        match &self.observed.ceremony.assembly {
            AssemblyState::Completed => {
                plan::complete(&mut plan);
                return self.start(plan);
            }
            AssemblyState::Failed(error) => plan::attempt_failed(&mut plan, error.clone(), self.now()),
            AssemblyState::Rejected(error) => plan::fail(&mut plan, error.clone()),
            AssemblyState::Unsupported(error) => {
                plan::fail(&mut plan, validity::unsupported(self.genesis, error));
            }
            AssemblyState::Unknown | AssemblyState::Running | AssemblyState::Unreachable(_) => {}
        }
        let Some(task) = plan::assembly(&plan) else { return self.begin() };
        if task.status == TaskStatus::Failed {
            return self.failed(plan);
        }
        let wait = task.next_attempt_at.as_ref().map(|next| next.0.duration_since(self.now()));
        if let Some(wait) = wait.and_then(|wait| Duration::try_from(wait).ok()).filter(|wait| !wait.is_zero())
        {
            let error = task.error.clone().unwrap_or_default();
            let message = format!("failed to assemble the genesis, retrying: {error}");
            let step = CeremonyStep::new(Some(plan), CeremonyReason::AssemblyRetrying, message);
            return CeremonyStep { next: Some(wait), ..step };
        }
        let Some(node) = assembler(self.group, &self.observed.nodes) else {
            let message = "waiting for the first validator, which assembles the genesis";
            return CeremonyStep::new(Some(plan), CeremonyReason::AssemblingGenesis, message);
        };
        let name = node.name_any();
        // A recreated validator has other keys than its genesis transaction in the bucket.
        let uploading = uploading(self.group, &self.observed.nodes);
        let message = match &self.observed.ceremony.assembly {
            AssemblyState::Unknown if !uploading.is_empty() => {
                format!("waiting for the genesis transactions of {}", named(&uploading))
            }
            AssemblyState::Unreachable(why) => format!("waiting for the sidecar of {name}: {why}"),
            _ => format!("the sidecar of {name} assembles the genesis"),
        };
        let order = AssemblyOrder {
            node: name,
            type_: task.type_.clone(),
            id: task.id.clone(),
            retries: task.retry_count.unwrap_or(0),
            needs_type: validity::needed_type(self.genesis),
            params: (uploading.is_empty() && !self.is_over(&plan)).then(|| plan::request(task)),
        };
        // Only what is stored is requested from the sidecar.
        let order = (plan::stored(self.group) == Some(&plan)).then_some(order);
        let step = CeremonyStep::new(Some(plan), CeremonyReason::AssemblingGenesis, message);
        CeremonyStep { order, ..step }
    }

    /// The first validator has lost the volume on which the genesis was being assembled. If no genesis was uploaded,
    /// another one can be assembled.
    fn start_over(&self, mut plan: TaskPlan) -> CeremonyStep {
        if let Some(step) = self.taken(Some(&plan)) {
            return step;
        }
        if self.observed.ceremony.bucket == GenesisBucket::Unchecked {
            let message = "the first validator was recreated while it assembled the genesis, and the operator has no \
                           credentials to check whether it was uploaded; delete this SeiNodeDeployment and its SeiNodes, \
                           then the objects of the chain in the genesis bucket, and recreate it";
            return CeremonyStep::blocked(Some(plan), StalledReason::AssemblyFailed, message);
        }
        plan::withdraw(&mut plan);
        self.gather(plan)
    }

    /// The genesis is uploaded.
    fn start(&self, plan: TaskPlan) -> CeremonyStep {
        let waiting = not_running(self.group, &self.observed.nodes);
        let message =
            format!("the genesis is uploaded; waiting for {}{}", named(&waiting), latecomers(self.observed));
        CeremonyStep::new(Some(plan), CeremonyReason::StartingValidators, message)
    }

    fn failed(&self, plan: TaskPlan) -> CeremonyStep {
        let error = plan::assembly(&plan).and_then(|task| task.error.clone()).unwrap_or_default();
        let message = format!(
            "failed to assemble the genesis: {error}; resolve the cause and set annotation sei.io/retry of the \
             SeiNodeDeployment to a new value, or delete it and its SeiNodes and recreate it"
        );
        CeremonyStep::blocked(Some(plan), StalledReason::AssemblyFailed, message)
    }
}

/// What to report about SeiNodes that are not in the genesis.
fn latecomers(observed: &Observed) -> String {
    let names = followers(&observed.group, &observed.nodes);
    if names.is_empty() {
        return String::new();
    }
    format!("; created after the genesis, and not among its validators: {}", named(&names))
}

/// The first names, and how many more there are.
fn named(names: &[String]) -> String {
    match names.len().checked_sub(NAMED).filter(|more| *more > 0) {
        Some(more) => format!("{} and {more} more", names[..NAMED].join(", ")),
        None => names.join(", "),
    }
}
