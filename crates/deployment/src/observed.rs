//! The observed state of a group.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use sei_api::{ClusterDomain, SeiNode, SeiNodeDeployment};

use crate::{
    halt::Halt,
    height::Height,
    http_route::{HTTPRoute, Routes},
    object::Object,
    owner::is_owned_by,
    seat::Seat,
    surroundings::CeremonyFacts,
};

/// The observed state of a group.
pub struct Observed {
    /// The group, as the API server last returned it.
    pub group: Arc<SeiNodeDeployment>,
    /// At least the SeiNodes that [`concerns`] it, with the group's fields in `managedFields`. May include SeiNodes of
    /// other owners.
    pub nodes: Vec<Arc<SeiNode>>,
    /// Names of SeiNodes of the namespace that cannot be decoded.
    pub unreadable: BTreeSet<String>,
    /// The other objects that it owns, those of any owner whose names it needs, and all PodDisruptionBudgets of the
    /// namespace.
    pub objects: Vec<Object>,
    /// Progress of the seids towards the halt height, for the SeiNodes in [`awaits_halt`](Self::awaits_halt).
    pub halts: BTreeMap<String, Halt>,
    /// Heights of the seids that respond, for the SeiNodes in [`awaits_heights`](Self::awaits_heights).
    pub heights: BTreeMap<String, Height>,
    /// Whether the PodDisruptionBudgets of the namespace are known: the operator may not be allowed to list them.
    pub knows_budgets: bool,
    /// Whether HTTPRoutes can be written.
    pub routes: Routes,
    /// HTTPRoutes of groups in other namespaces that have a host name of a desired route.
    pub rivals: Vec<Arc<HTTPRoute>>,
    /// The DNS domain of the cluster.
    pub domain: ClusterDomain,
    /// What the genesis ceremony depends on, if the group has one.
    pub ceremony: CeremonyFacts,
    /// The time of the observation.
    pub now: Timestamp,
}

/// Whether a SeiNode has to be in [`Observed`] of `group`: the group owns it or needs its name.
pub fn concerns(group: &SeiNodeDeployment, node: &SeiNode) -> bool {
    node.metadata.namespace == group.metadata.namespace
        && (is_owned_by(node, group)
            || node.metadata.name.as_deref().is_some_and(|name| Seat::named(group, name).is_some()))
}
