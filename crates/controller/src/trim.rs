//! Which parts of an object are cached: those that are read later. Everything else is dropped before it is stored, so
//! that memory grows with the number of nodes, not with what other clients write.

use k8s_openapi::{
    api::{
        apps::v1::{StatefulSet, StatefulSetStatus},
        batch::v1::Job,
        core::v1::{
            ConfigMap, Container, PersistentVolumeClaim, Pod, PodSpec, PodTemplateSpec, Secret, Service,
        },
        policy::v1::PodDisruptionBudget,
    },
    apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry, ObjectMeta, OwnerReference},
};
use kube::{Resource, ResourceExt, api::PartialObjectMeta};
use sei_api::{SeiNode, SeiNodeDeployment, SeiNodeTask, labels};
use sei_deployment::{HTTPRoute, is_applied_by_group, is_by_go};
use sei_sidecar::cut;
use serde_json::json;

/// kubectl's copy of an object, with all its content.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Maximum length of a ConfigMap value that is kept. The operator's own are far shorter.
const VALUE_LIMIT: usize = 16 * 1024;

/// Keeps which fields a group applied, and what the Go controller wrote to a SeiNode of a group: fields that the
/// operator no longer sets are removed by its next apply.
pub(crate) fn node(node: &mut SeiNode) {
    let is_in_group = node.labels().contains_key(labels::DEPLOYMENT);
    let is_of_group =
        |entry: &ManagedFieldsEntry| is_applied_by_group(entry) || (is_in_group && is_by_go(entry));
    let managers = node.metadata.managed_fields.take().into_iter().flatten();
    let of_group: Vec<_> = managers.filter(is_of_group).collect();
    node.metadata.managed_fields = (!of_group.is_empty()).then_some(of_group);
    node.annotations_mut().remove(LAST_APPLIED);
}

pub(crate) fn group(group: &mut SeiNodeDeployment) {
    keep_annotations(&mut group.metadata);
}

pub(crate) fn task(task: &mut SeiNodeTask) {
    keep_annotations(&mut task.metadata);
}

/// Keeps annotations, one of which records that a group retained the Service, and the times of the operator's changes,
/// without the fields.
pub(crate) fn group_service(object: &mut Service) {
    let writers = object.metadata.managed_fields.take().into_iter().flatten();
    let applied = writers.filter(is_applied_by_group);
    let applied = applied.map(|entry| ManagedFieldsEntry { fields_v1: None, ..entry }).collect();
    keep_annotations(&mut object.metadata);
    object.metadata.managed_fields = Some(applied);
    object.status = None;
}

/// Only the selector of a PodDisruptionBudget with another owner is used.
pub(crate) fn budget(object: &mut PodDisruptionBudget) {
    match object.labels().contains_key(labels::DEPLOYMENT) {
        true => keep_annotations(&mut object.metadata),
        false => metadata(&mut object.metadata),
    }
    object.status = None;
}

/// Keeps only the part of the status that Gateways report.
pub(crate) fn route(object: &mut HTTPRoute) {
    keep_annotations(&mut object.metadata);
    let parents = object.status.iter_mut().flat_map(|status| &mut status.parents);
    parents
        .flat_map(|parent| &mut parent.conditions)
        .for_each(|condition| condition.message = cut(&condition.message));
}

/// Keeps managers, since drift detection checks who wrote the spec, but not which fields they wrote. Of the status, a
/// rollout needs the revision; pods are observed themselves.
pub(crate) fn stateful_set(object: &mut StatefulSet) {
    let managers = object.metadata.managed_fields.take();
    metadata(&mut object.metadata);
    object.status = object.status.take().map(|status| StatefulSetStatus {
        observed_generation: status.observed_generation,
        update_revision: status.update_revision,
        ..StatefulSetStatus::default()
    });
    if !has_node(&object.metadata) {
        object.spec.iter_mut().for_each(|spec| of_others(&mut spec.template));
        return;
    }
    let writers = managers.into_iter().flatten().filter_map(|entry| {
        entry.fields_v1.as_ref()?.0.get("f:spec")?;
        let spec_alone = Some(FieldsV1(json!({ "f:spec": {} })));
        Some(ManagedFieldsEntry { fields_v1: spec_alone, ..entry })
    });
    object.metadata.managed_fields = Some(writers.collect());
}

pub(crate) fn service(object: &mut Service) {
    metadata(&mut object.metadata);
    if !has_node(&object.metadata) {
        (object.spec, object.status) = (None, None);
    }
}

pub(crate) fn config_map(object: &mut ConfigMap) {
    metadata(&mut object.metadata);
    object.binary_data = None;
    if !has_node(&object.metadata) {
        object.data = None;
    }
    let data = object.data.iter_mut().flatten();
    // An empty value differs from the operator's just as the long one does.
    data.filter(|(_, value)| value.len() > VALUE_LIMIT).for_each(|(_, value)| *value = String::new());
    if let Some(data) = &mut object.data {
        data.retain(|key, _| key == sei_render::RBAC_PROXY_CONFIG_KEY);
    }
}

