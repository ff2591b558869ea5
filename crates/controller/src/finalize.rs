//! Deletion of a SeiNode: its data volume claim is deleted unless the spec retains it or the deletion orphans it; everything else is
//! garbage-collected. The sidecar is not needed for it.

use std::sync::Arc;

use sei_api::{
    SeiNode,
    conditions::{self, ReadyReason, Statement},
    labels,
    v1alpha1::NodePhase,
};
use sei_decide::set_phase;

use crate::{
    act, context::Context, error::PassError, finalizers, reconciled::described, record::record,
    refusal::is_not_found,
};

/// Finalizer of the garbage collector while it removes the owner references of objects that are orphaned.
const ORPHAN: &str = "orphan";

/// Whether the finalizer is on the node.
pub(crate) fn is_marked(node: &SeiNode) -> bool {
    node.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == labels::FINALIZER)
}

/// Whether the deletion was requested with `--cascade=orphan`: the garbage collector then removes the owner
/// reference of the claim as of every other object.
fn is_orphaning(node: &SeiNode) -> bool {
    node.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == ORPHAN)
}

/// Adds the finalizer to the node.
pub(crate) async fn mark(ctx: &Context, node: &SeiNode) -> Result<Arc<SeiNode>, PassError> {
    let mut finalizers = node.metadata.finalizers.clone().unwrap_or_default();
    finalizers.push(labels::FINALIZER.to_owned());
    let marked =
        finalizers::write(&ctx.client, node, &finalizers, labels::FIELD_MANAGER).await.map(Arc::new)?;
    ctx.memory(node, |memory| memory.written = Some(Arc::clone(&marked)));
    Ok(marked)
}

/// Does what is necessary before the node is removed, then removes the finalizer.
pub(crate) async fn finalize(ctx: &Context, node: &Arc<SeiNode>) -> Result<(), PassError> {
    if !is_marked(node) {
        return Ok(());
    }
    // All objects in a terminating namespace are deleted with it, perhaps the operator's Role first.
    let node = match finalizers::in_terminating_namespace(&ctx.client, &**node).await {
        true => Arc::clone(node),
        false => end(ctx, node).await?,
    };
    let rest: Vec<_> =
        node.metadata.finalizers.iter().flatten().filter(|it| *it != labels::FINALIZER).cloned().collect();
    match finalizers::write(&ctx.client, &*node, &rest, labels::FIELD_MANAGER).await {
        Err(PassError::Api { source, .. }) if is_not_found(&source) => Ok(()),
        written => written.map(drop),
    }
}

/// Reports that the node is terminating, and deletes or retains the claim that was created for it.
async fn end(ctx: &Context, node: &Arc<SeiNode>) -> Result<Arc<SeiNode>, PassError> {
    let now = ctx.now();
    let mut status = node.status.clone().unwrap_or_default();
    set_phase(&mut status, NodePhase::Terminating, now);
    let deleting = Statement::new(false, ReadyReason::Deleting, "the SeiNode is being deleted");
    conditions::set(&mut status.conditions, deleting, node.metadata.generation, now);
    let node = record(ctx, node, status).await?;
    ctx.metrics.observe_node(&node, None);
    let failed = |doing| {
        let object = described(&*node);
        move |source| PassError::Api { doing, object, source: Box::new(source) }
    };
    if is_orphaning(&node) {
        return Ok(node);
    }
    match node.spec.retains_data() {
        true => act::apply_retention(ctx, &node).await.map_err(failed("retain the data volume claim of"))?,
        false => {
            act::delete_own_claim(ctx, &node).await.map_err(failed("delete the data volume claim of"))?
        }
    }
    Ok(node)
}
