//! The SeiNodes of a group, and what each is waiting for.

use std::sync::Arc;

use kube::ResourceExt;
use sei_api::{SeiNode, SeiNodeDeployment, v1alpha1::deployment::ChildNode};

use super::counts::Counts;
use crate::{
    availability::{phase, reason},
    hard_fork::HardFork,
    members::{Child, Member, Members, Place, UNREADABLE},
};

/// Messages of the API server and of nodes can be long; `kubectl describe` of the node has them whole.
const MESSAGE_LIMIT: usize = 512;

/// Reason of a node that serves and is not updated yet.
pub(super) const UPDATE_PENDING: &str = "UpdatePending";

pub(super) fn of(
    group: &SeiNodeDeployment,
    members: &Members,
    counts: &Counts,
    fork: Option<&HardFork<'_>>,
) -> Vec<ChildNode> {
    let down: Vec<_> = members.children().filter(|(_, child)| !child.is_available()).collect();
    let down: Vec<_> = down.iter().map(|(_, child)| child.node.name_any()).collect();
    let turn = match down.is_empty() || counts.unavailable < i64::from(max_unavailable(group)) {
        true => "waiting for its turn to be updated".to_owned(),
        false => format!("waiting for its turn to be updated, until {} is available", down.join(", ")),
    };
    let wanted = members.wanted.iter().map(|member| at(member, &turn, fork));
    let surplus = members.surplus.iter().map(|node| leaving(node, "ScalingDown", "above spec.replicas"));
    let strays =
        members.strays.iter().map(|node| leaving(node, "UnexpectedNode", "not a name of this group"));
    wanted.chain(surplus).chain(strays).collect()
}

fn max_unavailable(group: &SeiNodeDeployment) -> u32 {
    group.spec.update_strategy.max_unavailable(group.spec.replicas())
}

fn at(member: &Member, turn: &str, fork: Option<&HardFork<'_>>) -> ChildNode {
    let entry = |node: Option<&SeiNode>, why: Option<(String, String)>| {
        let (reason, message) = why.unzip();
        ChildNode {
            name: member.name.clone(),
            phase: node.and_then(phase),
            reason,
            message: message.map(|message| message.chars().take(MESSAGE_LIMIT).collect()),
        }
    };
    let why = |reason: &str, message: &str| Some((reason.to_owned(), message.to_owned()));
    match &member.place {
        Place::Vacant if let Some(fork) = fork => entry(None, Some(fork.creation())),
        Place::Vacant => entry(None, why("Missing", "waiting for the SeiNode to be created")),
        Place::Unreadable => entry(None, why("Unreadable", &format!("the SeiNode {UNREADABLE}"))),
        Place::Foreign(message) => entry(None, why("ForeignObject", message)),
        Place::Ending(node) => {
            let message = "waiting until the SeiNode of this name is deleted, to create another";
            entry(Some(node), why("WaitingForDeletion", message))
        }
        Place::Retained(child) => entry(Some(&child.node), why("Adopting", "waiting to be adopted")),
        Place::Own(child) => entry(Some(&child.node), wait(child, turn, fork)),
    }
}

fn wait(child: &Child, turn: &str, fork: Option<&HardFork<'_>>) -> Option<(String, String)> {
    if let Some(fork) = fork.filter(|_| child.is_outdated) {
        return Some(fork.wait(&child.node));
    }
    if !child.is_available() {
        return Some(reason(&child.node));
    }
    if child.is_outdated {
        return Some((UPDATE_PENDING.to_owned(), turn.to_owned()));
    }
    (!child.is_updated()).then(|| ("Updating".to_owned(), "waiting until the image runs".to_owned()))
}

fn leaving(node: &Arc<SeiNode>, reason: &str, message: &str) -> ChildNode {
    ChildNode {
        name: node.name_any(),
        phase: phase(node),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
    }
}