pub(crate) fn job(object: &mut Job) {
    metadata(&mut object.metadata);
    if !has_node(&object.metadata) {
        object.spec.iter_mut().for_each(|spec| of_others(&mut spec.template));
    }
    let conditions = object.status.iter_mut().flat_map(|status| status.conditions.iter_mut().flatten());
    conditions.for_each(|condition| shorten(&mut condition.message));
}

/// Keeps the annotations that describe the content of the volume.
pub(crate) fn claim(object: &mut PersistentVolumeClaim) {
    let marks = [labels::INITIALIZED_ANNOTATION, labels::CONFIG_MODE_ANNOTATION];
    let mut annotations = object.metadata.annotations.take();
    metadata(&mut object.metadata);
    annotations.iter_mut().for_each(|all| all.retain(|key, _| marks.contains(&key.as_str())));
    object.metadata.annotations = annotations.filter(|kept| !kept.is_empty());
}

pub(crate) fn pod(object: &mut Pod) {
    metadata(&mut object.metadata);
    let kinds = ["StatefulSet", "Job"];
    let is_workload = |owner: &OwnerReference| kinds.contains(&owner.kind.as_str());
    let is_of_workload = object.owner_references().iter().any(is_workload);
    if let Some(spec) = &mut object.spec {
        keep_running_parts(spec);
        if !is_of_workload {
            keep_volumes(spec);
        }
    }
    if let Some(status) = &mut object.status {
        shorten(&mut status.message);
        shorten(&mut status.reason);
        status.conditions.iter_mut().flatten().for_each(|condition| shorten(&mut condition.message));
        let containers = [&mut status.init_container_statuses, &mut status.container_statuses];
        for container in containers.into_iter().flatten().flatten() {
            let waiting = container.state.iter_mut().filter_map(|state| state.waiting.as_mut());
            waiting.for_each(|waiting| {
                shorten(&mut waiting.message);
                shorten(&mut waiting.reason);
            });
            let last = container.last_state.iter_mut().filter_map(|state| state.terminated.as_mut());
            last.for_each(|exit| shorten(&mut exit.reason));
        }
    }
}

/// Keeps the containers and volumes of a pod. Scheduling and resources are never compared, and environment and
/// arguments only for the sidecar and its proxy.
fn keep_running_parts(spec: &mut PodSpec) {
    let containers = spec.containers.drain(..).map(|container| Container {
        name: container.name,
        image: container.image,
        ..Container::default()
    });
    let containers = containers.collect();
    let init_containers = spec.init_containers.take().map(|containers| {
        let started = |container: Container| Container {
            name: container.name,
            image: container.image,
            env: container.env,
            args: container.args,
            ..Container::default()
        };
        containers.into_iter().map(started).collect()
    });
    *spec = PodSpec { containers, init_containers, volumes: spec.volumes.take(), ..PodSpec::default() };
}

/// Messages of the kubelet, the scheduler and controllers are repeated in the status of a node.
fn shorten(message: &mut Option<String>) {
    if let Some(text) = message {
        *text = cut(text);
    }
}

fn of_others(template: &mut PodTemplateSpec) {
    template.metadata = None;
    template.spec.iter_mut().for_each(keep_volumes);
}

/// Pods of every owner count, since they may use a key or a volume. Only a node's own pods are inspected further.
fn keep_volumes(spec: &mut PodSpec) {
    for container in spec.init_containers.iter_mut().flatten().chain(&mut spec.containers) {
        (container.env, container.args, container.command) = (None, None, None);
    }
}

/// Annotations contain copies of private keys, so only what identifies a Secret and its version is kept.
pub(crate) fn secret(object: &mut PartialObjectMeta<Secret>) {
    let all = std::mem::take(&mut object.metadata);
    object.metadata = ObjectMeta {
        name: all.name,
        namespace: all.namespace,
        uid: all.uid,
        resource_version: all.resource_version,
        deletion_timestamp: all.deletion_timestamp,
        ..ObjectMeta::default()
    };
}

/// Keeps annotations, except for kubectl's copy of the whole object.
fn keep_annotations(metadata: &mut ObjectMeta) {
    metadata.managed_fields = None;
    metadata.annotations.iter_mut().for_each(|all| drop(all.remove(LAST_APPLIED)));
}

fn metadata(metadata: &mut ObjectMeta) {
    metadata.managed_fields = None;
    metadata.annotations = None;
}

/// Whether a SeiNode controls the object.
fn has_node(metadata: &ObjectMeta) -> bool {
    metadata.owner_references.iter().flatten().any(|owner| owner.controller == Some(true) && is_node(owner))
}

/// Whether the owner is a SeiNode, of any API version.
pub(crate) fn is_node(owner: &OwnerReference) -> bool {
    let group = owner.api_version.split_once('/').map_or("", |(group, _)| group);
    owner.kind == SeiNode::kind(&()) && group == SeiNode::group(&())
}

/// The SeiNodes that an object may affect: its owners, and the one in its label.
pub(crate) fn nodes_of(object: &impl Resource) -> impl Iterator<Item = &str> {
    let metadata = object.meta();
    let owners = metadata.owner_references.iter().flatten().filter(|owner| is_node(owner));
    let labelled = metadata.labels.as_ref().and_then(|all| all.get(labels::NODE));
    owners.map(|owner| owner.name.as_str()).chain(labelled.map(String::as_str))
}

#[cfg(test)]
mod tests;
