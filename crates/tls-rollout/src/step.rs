//! The steps of a node, and its progress.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use sei_api::SeiNode;
use serde_json::Value;

/// Progress of a node.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// The step to execute next.
    Next(Step),
    /// What to wait for.
    Wait(String),
    /// Why nothing is done. Nothing was deleted, or a later run can continue from what was.
    Refused(String),
    /// The node is Ready with the requested TLS setting.
    Done,
}

/// One step. Each is safe to repeat.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Create this cert-manager Certificate.
    Issue(Value),
    /// Store on the claim the SeiNode to create, and remove the old SeiNode from the owners of the claim.
    Keep {
        /// Name of the claim.
        claim: String,
        /// UID that it must have.
        uid: String,
        /// Resource version that it must have: its owners were checked.
        resource_version: String,
        /// The SeiNode, as JSON.
        recreate: String,
    },
    /// Delete the SeiNode.
    Delete {
        /// UID that it must have.
        uid: String,
    },
    /// Create the SeiNode that is stored on the claim.
    Create(Box<SeiNode>),
    /// Make the new SeiNode the owner of its claim, like the old one.
    HandOver {
        /// Name of the claim.
        claim: String,
        /// UID that it must have.
        uid: String,
        /// Resource version that it must have: the one without an owner.
        resource_version: String,
        /// The SeiNode.
        owner: OwnerReference,
    },
    /// Remove the stored SeiNode from the claim.
    Forget {
        /// Name of the claim.
        claim: String,
        /// UID that it must have.
        uid: String,
    },
}
