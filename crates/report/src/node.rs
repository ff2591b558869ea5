//! One node as one line.

use jiff::Timestamp;
use kube::ResourceExt;
use sei_api::{
    SeiNode, labels,
    v1alpha1::{Mode, NodePhase},
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    head::Head,
    health::{Health, Verdict},
    plan::PlanProgress,
    tls::TlsLine,
};

/// One node as one line.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeLine {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The SeiNodeDeployment that it belongs to.
    pub group: Option<String>,
    /// Its chain.
    pub chain: Option<String>,
    /// Its mode, by the name of the spec's field.
    pub mode: Option<&'static str>,
    /// Its phase.
    pub phase: Option<NodePhase>,
    /// Its health.
    pub health: Health,
    /// The reason of `Stalled`, or else of `Ready`.
    pub reason: String,
    /// What it is waiting for, or what to do.
    pub message: String,
    /// The image that it runs, or that will be rolled out.
    pub image: Option<String>,
    /// The image of the spec, if it differs.
    pub next_image: Option<String>,
    /// The active plan, or the last one if none is active.
    pub plan: Option<PlanProgress>,
    /// The SeiNodeTask that holds the node.
    pub node_task: Option<String>,
    /// Its certificate; absent without TLS.
    pub tls: Option<TlsLine>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
}

impl NodeLine {
    /// The line of a SeiNode as returned by the API server.
    pub fn of(object: &Value) -> Self {
        match serde_path_to_error::deserialize::<_, SeiNode>(object) {
            Ok(node) => Self::readable(Head::of(object), &node),
            Err(error) => Self::unreadable(Head::of(object), &error.to_string()),
        }
    }

    fn readable(head: Head, node: &SeiNode) -> Self {
        let status = node.status.as_ref();
        let verdict = Verdict::of(status.and_then(|status| status.conditions.as_deref()));
        let current =
            status.and_then(|status| status.current_image.clone()).filter(|image| !image.is_empty());
        let next_image =
            current.as_ref().filter(|current| **current != node.spec.image).map(|_| node.spec.image.clone());
        Self {
            group: node.labels().get(labels::DEPLOYMENT).cloned(),
            chain: Some(node.spec.chain_id.clone()),
            mode: node.spec.mode().map(field),
            phase: status.and_then(|status| status.phase),
            image: current.or_else(|| Some(node.spec.image.clone())),
            next_image,
            plan: status.and_then(|status| status.plan.as_ref()).map(PlanProgress::of),
            node_task: status.and_then(|status| Some(status.node_task.as_ref()?.name.clone())),
            tls: TlsLine::of(node),
            ..Self::bare(head, verdict)
        }
    }

    fn unreadable(head: Head, error: &str) -> Self {
        Self::bare(head, Verdict::unreadable(error))
    }

    fn bare(head: Head, verdict: Verdict) -> Self {
        Self {
            namespace: head.namespace,
            name: head.name,
            group: None,
            chain: None,
            mode: None,
            phase: None,
            health: verdict.health,
            reason: verdict.reason,
            message: verdict.message,
            image: None,
            next_image: None,
            plan: None,
            node_task: None,
            tls: None,
            created_at: head.created_at,
        }
    }

    /// The plan, if it is active.
    pub fn active_plan(&self) -> Option<&PlanProgress> {
        self.plan.as_ref().filter(|plan| plan.is_active())
    }

    /// Name of the TLS Secret, if it was checked and cannot be used.
    pub fn unusable_secret(&self) -> Option<&str> {
        let tls = self.tls.as_ref().filter(|tls| tls.ready == Some(false))?;
        Some(&tls.secret_name)
    }
}

fn field(mode: Mode) -> &'static str {
    match mode {
        Mode::FullNode => "fullNode",
        Mode::Archive => "archive",
        Mode::Replayer => "replayer",
        Mode::Validator => "validator",
    }
}
