//! The observed data volume claim.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::ResourceExt;
use sei_api::{SeiNode, labels};

use crate::objects::is_owned_by;

/// A volume claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its name.
    pub name: String,
    /// Its UID: work done on a claim with another UID was done on another volume.
    pub uid: String,
    /// `status.phase`.
    pub phase: Option<String>,
    /// The PersistentVolume that it is bound to.
    pub volume: Option<String>,
    /// When its deletion was requested. It exists until no pod uses it.
    pub deleted_at: Option<Timestamp>,
    /// Whether the SeiNode is its controller.
    pub is_owned: bool,
    /// Whether it is marked as initialized: its volume holds the state of the chain.
    pub has_state: bool,
    /// Mode of the configuration on the volume, if recorded.
    pub config_mode: Option<String>,
}

impl Claim {
    /// The parts of `claim` that a pass over `node` needs.
    pub fn of(claim: &PersistentVolumeClaim, node: &SeiNode) -> Self {
        Self {
            name: claim.metadata.name.clone().unwrap_or_default(),
            uid: claim.metadata.uid.clone().unwrap_or_default(),
            phase: claim.status.as_ref().and_then(|status| status.phase.clone()),
            volume: claim.spec.as_ref().and_then(|spec| spec.volume_name.clone()),
            deleted_at: claim.metadata.deletion_timestamp.as_ref().map(|time| time.0),
            is_owned: is_owned_by(claim, node),
            config_mode: claim.annotations().get(labels::CONFIG_MODE_ANNOTATION).cloned(),
            has_state: claim.annotations().contains_key(labels::INITIALIZED_ANNOTATION),
        }
    }
}
