//! The data volume claim of a node.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements,
};
use sei_api::{labels, names};

use crate::{meta::metadata, workload::Workload};

/// The claim that is created for a node; `None` if it imports one.
pub(crate) fn data_claim(workload: &Workload<'_>) -> Option<PersistentVolumeClaim> {
    let node = workload.object();
    if names::imported_claim(node).is_some() {
        return None;
    }
    let size = workload.size();
    let mut metadata = metadata(node, names::data_claim(node), labels::node_labels(node));
    if node.spec.retains_data() {
        // An object without an owner is not deleted with one, however the SeiNode is deleted.
        metadata.owner_references = None;
        metadata
            .labels
            .get_or_insert_default()
            .insert(labels::RETAINED_FOR.to_owned(), names::node(node).to_owned());
    }
    Some(PersistentVolumeClaim {
        metadata,
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
