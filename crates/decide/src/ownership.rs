//! Ownership of an object with a name that a SeiNode needs, and what controls a SeiNode.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;
use sei_api::{SeiNode, SeiNodeDeployment, names};

use crate::objects::is_owned_by;

/// The relation of an object to a SeiNode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// The SeiNode is its controller.
    Own,
    /// It is being deleted, or it was owned by a deleted SeiNode of the same name and the garbage collector deletes it:
    /// the name becomes free without further action.
    Ending,
    /// It has another owner, or none.
    Foreign,
}

impl Ownership {
    /// The ownership of `object` as seen from `node`.
    pub fn of(object: &impl Resource, node: &SeiNode) -> Self {
        if object.meta().deletion_timestamp.is_some() || is_left_of_former(object, node) {
            return Self::Ending;
        }
        if is_owned_by(object, node) { Self::Own } else { Self::Foreign }
    }
}

/// The name of the SeiNodeDeployment that controls a SeiNode.
pub(crate) fn group(node: &SeiNode) -> Option<&str> {
    let owner = controller(node).filter(|owner| owner.kind == SeiNodeDeployment::kind(&()))?;
    Some(&owner.name)
}

/// The controller of a SeiNode.
pub(crate) fn controller(node: &SeiNode) -> Option<&OwnerReference> {
    let mut owners = node.metadata.owner_references.iter().flatten();
    owners.find(|owner| owner.controller == Some(true))
}

/// Whether all owners of `object` are SeiNodes with the same name that existed before `node`.
fn is_left_of_former(object: &impl Resource, node: &SeiNode) -> bool {
    let owners = object.meta().owner_references.as_deref().unwrap_or_default();
    !owners.is_empty()
        && owners.iter().all(|owner| {
            owner.kind == SeiNode::kind(&())
                && owner.name == names::node(node)
                && Some(&owner.uid) != node.metadata.uid.as_ref()
        })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Service;
    use serde_json::{Value, json};

    use super::*;

    fn node() -> SeiNode {
        let metadata = json!({ "name": "rpc-0", "namespace": "sei", "uid": "new" });
        let spec = json!({ "chainId": "c", "image": "i", "fullNode": {} });
        let node =
            json!({ "apiVersion": "sei.io/v1alpha1", "kind": "SeiNode", "metadata": metadata, "spec": spec });
        serde_json::from_value(node).unwrap()
    }

    fn owner(kind: &str, name: &str, uid: &str) -> Value {
        json!({ "apiVersion": "sei.io/v1alpha1", "kind": kind, "name": name, "uid": uid, "controller": true })
    }

    #[test]
    fn objects_are_classified_as_own_terminating_or_foreign() {
        let old = owner("SeiNode", "rpc-0", "old");
        for (owners, deleted, expected) in [
            (vec![owner("SeiNode", "rpc-0", "new")], false, Ownership::Own),
            (vec![owner("SeiNode", "rpc-0", "new")], true, Ownership::Ending),
            (vec![old.clone()], false, Ownership::Ending),
            (vec![owner("SeiNode", "other", "old")], true, Ownership::Ending),
            (vec![owner("SeiNode", "other", "old")], false, Ownership::Foreign),
            (vec![owner("Gateway", "rpc-0", "old")], false, Ownership::Foreign),
            (vec![old, owner("Gateway", "g", "g")], false, Ownership::Foreign),
            (vec![], false, Ownership::Foreign),
            (vec![], true, Ownership::Ending),
        ] {
            let mut metadata = json!({ "name": "rpc-0", "ownerReferences": owners });
            if deleted {
                metadata["deletionTimestamp"] = "2027-01-01T00:00:00Z".into();
            }
            let service: Service = serde_json::from_value(json!({ "metadata": metadata })).unwrap();
            assert_eq!(Ownership::of(&service, &node()), expected, "{service:?}");
        }
    }
}
