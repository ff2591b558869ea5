//! Checks before anything of a node is deleted.

use k8s_openapi::{api::core::v1::PersistentVolumeClaim, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::ResourceExt;
use sei_api::{
    SeiNode,
    conditions::{ConditionType, is_true},
    labels, names,
    v1alpha1::{NodePhase, PlanPhase},
};

use crate::observed::{Observed, Volume};

/// Why `node` must not be deleted now; `None` if it may be.
pub(crate) fn objection(node: &SeiNode, observed: &Observed) -> Option<String> {
    let status = node.status.as_ref();
    let ready = status.and_then(|status| status.condition(ConditionType::Ready));
    let controller = controller(node);
    let is_other =
        |owner: &&OwnerReference| observed.group.as_ref().is_none_or(|group| group.uid != owner.uid);
    if let Some(group) = controller.filter(is_other) {
        return Some(format!(
            "it belongs to {} {}, which manages its spec: use {}/{} instead",
            group.kind,
            group.name,
            group.kind.to_lowercase(),
            group.name
        ));
    }
    if status.and_then(|status| status.phase) != Some(NodePhase::Running) || !is_true(ready) {
        let why = ready.map_or_else(String::new, |ready| format!(": {}", ready.message));
        return Some(format!("it is not Ready{why}"));
    }
    if status.and_then(|status| status.plan.as_ref()).is_some_and(|plan| plan.phase == PlanPhase::Active) {
        return Some("a plan is in progress".to_owned());
    }
    let Some(claim) = &observed.claim else {
        return Some(format!("its data volume claim {} does not exist", names::data_claim(node)));
    };
    of_claim(node, claim).or_else(|| of_volume(observed))
}

fn of_claim(node: &SeiNode, claim: &PersistentVolumeClaim) -> Option<String> {
    let name = claim.name_any();
    if claim.metadata.deletion_timestamp.is_some() {
        return Some(format!("claim {name} is being deleted; see docs/backup.md to keep its volume"));
    }
    if let Some(other) = claim.owner_references().iter().find(|owner| !is_of(owner, node)) {
        return Some(format!(
            "claim {name} is also owned by {} {}, and would be deleted with it",
            other.kind, other.name
        ));
    }
    if claim.status.as_ref().and_then(|status| status.phase.as_deref()) != Some("Bound") {
        return Some(format!("claim {name} is not bound to a volume"));
    }
    if !claim.annotations().contains_key(labels::INITIALIZED_ANNOTATION) {
        return Some(format!(
            "claim {name} has no annotation {}: the recreated node would restore over its data. The operator sets it once the node has caught up",
            labels::INITIALIZED_ANNOTATION
        ));
    }
    None
}

fn of_volume(observed: &Observed) -> Option<String> {
    match &observed.volume {
        Volume::Retained => None,
        Volume::Unknown => Some(
            "the reclaim policy of its volume is unknown; you need permission to get persistentvolumes"
                .to_owned(),
        ),
        Volume::Deleted(volume) => Some(format!(
            "PersistentVolume {volume} has reclaim policy Delete, so the data is lost if its claim is deleted; run: kubectl patch pv {volume} -p '{{\"spec\":{{\"persistentVolumeReclaimPolicy\":\"Retain\"}}}}'"
        )),
    }
}

/// The controller of `node`.
pub(crate) fn controller(node: &SeiNode) -> Option<&OwnerReference> {
    node.owner_references().iter().find(|owner| owner.controller == Some(true))
}

/// Whether `owner` is this SeiNode, by UID.
pub(crate) fn is_of(owner: &OwnerReference, node: &SeiNode) -> bool {
    owner.kind == "SeiNode" && Some(&owner.uid) == node.metadata.uid.as_ref()
}
