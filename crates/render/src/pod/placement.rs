//! Where a pod may be scheduled: on the platform's node pool for the mode. Pods of a group are spread over zones.

use k8s_openapi::{
    api::core::v1::{
        Affinity, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodAffinityTerm,
        PodAntiAffinity, Toleration, TopologySpreadConstraint,
    },
    apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement},
};
use sei_api::{SeiNode, labels};

use crate::workload::Workload;

const ZONE: &str = "topology.kubernetes.io/zone";
const HOST: &str = "kubernetes.io/hostname";

pub(crate) fn tolerations(workload: &Workload<'_>) -> Vec<Toleration> {
    vec![Toleration {
        key: Some(workload.platform.toleration_key.clone()),
        value: Some(workload.size().node_pool.clone()),
        effect: Some("NoSchedule".to_owned()),
        ..Toleration::default()
    }]
}

pub(crate) fn affinity(workload: &Workload<'_>) -> Affinity {
    let in_pool = NodeSelectorRequirement {
        key: "karpenter.sh/nodepool".to_owned(),
        operator: "In".to_owned(),
        values: Some(vec![workload.size().node_pool.clone()]),
    };
    let term = NodeSelectorTerm { match_expressions: Some(vec![in_pool]), ..NodeSelectorTerm::default() };
    let required = NodeSelector { node_selector_terms: vec![term] };
    Affinity {
        node_affinity: Some(NodeAffinity {
            required_during_scheduling_ignored_during_execution: Some(required),
            ..NodeAffinity::default()
        }),
        pod_anti_affinity: dedicated(workload.object()),
        ..Affinity::default()
    }
}

/// The scheduler keeps pods of other nodes away from this one as well.
fn dedicated(node: &SeiNode) -> Option<PodAntiAffinity> {
    let wanted = node.metadata.annotations.as_ref()?.get(labels::DEDICATED_ANNOTATION)?;
    let of_any_node = LabelSelectorRequirement {
        key: labels::NODE.to_owned(),
        operator: "Exists".to_owned(),
        values: None,
    };
    let term = PodAffinityTerm {
        label_selector: Some(LabelSelector {
            match_expressions: Some(vec![of_any_node]),
            match_labels: None,
        }),
        namespace_selector: Some(LabelSelector::default()),
        topology_key: HOST.to_owned(),
        ..PodAffinityTerm::default()
    };
    (wanted == "true").then(|| PodAntiAffinity {
        required_during_scheduling_ignored_during_execution: Some(vec![term]),
        ..PodAntiAffinity::default()
    })
}

/// Spreads pods where possible; this never keeps a pod from running. `None` for a node without a group.
pub(crate) fn spread(workload: &Workload<'_>) -> Option<Vec<TopologySpreadConstraint>> {
    let group = labels::node_labels(workload.object()).remove_entry(labels::DEPLOYMENT)?;
    Some(vec![TopologySpreadConstraint {
        label_selector: Some(LabelSelector { match_labels: Some([group].into()), match_expressions: None }),
        max_skew: 1,
        topology_key: ZONE.to_owned(),
        when_unsatisfiable: "ScheduleAnyway".to_owned(),
        ..TopologySpreadConstraint::default()
    }])
}
