//! Carries out what was decided. Every write names the very object that was observed: one that is out of date is refused
//! by the API server and changes nothing.

use std::time::Duration;

use kube::ResourceExt;
use sei_api::SeiNodeDeployment;
use sei_deployment::{Observed, Refusal, Write, internal_service_name};
use serde_json::json;

use super::{context::Context, target::Target};
use crate::{error::PassError, refusal::words, written::ABSENT};

/// What came of the writes of a decision.
#[derive(Default)]
pub(super) struct CarriedOut {
    /// How many changed something.
    pub(super) count: usize,
    /// Those that the API server refused.
    pub(super) refusals: Vec<Refusal>,
    /// The first error: a refusal, a conflict, or an API server that cannot be reached.
    pub(super) error: Option<PassError>,
    /// Until a write that was done a moment ago may be repeated.
    pub(super) pause: Option<Duration>,
}

pub(super) async fn carry_out(ctx: &Context, observed: &Observed, writes: &[Write]) -> CarriedOut {
    let group = &*observed.group;
    let mut carried_out = CarriedOut::default();
    for write in writes {
        let object = object(group, write);
        if let Some(pause) = ctx.memory(group, |memory| memory.pause(&object, write)) {
            carried_out.pause = carried_out.pause.max(Some(pause));
            continue;
        }
        match one(ctx, observed, write).await {
            Ok(()) => {
                ctx.memory(group, |memory| memory.wrote(&object, write));
                carried_out.count += 1;
            }
            Err(error) => {
                if let PassError::Api { source, .. } = &error
                    && is_refused(source)
                {
                    carried_out.refusals.push(Refusal { object, message: words(source) });
                }
                carried_out.error.get_or_insert(error);
            }
        }
    }
    carried_out
}

/// What is written to, by kind and name.
fn object(group: &SeiNodeDeployment, write: &Write) -> String {
    match write {
        Write::Mark | Write::Unmark => format!("SeiNodeDeployment {}", group.name_any()),
        Write::Create(node) => format!("SeiNode {}", node.name_any()),
        Write::Apply { name, .. }
        | Write::TakeOver { name, .. }
        | Write::Delete { name, .. }
        | Write::Release { name, .. } => format!("SeiNode {name}"),
        Write::ApplyService(_) | Write::ReleaseService { .. } => {
            format!("Service {}", internal_service_name(group))
        }
    }
}

/// Whether the API server refuses a write that it would refuse again.
fn is_refused(error: &kube::Error) -> bool {
    const TOO_MANY_REQUESTS: u16 = 429;
    matches!(error, kube::Error::Api(status) if (400..500).contains(&status.code) && status.code != TOO_MANY_REQUESTS)
}

async fn one(ctx: &Context, observed: &Observed, write: &Write) -> Result<(), PassError> {
    let group = &*observed.group;
    let target = Target { ctx, group };
    match write {
        Write::Mark => target.mark().await,
        Write::Unmark => target.unmark_without_nodes().await,
        Write::Create(node) => {
            let mut body = json!(node);
            body["metadata"]["resourceVersion"] = json!(ABSENT);
            target.apply_node(&node.name_any(), body).await
        }
        Write::Apply { name, patch } => target.apply_node(name, patch.clone()).await,
        Write::TakeOver { name, uid } => target.take_over_node(name, uid).await,
        Write::Delete { name, uid } => target.delete_node(name, uid).await,
        Write::Release { name, version, owners } => target.release_node(name, version, owners).await,
        Write::ApplyService(service) => {
            let live = observed.internal_service.as_ref();
            let version = live.and_then(|live| live.resource_version());
            let mut body = json!(service);
            body["metadata"]["resourceVersion"] = json!(version.unwrap_or_else(|| ABSENT.to_owned()));
            target.apply_service(body).await
        }
        Write::ReleaseService { version, owners } => target.release_service(version, owners).await,
    }
}
