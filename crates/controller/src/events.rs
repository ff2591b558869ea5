//! Publishes events, after the status that they speak of was written.

use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1::Event as ApiEvent},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{Api, api::PostParams};
use sei_api::labels;
use sei_decide::events::{Event, Level};

use crate::context::Context;

/// Longest note that the API server admits, in bytes.
const NOTE_LIMIT: usize = 1024;

/// Publishes `events` about a SeiNode. An event that cannot be published is logged; nothing depends on it.
pub(crate) async fn publish(ctx: &Context, node: &ObjectReference, events: Vec<Event>) {
    let (namespace, name) =
        (node.namespace.as_deref().unwrap_or_default(), node.name.as_deref().unwrap_or_default());
    let api: Api<ApiEvent> = Api::namespaced(ctx.client.clone(), namespace);
    for event in events {
        let now = ctx.now();
        let type_ = match event.level {
            Level::Normal => "Normal",
            Level::Warning => "Warning",
        };
        let end = event.note.floor_char_boundary(NOTE_LIMIT);
        let body = ApiEvent {
            action: Some("Reconcile".to_owned()),
            event_time: Some(MicroTime(now)),
            metadata: ObjectMeta {
                name: Some(format!("{name}.{:x}", now.as_nanosecond())),
                namespace: node.namespace.clone(),
                ..Default::default()
            },
            note: Some(event.note[..end].to_owned()),
            reason: Some(event.reason.as_str().to_owned()),
            regarding: Some(node.clone()),
            reporting_controller: Some(labels::FIELD_MANAGER.to_owned()),
            reporting_instance: Some(labels::FIELD_MANAGER.to_owned()),
            type_: Some(type_.to_owned()),
            ..Default::default()
        };
        if let Err(error) = api.create(&PostParams::default(), &body).await {
            let node = format!("{namespace}/{name}");
            tracing::warn!(node, reason = %event.reason, %error, "failed to publish an event");
        }
    }
}
