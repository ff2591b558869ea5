//! Paced replacement of the images of the sidecar and its proxy on Running nodes: which nodes of a chain are updated
//! now. No state is kept: a node whose pod has other images is outdated, and one that is not available is starting or
//! has a problem. A SeiNode with a controller, such as a SeiNodeDeployment, is updated once its controller allows it
//! and it is its turn, so that neither limit is exceeded.

use std::{num::NonZeroU32, sync::Arc};

use sei_api::{
    SeiNode, SeiNodeStatus,
    conditions::{self, ConditionType},
    labels, names,
    v1alpha1::{NodePhase, PlanPhase},
};
use sei_plan::Purpose;
use sei_render::{Platform, proxy_image, sidecar_image};

use crate::ownership::{controller, group};

/// Whether the pod of a node gets the requested images now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is the turn of this node.
    Now,
    /// Other nodes of the chain are updated first.
    Later,
    /// It is the next node, but waits until another one is available.
    Next {
        /// Namespace and name of the other node.
        after: String,
        /// Why that node is not available: the reason of one of its conditions.
        reason: String,
    },
}

/// A Running node of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Namespace and name.
    pub name: (String, String),
    /// Validators come last.
    is_validator: bool,
    /// Its pod has other images than requested, and must get those.
    is_outdated: bool,
    /// It has no controller, or its controller allows the update.
    is_allowed: bool,
    /// An update has started, or is about to.
    is_updating: bool,
    /// Why it is not available; `None` if it is.
    trouble: Option<String>,
}

impl Member {
    /// `node` as a member of its chain; `None` if it takes no part in the rollout.
    pub fn of(node: &SeiNode, platform: &Platform) -> Option<Self> {
        let status = node.status.as_ref().filter(|status| status.phase == Some(NodePhase::Running))?;
        if !is_concerned(node) {
            return None;
        }
        let plan = status.plan.as_ref().filter(|plan| plan.phase == PlanPhase::Active);
        Some(Self {
            name: (names::namespace(node).to_owned(), names::node(node).to_owned()),
            is_validator: node.spec.validator.is_some(),
            is_outdated: may_be_allowed(node) && outdated_images(node, status, platform).next().is_some(),
            is_allowed: is_allowed(node),
            is_updating: plan.is_some_and(|plan| Purpose::of(plan) == Purpose::Update),
            trouble: trouble(node, status, platform),
        })
    }

    /// Counts the member as being updated: it was allowed to, and its plan is not visible yet.
    pub fn begin(&mut self) {
        self.is_updating = true;
        self.trouble.get_or_insert_with(|| "its update is starting".to_owned());
    }

    /// Whether its images are outdated, whether an update has started, and whether it is available: the state that
    /// other members of the chain depend on.
    pub fn state(&self) -> (bool, bool, bool) {
        (self.is_outdated(), self.is_updating, self.trouble.is_none())
    }

    /// Whether its pod has other images than requested, and its controller, if any, allows replacing them.
    pub fn is_outdated(&self) -> bool {
        self.is_outdated && self.is_allowed
    }

    /// Whether it waits for its turn.
    pub fn is_waiting(&self) -> bool {
        self.is_outdated() && !self.is_updating
    }
}

/// Whether a node takes part in the rollout of its chain: one that is paused or being deleted does not.
fn is_concerned(node: &SeiNode) -> bool {
    node.metadata.deletion_timestamp.is_none() && !node.spec.is_paused()
}

/// Whether only the rollout of its chain decides when a node is updated.
fn is_allowed(node: &SeiNode) -> bool {
    controller(node).is_none() || labels::allows_sidecar_update(node)
}

/// Whether the node is allowed to be updated, or will be: controllers other than groups do not take part in this.
fn may_be_allowed(node: &SeiNode) -> bool {
    is_allowed(node) || group(node).is_some()
}

/// The members of `chain` among `nodes`.
pub fn members(chain: &str, nodes: impl Iterator<Item = Arc<SeiNode>>, platform: &Platform) -> Vec<Member> {
    let of_chain = nodes.filter(|node| node.spec.chain_id == chain);
    of_chain.filter_map(|node| Member::of(&node, platform)).collect()
}

