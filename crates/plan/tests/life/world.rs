//! A node whose status is "stored" by assignment: enough of an API server for plans.

use jiff::{SignedDuration, Timestamp};
use sei_api::{
    SeiNode, SeiNodeStatus,
    v1alpha1::{NodePhase, PlanPhase, TaskPlan},
};
use sei_node::Node;
use sei_plan::{
    Outcome, Persisted, Plan, PlanInputs, Step, build, is_outdated, reissue, replan, retry_wanted,
};
use serde_json::{Value, json};

pub struct World {
    pub node: SeiNode,
    pub now: Timestamp,
    /// The facts that plans depend on.
    pub inputs: PlanInputs,
    plans: u32,
}

impl World {
    pub fn new(spec: Value) -> Self {
        let mut node: SeiNode = serde_json::from_value(json!({
            "apiVersion": "sei.io/v1alpha1",
            "kind": "SeiNode",
            "metadata": { "name": "node-0", "namespace": "sei", "generation": 1, "resourceVersion": "1" },
            "spec": spec,
        }))
        .unwrap();
        node.status = Some(SeiNodeStatus::default());
        Self { node, now: "2027-01-01T00:00:00Z".parse().unwrap(), inputs: PlanInputs::default(), plans: 0 }
    }

    pub fn change_spec(&mut self, change: impl FnOnce(&mut SeiNode)) {
        change(&mut self.node);
        self.node.metadata.generation = self.node.metadata.generation.map(|generation| generation + 1);
    }

    pub fn ask_for_retry(&mut self, value: &str) {
        let annotations = self.node.metadata.annotations.get_or_insert_default();
        annotations.insert("sei.io/retry".to_owned(), value.to_owned());
    }

    pub fn plan(&self) -> Option<TaskPlan> {
        self.node.status.as_ref()?.plan.clone()
    }

    fn fresh_id(&mut self) -> String {
        self.plans += 1;
        format!("00000000-0000-4000-8000-{:012}", self.plans)
    }

    fn store(&mut self, plan: TaskPlan) {
        let phase = match plan.phase {
            PlanPhase::Active if plan.failed_phase.is_some() => Some(NodePhase::Initializing),
            PlanPhase::Active | PlanPhase::Unknown => None,
            PlanPhase::Complete => plan.target_phase,
            PlanPhase::Failed => plan.failed_phase,
        };
        let status = self.node.status.as_mut().unwrap();
        if plan.phase == PlanPhase::Complete {
            status.current_image = plan.target_image.clone().or(Some(self.node.spec.image.clone()));
        }
        status.phase = phase.or(status.phase);
        status.plan = Some(plan);
    }

    /// Creates and stores the plan that is needed, if any.
    pub fn propose(&mut self) -> bool {
        let id = self.fresh_id();
        let old = self.plan();
        let node = Node::of(&self.node);
        let wanted = match &old {
            Some(plan) if plan.phase == PlanPhase::Active => {
                is_outdated(plan, &self.node).then(|| replan(&node, plan, &self.inputs, &id)).flatten()
            }
            Some(plan) if plan.phase == PlanPhase::Failed => {
                retry_wanted(plan, &self.node).then(|| replan(&node, plan, &self.inputs, &id)).flatten()
            }
            _ => build::next(&node, &id),
        };
        let Some(plan) = wanted else {
            if old.is_some_and(|plan| plan.phase == PlanPhase::Active && is_outdated(&plan, &self.node)) {
                self.node.status.as_mut().unwrap().plan = None;
            }
            return false;
        };
        let plan = Plan::propose(plan, &self.node, &self.inputs, self.now).into_stored();
        self.store(plan);
        true
    }

    /// Takes one step of the stored plan; `None` if there is none.
    pub fn step(&mut self, outcome: impl FnOnce(&Plan<Persisted>) -> Outcome) -> Option<Step> {
        let mut plan = Plan::load(&self.node)?;
        plan.adopt(&self.inputs);
        if let Some(left) = plan.backoff_remaining(self.now) {
            return Some(Step::Later(left));
        }
        let outcome = outcome(&plan);
        let step = plan.advance(outcome, self.now, 0.0);
        if step == Step::Replan {
            let id = self.fresh_id();
            let fresh = reissue(&Node::of(&self.node), plan.stored(), &self.inputs, &id, (self.now, 0.0));
            match fresh {
                Some(fresh) => {
                    let fresh = Plan::propose(fresh, &self.node, &self.inputs, self.now).into_stored();
                    self.store(fresh);
                }
                // Nothing is left to do: the spec was reverted.
                None => self.node.status.as_mut().unwrap().plan = None,
            }
        } else {
            self.store(plan.into_stored());
        }
        Some(step)
    }

    pub fn pass(&mut self, delay: std::time::Duration) {
        self.now += SignedDuration::try_from(delay).unwrap();
    }
}
