//! Which parts of an object are cached: those that are read later. Everything else is dropped before it is
//! stored, so that memory grows with the number of nodes and not with what other clients write.

use k8s_openapi::{
    api::{
        apps::v1::StatefulSet,
        batch::v1::Job,
        core::v1::{
            ConfigMap, Container, PersistentVolumeClaim, Pod, PodSpec, PodTemplateSpec, Secret, Service,
        },
        policy::v1::PodDisruptionBudget,
    },
    apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry, ObjectMeta, OwnerReference},
};
use kube::{Resource, ResourceExt, api::PartialObjectMeta};
use sei_api::{SeiNode, SeiNodeDeployment, labels};
use sei_deployment::{HTTPRoute, is_applied_by_group, is_by_go};
use sei_sidecar::cut;
use serde_json::json;

/// kubectl's copy of an object, with all its content.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Maximum length of a ConfigMap value that is kept. The operator's own are far shorter.
const VALUE_LIMIT: usize = 16 * 1024;

/// Keeps which fields a group applied, and what the Go controller wrote to a SeiNode of a group: fields that
/// the operator does not want any more are removed by its next apply.
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
    group.metadata.managed_fields = None;
    group.annotations_mut().remove(LAST_APPLIED);
}

/// Keeps annotations: one says that a group retained the Service.
pub(crate) fn group_service(object: &mut Service) {
    object.metadata.managed_fields = None;
    object.annotations_mut().remove(LAST_APPLIED);
    object.status = None;
}

/// One of another owner matters only by what it selects.
pub(crate) fn budget(object: &mut PodDisruptionBudget) {
    object.metadata.managed_fields = None;
    match object.labels().contains_key(labels::DEPLOYMENT) {
        true => drop(object.annotations_mut().remove(LAST_APPLIED)),
        false => object.metadata.annotations = None,
    }
    object.status = None;
}

/// Of the status, what Gateways say stays.
pub(crate) fn route(object: &mut HTTPRoute) {
    object.metadata.managed_fields = None;
    object.annotations_mut().remove(LAST_APPLIED);
    let parents = object.status.iter_mut().flat_map(|status| &mut status.parents);
    parents
        .flat_map(|parent| &mut parent.conditions)
        .for_each(|condition| condition.message = cut(&condition.message));
}

