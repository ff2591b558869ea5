//! Which groups to reconcile when something changes.

use kube::{Resource, ResourceExt, runtime::reflector::ObjectRef};
use sei_api::{SeiNode, SeiNodeDeployment, labels};
use sei_deployment::{HTTPRoute, groups_that_need};

use super::{context::Context, memory::Written};

impl Context {
    /// Returns a function that queues `group`.
    pub(super) fn waker(&self, group: &SeiNodeDeployment) -> impl Fn() + Clone + Send + Sync + use<> {
        let (wake, group) = (self.wake.clone(), ObjectRef::from_obj(group));
        // The receiver is gone only when the controller is shutting down.
        move || drop(wake.send(group.clone()))
    }

    /// Queues a group.
    pub(super) fn wake(&self, group: ObjectRef<SeiNodeDeployment>) {
        // The receiver is gone only when the controller is shutting down.
        let _ = self.wake.send(group);
    }

    /// Queues every group whose last reconciles failed: the cause may be resolved.
    pub(super) fn retry_failed(&self) {
        self.memories.failing(&self.groups).into_iter().for_each(|group| self.wake(group));
    }

    /// A SeiNode was created or changed.
    pub(crate) fn node_changed(&self, node: &SeiNode) {
        self.wake_groups_of(node);
    }

    /// A SeiNode was removed.
    pub(crate) fn node_gone(&self, node: &SeiNode) {
        self.object_gone(node);
        self.wake_groups_of(node);
    }

    /// An object of a group was removed.
    pub(super) fn object_gone<K: Written>(&self, object: &K) {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        for group in groups_of(object).filter_map(|group| self.groups.get(&reference(&group, &namespace))) {
            self.memory(&group, |memory| memory.forget::<K>(&name));
        }
    }

    /// Queues every group of a namespace.
    pub(super) fn wake_namespace(&self, namespace: Option<&str>) {
        let groups = self.groups.state_filter(|group| group.metadata.namespace.as_deref() == namespace);
        groups.iter().for_each(|group| self.wake(ObjectRef::from_obj(&**group)));
    }

    /// Queues the groups that an object may affect.
    pub(super) fn wake_groups_of(&self, object: &impl Resource) {
        let namespace = object.meta().namespace.clone().unwrap_or_default();
        let groups = groups_of(object).map(|group| reference(&group, &namespace));
        groups.filter(|group| self.groups.get(group).is_some()).for_each(|group| self.wake(group));
    }

    /// Queues the groups of any namespace that have the name of the group of a route, and with it the same host names.
    pub(super) fn wake_namesakes(&self, route: &HTTPRoute) {
        let names: Vec<_> = groups_of(route).collect();
        self.wake_everywhere(|group| names.contains(&group.name_any()));
    }

    /// Queues the groups of any namespace that create the same chain as a deleted group.
    pub(super) fn wake_rivals(&self, gone: &SeiNodeDeployment) {
        let Some(chain) = created_chain(gone) else { return };
        self.wake_everywhere(|group| created_chain(group) == Some(chain));
    }

    fn wake_everywhere(&self, concerns: impl Fn(&SeiNodeDeployment) -> bool) {
        for scope in self.everywhere.iter() {
            for group in scope.groups.state_filter(&concerns) {
                // The receiver is gone only when the controller is shutting down.
                let _ = scope.wake.send(ObjectRef::from_obj(&*group));
            }
        }
    }
}

fn reference(group: &str, namespace: &str) -> ObjectRef<SeiNodeDeployment> {
    ObjectRef::new(group).within(namespace)
}

/// The ID of the chain that a group creates.
pub(super) fn created_chain(group: &SeiNodeDeployment) -> Option<&str> {
    group.spec.genesis.as_ref().map(|genesis| genesis.chain_id.as_str())
}

/// The groups that an object may affect: its owner, the one in its label, and the one that needs its name.
fn groups_of(object: &impl Resource) -> impl Iterator<Item = String> {
    let metadata = object.meta();
    let owners = metadata.owner_references.iter().flatten();
    let owners = owners.filter(|owner| owner.kind == SeiNodeDeployment::kind(&()));
    let labelled = metadata.labels.as_ref().and_then(|all| all.get(labels::DEPLOYMENT));
    let by_name = metadata.name.as_deref().into_iter().flat_map(groups_that_need);
    let mut groups: Vec<_> = owners
        .map(|owner| owner.name.clone())
        .chain(labelled.cloned())
        .chain(by_name.map(str::to_owned))
        .collect();
    groups.sort();
    groups.dedup();
    groups.into_iter()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_wakes_its_owner_the_labeled_group_and_the_group_that_needs_its_name() {
        let node: SeiNode = serde_json::from_value(json!({
            "metadata": {
                "name": "rpc-2", "namespace": "sei", "labels": { labels::DEPLOYMENT: "former" },
                "ownerReferences": [
                    { "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeDeployment", "name": "owner", "uid": "u" },
                    { "apiVersion": "apps/v1", "kind": "Deployment", "name": "other", "uid": "v" },
                ],
            },
            "spec": { "chainId": "pacific-1", "image": "seid:a", "fullNode": {} },
        }))
        .unwrap();
        assert_eq!(groups_of(&node).collect::<Vec<_>>(), ["former", "owner", "rpc"]);
    }
}
