//! One group as one line.

use jiff::Timestamp;
use sei_api::{SeiNodeDeployment, v1alpha1::deployment::DeploymentPhase};
use serde::Serialize;
use serde_json::Value;

use crate::{
    head::Head,
    health::{Health, Verdict},
};

/// One SeiNodeDeployment as one line.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupLine {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its phase.
    pub phase: Option<DeploymentPhase>,
    /// Its health.
    pub health: Health,
    /// The reason of `Stalled`, or else of `Ready`.
    pub reason: String,
    /// What it is waiting for, or what to do.
    pub message: String,
    /// Desired number of SeiNodes.
    pub replicas: u32,
    /// SeiNodes that run the template.
    pub updated: i64,
    /// SeiNodes that are available.
    pub available: i64,
    /// The image of the template.
    pub image: Option<String>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
}

impl GroupLine {
    /// The line of a SeiNodeDeployment as returned by the API server.
    pub fn of(object: &Value) -> Self {
        let head = Head::of(object);
        match serde_path_to_error::deserialize::<_, SeiNodeDeployment>(object) {
            Ok(group) => Self::readable(head, &group),
            Err(error) => Self::bare(head, Verdict::unreadable(&error.to_string())),
        }
    }

    fn readable(head: Head, group: &SeiNodeDeployment) -> Self {
        let status = group.status.clone().unwrap_or_default();
        Self {
            phase: status.phase,
            replicas: group.spec.replicas(),
            updated: status.updated_replicas.unwrap_or(0),
            available: status.available_replicas.unwrap_or(0),
            image: Some(group.spec.template.spec.image.clone()),
            ..Self::bare(head, Verdict::of(status.conditions.as_deref()))
        }
    }

    fn bare(head: Head, verdict: Verdict) -> Self {
        Self {
            namespace: head.namespace,
            name: head.name,
            phase: None,
            health: verdict.health,
            reason: verdict.reason,
            message: verdict.message,
            replicas: 0,
            updated: 0,
            available: 0,
            image: None,
            created_at: head.created_at,
        }
    }
}
