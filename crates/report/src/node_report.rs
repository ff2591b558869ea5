//! Everything about one node.

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{Event, PersistentVolumeClaim, Pod},
    apimachinery::pkg::apis::meta::v1::Condition,
};
use sei_api::{
    SeiNode,
    conditions::{ConditionType, StalledReason},
    labels,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{event::EventLine, health::Health, node::NodeLine, pod::PodLine};

/// Maximum number of events; the latest ones are shown.
const EVENTS: usize = 8;

/// The related objects of a node.
#[derive(Clone, Debug, Default)]
pub struct Around {
    /// Its pod.
    pub pod: Option<Pod>,
    /// Its data volume claim.
    pub claim: Option<PersistentVolumeClaim>,
    /// Events of the node and its pod.
    pub events: Vec<Event>,
    /// Resources that the caller may not read.
    pub hidden: Vec<&'static str>,
}

/// Everything about one node.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeReport {
    /// The same line as in the fleet.
    #[serde(flatten)]
    pub line: NodeLine,
    /// Its conditions.
    pub conditions: Vec<ConditionLine>,
    /// Addresses of the peers that the operator found.
    pub peers: Vec<String>,
    /// Its pod, if there is one.
    pub pod: Option<PodLine>,
    /// Its data volume claim, if there is one.
    pub claim: Option<ClaimLine>,
    /// The latest events of the node and its pod, oldest first.
    pub events: Vec<EventLine>,
    /// Resources that the caller may not read, and that are therefore missing here.
    pub hidden: Vec<&'static str>,
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConditionLine {
    /// Its type.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Its reason.
    pub reason: String,
    /// Its message.
    pub message: String,
    /// Since when it has this status.
    pub since: Timestamp,
}

/// The claim of a node's data volume.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimLine {
    /// Its name.
    pub name: String,
    /// Its phase.
    pub phase: String,
    /// The volume that it is bound to.
    pub volume: Option<String>,
    /// Capacity of the volume.
    pub capacity: Option<String>,
}

impl NodeReport {
    /// The report of a SeiNode as returned by the API server.
    pub fn of(object: &Value, around: &Around) -> Self {
        let status = SeiNode::deserialize(object).ok().and_then(|node| node.status).unwrap_or_default();
        let mut events: Vec<_> = around.events.iter().map(EventLine::of).collect();
        events.sort_by_key(|event| event.at);
        Self {
            line: NodeLine::of(object),
            conditions: status.conditions.iter().flatten().map(ConditionLine::of).collect(),
            peers: status.resolved_peers.unwrap_or_default(),
            pod: around.pod.as_ref().map(PodLine::of),
            claim: around.claim.as_ref().map(ClaimLine::of),
            events: events.split_off(events.len().saturating_sub(EVENTS)),
            hidden: around.hidden.clone(),
        }
    }
}

impl NodeReport {
    /// Whether the node has caught up with its chain, as the reason of condition `Synced`.
    pub fn sync(&self) -> Option<&str> {
        let synced = self.conditions.iter().find(|it| it.type_ == ConditionType::Synced.as_str())?;
        Some(&synced.reason)
    }

    /// The next step for a user, if the node's message does not contain it; `None` if there is nothing to do.
    pub fn next_step(&self) -> Option<String> {
        let NodeLine { namespace, name, health, reason, .. } = &self.line;
        if *health == Health::Stalled && reason == StalledReason::PlanFailed.as_str() {
            return Some(format!(
                "fix the cause, then run: kubectl -n {namespace} annotate seinode {name} {}=\"$(date +%s)\" --overwrite",
                labels::RETRY_ANNOTATION
            ));
        }
        let broken = self.line.unusable_secret()?;
        Some(format!(
            "repair Secret {namespace}/{broken} as docs/troubleshooting.md says in \"Repairing a TLS Secret\""
        ))
    }
}

impl ConditionLine {
    fn of(condition: &Condition) -> Self {
        Self {
            type_: condition.type_.clone(),
            status: condition.status.clone(),
            reason: condition.reason.clone(),
            message: condition.message.clone(),
            since: condition.last_transition_time.0,
        }
    }
}

impl ClaimLine {
    fn of(claim: &PersistentVolumeClaim) -> Self {
        let status = claim.status.as_ref();
        let phase = match claim.metadata.deletion_timestamp {
            Some(_) => Some("Terminating".to_owned()),
            None => status.and_then(|status| status.phase.clone()),
        };
        let capacity = status.and_then(|status| status.capacity.as_ref()?.get("storage"));
        Self {
            name: claim.metadata.name.clone().unwrap_or_default(),
            phase: phase.unwrap_or_else(|| "Unknown".to_owned()),
            volume: claim.spec.as_ref().and_then(|spec| spec.volume_name.clone()),
            capacity: capacity.map(|quantity| quantity.0.clone()),
        }
    }
}
