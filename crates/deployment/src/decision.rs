//! The next writes of a group.

use kube::ResourceExt;
use sei_api::{
    SeiNodeDeployment, deployment_conditions::StalledReason, labels, v1alpha1::deployment::StrategyType,
};

use crate::{
    availability,
    ceremony::{self, CeremonyStep, Entry},
    child::{as_follower, child},
    deletion,
    hard_fork::HardFork,
    members::{Members, Observed, Place, UNREADABLE, generation},
    objects,
    obstacle::Obstacle,
    rollout::{Candidate, turn},
    scale::{self, Step},
    write::Write,
};

/// The next writes, and what prevents others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// The writes. They are independent of each other.
    pub writes: Vec<Write>,
    /// Problems that require manual intervention.
    pub obstacles: Vec<Obstacle>,
    /// The next step of the genesis ceremony, if the group has one.
    pub ceremony: Option<CeremonyStep>,
}

/// The next writes of a group.
pub fn decide(observed: &Observed) -> Decision {
    let group = &*observed.group;
    if group.metadata.deletion_timestamp.is_some() {
        return Decision { writes: deletion::writes(observed), ..Decision::default() };
    }
    if !group.finalizers().iter().any(|finalizer| finalizer == labels::DEPLOYMENT_FINALIZER) {
        return Decision { writes: vec![Write::Mark], ..Decision::default() };
    }
    let members = Members::of(observed);
    let (writes, obstacles) = objects::update(observed);
    let mut decision = Decision { writes, obstacles, ceremony: ceremony::step(observed) };
    decision.obstacles.extend(decision.ceremony.iter().filter_map(|step| step.obstacle.clone()));
    let fork = HardFork::of(observed, &members);
    fill(group, &members, fork.as_ref(), &mut decision);
    update(group, &members, fork.as_ref(), &mut decision);
    scale_down(group, &members, &mut decision);
    decision.obstacles.extend(in_nodes(&members));
    decision
}

/// Creates missing SeiNodes and adopts retained ones.
fn fill(group: &SeiNodeDeployment, members: &Members, fork: Option<&HardFork<'_>>, decision: &mut Decision) {
    for member in &members.wanted {
        match &member.place {
            Place::Vacant if members.holder(member.ordinal).is_some() || fork.is_some() => {}
            Place::Vacant => {
                let mut node = child(group, member.ordinal, &generation(group));
                match group.spec.genesis.as_ref().map(|_| ceremony::entry(group)) {
                    Some(Entry::Closed) => continue,
                    Some(Entry::Follower) => as_follower(&mut node),
                    Some(Entry::Validator) | None => {}
                }
                decision.writes.push(Write::Create(Box::new(node)));
            }
            Place::Retained(child) => decision.writes.extend(child.write(child.metadata_patch())),
            Place::Foreign(why) => {
                decision.obstacles.push(Obstacle::new(StalledReason::ForeignObject, why));
            }
            Place::Unreadable => {
                let message = format!("SeiNode {} {UNREADABLE}", member.name);
                decision.obstacles.push(Obstacle::new(StalledReason::NodeStalled, message));
            }
            Place::Own(_) | Place::Ending(_) => {}
        }
    }
}

/// Updates SeiNodes to the template: specs within the budget, labels and annotations at once.
fn update(
    group: &SeiNodeDeployment,
    members: &Members,
    fork: Option<&HardFork<'_>>,
    decision: &mut Decision,
) {
    let candidates: Vec<_> = members
        .children()
        .map(|(ordinal, child)| Candidate {
            ordinal,
            is_outdated: child.is_outdated,
            is_available: child.is_available(),
        })
        .collect();
    let strategy = &group.spec.update_strategy;
    let replicas = group.spec.replicas();
    let turn = match strategy.type_ {
        StrategyType::InPlace => turn(&candidates, replicas, strategy.max_unavailable(replicas)),
        StrategyType::HardFork => {
            decision.obstacles.extend(fork.iter().flat_map(|fork| fork.obstacles(members)));
            fork.map_or_else(Default::default, |fork| fork.turn(members))
        }
        StrategyType::BlueGreen | StrategyType::Unknown => {
            if candidates.iter().any(|candidate| candidate.is_outdated) {
                decision.obstacles.push(Obstacle::new(
                    StalledReason::NotSupported,
                    "the template changed, and this version of the operator updates with updateStrategy.type InPlace and HardFork \
                     alone; set one of them, or revert the template",
                ));
            }
            Default::default()
        }
    };
    for (ordinal, child) in members.children() {
        let patch = match turn.contains(&ordinal) {
            true => Some(child.whole_patch(group, ordinal)),
            false => child.metadata_patch(),
        };
        decision.writes.extend(child.write(patch));
    }
}

fn scale_down(group: &SeiNodeDeployment, members: &Members, decision: &mut Decision) {
    match scale::step(group, &members.surplus) {
        Step::Done | Step::Wait => {}
        Step::Delete(node) => {
            let (name, uid) = (node.name_any(), node.uid().unwrap_or_default());
            decision.writes.push(Write::Delete { name, uid });
        }
        Step::Confirm(node) => {
            let (name, uid) = (node.name_any(), node.uid().unwrap_or_default());
            let message = format!(
                "not scaling down: the keys of validator {name} exist on its volume alone and would be deleted with it; \
                 save them, then set annotation {}={uid} on the SeiNodeDeployment, or raise replicas again",
                labels::CONFIRM_KEY_LOSS_ANNOTATION
            );
            decision.obstacles.push(Obstacle::new(StalledReason::KeyLossNotConfirmed, message));
        }
    }
}

/// Stalled SeiNodes, and SeiNodes that the group does not manage.
fn in_nodes(members: &Members) -> Vec<Obstacle> {
    let stalled = members.children().filter_map(|(_, child)| {
        let (reason, message) = availability::stalled(&child.node)?;
        let message = format!("SeiNode {}: {reason}: {message}", child.node.name_any());
        Some(Obstacle::new(StalledReason::NodeStalled, message))
    });
    let strays = members
        .strays
        .iter()
        .map(|node| Obstacle::new(StalledReason::UnexpectedNode, unexpected(members, &node.name_any())));
    stalled.chain(strays).collect()
}

/// Message about a SeiNode of the second set of the Go controller, with what to do.
fn unexpected(members: &Members, name: &str) -> String {
    let what = format!(
        "SeiNode {name} was created by a BlueGreen or HardFork update of the Go controller and is neither updated nor deleted"
    );
    let vacant = members.wanted.iter().find(|member| {
        matches!(member.place, Place::Vacant)
            && members.holder(member.ordinal).is_some_and(|holder| holder.name_any() == name)
    });
    match vacant {
        Some(member) => {
            format!(
                "{what}; {} is created when {name} is deleted or has lost its owner reference",
                member.name
            )
        }
        None => format!("{what}; delete it, or remove its owner reference to keep it outside the group"),
    }
}
