//! The SeiNode of one seat in a group, compared with the template.

use std::{collections::BTreeSet, sync::Arc};

use kube::ResourceExt;
use sei_api::{SeiNode, SeiNodeDeployment, labels};
use serde_json::{Value, json};

use crate::{
    availability::{is_available, runs_its_image},
    child::child_like,
    fields::{applied_spec, metadata_differs, spec_differs},
    owner::{controller, is_left_of_former, is_owned_by},
    seat::{Seat, group_name},
    takeover::taken_over,
    write::Write,
};

/// What to report about a SeiNode that cannot be decoded.
pub(crate) const UNREADABLE: &str =
    "cannot be decoded and is not reconciled: its condition Stalled names the field";

/// State of a seat in a group.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) seat: Seat,
    pub(crate) occupant: Occupant,
}

#[derive(Debug)]
pub(crate) enum Occupant {
    /// There is no SeiNode of this name.
    Vacant,
    /// Owned by the group.
    Own(Child),
    /// Retained by an earlier group of this name; it has no owner.
    Retained(Child),
    /// Being deleted: the name becomes free without further action.
    Ending(Arc<SeiNode>),
    /// A SeiNode of this name cannot be decoded: nothing else is known about it.
    Unreadable,
    /// The group must not change it, for this reason.
    Foreign(String),
}

/// A SeiNode, compared with the template.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) node: Arc<SeiNode>,
    seat: Seat,
    /// Its spec differs from the template.
    pub(crate) is_outdated: bool,
    /// The group does not own it yet.
    is_retained: bool,
    /// The desired SeiNode, with the current revision label.
    desired: SeiNode,
}

impl Member {
    pub(crate) fn of(
        group: &SeiNodeDeployment,
        nodes: &[Arc<SeiNode>],
        unreadable: &BTreeSet<String>,
        seat: Seat,
    ) -> Self {
        let found = nodes.iter().find(|node| node.name_any() == seat.name);
        let occupant = match found {
            None if unreadable.contains(&seat.name) => Occupant::Unreadable,
            None => Occupant::Vacant,
            Some(node) if node.metadata.deletion_timestamp.is_some() => Occupant::Ending(Arc::clone(node)),
            Some(node) if is_owned_by(&**node, group) => Occupant::Own(Child::of(group, &seat, node)),
            Some(node) if is_left_of_former(&**node, group) => Occupant::Ending(Arc::clone(node)),
            Some(node) => {
                let child = Child::of(group, &seat, node);
                match not_adoptable(node, &child.desired, group) {
                    None => Occupant::Retained(child),
                    Some(why) => Occupant::Foreign(why),
                }
            }
        };
        Self { seat, occupant }
    }

    /// Its SeiNode, if the group owns it and it is not being deleted.
    pub(crate) fn child(&self) -> Option<&Child> {
        match &self.occupant {
            Occupant::Own(child) => Some(child),
            _ => None,
        }
    }
}

impl Child {
    fn of(group: &SeiNodeDeployment, seat: &Seat, node: &Arc<SeiNode>) -> Self {
        let revision = node.labels().get(labels::REVISION).cloned().unwrap_or_else(|| generation(group));
        let mut desired = child_like(node, group, seat, &revision);
        if !seat.is_named_by(group) {
            without_new_labels(&mut desired, node, group);
        }
        Self {
            node: Arc::clone(node),
            seat: seat.clone(),
            is_outdated: spec_differs(&desired, node),
            is_retained: !is_owned_by(&**node, group),
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
        self.metadata_patch_to(&self.desired)
    }

    /// Like [`metadata_patch`](Self::metadata_patch), and lets the rollout of the chain replace the images of the sidecar.
    pub(crate) fn sidecar_patch(&self) -> Option<Value> {
        let mut desired = self.desired.clone();
        let allowed = labels::sidecar_update(&self.node)?;
        desired.annotations_mut().insert(labels::SIDECAR_UPDATE_ANNOTATION.to_owned(), allowed);
        self.metadata_patch_to(&desired)
    }

    fn metadata_patch_to(&self, desired: &SeiNode) -> Option<Value> {
        (self.is_retained || metadata_differs(desired, &self.node)).then(|| {
            let mut patch = self.patch(desired);
            patch["spec"] = applied_spec(&self.node);
            patch
        })
    }

    /// The patch that updates the SeiNode to the template of `group`. The revision changes only with the spec.
    pub(crate) fn whole_patch(&self, group: &SeiNodeDeployment) -> Value {
        self.patch(&child_like(&self.node, group, &self.seat, &generation(group)))
    }

    /// The write of `patch`. Fields of the Go controller are taken over first; otherwise the patch could not remove them.
    pub(crate) fn write(&self, patch: Option<Value>) -> Option<Write> {
        let name = self.node.name_any();
        if taken_over(&self.node).is_some() {
            return Some(Write::TakeOver { name, uid: self.node.uid().unwrap_or_default() });
        }
        patch.map(|patch| Write::Apply { name, patch })
    }

    /// Limits the write to this SeiNode: it fails for another one of the same name.
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

/// Pods of the second set of the Go controller lack the labels of the template. They get them when the template replaces them
/// for another reason.
fn without_new_labels(desired: &mut SeiNode, node: &SeiNode, group: &SeiNodeDeployment) {
    let metadata = group.spec.template.metadata.as_ref();
    let of_template = metadata.and_then(|metadata| metadata.labels.as_ref());
    let has = |key: &String| node.spec.pod_labels.as_ref().is_some_and(|labels| labels.contains_key(key));
    let is_new = |key: &String| of_template.is_some_and(|labels| labels.contains_key(key)) && !has(key);
    desired.spec.pod_labels.iter_mut().for_each(|labels| labels.retain(|key, _| !is_new(key)));
}

/// Why a SeiNode that this group does not own cannot be adopted; `None` if it can: an earlier group of this name
/// retained it.
fn not_adoptable(node: &SeiNode, desired: &SeiNode, group: &SeiNodeDeployment) -> Option<String> {
    let name = node.name_any();
    if let Some(owner) = controller(node) {
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
