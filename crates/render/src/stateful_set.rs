//! The StatefulSet of a node.

use k8s_openapi::{
    api::{
        apps::v1::{StatefulSet, StatefulSetSpec, StatefulSetUpdateStrategy},
        core::v1::PodTemplateSpec,
    },
    apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta},
};
use sei_api::{labels, names};

use crate::{meta::metadata, pod, workload::Workload};

/// The StatefulSet: one pod, replaced only by the operator (`OnDelete`), on a claim that outlives it.
pub(crate) fn stateful_set(workload: &Workload<'_>) -> StatefulSet {
    let node = workload.object();
    let selector = LabelSelector { match_labels: Some(labels::selector(node)), match_expressions: None };
    let mut pod_labels = labels::node_labels(node);
    if workload.node.publishes_snapshots() {
        pod_labels.insert(labels::SNAPSHOT_PUBLISH.to_owned(), true.to_string());
    }
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(pod_labels),
            annotations: Some(pod::annotations()),
            ..ObjectMeta::default()
        }),
        spec: Some(pod::spec(workload)),
    };
    StatefulSet {
        metadata: metadata(node, names::stateful_set(node), labels::node_labels(node)),
        spec: Some(StatefulSetSpec {
            replicas: Some(i32::from(!node.spec.is_stopped())),
            service_name: Some(names::stateful_set(node)),
            selector,
            template,
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("OnDelete".to_owned()),
                rolling_update: None,
            }),
            ..StatefulSetSpec::default()
        }),
        status: None,
    }
}
