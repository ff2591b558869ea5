//! The watch of tasks. SeiNodes come from the watch of their own reconciler.

use std::sync::Arc;

use kube::runtime::{
    WatchStreamExt,
    reflector::{ObjectRef, store::Writer},
};
use sei_api::SeiNodeTask;
use tokio::task::JoinSet;

use super::context::{Context, TASKS};
use crate::{feed::Feed, fill::Change, trim, unreadable::Names};

/// Starts the watch of the scope of `ctx`, which never ends.
pub(crate) fn start(
    tasks: &mut JoinSet<()>,
    ctx: &Arc<Context>,
    writer: Writer<SeiNodeTask>,
    namespace: Option<&str>,
) {
    let (client, metrics, progress) = (&ctx.client, &ctx.metrics, &ctx.progress);
    let mut feed = Feed { client, metrics, progress, namespace, tasks };
    let events = feed.readable(&ctx.events, ctx.tasks.clone(), Names::default());
    let ctx = Arc::clone(ctx);
    feed.spawn(TASKS, feed.health(TASKS).optional(), events.modify(trim::task), writer, move |change| {
        match change {
            Change::Present(task, _) => {
                ctx.wake(ObjectRef::from_obj(task));
                ctx.wake_node_of(task);
            }
            Change::Gone(task) => {
                ctx.forget(task);
                ctx.wake_node_of(task);
            }
            Change::Recovered => ctx.retry_failed(),
        }
    });
}
