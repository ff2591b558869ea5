//! The watch of tasks. SeiNodes come from the watch of their own reconciler.

use std::sync::Arc;

use futures::StreamExt;
use kube::runtime::{
    WatchStreamExt,
    reflector::{ObjectRef, store::Writer},
    watcher,
};
use sei_api::SeiNodeTask;
use tokio::task::JoinSet;

use super::context::{Context, TASKS};
use crate::{
    decode::Decoded,
    feed::{Feed, PAGE},
    fill::Change,
    trim,
    unreadable::{Names, Unreadable, Voice},
};

/// Starts the watch of the scope of `ctx`, which never ends.
pub(crate) fn start(
    tasks: &mut JoinSet<()>,
    ctx: &Arc<Context>,
    writer: Writer<SeiNodeTask>,
    namespace: Option<&str>,
) {
    let (client, metrics, progress) = (&ctx.client, &ctx.metrics, &ctx.progress);
    let mut feed = Feed { client, metrics, progress, namespace, tasks };
    let voice =
        Voice { client: ctx.client.clone(), metrics: Arc::clone(&ctx.metrics), events: ctx.events.clone() };
    let mut unreadable = Unreadable::new(voice, ctx.tasks.clone(), Names::default());
    let events = watcher(feed.api::<Decoded<SeiNodeTask>>(), watcher::Config::default().page_size(PAGE));
    let events = events.filter_map(move |event| {
        let readable = event.map(|event| unreadable.sift(event)).transpose();
        std::future::ready(readable)
    });
    let ctx = Arc::clone(ctx);
    feed.spawn(TASKS, feed.health(TASKS).optional(), events.modify(trim::task), writer, move |change| {
        match change {
            Change::Present(task) => {
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
