//! The data volume claim of a node.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements,
};
use sei_api::{SeiNode, labels, names, v1alpha1::Mode};

use crate::{Platform, meta::metadata};

/// The claim that is made for `node`. `None` where it imports one.
pub fn data_claim(node: &SeiNode, platform: &Platform) -> Option<PersistentVolumeClaim> {
    if names::imported_claim(node).is_some() {
        return None;
    }
    let size = platform.size(node.spec.mode().unwrap_or(Mode::FullNode));
    Some(PersistentVolumeClaim {
        metadata: metadata(node, names::data_claim(node), labels::node_labels(node)),
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            storage_class_name: Some(size.storage_class.clone()),
            resources: Some(VolumeResourceRequirements {
                requests: Some(BTreeMap::from([("storage".to_owned(), size.storage.clone())])),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        status: None,
    })
}
