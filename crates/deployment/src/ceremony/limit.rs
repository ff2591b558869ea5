//! The time limit of a ceremony.

use std::time::Duration;

use jiff::SignedDuration;
use sei_api::{deployment_conditions::StalledReason, v1alpha1::TaskPlan};

use super::{decided::CeremonyStep, step::Ceremony, validity};
use crate::obstacle::Obstacle;

impl Ceremony<'_> {
    /// `step`, reported as stalled once the ceremony has taken too long.
    pub(super) fn within_limit(&self, step: CeremonyStep) -> CeremonyStep {
        let Some(left) = step.plan.as_ref().and_then(|plan| self.left(plan)) else { return step };
        if step.obstacle.is_some() {
            return step;
        }
        match Duration::try_from(left).ok().filter(|left| !left.is_zero()) {
            Some(left) => CeremonyStep { next: Some(step.next.map_or(left, |next| next.min(left))), ..step },
            None => {
                let message = format!(
                    "the genesis ceremony has taken longer than {}: {}; raise spec.genesis.maxCeremonyDuration to continue, or \
                     set annotation sei.io/retry of the SeiNodeDeployment to a new value",
                    self.genesis.max_ceremony_duration.as_deref().unwrap_or("1h"),
                    step.message
                );
                CeremonyStep {
                    obstacle: Some(Obstacle::new(StalledReason::CeremonyTimedOut, message)),
                    ..step
                }
            }
        }
    }

    pub(super) fn is_over(&self, plan: &TaskPlan) -> bool {
        self.left(plan).is_some_and(|left| !left.is_positive())
    }

    /// Time until the limit. The Go controller did not store when a ceremony started.
    fn left(&self, plan: &TaskPlan) -> Option<SignedDuration> {
        let created = self.group.metadata.creation_timestamp.as_ref();
        let since = plan.created_at.as_ref().or(created)?.0;
        Some(validity::limit(self.genesis) - self.now().duration_since(since))
    }
}
