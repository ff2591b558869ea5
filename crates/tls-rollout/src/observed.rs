//! The state on which the steps are based.

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use sei_api::{
    ClusterDomain, SeiNode,
    v1alpha1::{SeiNodeSpec, SidecarTls, deployment::NAME_VARIABLE},
};

use crate::certificate::Issuer;

/// The target TLS setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// TLS with this Secret. With an issuer, a cert-manager Certificate is created for it.
    Enable {
        /// Name of the Secret; `$(name)` stands for the name of the node.
        secret: String,
        /// The issuer of the certificate.
        issuer: Option<Issuer>,
    },
    /// No TLS.
    Disable,
}

impl Target {
    /// The target of the node `name`.
    pub fn of(&self, name: &str) -> Self {
        match self {
            Self::Enable { secret, issuer } => {
                Self::Enable { secret: secret.replace(NAME_VARIABLE, name), issuer: issuer.clone() }
            }
            Self::Disable => Self::Disable,
        }
    }

    /// Whether `spec` has this setting.
    pub(crate) fn is_met_by(&self, spec: &SeiNodeSpec) -> bool {
        match self {
            Self::Enable { secret, .. } => spec.tls().is_some_and(|tls| tls.secret_name == *secret),
            Self::Disable => spec.tls().is_none(),
        }
    }

    /// Gives `spec` this setting.
    pub(crate) fn apply_to(&self, spec: &mut SeiNodeSpec) {
        match self {
            Self::Enable { secret, .. } => {
                let tls = SidecarTls { secret_name: secret.clone() };
                spec.sidecar.get_or_insert_default().tls = Some(tls);
            }
            Self::Disable => {
                if let Some(sidecar) = spec.sidecar.as_mut() {
                    sidecar.tls = None;
                }
            }
        }
    }

    /// Why `spec` cannot be changed to this setting directly; `None` if it can.
    pub(crate) fn conflict(&self, spec: &SeiNodeSpec) -> Option<String> {
        let tls = spec.tls().filter(|_| matches!(self, Self::Enable { .. }))?;
        Some(format!("it has TLS already, with Secret {}; disable that first", tls.secret_name))
    }
}

/// The SeiNodeDeployment that creates the SeiNodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
}

/// The observed state of a node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// The SeiNode.
    pub node: Option<SeiNode>,
    /// The claim of its data volume: the one that the SeiNode uses, or, without a SeiNode, the one that stores the SeiNode
    /// to create.
    pub claim: Option<PersistentVolumeClaim>,
    /// The volume behind the claim.
    pub volume: Volume,
    /// The pod of the node.
    pub pod: Option<Pod>,
    /// The Secret that the target names.
    pub secret: Secret,
    /// Whether a Certificate for the Secret exists.
    pub certificate: bool,
    /// The DNS domain of the cluster.
    pub domain: ClusterDomain,
    /// The group that recreates the node, if the node is processed as part of one.
    pub group: Option<Group>,
}

/// The volume behind a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Volume {
    /// There is none, or the caller may not read it.
    #[default]
    Unknown,
    /// It is retained when its claim is deleted.
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
    /// It cannot be used; the cause.
    Invalid(String),
    /// It has a certificate for the names of the node.
    Valid,
}