/// Whether it is the turn of the member with this name; `None` if it is not waiting for its turn.
pub fn turn(name: (&str, &str), members: &[Member], max_unavailable: NonZeroU32) -> Option<Turn> {
    let is_own = |member: &&Member| (member.name.0.as_str(), member.name.1.as_str()) == name;
    let own = members.iter().find(is_own).filter(|own| own.is_outdated())?;
    if own.is_updating || chosen(members, max_unavailable).contains(&own) {
        return Some(Turn::Now);
    }
    let mut others = members.iter().filter(|member| *member != own);
    let awaited = others.find_map(|member| Some((member, member.trouble.as_ref()?)));
    let awaited = awaited.filter(|_| next(members, max_unavailable).contains(&own));
    Some(awaited.map_or(Turn::Later, |(member, reason)| Turn::Next {
        after: format!("{}/{}", member.name.0, member.name.1),
        reason: reason.clone(),
    }))
}

/// The members whose turn it is, or else the next one.
pub fn next(members: &[Member], max_unavailable: NonZeroU32) -> Vec<&Member> {
    let chosen = chosen(members, max_unavailable);
    match chosen.is_empty() {
        true => waiting(members).into_iter().take(1).collect(),
        false => chosen,
    }
}

/// The members to update now. An unavailable member loses nothing by its update and may need it, so it comes first; but
/// no more are updated at a time than may be unavailable. An available validator waits for every other node, even for
/// those whose groups do not allow it yet.
fn chosen(members: &[Member], max_unavailable: NonZeroU32) -> Vec<&Member> {
    let most = max_unavailable.get() as usize;
    let updating = members.iter().filter(|member| member.is_updating).count();
    let unavailable = members.iter().filter(|member| member.trouble.is_some()).count();
    let waiting = waiting(members);
    let left = members.iter().filter(|member| member.is_outdated && !member.is_updating);
    let only_validators = left.into_iter().all(|member| member.is_validator);
    let (down, up): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|member| member.trouble.is_some());
    let up = up.into_iter().filter(|member| only_validators || !member.is_validator);
    let down = down.into_iter().take(most.saturating_sub(updating));
    down.chain(up.take(most.saturating_sub(unavailable))).collect()
}

/// The members that are waiting for their turn, in the order of their updates.
fn waiting(members: &[Member]) -> Vec<&Member> {
    let mut waiting: Vec<_> = members.iter().filter(|member| member.is_waiting()).collect();
    waiting.sort_by_key(|member| (member.is_validator, &member.name));
    waiting
}

/// Why a node is not available. A node whose images are still unknown has not been observed since the operator was
/// upgraded.
fn trouble(node: &SeiNode, status: &SeiNodeStatus, platform: &Platform) -> Option<String> {
    let ready = status.condition(ConditionType::Ready);
    let synced = status.condition(ConditionType::Synced);
    let wants_proxy = wanted_proxy(node, platform).is_some();
    let not_true =
        [ready.filter(|_| !conditions::is_true(ready)), synced.filter(|synced| synced.status == "False")];
    if let Some(condition) = not_true.into_iter().flatten().next() {
        return Some(condition.reason.clone());
    }
    let is_observed = ready.is_some()
        && status.observed_generation == node.metadata.generation
        && status.current_sidecar_image.is_some()
        && (status.current_proxy_image.is_some() || !wants_proxy);
    (!is_observed).then(|| "it has not been reconciled yet".to_owned())
}

/// The requested images that the pod of a node lacks, each after the current one.
pub(crate) fn outdated_images<'a>(
    node: &'a SeiNode,
    status: &'a SeiNodeStatus,
    platform: &'a Platform,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let sidecar = (status.current_sidecar_image.as_deref(), Some(sidecar_image(node, platform)));
    let proxy = (status.current_proxy_image.as_deref(), wanted_proxy(node, platform));
    let known = [sidecar, proxy].into_iter().filter_map(|(current, wanted)| current.zip(wanted));
    known.filter(|(current, wanted)| current != wanted)
}

/// The proxy image of a node with TLS.
fn wanted_proxy<'a>(node: &SeiNode, platform: &'a Platform) -> Option<&'a str> {
    node.spec.tls().and(proxy_image(platform))
}

#[cfg(test)]
mod tests;
