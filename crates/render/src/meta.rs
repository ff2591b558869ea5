//! What all objects of a node have in common.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Resource;
use sei_api::{SeiNode, names};

/// The owner reference by which garbage collection finds the objects of `node`. A node read from a file
/// without a `uid` has none.
pub fn owner_reference(node: &SeiNode) -> Option<OwnerReference> {
    Some(OwnerReference {
        api_version: SeiNode::api_version(&()).into_owned(),
        kind: SeiNode::kind(&()).into_owned(),
        name: names::node(node).to_owned(),
        uid: node.metadata.uid.clone().filter(|uid| !uid.is_empty())?,
        controller: Some(true),
        block_owner_deletion: Some(true),
    })
}

pub(crate) fn metadata(node: &SeiNode, name: String, labels: BTreeMap<String, String>) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: node.metadata.namespace.clone(),
        labels: Some(labels),
        owner_references: owner_reference(node).map(|owner| vec![owner]),
        ..ObjectMeta::default()
    }
}
