//! The forecast of an object.

use serde::Serialize;
use serde_json::Value;

/// What the operator will do with a SeiNode or SeiNodeDeployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// `SeiNode` or `SeiNodeDeployment`.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its current state.
    pub now: String,
    /// Whether it is wedged: its plan has failed, and the Go controller does not continue.
    pub wedged: bool,
    /// The effect, in one word.
    pub effect: Effect,
    /// The steps, in order.
    pub steps: Vec<String>,
    /// Why manual intervention will be required; `None` if it will not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stalled: Option<Stalled>,
}

/// What the operator does, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Only the status changes.
    Adopts,
    /// It waits.
    Waits,
    /// It continues the plan of the Go controller, or changes objects; no pod is restarted.
    Continues,
    /// It starts a plan.
    Starts,
    /// A plan that replaces the pod.
    ReplacesPod,
    /// Manual intervention is required.
    Stalls,
}

/// Condition `Stalled`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stalled {
    /// Its reason.
    pub reason: String,
    /// Its message.
    pub message: String,
}

impl Forecast {
    /// A forecast of `object` without steps.
    pub(crate) fn of(kind: &'static str, object: &Value) -> Self {
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        Self {
            kind,
            namespace: text("namespace"),
            name: text("name"),
            now: object["status"]["phase"].as_str().unwrap_or("without a phase").to_owned(),
            wedged: false,
            effect: Effect::Adopts,
            steps: Vec::new(),
            stalled: None,
        }
    }

    /// The forecast of an object that cannot be decoded.
    pub(crate) fn unreadable(self, error: &str) -> Self {
        self.stalls("Unreadable", &format!("the object cannot be decoded: {error}; correct that field"))
    }

    pub(crate) fn stalls(self, reason: &str, message: &str) -> Self {
        let stalled = Stalled { reason: reason.to_owned(), message: message.to_owned() };
        Self { effect: Effect::Stalls, stalled: Some(stalled), ..self }
    }
}
