//! The SeiNode that takes the place of the deleted one.

use k8s_openapi::{api::core::v1::PersistentVolumeClaim, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::ResourceExt;
use sei_api::{
    SeiNode, labels, names,
    v1alpha1::{DataVolume, ImportVolume, SidecarTls},
};

use crate::observed::Target;

/// Annotation of a data volume claim: the SeiNode to be created on it, as JSON. Present from before the old SeiNode is
/// deleted until the new one is Ready.
pub const RECREATE_ANNOTATION: &str = "sei.io/recreate-node";
/// What `kubectl apply` last applied was the old spec.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// `node` as it is to be created again: with the TLS setting of `target`, on the volume that it has.
pub(crate) fn recreated(node: &SeiNode, target: &Target) -> SeiNode {
    let dropped = [LAST_APPLIED, labels::RETRY_ANNOTATION];
    let annotations = node.annotations().iter().filter(|(key, _)| !dropped.contains(&key.as_str()));
    let annotations: std::collections::BTreeMap<_, _> =
        annotations.map(|(key, value)| (key.clone(), value.clone())).collect();
    let mut new = SeiNode {
        metadata: ObjectMeta {
            name: node.metadata.name.clone(),
            namespace: node.metadata.namespace.clone(),
            labels: node.metadata.labels.clone(),
            annotations: (!annotations.is_empty()).then_some(annotations),
            ..ObjectMeta::default()
        },
        spec: node.spec.clone(),
        status: None,
    };
    new.spec.data_volume =
        Some(DataVolume { import: Some(ImportVolume { pvc_name: names::data_claim(node) }) });
    match target {
        Target::Enable { secret, .. } => {
            let sidecar = new.spec.sidecar.get_or_insert_default();
            sidecar.tls = Some(SidecarTls { secret_name: secret.clone() });
        }
        Target::Disable => {
            if let Some(sidecar) = new.spec.sidecar.as_mut() {
                sidecar.tls = None;
            }
        }
    }
    new
}

/// Whether `node` has the TLS setting of `target`.
pub(crate) fn is_done(node: &SeiNode, target: &Target) -> bool {
    match target {
        Target::Enable { secret, .. } => node.spec.tls().is_some_and(|tls| tls.secret_name == *secret),
        Target::Disable => node.spec.tls().is_none(),
    }
}

/// The SeiNode that is stored on `claim`, to be created on it.
pub fn stored(claim: &PersistentVolumeClaim) -> Option<SeiNode> {
    serde_json::from_str(claim.annotations().get(RECREATE_ANNOTATION)?).ok()
}
