//! State shared by all passes: the client, the settings, the caches, and the little state that is kept between passes.
//! All of it can be lost, and is then rebuilt from the cluster.

use std::{path::PathBuf, sync::Arc};

use jiff::Timestamp;
use kube::{Client, Resource, runtime::reflector::ObjectRef};
use sei_api::{SeiNode, names};
use sei_render::Platform;
use sei_sidecar::{AlwaysOpen, ConnectTo, Gate};
use sei_store::Bucket;
use tokio::sync::mpsc::UnboundedSender;

use crate::{
    cache::Cache,
    events::Publisher,
    exclusives::Exclusives,
    groups,
    memories::Memories,
    memory::Memory,
    metrics::{Controller, Metrics},
    neighbours::Neighbours,
    node_tasks,
    pace::Pace,
    packed::{Pack, Packed},
    references::References,
    sidecar::Sidecars,
    written::Written,
};

/// Where Secrets are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretAccess {
    /// One metadata-only watch of all Secrets of type `kubernetes.io/tls`: needs list and watch on Secrets.
    Watch,
    /// One metadata-only watch per referenced Secret: a Role with `resourceNames` is sufficient.
    Named,
}

/// Settings of the operator.
#[derive(Clone, Debug)]
pub struct Options {
    /// The platform that nodes run on.
    pub platform: Platform,
    /// Namespaces to watch; empty means all.
    pub namespaces: Vec<String>,
    /// How Secrets are watched.
    pub secret_access: SecretAccess,
    /// Maximum number of concurrent reconciles.
    pub workers: u16,
    /// Other addresses for sidecars, as with curl's `--connect-to`; names are still verified.
    pub connect_to: Vec<ConnectTo>,
    /// File with the token for sidecars, sent to all of them and re-read from disk. Without it tokens are requested
    /// for the ServiceAccount that the operator runs as, each for one node.
    pub token_file: Option<PathBuf>,
    /// Whether tasks may be submitted to sidecars: false in a process that may have lost its lease.
    pub gate: Arc<dyn Gate>,
    /// The platform's genesis bucket, to report what members of a ceremony wait for. Without it their tasks
    /// fail and retry instead.
    pub genesis_bucket: Option<Bucket>,
}

impl Options {
    /// The defaults: all namespaces, one watch of all TLS Secrets, 32 workers, sidecars at the addresses that
    /// their names resolve to, no genesis bucket.
    pub fn new(platform: Platform) -> Self {
        Self {
            platform,
            namespaces: Vec::new(),
            secret_access: SecretAccess::Watch,
            workers: 32,
            connect_to: Vec::new(),
            token_file: None,
            gate: Arc::new(AlwaysOpen),
            genesis_bucket: None,
        }
    }
}

/// State shared by all passes.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) platform: Platform,
    /// Shared with the groups of this scope.
    pub(crate) sidecars: Arc<Sidecars>,
    pub(crate) genesis_bucket: Option<Bucket>,
    pub(crate) cache: Cache,
    pub(crate) references: References,
    pub(crate) neighbours: Neighbours,
    /// Shared by all scopes.
    pub(crate) exclusives: Arc<Exclusives>,
    /// Requeues nodes of this scope.
    pub(crate) wake: UnboundedSender<ObjectRef<SeiNode>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) events: Publisher,
    pub(crate) memories: Memories<Memory>,
    /// Shared by all scopes.
    pub(crate) pace: Arc<Pace>,
    /// The groups of this scope.
    pub(crate) groups: Arc<groups::Context>,
    /// The SeiNodeTasks of this scope.
    pub(crate) node_tasks: Arc<node_tasks::Context>,
}

impl Context {
    /// The only place where the controller reads the clock.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// A random number in `0.0..1.0`, to spread what would otherwise happen simultaneously.
    pub(crate) fn jitter(&self) -> f64 {
        fastrand::f64()
    }

    /// A random ID for a new plan.
    pub(crate) fn plan_id(&self) -> String {
        uuid::Uuid::new_v4().to_string()
    }

    /// Accesses the memory of a node.
    pub(crate) fn memory<T>(&self, node: &SeiNode, with: impl FnOnce(&mut Memory) -> T) -> T {
        self.memories.with(node, with)
    }

    /// Drops the memory of a deleted node. A new node may already have the same name.
    pub(crate) fn forget(&self, node: &SeiNode) {
        self.memories.forget(node);
        self.references.release(node);
        self.neighbours.forget(node, &self.platform);
        self.exclusives.forget(node);
        self.exclusives.wake_held();
        if self.cache.nodes.get(&ObjectRef::from_obj(node)).is_none() {
            self.metrics.forget(Controller::Nodes, names::namespace(node), names::node(node));
        }
    }

    /// Requeues a node.
    pub(crate) fn wake(&self, node: ObjectRef<SeiNode>) {
        // The receiver is dropped only when the controller shuts down.
        let _ = self.wake.send(node);
    }

    /// Whether the watch of SeiNodes, whose cache has `node` by now, repeats what the operator's last write returned. The pass
    /// that wrote it has already continued from that state.
    pub(crate) fn confirms_write(&self, node: &SeiNode) -> bool {
        self.memory(node, |memory| {
            let written = &mut memory.written;
            written
                .take_if(|written| written.metadata.resource_version == node.metadata.resource_version)
                .is_some()
        })
    }

    /// Whether `child`, an object of a node, is what the operator's last write returned.
    pub(crate) fn is_own_write<K: Pack + Written>(&self, child: &Packed<K>) -> bool {
        let [name] = child.nodes() else { return false };
        let namespace = child.meta().namespace.as_deref().unwrap_or_default();
        let node = self.cache.nodes.get(&ObjectRef::new(name).within(namespace));
        let version = child.meta().resource_version.as_ref();
        node.is_some_and(|node| self.memory(&node, |memory| memory.writes.led_to::<K>(version)))
    }

    /// Requeues the nodes that an object may affect.
    pub(crate) fn wake_nodes_of<K: Pack>(&self, object: &Packed<K>) {
        let namespace = object.meta().namespace.as_deref().unwrap_or_default();
        object.nodes().iter().for_each(|name| self.wake(ObjectRef::new(name).within(namespace)));
    }

    /// Requeues the nodes whose last passes failed: the cause may be resolved.
    pub(crate) fn retry_failed(&self) {
        self.memories.failing(&self.cache.nodes).into_iter().for_each(|node| self.wake(node));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::task::yield_now;

    use super::*;
    use crate::{
        references::{Kind, Target},
        testbed,
    };

    #[tokio::test]
    async fn a_deleted_node_is_dropped_from_memory_and_its_watches_end() {
        let open = Arc::new(());
        let held = Arc::clone(&open);
        let client = testbed::client(move |_| {
            let _ = &held;
            testbed::failure(404)
        });
        let (ctx, _writers) = testbed::context(&client, &[]);
        let [gone, successor] = ["u1", "u2"].map(|uid| testbed::node(uid, json!({ "fullNode": {} })));
        // Besides the open requests, this test and the client hold one reference each.
        let watches = async || {
            for _ in 0..20 {
                yield_now().await;
            }
            Arc::strong_count(&open) - 2
        };
        ctx.memories.ended(&*gone, false);
        ctx.memories.ended(&*successor, false);
        ctx.references.follow(&gone, &Target::of(&gone, Kind::Secret, "key"));
        assert_eq!(watches().await, 1);
        ctx.forget(&gone);
        assert_eq!(ctx.memories.failures(), [("u2".to_owned(), 1)]);
        assert_eq!(watches().await, 0);
    }
}
