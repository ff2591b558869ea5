//! The steps of a node, and where it is between them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use sei_api::SeiNode;
use serde_json::Value;

/// Where a node is on its way.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// The step to carry out next.
    Next(Step),
    /// What to wait for.
    Wait(String),
    /// Why nothing is done. Nothing was deleted, or what was can be continued from.
    Refused(String),
    /// The node is Ready with the requested TLS setting.
    Done,
}

/// One step. Each is safe to repeat.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Create this cert-manager Certificate.
    Issue(Value),
    /// Write to the claim which SeiNode is to be created on it, and take the SeiNode off its owners.
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
    /// Make the new SeiNode the owner of its claim, as the old one was.
    HandOver {
        /// Name of the claim.
        claim: String,
        /// UID that it must have.
        uid: String,
        /// Resource version that it must have: nothing owned it.
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
