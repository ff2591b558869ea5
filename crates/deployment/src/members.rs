//! The observed SeiNodes of a group, by ordinal and owner.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use kube::{Resource, ResourceExt};
use sei_api::{ClusterDomain, SeiNode, SeiNodeDeployment, labels};
use serde_json::{Value, json};

use crate::{
    availability::{is_available, runs_its_image},
    child::{child_like, child_name, group_name, ordinal_of},
    fields::{applied_spec, metadata_differs, spec_differs},
    halt::Halt,
    http_route::Routes,
    object::Object,
    surroundings::CeremonyFacts,
    takeover::taken_over,
    write::Write,
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
    /// How those seids stand to the halt height that [`awaits_halt`](Self::awaits_halt) names, by SeiNode.
    pub halts: BTreeMap<String, Halt>,
    /// Whether the PodDisruptionBudgets of the namespace are known: the operator may not be allowed to list them.
    pub knows_budgets: bool,
    /// Whether HTTPRoutes can be written.
    pub routes: Routes,
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
            || node.metadata.name.as_deref().is_some_and(|name| ordinal_of(group, name).is_some()))
}

/// The SeiNodes of a group.
pub(crate) struct Members {
    /// One per ordinal below `replicas`, in order.
    pub(crate) wanted: Vec<Member>,
    /// Owned SeiNodes with higher ordinals, the highest first.
    pub(crate) surplus: Vec<Arc<SeiNode>>,
    /// Owned SeiNodes with other names: a second set of the Go controller.
    pub(crate) strays: Vec<Arc<SeiNode>>,
}

/// What is wrong with a SeiNode that cannot be decoded.
pub(crate) const UNREADABLE: &str =
    "cannot be decoded and is not reconciled: its condition Stalled names the field";

/// State of an ordinal.
pub(crate) struct Member {
    pub(crate) ordinal: u32,
    pub(crate) name: String,
    pub(crate) place: Place,
}

pub(crate) enum Place {
    /// There is no SeiNode of this name.
    Vacant,
    /// Owned by the group.
    Own(Child),
    /// Retained by an earlier group of this name; it has no owner.
    Retained(Child),
    /// Being deleted: the name becomes available without further action.
    Ending(Arc<SeiNode>),
    /// A SeiNode of this name cannot be decoded: nothing else is known of it.
    Unreadable,
    /// It must not be changed by the group, for this reason.
    Foreign(String),
}

/// A SeiNode, compared with the template.
pub(crate) struct Child {
    pub(crate) node: Arc<SeiNode>,
    /// Its spec differs from the template.
    pub(crate) is_outdated: bool,
    /// Its labels, annotations or owner differ from the template.
    has_other_metadata: bool,
    /// The desired SeiNode, with the current revision of the SeiNode.
    desired: SeiNode,
}

impl Members {
    pub(crate) fn of(observed: &Observed) -> Self {
        let group = &*observed.group;
        let own = |node: &&Arc<SeiNode>| is_owned_by(&***node, group);
        let ordinal = |node: &SeiNode| ordinal_of(group, &node.name_any());
        let replicas = group.spec.replicas();
        let wanted = (0..replicas).map(|ordinal| Member::of(observed, ordinal)).collect();
        let mut surplus: Vec<_> = observed
            .nodes
            .iter()
            .filter(own)
            .filter(|node| ordinal(node).is_some_and(|ordinal| ordinal >= replicas))
            .cloned()
            .collect();
        surplus.sort_by_key(|node| std::cmp::Reverse(ordinal(node)));
        let strays =
            observed.nodes.iter().filter(own).filter(|node| ordinal(node).is_none()).cloned().collect();
        Self { wanted, surplus, strays }
    }

    /// The SeiNode with another name that replaces an ordinal: one of the Go controller's second set.
    pub(crate) fn holder(&self, ordinal: u32) -> Option<&Arc<SeiNode>> {
        let ordinal = ordinal.to_string();
        self.strays.iter().find(|node| node.labels().get(labels::DEPLOYMENT_ORDINAL) == Some(&ordinal))
    }

    /// The SeiNodes at desired ordinals that the group owns and that are not being deleted.
    pub(crate) fn children(&self) -> impl Iterator<Item = (u32, &Child)> {
        self.wanted.iter().filter_map(|member| match &member.place {
            Place::Own(child) => Some((member.ordinal, child)),
            _ => None,
        })
    }
}

impl Member {
    fn of(observed: &Observed, ordinal: u32) -> Self {
        let group = &*observed.group;
        let name = child_name(group, ordinal);
        let found = observed.nodes.iter().find(|node| node.name_any() == name);
        let place = match found {
            None if observed.unreadable.contains(&name) => Place::Unreadable,
            None => Place::Vacant,
            Some(node) if node.metadata.deletion_timestamp.is_some() => Place::Ending(Arc::clone(node)),
            Some(node) if is_owned_by(&**node, group) => Place::Own(Child::of(group, ordinal, node)),
            Some(node) if is_left_of_former(&**node, group) => Place::Ending(Arc::clone(node)),
            Some(node) => match not_adoptable(node, &Child::of(group, ordinal, node).desired, group) {
                None => Place::Retained(Child::of(group, ordinal, node)),
                Some(why) => Place::Foreign(why),
            },
        };
        Self { ordinal, name, place }
    }
}

