//! Events of a node and its pod.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use serde::Serialize;

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventLine {
    /// When it was last observed.
    pub at: Option<Timestamp>,
    /// `Normal` or `Warning`.
    #[serde(rename = "type")]
    pub type_: String,
    /// Its reason.
    pub reason: String,
    /// Its object, as `Kind/name`.
    pub object: String,
    /// Its message.
    pub message: String,
    /// How often it was observed.
    pub count: i32,
}

impl EventLine {
    pub(crate) fn of(event: &Event) -> Self {
        let series = event.series.as_ref();
        let at = series.and_then(|series| series.last_observed_time.as_ref().map(|time| time.0));
        let at = at.or_else(|| event.last_timestamp.as_ref().map(|time| time.0));
        let at = at.or_else(|| event.event_time.as_ref().map(|time| time.0));
        let object = &event.involved_object;
        Self {
            at: at.or_else(|| event.metadata.creation_timestamp.as_ref().map(|time| time.0)),
            type_: event.type_.clone().unwrap_or_default(),
            reason: event.reason.clone().unwrap_or_default(),
            object: format!(
                "{}/{}",
                object.kind.as_deref().unwrap_or_default(),
                object.name.as_deref().unwrap_or_default()
            ),
            message: event.message.clone().unwrap_or_default(),
            count: series.and_then(|series| series.count).or(event.count).unwrap_or(1),
        }
    }
}
