//! The passes over the nodes of one scope.

use std::sync::Arc;

use futures::stream;
use kube::runtime::reflector::ObjectRef;
use sei_api::SeiNode;
use tokio::sync::{mpsc, watch};

use crate::{
    context::Context,
    error::PassError,
    queue::{self, Failed, Next},
    reconcile::reconcile,
    reconciled::described,
};

/// Reconciles the nodes received from `woken` until `stopped` is true and the active passes have ended.
pub(crate) async fn run(
    ctx: Arc<Context>,
    woken: mpsc::UnboundedReceiver<ObjectRef<SeiNode>>,
    workers: u16,
    stopped: watch::Receiver<bool>,
) {
    let woken = stream::unfold(woken, |mut woken| async move { Some((woken.recv().await?, woken)) });
    let (nodes, metrics) = (ctx.cache.nodes.clone(), Arc::clone(&ctx.metrics));
    queue::run(ctx, &metrics, nodes, woken, workers, stopped, pass).await;
}

/// One pass, after which the memory of a deleted node is dropped.
async fn pass(node: Arc<SeiNode>, ctx: Arc<Context>) -> Result<Next, Failed> {
    let result = queue::guarded(&ctx.metrics, &*node, permitted(&node, &ctx)).await;
    let failures = ctx.memories.ended(&*node, result.is_ok());
    // It may have been deleted during the pass, which then recreated its entry.
    if !ctx.cache.has(&node) {
        ctx.forget(&node);
    }
    result.map_err(|error| queue::failed(&*node, error, failures, ctx.jitter()))
}

/// Runs a pass if everything that it depends on can be observed.
async fn permitted(node: &Arc<SeiNode>, ctx: &Context) -> Result<Next, PassError> {
    // A deletion needs no cache, and the deletion of a namespace may revoke the permissions to fill the caches.
    let is_deleted = node.metadata.deletion_timestamp.is_some();
    let elsewhere = || ctx.exclusives.denied(node).or_else(|| ctx.neighbours.denied(node));
    let denied = || ctx.cache.denied(node).or_else(elsewhere);
    match (!is_deleted).then(denied).flatten() {
        Some(kind) => Err(PassError::Denied { object: described(&**node), kind }),
        None => reconcile(Arc::clone(node), ctx).await,
    }
}

#[cfg(test)]
mod tests {
    use kube::runtime::watcher::Event;
    use serde_json::json;

    use super::*;
    use crate::testbed;

    #[tokio::test]
    async fn a_pass_keeps_nothing_in_memory_of_a_deleted_node() {
        let client = testbed::client(|_| testbed::failure(404));
        let (ctx, mut writers) = testbed::context(&client, &[]);
        let [node, successor] = ["u1", "u2"].map(|uid| testbed::node(uid, json!({ "fullNode": {} })));
        let remembered = || ctx.memories.failures();
        writers.nodes.apply_watcher_event(&Event::Apply((*node).clone()));
        assert!(pass(Arc::clone(&node), Arc::clone(&ctx)).await.is_err());
        assert_eq!(remembered(), [("u1".to_owned(), 1)]);
        // Another node of the same name replaces it in the cache.
        writers.nodes.apply_watcher_event(&Event::Apply((*successor).clone()));
        assert!(pass(node, Arc::clone(&ctx)).await.is_err());
        assert_eq!(remembered(), []);
    }
}
