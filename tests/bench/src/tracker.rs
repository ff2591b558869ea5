//! SeiNodes as observed by one watch, with the time of observation.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::bail;
use futures::StreamExt;
use kube::{
    Api, Client, ResourceExt,
    runtime::{WatchStreamExt, watcher},
};
use sei_api::SeiNode;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinHandle,
    time::timeout_at,
};

type Seen = (Instant, Arc<SeiNode>);

#[derive(Default)]
struct Known {
    nodes: BTreeMap<String, Arc<SeiNode>>,
    subscribers: Vec<UnboundedSender<Seen>>,
}

/// Watches all SeiNodes until dropped.
pub(crate) struct Tracker {
    known: Arc<Mutex<Known>>,
    task: JoinHandle<()>,
}

impl Drop for Tracker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Tracker {
    pub(crate) fn start(client: Client) -> Self {
        let known = Arc::<Mutex<Known>>::default();
        let task = tokio::spawn(follow(client, Arc::clone(&known)));
        Self { known, task }
    }

    /// The known state, followed by new events.
    pub(crate) fn events(&self) -> Events {
        let (sender, receiver) = unbounded_channel();
        let mut known = lock(&self.known);
        for node in known.nodes.values() {
            // The receiver is below.
            let _ = sender.send((Instant::now(), Arc::clone(node)));
        }
        known.subscribers.push(sender);
        Events(receiver)
    }
}

async fn follow(client: Client, known: Arc<Mutex<Known>>) {
    let nodes = watcher(Api::<SeiNode>::all(client), watcher::Config::default()).default_backoff();
    let mut nodes = std::pin::pin!(nodes.applied_objects());
    while let Some(event) = nodes.next().await {
        // A broken watch restarts automatically.
        let Ok(node) = event else { continue };
        let seen = (Instant::now(), Arc::new(node));
        let mut known = lock(&known);
        known.subscribers.retain(|subscriber| subscriber.send(seen.clone()).is_ok());
        known.nodes.insert(seen.1.name_any(), seen.1);
    }
}

/// States of SeiNodes, in the order of observation.
pub(crate) struct Events(UnboundedReceiver<Seen>);

impl Events {
    /// When each of `names` was first observed as `wanted`.
    ///
    /// # Errors
    /// If one is not within `limit`.
    pub(crate) async fn first(
        &mut self,
        names: &[String],
        what: &str,
        limit: Duration,
        wanted: impl Fn(&SeiNode) -> bool,
    ) -> anyhow::Result<HashMap<String, Instant>> {
        let deadline = tokio::time::Instant::now() + limit;
        let mut missing: HashSet<&str> = names.iter().map(String::as_str).collect();
        let mut found = HashMap::new();
        while !missing.is_empty() {
            let Ok(Some((at, node))) = timeout_at(deadline, self.0.recv()).await else {
                let mut some: Vec<_> = missing.into_iter().collect();
                some.sort_unstable();
                let count = some.len();
                some.truncate(3);
                bail!(
                    "{count} of {} nodes are not {what} within {limit:?}, such as {}",
                    names.len(),
                    some.join(", ")
                );
            };
            let name = node.name_any();
            if missing.contains(name.as_str()) && wanted(&node) {
                missing.remove(name.as_str());
                found.insert(name, at);
            }
        }
        Ok(found)
    }
}

fn lock(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    // A panic elsewhere cannot leave it inconsistent: every access is an insertion.
    known.lock().unwrap_or_else(PoisonError::into_inner)
}
