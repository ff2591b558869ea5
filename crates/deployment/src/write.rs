//! The writes that a decision can ask for.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use sei_api::SeiNode;
use serde_json::Value;

use crate::object::{Object, ObjectKind};

/// One write. Each names the very object that was observed, so that one which is out of date is refused by the API
/// server and changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Add the finalizer.
    Mark,
    /// Apply this SeiNode, which did not exist; not where there is one by now.
    Create(Box<SeiNode>),
    /// Apply this to an existing SeiNode. Its uid is in it.
    Apply {
        /// Name of the SeiNode.
        name: String,
        /// What to apply.
        patch: Value,
    },
    /// Count what the Go controller wrote into a SeiNode of this uid as applied by us: [`taken_over`](crate::taken_over)
    /// of the live one, at its resource version.
    TakeOver {
        /// Name of the SeiNode.
        name: String,
        /// Its uid.
        uid: String,
    },
    /// Delete a SeiNode of this uid.
    Delete {
        /// Name of the SeiNode.
        name: String,
        /// Its uid.
        uid: String,
    },
    /// Leave a SeiNode these owners, at this resource version.
    Release {
        /// Name of the SeiNode.
        name: String,
        /// Its resource version.
        version: String,
        /// The owners that stay.
        owners: Vec<OwnerReference>,
    },
    /// Apply this object.
    ApplyObject(Object),
    /// Delete an object of this uid.
    DeleteObject {
        /// Its kind.
        kind: ObjectKind,
        /// Its name.
        name: String,
        /// Its uid.
        uid: String,
    },
    /// Leave an object these owners, at this resource version.
    ReleaseObject {
        /// Its kind.
        kind: ObjectKind,
        /// Its name.
        name: String,
        /// Its resource version.
        version: String,
        /// The owners that stay.
        owners: Vec<OwnerReference>,
    },
    /// Remove the finalizer.
    Unmark,
}
