//! `Ready`, `Progressing` and `Stalled` of a group.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use sei_api::{
    SeiNodeDeployment,
    deployment_conditions::{ConditionType, ProgressingReason, ReadyReason, Reason, StalledReason, set},
    v1alpha1::deployment::ChildNode,
};

use super::{
    counts::Counts,
    nodes::{UPDATE_PENDING, WAITING_FOR_REPLACEMENT},
    phase::is_updating,
};
use crate::{member::Occupant, members::Members, obstacle::Obstacle};

/// Conditions of the Go controller that are no longer maintained.
const OF_GO: [&str; 4] = ["GenesisCeremonyNeeded", "NodesReady", "PlanInProgress", "RolloutInProgress"];
/// How many nodes a message names.
const NAMED: usize = 3;

pub(super) struct Facts<'a> {
    pub(super) group: &'a SeiNodeDeployment,
    pub(super) members: &'a Members,
    pub(super) counts: &'a Counts,
    pub(super) nodes: &'a [ChildNode],
    pub(super) obstacles: &'a [Obstacle],
}

/// The conditions `before`, updated to the current state.
pub(super) fn of(
    mut before: Option<Vec<Condition>>,
    facts: &Facts<'_>,
    routes: Option<(bool, Reason, String)>,
    ceremony: Option<(bool, Reason, String)>,
    now: Timestamp,
) -> Option<Vec<Condition>> {
    before.iter_mut().for_each(|list| list.retain(|condition| !OF_GO.contains(&condition.type_.as_str())));
    let generation = facts.group.metadata.generation;
    let gone = [
        (ConditionType::RouteReady, routes.is_none()),
        (ConditionType::GenesisCeremonyComplete, facts.group.spec.genesis.is_none()),
    ];
    for (kind, _) in gone.iter().filter(|(_, is_gone)| *is_gone) {
        before.iter_mut().for_each(|list| list.retain(|condition| condition.type_ != kind.as_str()));
    }
    let all = [facts.ready(), facts.progressing(), facts.stalled()].into_iter().chain(routes).chain(ceremony);
    for (truth, reason, message) in all {
        set(&mut before, truth, reason, &message, generation, now);
    }
    before
}

impl Facts<'_> {
    fn is_deleting(&self) -> bool {
        self.group.metadata.deletion_timestamp.is_some()
    }

    /// A group that requires manual intervention is not ready for that reason, regardless of its nodes.
    fn ready(&self) -> (bool, Reason, String) {
        let counted = self.counted();
        if self.is_deleting() {
            return (
                false,
                ReadyReason::Deleting.into(),
                "the SeiNodeDeployment is being deleted".to_owned(),
            );
        }
        if let Some(obstacle) = self.obstacles.first() {
            return (
                false,
                Reason::ReadyWhileStalled(obstacle.reason),
                format!("{counted}; {}", obstacle.message),
            );
        }
        if !self.members.serving.surplus.is_empty() {
            return (false, ReadyReason::ScalingDown.into(), format!("{counted}; {}", self.waits()));
        }
        if self.counts.is_complete() {
            return (true, ReadyReason::AllNodesReady.into(), counted);
        }
        let reason = match is_updating(self.members) {
            true => ReadyReason::UpdateInProgress,
            false => ReadyReason::NodesNotReady,
        };
        (false, reason.into(), format!("{counted}; {}", self.waits()))
    }

    fn progressing(&self) -> (bool, Reason, String) {
        let (progresses, reason) = if self.is_deleting() {
            (true, ProgressingReason::DeletingNodes)
        } else if !self.obstacles.is_empty() {
            (false, ProgressingReason::Blocked)
        } else if !self.members.serving.surplus.is_empty() {
            (true, ProgressingReason::DeletingNodes)
        } else if self.counts.is_complete() {
            (false, ProgressingReason::Complete)
        } else if self
            .members
            .serving
            .wanted
            .iter()
            .any(|member| !matches!(member.occupant, Occupant::Own(_)))
        {
            (true, ProgressingReason::CreatingNodes)
        } else if is_updating(self.members) {
            (true, ProgressingReason::UpdatingNodes)
        } else {
            (true, ProgressingReason::WaitingForNodes)
        };
        let message = if progresses { self.waits() } else { self.counted() };
        (progresses, reason.into(), message)
    }

    fn stalled(&self) -> (bool, Reason, String) {
        match self.obstacles.first().filter(|_| !self.is_deleting()) {
            Some(first) => {
                let messages: Vec<_> =
                    self.obstacles.iter().map(|obstacle| obstacle.message.as_str()).collect();
                (true, first.reason.into(), messages.join("; "))
            }
            None => {
                let reason = StalledReason::Progressing;
                (false, reason.into(), "no manual intervention is required".to_owned())
            }
        }
    }

    fn counted(&self) -> String {
        let Counts { wanted, available, updated, .. } = self.counts;
        format!("{available} of {wanted} nodes are available, {updated} run the template")
    }

    /// What the first nodes are waiting for; those that the others wait for come first.
    fn waits(&self) -> String {
        let mut waiting: Vec<_> = self.nodes.iter().filter(|node| node.reason.is_some()).collect();
        let is_held = |node: &ChildNode| {
            node.reason
                .as_deref()
                .is_some_and(|reason| [UPDATE_PENDING, WAITING_FOR_REPLACEMENT].contains(&reason))
        };
        waiting.sort_by_key(|node| is_held(node));
        let named = waiting.iter().take(NAMED).map(|node| {
            let part = |text: &Option<String>| text.clone().unwrap_or_default();
            format!("{}: {}: {}", node.name, part(&node.reason), part(&node.message))
        });
        let mut text = named.collect::<Vec<_>>().join("; ");
        if waiting.len() > NAMED {
            text.push_str(&format!("; and {} more", waiting.len() - NAMED));
        }
        text
    }
}
