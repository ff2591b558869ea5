//! Signing keys and volumes, which only one pod at a time may use: their current users according to the caches, the
//! nodes that were allowed to start, and the public keys.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Debug,
    sync::{Mutex, MutexGuard, PoisonError},
};

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    batch::v1::Job,
    core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret, Service},
};
use kube::{
    Api, Client, ResourceExt,
    api::ListParams,
    runtime::reflector::{ObjectRef, Store},
};
use sei_api::{SeiNode, labels, names};
use sei_decide::{
    contention::{Contention, Stage, Use, contention},
    exclusive::{Exclusive, PublicKey},
    objects::{JobState, has_ended, job_state},
};
use tokio::sync::mpsc::UnboundedSender;

use crate::{
    cache::{Filling, Progress},
    packed::{Pack, Packed},
    refusal::error_message,
};

/// The stores of one scope in which uses are found.
pub(crate) struct Stores {
    /// The namespace of the scope; `None` for all of them.
    pub(crate) namespace: Option<String>,
    pub(crate) nodes: Store<SeiNode>,
    pub(crate) stateful_sets: Store<Packed<StatefulSet>>,
    pub(crate) jobs: Store<Packed<Job>>,
    pub(crate) pods: Store<Packed<Pod>>,
    pub(crate) progress: Progress,
}

/// Namespace and name.
type Name = (String, String);

/// The exclusive resources of all scopes and their users.
pub(crate) struct Exclusives {
    scopes: Vec<Stores>,
    /// Requeues nodes by name; a scope without that node ignores it.
    wakes: Vec<UnboundedSender<ObjectRef<SeiNode>>>,
    /// UIDs of the nodes that were allowed to start: objects that they created may not be in a cache yet.
    granted: Mutex<BTreeSet<String>>,
    /// Nodes that wait for another one to release what they need.
    held: Mutex<BTreeSet<Name>>,
    /// Public keys of the signing keys, by Secret.
    keys: Mutex<HashMap<Name, PublicKey>>,
}

impl Exclusives {
    pub(crate) fn new(scopes: Vec<Stores>, wakes: Vec<UnboundedSender<ObjectRef<SeiNode>>>) -> Self {
        Self { scopes, wakes, granted: Mutex::default(), held: Mutex::default(), keys: Mutex::default() }
    }

    /// Other users of what `node` needs. Without any, the node is granted it before the next node is checked.
    pub(crate) async fn contention(&self, client: &Client, node: &SeiNode) -> Contention {
        if !contends(node) {
            return Contention::default();
        }
        self.read_keys(client, node, &self.uses(&BTreeSet::new())).await;
        let mut granted = lock(&self.granted);
        let found = self.judge(node, &self.uses(&granted));
        if found.rival.is_none() && self.knows_key_of(node) {
            granted.extend(node.uid());
        }
        match found.rival.is_some() {
            true => lock(&self.held).insert(name_of(node)),
            false => lock(&self.held).remove(&name_of(node)),
        };
        found
    }

    /// Like [`Self::contention`], but from the current objects in the API server, for the step that starts a pod:
    /// caches may lag.
    pub(crate) async fn live(&self, client: &Client, node: &SeiNode) -> Result<Contention, kube::Error> {
        if !contends(node) {
            return Ok(Contention::default());
        }
        let mut uses = Vec::new();
        if names_key(node) {
            let of_chain = format!("{}={}", labels::CHAIN, node.spec.chain_id);
            for scope in &self.scopes {
                let namespace = scope.namespace.as_deref();
                uses.extend(listed::<StatefulSet>(client, namespace, &of_chain).await?);
                uses.extend(listed::<Pod>(client, namespace, &of_chain).await?);
            }
        }
        // Nodes of any chain can name the same claim, and bootstrap pods do not have the label of their chain.
        if names::imported_claim(node).is_some() {
            let namespace = Some(names::namespace(node));
            uses.extend(listed::<StatefulSet>(client, namespace, labels::NODE).await?);
            uses.extend(listed::<Job>(client, namespace, labels::NODE).await?);
            uses.extend(listed::<Pod>(client, namespace, labels::NODE).await?);
        }
        self.read_keys(client, node, &uses).await;
        Ok(self.judge(node, &uses))
    }

