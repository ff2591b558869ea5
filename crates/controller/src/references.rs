//! Watches of single objects that nodes reference: key Secrets, imported volume claims, and TLS Secrets that are missing or
//! of another type, or all of them if the operator may not list Secrets. Metadata only: no data of a Secret is ever cached.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Debug,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use futures::StreamExt;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Secret};
use kube::{
    Api, Client, Resource,
    api::PartialObjectMeta,
    core::NamespaceResourceScope,
    runtime::{reflector::ObjectRef, watcher},
};
use sei_api::{SeiNode, names};
use tokio::{sync::mpsc::UnboundedSender, task::JoinHandle};

use crate::{
    metrics::Metrics,
    watches::{self, WatchHealth},
};

/// Kind of a referenced object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Secret,
    /// A Secret that the watch of Secrets of type `kubernetes.io/tls` does not report: it is missing, or of another type.
    UnreportedSecret,
    Claim,
}

/// An object that a node references.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    pub(crate) kind: Kind,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Target {
    pub(crate) fn of(node: &SeiNode, kind: Kind, name: &str) -> Self {
        Self { kind, namespace: names::namespace(node).to_owned(), name: name.to_owned() }
    }
}

/// The nodes that need a watch: their UIDs by name.
type Users = BTreeMap<String, Option<String>>;

struct Watched {
    users: Arc<Mutex<Users>>,
    changes: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Watched {
    /// Removes `node`, and returns whether any other node needs the watch.
    fn is_needed_without(&self, node: &SeiNode) -> bool {
        let mut users = lock(&self.users);
        if users.get(names::node(node)) == Some(&node.metadata.uid) {
            users.remove(names::node(node));
        }
        !users.is_empty()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The running watches: one per object, regardless of how many nodes reference it.
pub(crate) struct References {
    client: Client,
    wake: UnboundedSender<ObjectRef<SeiNode>>,
    metrics: Arc<Metrics>,
    watched: Mutex<HashMap<Target, Watched>>,
}

impl References {
    /// No watches yet; nodes to reconcile are sent to `wake`.
    pub(crate) fn new(
        client: Client,
        wake: UnboundedSender<ObjectRef<SeiNode>>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { client, wake, metrics, watched: Mutex::default() }
    }

    /// Ensures that `node` is requeued when `target` changes. Returns a counter that grows with every change,
    /// so that a finding can be cached until then.
    pub(crate) fn follow(&self, node: &SeiNode, target: &Target) -> u64 {
        let mut watched = lock(&self.watched);
        let entry = watched.entry(target.clone()).or_insert_with(|| self.watch(target));
        lock(&entry.users).insert(names::node(node).to_owned(), node.metadata.uid.clone());
        entry.changes.load(Ordering::Acquire)
    }

    /// Ends the watch of `target` if only `node` needed it.
    pub(crate) fn unfollow(&self, node: &SeiNode, target: &Target) {
        let mut watched = lock(&self.watched);
        if watched.get(target).is_some_and(|watched| !watched.is_needed_without(node)) {
            watched.remove(target);
        }
    }

    /// Ends the watches that only `node` needed. Another node with its name keeps its watches.
    pub(crate) fn release(&self, node: &SeiNode) {
        lock(&self.watched).retain(|target, watched| {
            target.namespace != names::namespace(node) || watched.is_needed_without(node)
        });
    }

    fn watch(&self, target: &Target) -> Watched {
        let users = Arc::new(Mutex::new(Users::new()));
        let changes = Arc::new(AtomicU64::new(0));
        let notify = Notify {
            users: Arc::clone(&users),
            changes: Arc::clone(&changes),
            wake: self.wake.clone(),
            namespace: target.namespace.clone(),
        };
        let Target { namespace, name, .. } = target;
        let health =
            |kind| WatchHealth::new(&self.metrics, kind, format!("{namespace}/{name}"), watches::SINGLE);
        let client = self.client.clone();
        let task = match target.kind {
            Kind::Secret | Kind::UnreportedSecret => {
                tokio::spawn(follow::<Secret>(client, target.clone(), health("Secret"), notify))
            }
            Kind::Claim => {
                let health = health("PersistentVolumeClaim");
                tokio::spawn(follow::<PersistentVolumeClaim>(client, target.clone(), health, notify))
            }
        };
        Watched { users, changes, task }
    }
}

struct Notify {
    users: Arc<Mutex<Users>>,
    changes: Arc<AtomicU64>,
    wake: UnboundedSender<ObjectRef<SeiNode>>,
    namespace: String,
}

impl Notify {
    fn changed(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        for user in lock(&self.users).keys() {
            // The receiver is dropped only when the controller shuts down.
            let _ = self.wake.send(ObjectRef::new(user).within(&self.namespace));
        }
    }
}

async fn follow<K>(client: Client, target: Target, mut health: WatchHealth, notify: Notify)
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + Send + 'static,
{
    let api: Api<PartialObjectMeta<K>> = Api::namespaced(client, &target.namespace);
    let config = watcher::Config::default().fields(&format!("metadata.name={}", target.name));
    let mut events = std::pin::pin!(watcher(api, config));
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                health.received(&event);
                // A relist does not report deletions, so its end counts as a change.
                if matches!(
                    event,
                    watcher::Event::Apply(_) | watcher::Event::Delete(_) | watcher::Event::InitDone
                ) {
                    notify.changed();
                }
            }
            Err(error) => tokio::time::sleep(health.failed(&error, fastrand::f64())).await,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere cannot leave these collections inconsistent: every access is one insert, read or
    // remove.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use prometheus_client::registry::Registry;
    use serde_json::json;
    use tokio::{sync::mpsc, task::yield_now};

    use super::*;
    use crate::testbed::{self, node};

    #[tokio::test]
    async fn a_watch_ends_with_the_last_node_that_needs_it() {
        let open = Arc::new(());
        let held = Arc::clone(&open);
        let client = testbed::client(move |_| {
            let _ = &held;
            testbed::failure(404)
        });
        let watches = async || {
            for _ in 0..20 {
                yield_now().await;
            }
            // Besides the open requests, this test and the client hold one reference each.
            Arc::strong_count(&open) - 2
        };
        let metrics = Arc::new(Metrics::register(&mut Registry::default()));
        let references = References::new(client, mpsc::unbounded_channel().0, metrics);
        let [first, successor] = ["u1", "u2"].map(|uid| node(uid, json!({ "fullNode": {} })));
        let mut other = (*first).clone();
        other.metadata.name = Some("node-1".to_owned());
        let [shared, own] = ["shared", "own"].map(|name| Target::of(&first, Kind::Secret, name));
        for (user, target) in [(&*first, &shared), (&other, &shared), (&*first, &own)] {
            references.follow(user, target);
        }
        assert_eq!(watches().await, 2);
        references.release(&successor);
        references.unfollow(&successor, &own);
        assert_eq!(watches().await, 2, "another node of the same name needs none of them");
        references.unfollow(&first, &shared);
        assert_eq!(watches().await, 2, "another node needs it");
        references.unfollow(&first, &own);
        assert_eq!(watches().await, 1);
        references.follow(&first, &own);
        references.follow(&first, &shared);
        assert_eq!(watches().await, 2);
        references.release(&first);
        assert_eq!(watches().await, 1, "one is shared");
        references.release(&other);
        assert_eq!(watches().await, 0);
    }
}
