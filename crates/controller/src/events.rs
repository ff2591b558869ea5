//! Publishes events, after the status that they refer to was written.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1::Event as ApiEvent},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{Api, Client, api::PostParams};
use sei_api::{
    events::{Event, Level},
    labels,
};
use tokio::sync::Semaphore;

use crate::refusal::error_message;

/// Maximum length of a note that the API server admits, in bytes.
const NOTE_LIMIT: usize = 1024;

/// Maximum number of batches of events that are published at the same time.
const CONCURRENT: u32 = 8;
/// Time limit at shutdown for the events of the last passes.
const FLUSH: Duration = Duration::from_secs(2);

/// Publishes events in the background: passes do not wait for it, and nothing depends on it.
#[derive(Clone)]
pub(crate) struct Publisher {
    client: Client,
    permits: Arc<Semaphore>,
}

impl Publisher {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, permits: Arc::new(Semaphore::new(CONCURRENT as usize)) }
    }

    /// Logs and publishes `events` about `object` in order.
    pub(crate) fn publish(&self, object: &ObjectReference, events: Vec<Event>, now: Timestamp) {
        if events.is_empty() {
            return;
        }
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        let (kind, namespace, name) = (text(&object.kind), text(&object.namespace), text(&object.name));
        for Event { reason, note, .. } in &events {
            tracing::info!(kind, namespace, name, reason = reason.as_str(), note, "state changed");
        }
        let api: Api<ApiEvent> = Api::namespaced(self.client.clone(), &namespace);
        let permits = Arc::clone(&self.permits);
        let bodies: Vec<_> =
            events.into_iter().enumerate().map(|(index, event)| body(object, event, index, now)).collect();
        tokio::spawn(async move {
            // The semaphore is never closed.
            let _permit = permits.acquire().await;
            for body in bodies {
                if let Err(error) = api.create(&PostParams::default(), &body).await {
                    let (reason, error) = (body.reason, error_message(&error));
                    tracing::warn!(kind, namespace, name, reason, error, "failed to publish an event");
                }
            }
        });
    }

    /// Waits for pending events, up to a limit.
    pub(crate) async fn flush(&self) {
        // Permits are granted in the order of the requests.
        if tokio::time::timeout(FLUSH, self.permits.acquire_many(CONCURRENT)).await.is_err() {
            tracing::warn!("timed out publishing events; some were lost");
        }
    }
}

/// The event as an API object, the `index`-th of those at time `now`.
fn body(object: &ObjectReference, event: Event, index: usize, now: Timestamp) -> ApiEvent {
    let type_ = match event.level {
        Level::Normal => "Normal",
        Level::Warning => "Warning",
    };
    let end = event.note.floor_char_boundary(NOTE_LIMIT);
    let name = object.name.as_deref().unwrap_or_default();
    ApiEvent {
        action: Some("Reconcile".to_owned()),
        event_time: Some(MicroTime(now)),
        metadata: ObjectMeta {
            name: Some(format!("{name}.{:x}.{index}", now.as_nanosecond())),
            namespace: object.namespace.clone(),
            ..Default::default()
        },
        note: Some(event.note[..end].to_owned()),
        reason: Some(event.reason.as_str().to_owned()),
        regarding: Some(object.clone()),
        reporting_controller: Some(labels::FIELD_MANAGER.to_owned()),
        reporting_instance: Some(labels::FIELD_MANAGER.to_owned()),
        type_: Some(type_.to_owned()),
        ..Default::default()
    }
}
