//! HardFork: the image of a seid is replaced only after it has halted. The old binary runs until it halts at the height
//! of the upgrade; the new one, which panics before that height, starts only then. The upgrade plan of the chain makes
//! seid halt: a signal would not, since its container restarts it.

use std::collections::{BTreeMap, BTreeSet};

use kube::ResourceExt;
use sei_api::{SeiNode, deployment_conditions::StalledReason, v1alpha1::deployment::StrategyType};

use crate::{halt::Halt, members::Members, observed::Observed, obstacle::Obstacle};

/// Reason of a SeiNode that waits for the height.
pub(crate) const WAITING: &str = "WaitingForHalt";
/// How to update a node regardless of its height.
const IN_PLACE: &str = "set updateStrategy.type to InPlace";

/// An update that waits for SeiNodes to halt.
pub(crate) struct HardFork<'a> {
    /// Height of the first block that the new image executes; `None` if the spec lacks it.
    height: Option<i64>,
    halts: &'a BTreeMap<String, Halt>,
}

impl<'a> HardFork<'a> {
    /// The update in progress, if it is of this kind.
    pub(crate) fn of(observed: &'a Observed, members: &Members) -> Option<Self> {
        let strategy = &observed.group.spec.update_strategy;
        let is_pending = members.children().any(|(_, child)| child.is_outdated);
        let height = strategy.hard_fork.as_ref().map(|fork| fork.halt_height);
        (strategy.type_ == StrategyType::HardFork && is_pending)
            .then_some(Self { height, halts: &observed.halts })
    }

    /// The ordinals to update now: those that have halted. That costs no availability, since none of them produces or
    /// follows blocks.
    pub(crate) fn turn(&self, members: &Members) -> BTreeSet<u32> {
        let outdated = members.children().filter(|(_, child)| child.is_outdated);
        let halted =
            outdated.filter(|(_, child)| self.height.is_some() && self.halt(&child.node) == Halt::Halted);
        halted.map(|(ordinal, _)| ordinal).collect()
    }

    /// Problems that waiting does not solve.
    pub(crate) fn obstacles(&self, members: &Members) -> Vec<Obstacle> {
        let Some(height) = self.height else {
            let message = format!("updateStrategy.hardFork.haltHeight is missing; set it, or {IN_PLACE}");
            return vec![Obstacle::new(StalledReason::NotSupported, message)];
        };
        let outdated = members.children().filter(|(_, child)| child.is_outdated);
        let passed = outdated.filter(|(_, child)| self.halt(&child.node) == Halt::Passed);
        let obstacle = |node: &SeiNode| {
            let message = format!(
                "SeiNode {} has passed height {height} with its old image; set updateStrategy.hardFork.haltHeight to the \
                 height of this upgrade, or {IN_PLACE} to update it now",
                node.name_any()
            );
            Obstacle::new(StalledReason::HaltHeightPassed, message)
        };
        passed.map(|(_, child)| obstacle(&child.node)).collect()
    }

    /// What an outdated SeiNode waits for. The text is the same for every block; otherwise the status would change with
    /// each.
    pub(crate) fn wait(&self, node: &SeiNode) -> (String, String) {
        let height = self.height.unwrap_or_default();
        let message = match self.halt(node) {
            Halt::Unknown => format!(
                "the height of its seid is not known: it does not respond, and was not seen at height {}; if it has \
                 halted at the upgrade, {IN_PLACE} to update it",
                height - 1
            ),
            Halt::Before => format!("runs its old image until seid halts at height {height}"),
            Halt::Arrived => format!("seid has reached height {height}: waiting for it to halt"),
            Halt::Halted => format!("seid has halted at height {height}: replacing its image"),
            Halt::Passed => format!("seid has passed height {height}"),
        };
        (WAITING.to_owned(), message)
    }

    /// What a SeiNode that does not exist waits for: it would be created with the new image.
    pub(crate) fn creation(&self) -> (String, String) {
        let message =
            "created when the other SeiNodes have been updated: the new image must not run before the height";
        (WAITING.to_owned(), message.to_owned())
    }

    fn halt(&self, node: &SeiNode) -> Halt {
        self.halts.get(&node.name_any()).copied().unwrap_or_default()
    }
}

impl Observed {
    /// The SeiNodes that [`Observed::halts`] must cover, with the height for each.
    pub fn awaits_halt(&self) -> BTreeMap<String, u64> {
        let is_awaited = self.group.spec.update_strategy.type_ == StrategyType::HardFork
            && self.group.metadata.deletion_timestamp.is_none();
        if !is_awaited {
            return BTreeMap::new();
        }
        let members = Members::of(self);
        let height = HardFork::of(self, &members).and_then(|fork| u64::try_from(fork.height?).ok());
        let outdated = members.children().filter(|(_, child)| child.is_outdated);
        height.map_or_else(BTreeMap::new, |height| {
            outdated.map(|(_, child)| (child.node.name_any(), height)).collect()
        })
    }
}
