//! The end of a SeiNode: its data volume claim is deleted unless the deletion orphans it, everything else follows by
//! garbage collection. The sidecar is not needed for it.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use sei_api::{
    SeiNode,
    conditions::{self, ReadyReason, Statement},
    labels,
    names::{self, full_name},
    v1alpha1::NodePhase,
};
use sei_decide::set_phase;
use serde_json::json;

use crate::{act, context::Context, error::PassError, record::record};

/// Finalizer of the garbage collector while it takes the owner off the objects that are to stay.
const ORPHAN: &str = "orphan";

/// Whether the finalizer is on the node.
pub(crate) fn is_marked(node: &SeiNode) -> bool {
    node.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == labels::FINALIZER)
}

/// Whether the deletion was requested with `--cascade=orphan`: the garbage collector then takes the owner off the
/// claim as off every other object.
fn is_orphaning(node: &SeiNode) -> bool {
    node.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == ORPHAN)
}

/// Puts the finalizer on the node.
pub(crate) async fn mark(ctx: &Context, node: &SeiNode) -> Result<Arc<SeiNode>, PassError> {
    let mut finalizers = node.metadata.finalizers.clone().unwrap_or_default();
    finalizers.push(labels::FINALIZER.to_owned());
    write_finalizers(ctx, node, &finalizers, "addition of the finalizer").await
}

/// Does what has to be done before the node is removed, then removes the finalizer.
pub(crate) async fn finalize(ctx: &Context, node: &Arc<SeiNode>) -> Result<(), PassError> {
    if !is_marked(node) {
        return Ok(());
    }
    // All that is in a namespace that ends goes with it, perhaps the operator's Role first.
    let node =
        if in_terminating_namespace(ctx, node).await { Arc::clone(node) } else { end(ctx, node).await? };
    let rest: Vec<_> =
        node.metadata.finalizers.iter().flatten().filter(|it| *it != labels::FINALIZER).cloned().collect();
    match write_finalizers(ctx, &node, &rest, "removal of the finalizer").await {
        Ok(_) => {}
        Err(PassError::Api { source, .. }) if matches!(&*source, kube::Error::Api(status) if status.is_not_found()) =>
            {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Says that the node ends, and deletes the claim that was made for it.
async fn end(ctx: &Context, node: &Arc<SeiNode>) -> Result<Arc<SeiNode>, PassError> {
    let now = ctx.now();
    let mut status = node.status.clone().unwrap_or_default();
    set_phase(&mut status, NodePhase::Terminating, now);
    let deleting = Statement::new(false, ReadyReason::Deleting, "the SeiNode is being deleted");
    conditions::set(&mut status.conditions, deleting, node.metadata.generation, now);
    let node = record(ctx, node, status).await?;
    ctx.metrics.observe_node(&node, None);
    if !is_orphaning(&node) {
        act::delete_own_claim(ctx, &node)
            .await
            .map_err(|source| failed("deletion of the data volume claim", &node, source))?;
    }
    Ok(node)
}

/// Whether the namespace of `node` is being deleted. One that cannot be read counts as one that stays.
async fn in_terminating_namespace(ctx: &Context, node: &SeiNode) -> bool {
    let namespaces: Api<Namespace> = Api::all(ctx.client.clone());
    let namespace = namespaces.get(names::namespace(node)).await;
    namespace.is_ok_and(|namespace| namespace.metadata.deletion_timestamp.is_some())
}

async fn write_finalizers(
    ctx: &Context,
    node: &SeiNode,
    finalizers: &[String],
    doing: &'static str,
) -> Result<Arc<SeiNode>, PassError> {
    let api: Api<SeiNode> = Api::namespaced(ctx.client.clone(), names::namespace(node));
    let patch = json!({ "metadata": {
        "finalizers": finalizers,
        "resourceVersion": node.metadata.resource_version,
        "uid": node.metadata.uid,
    }});
    let params = PatchParams { field_manager: Some(labels::FIELD_MANAGER.to_owned()), ..Default::default() };
    let written = api.patch(names::node(node), &params, &Patch::Merge(&patch)).await;
    written.map(Arc::new).map_err(|source| failed(doing, node, source))
}

fn failed(doing: &'static str, node: &SeiNode, source: kube::Error) -> PassError {
    PassError::Api { doing, node: full_name(node), source: Box::new(source) }
}
