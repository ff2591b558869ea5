//! Deletes or releases the SeiNodes of a group that is being deleted.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{ResourceExt, core::ObjectMeta};
use sei_api::{SeiNode, SeiNodeDeployment, labels, v1alpha1::deployment::DeletionPolicy};

use crate::{observed::Observed, owner::is_owned_by, scale::has_only_keys, write::Write};

/// The finalizer that `kubectl delete --cascade=orphan` sets.
const ORPHAN: &str = "orphan";

/// The next writes. The finalizer is removed when no object of the group is left, so that a client waiting for the
/// deletion of the group also waits for its nodes.
pub(crate) fn writes(observed: &Observed) -> Vec<Write> {
    let group = &*observed.group;
    if !group.finalizers().iter().any(|finalizer| finalizer == labels::DEPLOYMENT_FINALIZER) {
        return Vec::new();
    }
    let own: Vec<_> = observed.nodes.iter().filter(|node| is_owned_by(&***node, group)).collect();
    let mut writes: Vec<_> = own.iter().filter_map(|node| part_with(group, node)).collect();
    let objects = observed.objects.iter().filter(|object| retains_all(group) && object.is_owned_by(group));
    writes.extend(objects.map(|object| Write::ReleaseObject {
        kind: object.kind(),
        name: object.name().to_owned(),
        version: object.metadata().resource_version.clone().unwrap_or_default(),
        owners: other_owners(object.metadata(), group),
    }));
    if own.is_empty() && writes.is_empty() {
        writes.push(Write::Unmark);
    }
    writes
}

/// The write that removes one SeiNode from the group; `None` if it is already in progress.
fn part_with(group: &SeiNodeDeployment, node: &Arc<SeiNode>) -> Option<Write> {
    let keeps = match group.spec.deletion_policy {
        _ if retains_all(group) => true,
        Some(DeletionPolicy::Delete) => false,
        _ => has_only_keys(node),
    };
    if keeps && node.metadata.deletion_timestamp.is_none() {
        return Some(Write::Release {
            name: node.name_any(),
            version: node.resource_version().unwrap_or_default(),
            owners: other_owners(&node.metadata, group),
        });
    }
    Write::delete(node)
}

/// Whether everything is retained: because of the policy, of `--cascade=orphan`, or of a policy of a later version.
fn retains_all(group: &SeiNodeDeployment) -> bool {
    let policy = group.spec.deletion_policy;
    matches!(policy, Some(DeletionPolicy::Retain | DeletionPolicy::Unknown))
        || group.finalizers().iter().any(|finalizer| finalizer == ORPHAN)
}

fn other_owners(metadata: &ObjectMeta, group: &SeiNodeDeployment) -> Vec<OwnerReference> {
    let owners = metadata.owner_references.iter().flatten();
    owners.filter(|owner| Some(&owner.uid) != group.metadata.uid.as_ref()).cloned().collect()
}