/// Keeps managers, since drift detection checks who wrote the spec, but not which fields they wrote.
pub(crate) fn stateful_set(object: &mut StatefulSet) {
    let managers = object.metadata.managed_fields.take();
    metadata(&mut object.metadata);
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
    // An empty value differs from the operator's as much as the long one.
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

/// Keeps the annotations that say what the volume holds.
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
        running_alone(spec);
        if !is_of_workload {
            volumes_alone(spec);
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

/// Keeps what a pod runs and mounts. Scheduling and resources are not inspected, nor how containers are
/// started, except for the sidecar and its proxy.
fn running_alone(spec: &mut PodSpec) {
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
    template.spec.iter_mut().for_each(volumes_alone);
}

/// Pods of every owner count, since they may use a key or a volume. Only a node's own pods are inspected further.
fn volumes_alone(spec: &mut PodSpec) {
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
mod tests {
    use sei_decide::{Claim, exclusive::Exclusive, objects::image_of};
    use sei_node::Node;
    use sei_render::{Platform, Rendered};
    use sei_sidecar::ServerTrust;
    use serde::de::DeserializeOwned;
    use serde_json::Value;

    use super::*;
    use crate::sidecar::{Target, fingerprint};

    fn with_metadata<K: DeserializeOwned>(owner: Option<&str>, mut rest: Value) -> K {
        let owners: Vec<_> = owner
            .map(|kind| json!({ "apiVersion": "sei.io/v1alpha1", "kind": kind, "name": "node-0", "uid": "u", "controller": true }))
            .into_iter()
            .collect();
        rest["metadata"] = json!({
            "name": "node-0", "namespace": "pacific-1", "uid": "u", "resourceVersion": "7",
            "labels": { "sei.io/node": "node-0" },
            "annotations": { LAST_APPLIED: "a private key" },
            "ownerReferences": owners,
            "managedFields": [{ "manager": "kubectl", "fieldsV1": { "f:spec": { "f:replicas": {} }, "f:metadata": {} } }],
        });
        serde_json::from_value(rest).unwrap()
    }

    fn text(object: &impl serde::Serialize) -> String {
        serde_json::to_string(object).unwrap()
    }

    #[test]
    fn only_the_name_and_version_of_a_secret_are_kept() {
        let mut object: PartialObjectMeta<Secret> = with_metadata(None, json!({}));
        secret(&mut object);
        assert_eq!(
            serde_json::to_value(&object.metadata).unwrap(),
            json!({ "name": "node-0", "namespace": "pacific-1", "uid": "u", "resourceVersion": "7" })
        );
    }

    #[test]
    fn only_the_proxy_configuration_of_a_config_map_is_kept() {
        let data =
            json!({ "data": { "config.yaml": "a: b", "more": "x" }, "binaryData": { "blob": "AAAA" } });
        let mut ours: ConfigMap = with_metadata(Some("SeiNode"), data.clone());
        config_map(&mut ours);
        assert_eq!(serde_json::to_value(&ours.data).unwrap(), json!({ "config.yaml": "a: b" }));
        assert_eq!(ours.binary_data, None);
        let mut foreign: ConfigMap = with_metadata(None, data);
        config_map(&mut foreign);
        assert_eq!(foreign.data, None);
        let long = json!({ "data": { "config.yaml": "x".repeat(1_000_000) } });
        let mut edited: ConfigMap = with_metadata(Some("SeiNode"), long);
        config_map(&mut edited);
        assert!(text(&edited).len() < 1000, "and still differs from the desired value");
    }

    #[test]
    fn of_an_object_of_another_owner_only_the_volumes_are_kept() {
        let volume = json!({ "name": "key", "secret": { "secretName": "signing" } });
        let container = json!({ "name": "x", "image": "y", "args": ["long"], "env": [{ "name": "long" }] });
        let template = json!({ "spec": { "containers": [container], "volumes": [volume] } });
        let spec = json!({ "spec": { "serviceName": "x", "selector": {}, "template": template } });
        for owner in [None, Some("Deployment")] {
            let mut object: StatefulSet = with_metadata(owner, spec.clone());
            stateful_set(&mut object);
            let text = text(&object);
            assert!(text.contains("signing") && !text.contains("long"), "{text}");
            let mut object: Service = with_metadata(owner, json!({ "spec": { "clusterIP": "None" } }));
            service(&mut object);
            assert_eq!((object.spec, object.metadata.name.as_deref()), (None, Some("node-0")));
        }
        let mut object: StatefulSet = with_metadata(Some("SeiNode"), spec);
        stateful_set(&mut object);
        assert!(object.spec.is_some());
        assert_eq!(
            serde_json::to_value(&object.metadata.managed_fields).unwrap(),
            json!([{ "manager": "kubectl", "fieldsV1": { "f:spec": {} } }])
        );
        assert!(!text(&object).contains("private key"));
    }

    #[test]
    fn everything_that_is_read_of_a_claim_is_kept() {
        let node: SeiNode = with_metadata(None, json!({ "spec": spec() }));
        let mut object: PersistentVolumeClaim =
            with_metadata(Some("SeiNode"), json!({ "status": { "phase": "Bound" } }));
        object.annotations_mut().insert(labels::INITIALIZED_ANNOTATION.into(), "pacific-1".into());
        let whole = Claim::of(&object, &node);
        claim(&mut object);
        assert!(whole.has_state && !text(&object).contains("private key"));
        assert_eq!(Claim::of(&object, &node), whole);
    }

    #[test]
    fn everything_that_is_read_of_a_pod_is_kept() {
        let env = include_str!("../../../tests/conformance/full-plain/platform.env");
        let settings = env.lines().filter_map(|line| line.split_once('='));
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let platform = Platform::from_settings(&settings).unwrap();
        let node: SeiNode = with_metadata(None, json!({ "spec": spec() }));
        let rendered = Rendered::of(&Node::of(&node), &platform).unwrap();
        let template = rendered.stateful_set.spec.unwrap().template.spec;
        let mut object: Pod = with_metadata(None, json!({ "status": { "podIP": "10.0.0.1" } }));
        object
            .owner_references_mut()
            .push(OwnerReference { kind: "StatefulSet".into(), ..OwnerReference::default() });
        object.spec = template;
        let read = |pod: &Pod| {
            let spec = pod.spec.as_ref().unwrap();
            let things = Exclusive::of_pod("pacific-1", "pacific-1", spec);
            let trust = Some(ServerTrust::Roots(Vec::new()));
            (
                Target::of(&node, pod, trust, platform.cluster_domain()),
                image_of(Some(spec)).map(str::to_owned),
                things,
                fingerprint(pod),
            )
        };
        let (whole, size) = (read(&object), text(&object).len());
        pod(&mut object);
        assert_eq!(read(&object), whole);
        assert!(text(&object).len() < size / 2, "{} of {size} bytes", text(&object).len());
    }

    fn spec() -> Value {
        json!({
            "chainId": "pacific-1", "image": "seid:a", "fullNode": {},
            "sidecar": { "image": "sidecar:v0.0.50", "port": 7778, "tls": { "secretName": "tls" } },
        })
    }

    #[test]
    fn of_a_node_only_the_fields_that_its_group_applied_are_kept() {
        let entry = |manager: &str, operation: &str, subresource: &str| {
            json!({
                "manager": manager, "operation": operation, "subresource": subresource,
                "fieldsV1": { "f:spec": { "f:image": {} } },
            })
        };
        let applied = entry(labels::DEPLOYMENT_FIELD_MANAGER, "Apply", "");
        let mut node: SeiNode = serde_json::from_value(json!({
            "metadata": {
                "name": "rpc-0",
                "managedFields": [
                    entry("kubectl", "Apply", ""), applied, entry(labels::DEPLOYMENT_FIELD_MANAGER, "Apply", "status"),
                    entry(labels::DEPLOYMENT_FIELD_MANAGER, "Update", ""),
                ],
            },
            "spec": { "chainId": "pacific-1", "image": "seid:a", "fullNode": {} },
        }))
        .unwrap();
        super::node(&mut node);
        assert_eq!(serde_json::to_value(&node.metadata.managed_fields).unwrap(), json!([applied]));
    }

    #[test]
    fn an_object_affects_its_owner_and_the_node_in_its_label() {
        let mut object: Service = with_metadata(Some("SeiNode"), json!({}));
        object.labels_mut().insert("sei.io/node".into(), "node-1".into());
        assert_eq!(nodes_of(&object).collect::<Vec<_>>(), ["node-0", "node-1"]);
        let foreign: Service = with_metadata(Some("Deployment"), json!({}));
        assert_eq!(nodes_of(&foreign).collect::<Vec<_>>(), ["node-0"]);
    }

    #[test]
    fn messages_of_the_kubelet_the_scheduler_and_the_job_controller_are_truncated() {
        let long = "x".repeat(1 << 20);
        let condition = json!({ "type": "PodScheduled", "status": "False", "message": long });
        let container = json!({
            "name": "seid", "image": "i", "imageID": "", "ready": false, "restartCount": 1,
            "state": { "waiting": { "reason": long, "message": long } },
            "lastState": { "terminated": { "exitCode": 1, "reason": long } },
        });
        let status = json!({
            "reason": long, "message": long, "conditions": [condition],
            "containerStatuses": [container], "initContainerStatuses": [container],
        });
        let mut trimmed: Pod = with_metadata(Some("StatefulSet"), json!({ "status": status }));
        pod(&mut trimmed);
        let length = text(&trimmed.status).len();
        assert!(length < 50_000, "{length} bytes of a pod");
        let failed = json!({ "type": "Failed", "status": "True", "message": long });
        let mut trimmed: Job =
            with_metadata(Some("SeiNode"), json!({ "status": { "conditions": [failed] } }));
        job(&mut trimmed);
        let length = text(&trimmed.status).len();
        assert!(length < 10_000, "{length} bytes of a Job");
    }
}
