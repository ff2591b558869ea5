//! The SeiNodes of a group, and what each is waiting for.

use std::sync::Arc;

use kube::ResourceExt;
use sei_api::{SeiNode, SeiNodeDeployment, v1alpha1::deployment::ChildNode};

use super::counts::Counts;
use crate::{
    availability::{phase, reason},
    blue_green::{self, BlueGreen},
    hard_fork::HardFork,
    member::{Child, Member, Occupant, UNREADABLE},
    members::Members,
    old_set::Hold,
};

/// Messages of the API server and of nodes can be long; `kubectl describe` of the node has them whole.
const MESSAGE_LIMIT: usize = 512;

/// Reason of a serving node that is not updated yet.
pub(super) const UPDATE_PENDING: &str = "UpdatePending";

/// Reason of a node that keeps serving until another one replaces it.
pub(super) const WAITING_FOR_REPLACEMENT: &str = blue_green::WAITING;

/// The parts of a group that are being updated.
pub(super) struct Updates<'a> {
    pub(super) fork: Option<&'a HardFork<'a>>,
    pub(super) replacement: Option<&'a BlueGreen<'a>>,
    /// Why a set that is not serving is kept.
    pub(super) hold: Option<Hold>,
}

pub(super) fn of(
    group: &SeiNodeDeployment,
    members: &Members,
    counts: &Counts,
    updates: &Updates<'_>,
) -> Vec<ChildNode> {
    let down: Vec<_> = members.children().filter(|(_, child)| !child.is_available()).collect();
    let down: Vec<_> = down.iter().map(|(_, child)| child.node.name_any()).collect();
    let turn = match down.is_empty() || counts.unavailable < i64::from(max_unavailable(group)) {
        true => "waiting for its turn to be updated".to_owned(),
        false => format!("waiting for its turn to be updated, until {} is available", down.join(", ")),
    };
    let serving = members.serving.wanted.iter().map(|member| {
        at(member, |child| updates.wait(child, &turn), || updates.creation().unwrap_or_else(missing))
    });
    let surplus =
        members.serving.surplus.iter().map(|node| leaving(node, "ScalingDown", "above spec.replicas"));
    let strays =
        members.strays.iter().map(|node| leaving(node, "UnexpectedNode", "not a name of this group"));
    serving.chain(surplus).chain(updates.other(members)).chain(strays).collect()
}

fn max_unavailable(group: &SeiNodeDeployment) -> u32 {
    group.spec.update_strategy.max_unavailable(group.spec.replicas())
}

impl Updates<'_> {
    /// What a serving SeiNode waits for.
    fn wait(&self, child: &Child, turn: &str) -> Option<(String, String)> {
        if let Some(fork) = self.fork.filter(|_| child.is_outdated) {
            return Some(fork.wait(&child.node));
        }
        if !child.is_available() {
            return Some(reason(&child.node));
        }
        if let Some(replacement) = self.replacement {
            return Some(replacement.replacement());
        }
        if child.is_outdated {
            return Some((UPDATE_PENDING.to_owned(), turn.to_owned()));
        }
        (!child.is_updated()).then(|| ("Updating".to_owned(), "waiting for the new image to run".to_owned()))
    }

    /// Why a SeiNode of the serving set is not created; `None` if it may be.
    fn creation(&self) -> Option<(String, String)> {
        let fork = self.fork.map(HardFork::creation);
        fork.or_else(|| self.replacement.map(BlueGreen::creation))
    }

    /// The SeiNodes of the set that is not serving.
    fn other(&self, members: &Members) -> Vec<ChildNode> {
        let other = &members.other;
        let gone = self.hold.as_ref().map_or("is being deleted", Hold::message);
        match self.replacement {
            Some(replacement) => {
                let wanted = other.wanted.iter();
                let wanted = wanted.map(|member| at(member, |child| replacement.wait(child), missing));
                let surplus =
                    other.surplus.iter().map(|node| leaving(node, "ScalingDown", "above spec.replicas"));
                wanted.chain(surplus).collect()
            }
            None => other.nodes.iter().map(|node| leaving(node, "Replaced", gone)).collect(),
        }
    }
}

fn missing() -> (String, String) {
    ("Missing".to_owned(), "waiting for the SeiNode to be created".to_owned())
}

fn at(
    member: &Member,
    wait: impl Fn(&Child) -> Option<(String, String)>,
    creation: impl Fn() -> (String, String),
) -> ChildNode {
    let entry = |node: Option<&SeiNode>, why: Option<(String, String)>| {
        let (reason, message) = why.unzip();
        ChildNode {
            name: member.seat.name.clone(),
            phase: node.and_then(phase),
            reason,
            message: message.map(|message| message.chars().take(MESSAGE_LIMIT).collect()),
        }
    };
    let why = |reason: &str, message: &str| Some((reason.to_owned(), message.to_owned()));
    match &member.occupant {
        Occupant::Vacant => entry(None, Some(creation())),
        Occupant::Unreadable => entry(None, why("Unreadable", &format!("the SeiNode {UNREADABLE}"))),
        Occupant::Foreign(message) => entry(None, why("ForeignObject", message)),
        Occupant::Ending(node) => {
            let message = "waiting for the SeiNode of this name to be deleted before it is recreated";
            entry(Some(node), why("WaitingForDeletion", message))
        }
        Occupant::Retained(child) => entry(Some(&child.node), why("Adopting", "waiting to be adopted")),
        Occupant::Own(child) => entry(Some(&child.node), wait(child)),
    }
}

fn leaving(node: &Arc<SeiNode>, reason: &str, message: &str) -> ChildNode {
    ChildNode {
        name: node.name_any(),
        phase: phase(node),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
    }
}
