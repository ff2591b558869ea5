//! When the operator crashes, and what is lost with its process.

use std::collections::BTreeSet;

use sei_api::{SeiNodeStatus, v1alpha1::TaskPlan};

/// Where the operator crashes in a pass. What it has not stored is lost: progress, responses of the sidecar, and the
/// order for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// After its actions, before the status is stored.
    BeforeStatus,
    /// After the status is stored, before the sidecar receives the order.
    BeforeOrder,
    /// After the sidecar has received the order, before the response is read.
    AfterOrder,
}

impl Crash {
    pub const ALL: [Self; 3] = [Self::BeforeStatus, Self::BeforeOrder, Self::AfterOrder];
}

/// A crash at every step of every plan, once each.
pub struct Crashes {
    crash: Crash,
    /// Whether the sidecar restarts too.
    pub with_sidecar: bool,
    steps: BTreeSet<String>,
}

impl Crashes {
    pub fn new(crash: Crash, with_sidecar: bool) -> Self {
        Self { crash, with_sidecar, steps: BTreeSet::new() }
    }

    /// The crash of a pass that ends with this status.
    pub fn at(&mut self, status: &SeiNodeStatus) -> Option<Crash> {
        let plan = status.plan.as_ref();
        self.at_step(&format!("{:?}", status.phase), plan)
    }

    /// The crash of a pass that ends in this phase with this plan.
    pub fn at_step(&mut self, phase: &str, plan: Option<&TaskPlan>) -> Option<Crash> {
        let tasks = plan.into_iter().flat_map(|plan| &plan.tasks);
        let tasks: Vec<_> = tasks
            .map(|task| (&task.type_, task.status, task.submitted_at.is_some(), task.retry_count))
            .collect();
        let step = format!("{phase} {:?} {tasks:?}", plan.map(|plan| plan.phase));
        self.steps.insert(step).then_some(self.crash)
    }

    /// The same crashes, none of which has happened yet.
    pub fn fresh(&self) -> Self {
        Self::new(self.crash, self.with_sidecar)
    }

    /// Every further step counts as new.
    pub fn again(&mut self) {
        self.steps.clear();
    }
}
