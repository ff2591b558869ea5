//! The status write of a pass, with optimistic locking, and the events that follow from it.

use std::sync::Arc;

use kube::Resource;
use sei_api::{SeiNode, SeiNodeStatus, labels};
use sei_decide::events::between;
use serde_json::json;

use crate::{
    context::Context,
    status_write::{RecordError, difference, write_status},
};

/// Writes `status` if it differs from that of `node`, and returns the node as stored in the API server.
pub(crate) async fn record(
    ctx: &Context,
    node: &Arc<SeiNode>,
    status: SeiNodeStatus,
) -> Result<Arc<SeiNode>, RecordError> {
    let before = node.status.clone().unwrap_or_default();
    if before == status {
        return Ok(Arc::clone(node));
    }
    let change = difference(&json!(before), &json!(status));
    let written = Arc::new(write_status(&ctx.client, &**node, &change, labels::FIELD_MANAGER).await?);
    ctx.memory(node, |memory| (memory.written, memory.unsaved) = (Some(Arc::clone(&written)), None));
    let after = written.status.clone().unwrap_or_default();
    let now = ctx.now();
    ctx.metrics.observe_status(&written, &before, &after, now);
    ctx.events.publish(&written.object_ref(&()), between(&before, &after), now);
    Ok(written)
}
