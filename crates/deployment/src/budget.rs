//! The PodDisruptionBudget of a group: drained machines evict no more pods than an update may make unavailable.

use k8s_openapi::{
    api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec},
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};
use kube::core::{Selector, SelectorExt};
use sei_api::{SeiNodeDeployment, labels};

use crate::{
    child::child,
    object::{Object, metadata},
    seat::{Color, Seat, group_name},
};

/// The budget of the set that gets the traffic. A pod that is not ready can always be evicted: that reduces no
/// availability.
pub(crate) fn budget(group: &SeiNodeDeployment, traffic: Color) -> PodDisruptionBudget {
    let strategy = &group.spec.update_strategy;
    let max_unavailable = strategy.max_unavailable(group.spec.replicas());
    PodDisruptionBudget {
        metadata: metadata(group, group_name(group).to_owned()),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(i32::try_from(max_unavailable).unwrap_or(1))),
            selector: Some(LabelSelector {
                match_labels: Some(traffic.selector(group)),
                match_expressions: None,
            }),
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    }
}

/// Whether a budget of another owner selects pods of the group. The API server evicts no pod that two budgets select.
pub(crate) fn is_covered(group: &SeiNodeDeployment, objects: &[Object]) -> bool {
    let pod = labels::node_labels(&child(group, &Seat::new(group, Color::Blue, 0), ""));
    let selects = |budget: &PodDisruptionBudget| {
        let selector = budget.spec.as_ref().and_then(|spec| spec.selector.clone());
        let selector = selector.and_then(|selector| Selector::try_from(selector).ok());
        selector.is_some_and(|selector| selector.matches(&pod))
    };
    objects.iter().any(|object| match object {
        Object::PodDisruptionBudget(budget) => {
            !object.is_owned_by(group)
                && !object.is_retained(group)
                && !object.is_being_deleted()
                && selects(budget)
        }
        Object::Service(_) | Object::HTTPRoute(_) => false,
    })
}
