//! The replacements of deleted objects, as they are stored until they are created.

use std::collections::BTreeMap;

use k8s_openapi::{api::core::v1::PersistentVolumeClaim, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::ResourceExt;
use sei_api::{SeiNode, SeiNodeDeployment, labels};
use serde::de::DeserializeOwned;

use crate::observed::Target;

/// Annotation of `kubectl apply` with the old spec.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The replacement of `node`, with the TLS setting of `target`.
pub(crate) fn recreated(node: &SeiNode, target: &Target) -> SeiNode {
    let mut new = SeiNode { metadata: metadata(&node.metadata), spec: node.spec.clone(), status: None };
    target.apply_to(&mut new.spec);
    new
}

/// The replacement of `group`, with the TLS setting of `target` in its template.
pub(crate) fn recreated_group(group: &SeiNodeDeployment, target: &Target) -> SeiNodeDeployment {
    let mut new =
        SeiNodeDeployment { metadata: metadata(&group.metadata), spec: group.spec.clone(), status: None };
    target.apply_to(&mut new.spec.template.spec);
    new
}

fn metadata(old: &ObjectMeta) -> ObjectMeta {
    let dropped = [LAST_APPLIED, labels::RETRY_ANNOTATION];
    let annotations = old.annotations.iter().flatten().filter(|(key, _)| !dropped.contains(&key.as_str()));
    let annotations: BTreeMap<_, _> = annotations.map(|(key, value)| (key.clone(), value.clone())).collect();
    ObjectMeta {
        name: old.name.clone(),
        namespace: old.namespace.clone(),
        labels: old.labels.clone(),
        annotations: (!annotations.is_empty()).then_some(annotations),
        ..ObjectMeta::default()
    }
}

/// The SeiNode that is stored on `claim`.
pub fn stored(claim: &PersistentVolumeClaim) -> Option<SeiNode> {
    read(claim, labels::RECREATE_ANNOTATION)
}

/// The SeiNodeDeployment that is stored on `claim`.
pub fn stored_group(claim: &PersistentVolumeClaim) -> Option<SeiNodeDeployment> {
    read(claim, labels::RECREATE_GROUP_ANNOTATION)
}

fn read<K: DeserializeOwned>(claim: &PersistentVolumeClaim, annotation: &str) -> Option<K> {
    serde_json::from_str(claim.annotations().get(annotation)?).ok()
}
