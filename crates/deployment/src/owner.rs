//! Which objects a group owns.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;
use sei_api::SeiNodeDeployment;

use crate::seat::group_name;

/// The reference that makes `group` the controller of an object.
pub(crate) fn owner(group: &SeiNodeDeployment) -> OwnerReference {
    OwnerReference {
        api_version: SeiNodeDeployment::api_version(&()).into_owned(),
        block_owner_deletion: Some(true),
        controller: Some(true),
        kind: SeiNodeDeployment::kind(&()).into_owned(),
        name: group_name(group).to_owned(),
        uid: group.metadata.uid.clone().unwrap_or_default(),
    }
}

/// Whether `group` is the controller of `object`.
pub fn is_owned_by(object: &impl Resource, group: &SeiNodeDeployment) -> bool {
    controller(object).is_some_and(|owner| Some(&owner.uid) == group.metadata.uid.as_ref())
}

/// Whether the garbage collector deletes `object`: its controller is a deleted group of the same name.
pub(crate) fn is_left_of_former(object: &impl Resource, group: &SeiNodeDeployment) -> bool {
    controller(object).is_some_and(|owner| {
        owner.kind == SeiNodeDeployment::kind(&())
            && owner.name == group_name(group)
            && Some(&owner.uid) != group.metadata.uid.as_ref()
    })
}

/// The controller of an object.
pub(crate) fn controller(object: &impl Resource) -> Option<&OwnerReference> {
    let mut owners = object.meta().owner_references.iter().flatten();
    owners.find(|owner| owner.controller == Some(true))
}
