//! The writes of a decision.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt;
use sei_api::SeiNode;
use serde_json::Value;

use crate::object::{Object, ObjectKind};

/// One write. Each names exactly the object that was observed, so that the API server rejects an outdated write and
/// nothing changes.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Add the finalizer.
    Mark,
    /// Apply this SeiNode, which did not exist; fails if it exists in the meantime.
    Create(Box<SeiNode>),
    /// Apply this to an existing SeiNode. It contains the UID.
    Apply {
        /// Name of the SeiNode.
        name: String,
        /// What to apply.
        patch: Value,
    },
    /// Record the fields that the Go controller wrote into the SeiNode with this UID as applied by the operator:
    /// [`taken_over`](crate::taken_over) of the live one, at its resource version.
    TakeOver {
        /// Name of the SeiNode.
        name: String,
        /// Its UID.
        uid: String,
    },
    /// Delete the SeiNode with this UID.
    Delete {
        /// Name of the SeiNode.
        name: String,
        /// Its UID.
        uid: String,
    },
    /// Reduce the owners of a SeiNode to these, at this resource version.
    Release {
        /// Name of the SeiNode.
        name: String,
        /// Its resource version.
        version: String,
        /// The remaining owners.
        owners: Vec<OwnerReference>,
    },
    /// Apply this object.
    ApplyObject(Object),
    /// Delete the object with this UID.
    DeleteObject {
        /// Its kind.
        kind: ObjectKind,
        /// Its name.
        name: String,
        /// Its UID.
        uid: String,
    },
    /// Reduce the owners of an object to these, at this resource version.
    ReleaseObject {
        /// Its kind.
        kind: ObjectKind,
        /// Its name.
        name: String,
        /// Its resource version.
        version: String,
        /// The remaining owners.
        owners: Vec<OwnerReference>,
    },
    /// Remove the finalizer.
    Unmark,
}

impl Write {
    /// The deletion of a SeiNode; `None` if it is being deleted.
    pub(crate) fn delete(node: &Arc<SeiNode>) -> Option<Self> {
        let delete = || Self::Delete { name: node.name_any(), uid: node.uid().unwrap_or_default() };
        node.metadata.deletion_timestamp.is_none().then(delete)
    }
}
