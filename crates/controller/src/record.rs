//! The one status write of a pass, under optimistic lock, and the events that follow from it.

use std::sync::Arc;

use kube::{Api, api::PostParams};
use sei_api::{
    SeiNode, SeiNodeStatus, labels,
    names::{self, full_name},
};
use sei_decide::events::between;

use crate::{context::Context, events, refusal::words};

/// Why a status was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// Somebody wrote the object since it was read. The pass is repeated on what it is now.
    #[error("status of SeiNode {node} was not written: the object changed since it was read")]
    Conflict {
        /// `namespace/name`.
        node: String,
    },
    /// The API server's words.
    #[error("failed to write the status of SeiNode {node}: {}", words(source))]
    Api {
        /// `namespace/name`.
        node: String,
        /// What went wrong.
        source: Box<kube::Error>,
    },
}

/// Writes `status` where it differs from what `node` has, and returns the node as the API server then has it.
pub(crate) async fn record(
    ctx: &Context,
    node: &Arc<SeiNode>,
    status: SeiNodeStatus,
) -> Result<Arc<SeiNode>, RecordError> {
    let before = node.status.clone().unwrap_or_default();
    if before == status {
        return Ok(Arc::clone(node));
    }
    let mut next = SeiNode::clone(node);
    next.metadata.managed_fields = None;
    next.status = Some(status);
    let api: Api<SeiNode> = Api::namespaced(ctx.client.clone(), names::namespace(node));
    let params = PostParams { field_manager: Some(labels::FIELD_MANAGER.to_owned()), ..Default::default() };
    let written = match api.replace_status(names::node(node), &params, &next).await {
        Ok(written) => Arc::new(written),
        Err(kube::Error::Api(status)) if status.is_conflict() => {
            return Err(RecordError::Conflict { node: full_name(node) });
        }
        Err(source) => return Err(RecordError::Api { node: full_name(node), source: Box::new(source) }),
    };
    ctx.memory(node, |memory| memory.written = Some(Arc::clone(&written)));
    let after = written.status.clone().unwrap_or_default();
    let now = ctx.now();
    ctx.metrics.observe_status(&written, &before, &after, now);
    events::publish(ctx, &written, between(&before, &after)).await;
    Ok(written)
}
