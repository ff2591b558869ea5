//! What a step is decided on.

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use sei_api::SeiNode;

use crate::certificate::Issuer;

/// What is wanted of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// TLS with this Secret. With an issuer, a cert-manager Certificate is created for it.
    Enable {
        /// Name of the Secret.
        secret: String,
        /// Who issues the certificate.
        issuer: Option<Issuer>,
    },
    /// No TLS.
    Disable,
}

/// What the cluster shows of one node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// The SeiNode.
    pub node: Option<SeiNode>,
    /// The claim of its data volume: the one that the SeiNode uses, or, without a SeiNode, the one on which the SeiNode to
    /// be created is stored.
    pub claim: Option<PersistentVolumeClaim>,
    /// The volume behind the claim.
    pub volume: Volume,
    /// The pod of the node.
    pub pod: Option<Pod>,
    /// The Secret that the target names.
    pub secret: Secret,
    /// Whether a Certificate for the Secret exists.
    pub certificate: bool,
}

/// The volume behind a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Volume {
    /// There is none, or the caller may not read it.
    #[default]
    Unknown,
    /// It stays when its claim is deleted.
    Retained,
    /// It is deleted with its claim; the name of the volume.
    Deleted(String),
}

/// The Secret that the target names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Secret {
    /// It does not exist.
    #[default]
    Missing,
    /// It cannot be used, and why.
    Invalid(String),
    /// It has a certificate for the names of the node.
    Valid,
}
