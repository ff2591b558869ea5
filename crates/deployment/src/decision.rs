//! The next writes of a group.

use std::{sync::Arc, time::Duration};

use kube::ResourceExt;
use sei_api::{
    SeiNodeDeployment, deployment_conditions::StalledReason, labels, v1alpha1::deployment::StrategyType,
};

use crate::{
    availability::{self, needs_sidecar_update},
    blue_green::{self, BlueGreen},
    ceremony::{self, CeremonyStep, Entry},
    child::{as_follower, child},
    deletion,
    hard_fork::HardFork,
    member::{Occupant, UNREADABLE, generation},
    members::{Members, Set},
    objects,
    observed::Observed,
    obstacle::Obstacle,
    old_set::Hold,
    rollout::{Candidate, turn},
    scale::{self, Step},
    write::Write,
};

/// What to do when an update would change nothing.
const UNKNOWN_STRATEGY: &str = "the template changed, and this version of the operator does not know updateStrategy.type; set \
     InPlace, BlueGreen or HardFork, or revert the template";

/// The next writes, and what prevents other writes.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The writes. They are independent of each other.
    pub writes: Vec<Write>,
    /// Problems that require manual intervention.
    pub obstacles: Vec<Obstacle>,
    /// The next step of the genesis ceremony, if the group has one.
    pub ceremony: Option<CeremonyStep>,
    /// When the next decision is due although nothing was changed.
    pub next: Option<Duration>,
    /// The SeiNodes that the decision is about; the status reports the same ones.
    pub(crate) members: Arc<Members>,
}

impl Decision {
    fn new(members: Arc<Members>, writes: Vec<Write>) -> Self {
        Self { writes, obstacles: Vec::new(), ceremony: None, next: None, members }
    }
}

/// The next writes of a group.
pub fn decide(observed: &Observed) -> Decision {
    let group = &*observed.group;
    let members = Arc::new(Members::of(observed));
    if group.metadata.deletion_timestamp.is_some() {
        return Decision::new(members, deletion::writes(observed));
    }
    if !group.finalizers().iter().any(|finalizer| finalizer == labels::DEPLOYMENT_FINALIZER) {
        return Decision::new(members, vec![Write::Mark]);
    }
    let replacement = BlueGreen::of(observed, &members);
    let traffic = replacement.as_ref().map_or(members.serving.color, BlueGreen::traffic);
    let (writes, obstacles) = objects::update(observed, traffic);
    let ceremony = ceremony::step(observed);
    let mut decision = Decision { obstacles, ceremony, ..Decision::new(Arc::clone(&members), writes) };
    decision.obstacles.extend(decision.ceremony.iter().filter_map(|step| step.obstacle.clone()));
    let fork = HardFork::of(observed, &members);
    fill(observed, &members.serving, fork.is_none() && replacement.is_none(), &mut decision);
    update(group, &members, fork.as_ref(), &mut decision);
    match &replacement {
        Some(replacement) => replace(observed, replacement, &mut decision),
        None => delete_other(observed, &members, &mut decision),
    }
    scale_down(group, &members, &mut decision);
    decision.obstacles.extend(in_nodes(&members));
    decision
}

/// Adopts retained SeiNodes of a set and, if it `may_create` them, creates missing ones.
fn fill(observed: &Observed, set: &Set, may_create: bool, decision: &mut Decision) {
    let group = &*observed.group;
    for member in &set.wanted {
        match &member.occupant {
            Occupant::Vacant if !may_create => {}
            Occupant::Vacant => {
                let mut node = child(group, &member.seat, &generation(group));
                let entry = |_| ceremony::entry(group, member.seat.ordinal, observed.now);
                match group.spec.genesis.as_ref().map(entry) {
                    Some(Entry::Closed) => continue,
                    Some(Entry::Follower) => as_follower(&mut node),
                    Some(Entry::Validator) | None => {}
                }
                decision.writes.push(Write::Create(Box::new(node)));
            }
            Occupant::Retained(child) => decision.writes.extend(child.write(child.metadata_patch())),
            Occupant::Foreign(why) => {
                decision.obstacles.push(Obstacle::new(StalledReason::ForeignObject, why));
            }
            Occupant::Unreadable => {
                let message = format!("SeiNode {} {UNREADABLE}", member.seat.name);
                decision.obstacles.push(Obstacle::new(StalledReason::NodeStalled, message));
            }
            Occupant::Own(_) | Occupant::Ending(_) => {}
        }
    }
}