impl Child {
    fn of(group: &SeiNodeDeployment, ordinal: u32, node: &Arc<SeiNode>) -> Self {
        let revision = node.labels().get(labels::REVISION).cloned().unwrap_or_else(|| generation(group));
        let desired = child_like(node, group, ordinal, &revision);
        Self {
            node: Arc::clone(node),
            is_outdated: spec_differs(&desired, node),
            has_other_metadata: metadata_differs(&desired, node) || !is_owned_by(&**node, group),
            desired,
        }
    }

    /// Whether its spec matches the template and its image runs.
    pub(crate) fn is_updated(&self) -> bool {
        !self.is_outdated && runs_its_image(&self.node)
    }

    pub(crate) fn is_available(&self) -> bool {
        is_available(&self.node)
    }

    /// The patch for labels, annotations and owner only: the spec and its field ownership do not change.
    pub(crate) fn metadata_patch(&self) -> Option<Value> {
        self.has_other_metadata.then(|| {
            let mut patch = self.patch(&self.desired);
            patch["spec"] = applied_spec(&self.node);
            patch
        })
    }

    /// The patch that updates the SeiNode to the template of `group`. The revision changes only with the spec.
    pub(crate) fn whole_patch(&self, group: &SeiNodeDeployment, ordinal: u32) -> Value {
        self.patch(&child_like(&self.node, group, ordinal, &generation(group)))
    }

    /// The write of `patch`. Fields of the Go controller are taken over first; otherwise the patch could not remove them.
    pub(crate) fn write(&self, patch: Option<Value>) -> Option<Write> {
        let name = self.node.name_any();
        if taken_over(&self.node).is_some() {
            return Some(Write::TakeOver { name, uid: self.node.uid().unwrap_or_default() });
        }
        patch.map(|patch| Write::Apply { name, patch })
    }

    /// Limits the write to this SeiNode, excluding another one of the same name.
    fn patch(&self, desired: &SeiNode) -> Value {
        let mut patch = json!(desired);
        patch["metadata"]["uid"] = json!(self.node.metadata.uid);
        patch
    }
}

/// The revision of SeiNodes that are created or changed now.
pub(crate) fn generation(group: &SeiNodeDeployment) -> String {
    group.metadata.generation.unwrap_or_default().to_string()
}

/// Whether `group` is the controller of `object`.
pub fn is_owned_by(object: &impl Resource, group: &SeiNodeDeployment) -> bool {
    let controller =
        object.meta().owner_references.iter().flatten().find(|owner| owner.controller == Some(true));
    controller.is_some_and(|owner| Some(&owner.uid) == group.metadata.uid.as_ref())
}

/// Whether the garbage collector deletes `object`: its controller is a deleted group of the same name.
fn is_left_of_former(object: &impl Resource, group: &SeiNodeDeployment) -> bool {
    let controller =
        object.meta().owner_references.iter().flatten().find(|owner| owner.controller == Some(true));
    controller.is_some_and(|owner| {
        owner.kind == SeiNodeDeployment::kind(&())
            && owner.name == group_name(group)
            && Some(&owner.uid) != group.metadata.uid.as_ref()
    })
}

/// Why a SeiNode that this group does not own cannot be adopted, if it cannot: only one that an earlier group of this
/// name retained can.
fn not_adoptable(node: &SeiNode, desired: &SeiNode, group: &SeiNodeDeployment) -> Option<String> {
    let name = node.name_any();
    let controller = node.owner_references().iter().find(|owner| owner.controller == Some(true));
    if let Some(owner) = controller {
        return Some(format!("SeiNode {name} belongs to {} {}", owner.kind, owner.name));
    }
    if node.labels().get(labels::DEPLOYMENT).map(String::as_str) != Some(group_name(group)) {
        return Some(format!(
            "SeiNode {name} was not created by this SeiNodeDeployment; delete or rename one of them, or label the SeiNode \
             {}={} to have it adopted",
            labels::DEPLOYMENT,
            group_name(group)
        ));
    }
    let import = |node: &SeiNode| sei_api::names::imported_claim(node).map(str::to_owned);
    let differs = [
        ("chainId", node.spec.chain_id != desired.spec.chain_id),
        ("mode", node.spec.mode() != desired.spec.mode()),
        ("sidecar.tls", node.spec.tls() != desired.spec.tls()),
        ("dataVolume.import", import(node) != import(desired)),
        ("validator keys", keys(node) != keys(desired)),
    ];
    let (field, _) = differs.into_iter().find(|(_, differs)| *differs)?;
    Some(format!(
        "SeiNode {name} was retained with another {field}, which never changes; correct the template, or delete the SeiNode"
    ))
}

fn keys(node: &SeiNode) -> Value {
    let validator = node.spec.validator.as_ref();
    json!(validator.map(|validator| (
        &validator.signing_key,
        &validator.node_key,
        &validator.genesis_ceremony
    )))
}
