//! What becomes of the SeiNodes of a group that is being deleted.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt};
use sei_api::{SeiNode, SeiNodeDeployment, labels, v1alpha1::deployment::DeletionPolicy};

use crate::{
    members::{Observed, is_owned_by},
    scale::has_only_keys,
    write::Write,
};

/// What `kubectl delete --cascade=orphan` puts on an object.
const ORPHAN: &str = "orphan";

/// The next writes. The finalizer goes when nothing of the group is left, so that a client that waits for the end of the group
/// has waited for its nodes.
pub(crate) fn writes(observed: &Observed) -> Vec<Write> {
    let group = &*observed.group;
    if !group.finalizers().iter().any(|finalizer| finalizer == labels::DEPLOYMENT_FINALIZER) {
        return Vec::new();
    }
    let own: Vec<_> = observed.nodes.iter().filter(|node| is_owned_by(&***node, group)).collect();
    let mut writes: Vec<_> = own.iter().filter_map(|node| part_with(group, node)).collect();
    let service = observed.internal_service.as_deref().filter(|service| is_owned_by(*service, group));
    if let Some(service) = service.filter(|_| retains_all(group)) {
        writes
            .push(Write::ReleaseService { version: version(service), owners: other_owners(service, group) });
    }
    if own.is_empty() && writes.is_empty() {
        writes.push(Write::Unmark);
    }
    writes
}

/// What becomes of one SeiNode; nothing where it is under way already.
fn part_with(group: &SeiNodeDeployment, node: &Arc<SeiNode>) -> Option<Write> {
    let keeps = match group.spec.deletion_policy {
        _ if retains_all(group) => true,
        Some(DeletionPolicy::Delete) => false,
        _ => has_only_keys(node),
    };
    if keeps && node.metadata.deletion_timestamp.is_none() {
        return Some(Write::Release {
            name: node.name_any(),
            version: version(&**node),
            owners: other_owners(&**node, group),
        });
    }
    (node.metadata.deletion_timestamp.is_none())
        .then(|| Write::Delete { name: node.name_any(), uid: node.uid().unwrap_or_default() })
}

/// Whether everything is kept: by the policy, by the way of the deletion, or by a policy of a later version.
fn retains_all(group: &SeiNodeDeployment) -> bool {
    let policy = group.spec.deletion_policy;
    matches!(policy, Some(DeletionPolicy::Retain | DeletionPolicy::Unknown))
        || group.finalizers().iter().any(|finalizer| finalizer == ORPHAN)
}

fn version(object: &impl Resource) -> String {
    object.resource_version().unwrap_or_default()
}

fn other_owners(object: &impl Resource, group: &SeiNodeDeployment) -> Vec<OwnerReference> {
    let owners = object.owner_references().iter();
    owners.filter(|owner| Some(&owner.uid) != group.metadata.uid.as_ref()).cloned().collect()
}