/// Updates SeiNodes to the template, and allows them to replace the images of their sidecars: both within one budget.
/// Labels and annotations are applied immediately.
fn update(
    group: &SeiNodeDeployment,
    members: &Members,
    fork: Option<&HardFork<'_>>,
    decision: &mut Decision,
) {
    let strategy = &group.spec.update_strategy;
    let replicas = group.spec.replicas();
    let is_in_place = strategy.type_ == StrategyType::InPlace;
    let candidates: Vec<_> = members
        .children()
        .map(|(ordinal, child)| Candidate {
            ordinal,
            is_outdated: (is_in_place && child.is_outdated) || needs_sidecar_update(&child.node),
            // A SeiNode that is allowed to replace its sidecar may restart at any time.
            is_available: child.is_available() && !labels::allows_sidecar_update(&child.node),
        })
        .collect();
    let turn = turn(&candidates, replicas, strategy.max_unavailable(replicas));
    let updated = match strategy.type_ {
        StrategyType::InPlace => turn.clone(),
        StrategyType::HardFork => {
            decision.obstacles.extend(fork.iter().flat_map(|fork| fork.obstacles(members)));
            fork.map_or_else(Default::default, |fork| fork.turn(members))
        }
        StrategyType::BlueGreen | StrategyType::Unknown => {
            let fault = match strategy.type_ {
                StrategyType::BlueGreen => blue_green::fault(group),
                _ => Some(UNKNOWN_STRATEGY),
            };
            let fault = fault.filter(|_| members.children().any(|(_, child)| child.is_outdated));
            decision.obstacles.extend(fault.map(|why| Obstacle::new(StalledReason::NotSupported, why)));
            Default::default()
        }
    };
    for (ordinal, child) in members.children() {
        let patch = if child.is_outdated && updated.contains(&ordinal) {
            Some(child.whole_patch(group))
        } else if needs_sidecar_update(&child.node) && turn.contains(&ordinal) {
            child.sidecar_patch()
        } else {
            child.metadata_patch()
        };
        decision.writes.extend(child.write(patch));
    }
}

/// Creates and updates the SeiNodes that will replace the serving ones.
fn replace(observed: &Observed, replacement: &BlueGreen<'_>, decision: &mut Decision) {
    fill(observed, replacement.new_set(), true, decision);
    decision.writes.extend(replacement.writes());
    decision.next = replacement.next();
}

/// Deletes the set that is not serving.
fn delete_other(observed: &Observed, members: &Members, decision: &mut Decision) {
    let nodes = &members.other.nodes;
    match Hold::of(observed, members).filter(|_| !nodes.is_empty()) {
        Some(hold) => decision.next = hold.next(),
        None => decision.writes.extend(nodes.iter().filter_map(Write::delete)),
    }
}

fn scale_down(group: &SeiNodeDeployment, members: &Members, decision: &mut Decision) {
    match scale::step(group, &members.serving.surplus) {
        Step::Done | Step::Wait => {}
        Step::Delete(node) => decision.writes.extend(Write::delete(&node)),
        Step::Confirm(node) => {
            let (name, uid) = (node.name_any(), node.uid().unwrap_or_default());
            let message = format!(
                "not scaling down: the keys of validator {name} exist only on its volume and would be deleted with it; back \
                 them up, then set annotation {}={uid} on the SeiNodeDeployment, or raise replicas again",
                labels::CONFIRM_KEY_LOSS_ANNOTATION
            );
            decision.obstacles.push(Obstacle::new(StalledReason::KeyLossNotConfirmed, message));
        }
    }
}

/// Stalled SeiNodes of both sets, and SeiNodes that the group does not manage.
fn in_nodes(members: &Members) -> Vec<Obstacle> {
    let children = members.serving.children().chain(members.other.children());
    let stalled = children.filter_map(|(_, child)| {
        let (reason, message) = availability::stalled(&child.node)?;
        let message = format!("SeiNode {}: {reason}: {message}", child.node.name_any());
        Some(Obstacle::new(StalledReason::NodeStalled, message))
    });
    let strays = members.strays.iter().map(|node| {
        let message = format!(
            "SeiNode {} was created by a BlueGreen or HardFork update of the Go controller and is neither updated nor \
             deleted; delete it, or remove its owner reference to keep it outside the group",
            node.name_any()
        );
        Obstacle::new(StalledReason::UnexpectedNode, message)
    });
    stalled.chain(strays).collect()
}
