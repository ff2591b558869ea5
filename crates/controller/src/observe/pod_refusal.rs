//! Why an expected pod does not exist: the controller of its StatefulSet or Job reports that only in an
//! event.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;
use kube::{Api, Resource, ResourceExt, api::ListParams};
use sei_api::{SeiNode, names};
use sei_decide::Children;
use sei_sidecar::cut;

use crate::{context::Context, memory::Refusal, refusal::error_message};

/// A pod that has been missing for less may still be created.
const GRACE: Duration = Duration::from_secs(3);
/// How long a result is cached.
const FRESH: Duration = Duration::from_secs(15);

/// The message of the last `FailedCreate` event about the missing pod of `node`.
pub(super) async fn find(
    ctx: &Context,
    node: &SeiNode,
    children: &Children,
    now: Timestamp,
) -> Option<String> {
    let (kind, name, uid, created) = match (&children.stateful_set, &children.job) {
        (Some(set), _) if children.pod.is_none() => owner(&**set),
        (None, Some(job)) if children.bootstrap_pod.is_none() => owner(&**job),
        _ => return None,
    };
    let age = |since: Timestamp| Duration::try_from(now.duration_since(since)).unwrap_or_default();
    if created.is_none_or(|created| age(created) < GRACE) {
        return None;
    }
    let known = ctx.memory(node, |memory| {
        let refusal = memory.refusal.as_ref().filter(|refusal| age(refusal.at) < FRESH)?;
        Some(refusal.message.clone())
    });
    if let Some(message) = known {
        return message;
    }
    let api: Api<Event> = Api::namespaced(ctx.client.clone(), names::namespace(node));
    let fields =
        format!("regarding.kind={kind},regarding.name={name},regarding.uid={uid},reason=FailedCreate");
    let message = match api.list(&ListParams::default().fields(&fields)).await {
        Ok(events) => last_note(events.items),
        Err(error) => {
            tracing::warn!(
                kind,
                namespace = names::namespace(node),
                name,
                error = error_message(&error),
                "failed to list events of a workload without a pod"
            );
            None
        }
    };
    ctx.memory(node, |memory| memory.refusal = Some(Refusal { at: now, message: message.clone() }));
    message
}

fn owner<K: Resource<DynamicType = ()>>(object: &K) -> (String, String, String, Option<Timestamp>) {
    let created = object.meta().creation_timestamp.as_ref().map(|time| time.0);
    (K::kind(&()).into_owned(), object.name_any(), object.uid().unwrap_or_default(), created)
}

/// The note of the most recently observed event.
fn last_note(events: Vec<Event>) -> Option<String> {
    events.into_iter().max_by_key(last_seen).and_then(|event| Some(cut(&event.note?)))
}

/// When an event was last observed; the time is in one of three fields.
fn last_seen(event: &Event) -> Option<Timestamp> {
    let series = event.series.as_ref().map(|series| series.last_observed_time.0);
    let last = event.deprecated_last_timestamp.as_ref().map(|time| time.0);
    series.or(last).or(event.event_time.as_ref().map(|time| time.0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(minute: u8, note: &str) -> Event {
        let time = format!("2027-01-01T00:0{minute}:00Z");
        serde_json::from_value(json!({ "metadata": {}, "deprecatedLastTimestamp": time, "note": note }))
            .unwrap()
    }

    #[test]
    fn the_note_of_the_last_event_is_used_and_truncated() {
        let long = "x".repeat(1 << 20);
        assert_eq!(last_note(vec![event(2, "new"), event(1, &long)]).as_deref(), Some("new"));
        let cut = last_note(vec![event(1, "old"), event(2, &long)]).unwrap();
        assert!(cut.starts_with("xx") && cut.len() < 5000, "{} bytes", cut.len());
        assert_eq!(last_note(Vec::new()), None);
    }
}