    /// A kind that is unknown in some scope, so that a user of what `node` needs could be missed.
    pub(crate) fn denied(&self, node: &SeiNode) -> Option<&'static str> {
        let denied = self.scopes.iter().flat_map(|scope| scope.progress.of(Filling::Denied));
        let mut kinds = denied.filter(|kind| ["SeiNode", "StatefulSet", "Job", "Pod"].contains(kind));
        kinds.next().filter(|_| contends(node))
    }

    /// Stores the public key of the signing key in a Secret.
    pub(crate) fn store_key(&self, namespace: &str, secret: &str, key: PublicKey) {
        lock(&self.keys).insert((namespace.to_owned(), secret.to_owned()), key);
    }

    /// Drops a deleted node, and the keys that are no longer used.
    pub(crate) fn forget(&self, node: &SeiNode) {
        lock(&self.granted).remove(&node.uid().unwrap_or_default());
        lock(&self.held).remove(&name_of(node));
        if lock(&self.keys).is_empty() {
            return;
        }
        let uses = self.uses(&BTreeSet::new());
        let used: BTreeSet<_> =
            uses.iter().flat_map(|it| &it.resources).filter_map(Exclusive::secret).map(owned).collect();
        lock(&self.keys).retain(|name, _| used.contains(name));
    }

    /// Requeues every node that waits for another one to release what it needs.
    pub(crate) fn wake_held(&self) {
        for (namespace, name) in lock(&self.held).iter() {
            for wake in &self.wakes {
                // The receiver is dropped only when the controller shuts down.
                let _ = wake.send(ObjectRef::new(name).within(namespace));
            }
        }
    }

    fn judge(&self, node: &SeiNode, uses: &[Use]) -> Contention {
        let keys = lock(&self.keys);
        contention(node, uses, &|namespace, secret| keys.get(&owned((namespace, secret))).cloned())
    }

    fn knows_key_of(&self, node: &SeiNode) -> bool {
        let keys = lock(&self.keys);
        let resources = Exclusive::of_node(node);
        resources.iter().filter_map(Exclusive::secret).all(|name| keys.contains_key(&owned(name)))
    }

    /// Reads those keys of the chain that other objects mount and that are still unknown.
    async fn read_keys(&self, client: &Client, node: &SeiNode, uses: &[Use]) {
        let resources = uses
            .iter()
            .filter(|it| it.stage >= Stage::Template && !it.is_of(node))
            .flat_map(|it| &it.resources);
        let keys = resources.filter(|resource| resource.is_key_of(&node.spec.chain_id));
        let secrets: BTreeSet<_> = keys.filter_map(Exclusive::secret).map(owned).collect();
        for name in secrets {
            if lock(&self.keys).contains_key(&name) {
                continue;
            }
            let (namespace, secret) = &name;
            match Api::<Secret>::namespaced(client.clone(), namespace).get_opt(secret).await {
                Ok(found) => {
                    let key =
                        found.as_ref().and_then(|found| found.data.as_ref()).and_then(PublicKey::of_data);
                    lock(&self.keys).extend(key.map(|key| (name.clone(), key)));
                }
                Err(error) => {
                    let error = error_message(&error);
                    tracing::warn!(
                        namespace,
                        name = secret,
                        error,
                        "failed to read a signing key to compare it"
                    );
                }
            }
        }
    }

    /// The current and intended uses of all nodes.
    fn uses(&self, granted: &BTreeSet<String>) -> Vec<Use> {
        let mut uses = Vec::new();
        for scope in &self.scopes {
            let nodes = scope.nodes.state();
            uses.extend(nodes.iter().filter(|node| node.metadata.deletion_timestamp.is_none()).map(|node| {
                let is_granted = node.metadata.uid.as_ref().is_some_and(|uid| granted.contains(uid));
                Use::of_node(node, if is_granted { Stage::Granted } else { Stage::Named })
            }));
            uses.extend(scope.stateful_sets.state().iter().filter_map(|set| set.exclusive_use().cloned()));
            uses.extend(scope.jobs.state().iter().filter_map(|job| job.exclusive_use().cloned()));
            uses.extend(scope.pods.state().iter().filter_map(|pod| pod.exclusive_use().cloned()));
        }
        uses
    }
}

/// Whether another node may need what `node` needs. No other node uses a claim that was created for a node.
fn contends(node: &SeiNode) -> bool {
    names::imported_claim(node).is_some() || names_key(node)
}

fn names_key(node: &SeiNode) -> bool {
    Exclusive::of_node(node).iter().any(|resource| resource.secret().is_some())
}

impl Pack for StatefulSet {
    fn exclusive_use(&self) -> Option<Use> {
        let spec = self.spec.as_ref().filter(|spec| spec.replicas != Some(0))?;
        Use::of_object(self, Stage::Template, spec.template.spec.as_ref()?)
    }
}

impl Pack for Job {
    fn exclusive_use(&self) -> Option<Use> {
        let spec = self.spec.as_ref().filter(|_| job_state(self) == JobState::Running)?;
        Use::of_object(self, Stage::Template, spec.template.spec.as_ref()?)
    }
}

/// A pod that has terminated uses nothing.
impl Pack for Pod {
    fn exclusive_use(&self) -> Option<Use> {
        let spec = self.spec.as_ref().filter(|_| !has_ended(self))?;
        Use::of_object(self, Stage::Pod, spec)
    }
}

// These kinds use nothing exclusively.
impl Pack for Service {}
impl Pack for ConfigMap {}
impl Pack for PersistentVolumeClaim {}

/// What the objects with these labels use, in one namespace or in all.
async fn listed<K>(client: &Client, namespace: Option<&str>, selector: &str) -> Result<Vec<Use>, kube::Error>
where
    K: Pack + Clone + Debug,
{
    let api: Api<K> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let objects = api.list(&ListParams::default().labels(selector)).await?;
    Ok(objects.items.iter().filter_map(Pack::exclusive_use).collect())
}

fn name_of(node: &SeiNode) -> Name {
    owned((names::namespace(node), names::node(node)))
}

fn owned((namespace, name): (&str, &str)) -> Name {
    (namespace.to_owned(), name.to_owned())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere cannot leave these collections inconsistent: every access is one insert, read or
    // remove.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
