//! Executes the writes of a decision. Every write names exactly the object that was observed: the API server rejects an
//! outdated one, and nothing changes.

use std::time::Duration;

use kube::ResourceExt;
use sei_api::{SeiNode, SeiNodeDeployment};
use sei_deployment::{Observed, Refusal, Write};
use serde_json::json;

use super::{
    context::Context,
    target::{Change, Target},
};
use crate::{error::PassError, refusal::error_message, written::ABSENT};

/// Result of the writes of a decision.
#[derive(Default)]
pub(super) struct CarriedOut {
    /// Number of writes that changed something.
    pub(super) count: usize,
    /// The writes that the API server rejected.
    pub(super) refusals: Vec<Refusal>,
    /// The first error: a refusal, a conflict, or an API server that cannot be reached.
    pub(super) error: Option<PassError>,
    /// Time until a recent write may be repeated.
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
                ctx.memory(group, |memory| memory.record_write(&object, write));
                carried_out.count += 1;
            }
            Err(error) => {
                if let PassError::Api { source, .. } = &error
                    && is_refused(source)
                {
                    carried_out.refusals.push(Refusal { object, message: error_message(source) });
                }
                carried_out.error.get_or_insert(error);
            }
        }
    }
    carried_out
}

/// Kind and name of the written object.
fn object(group: &SeiNodeDeployment, write: &Write) -> String {
    match write {
        Write::Mark | Write::Unmark => format!("SeiNodeDeployment {}", group.name_any()),
        Write::Create(node) => format!("SeiNode {}", node.name_any()),
        Write::Apply { name, .. }
        | Write::TakeOver { name, .. }
        | Write::Delete { name, .. }
        | Write::Release { name, .. } => format!("SeiNode {name}"),
        Write::ApplyObject(object) => format!("{} {}", object.kind().as_str(), object.name()),
        Write::DeleteObject { kind, name, .. } | Write::ReleaseObject { kind, name, .. } => {
            format!("{} {name}", kind.as_str())
        }
    }
}

/// Whether the API server would reject the write again.
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
            target.apply::<SeiNode>(&node.name_any(), body).await
        }
        Write::Apply { name, patch } => target.apply::<SeiNode>(name, patch.clone()).await,
        Write::TakeOver { name, uid } => target.take_over_node(name, uid).await,
        Write::Delete { name, uid } => target.delete::<SeiNode>(name, uid).await,
        Write::Release { name, version, owners } => target.release::<SeiNode>(name, version, owners).await,
        Write::ApplyObject(object) => {
            let live = observed.object(object.kind(), object.name());
            let version = live.and_then(|live| live.metadata().resource_version.as_deref());
            let mut body = object.body();
            body["metadata"]["resourceVersion"] = json!(version.unwrap_or(ABSENT));
            target.change(object.kind(), object.name(), Change::Apply(body)).await
        }
        Write::DeleteObject { kind, name, uid } => target.change(*kind, name, Change::Delete { uid }).await,
        Write::ReleaseObject { kind, name, version, owners } => {
            target.change(*kind, name, Change::Release { version, owners }).await
        }
    }
}
