//! Publishes events, after the status that they speak of was written.

use k8s_openapi::{
    api::events::v1::Event as ApiEvent,
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{Api, Resource, api::PostParams};
use sei_api::{SeiNode, labels, names};
use sei_decide::events::{Event, Level};

use crate::context::Context;

/// Longest note that the API server admits, in bytes.
const NOTE_LIMIT: usize = 1024;

/// Publishes `events` about `node`. An event that cannot be published is logged; nothing depends on it.
pub(crate) async fn publish(ctx: &Context, node: &SeiNode, events: Vec<Event>) {
    let api: Api<ApiEvent> = Api::namespaced(ctx.client.clone(), names::namespace(node));
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
                name: Some(format!("{}.{:x}", names::node(node), now.as_nanosecond())),
                namespace: node.metadata.namespace.clone(),
                ..Default::default()
            },
            note: Some(event.note[..end].to_owned()),
            reason: Some(event.reason.as_str().to_owned()),
            regarding: Some(node.object_ref(&())),
            reporting_controller: Some(labels::FIELD_MANAGER.to_owned()),
            reporting_instance: Some(labels::FIELD_MANAGER.to_owned()),
            type_: Some(type_.to_owned()),
            ..Default::default()
        };
        if let Err(error) = api.create(&PostParams::default(), &body).await {
            tracing::warn!(node = names::full_name(node), reason = %event.reason, %error, "event was not published");
        }
    }
}
