//! What the settings of the operator, groups and annotations change in pods.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use k8s_openapi::api::core::v1::PodSpec;
use sei_api::{SeiNode, labels};
use sei_node::Node;
use sei_render::{RenderError, Rendered};
use serde_json::json;

use common::{containers, node, pods, rendered};

#[test]
fn tls_without_a_proxy_image_says_which_setting_is_missing() {
    let mut settings = common::settings("full-tls");
    settings.remove("SEI_KUBE_RBAC_PROXY_IMAGE");
    let platform = sei_render::Platform::from_settings(&settings).unwrap();
    let error = Rendered::of(Node::of(&node("full-tls")), &platform).unwrap_err();
    assert_eq!(error, RenderError::NoProxyImage { node: "rpc-0".into() });
    assert!(error.to_string().contains("SEI_KUBE_RBAC_PROXY_IMAGE"));
    let plain = node("full-plain");
    assert!(Rendered::of(Node::of(&plain), &platform).is_ok(), "plain nodes need no proxy");
}

#[test]
fn pods_of_a_group_are_spread_over_the_zones_and_others_are_not() {
    let spread = |labels: serde_json::Value| {
        let mut object = common::seinode("full-plain");
        object["spec"]["podLabels"] = labels;
        let node: SeiNode = serde_json::from_value(object).unwrap();
        json!(pods(&node, "full-plain")[0].topology_spread_constraints)
    };
    let of_group = json!({ "sei.io/nodedeployment": "rpc" });
    let expected = json!([{
        "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": { "matchLabels": of_group },
    }]);
    assert_eq!(spread(json!({ "sei.io/nodedeployment": "rpc", "team": "a" })), expected);
    assert_eq!(spread(json!({ "team": "a" })), json!(null));
}

/// The pod of the conformance case `case` with these further settings.
fn pod_with(case: &str, node: &SeiNode, more: &[(&str, &str)]) -> PodSpec {
    let mut settings = common::settings(case);
    settings.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let platform = sei_render::Platform::from_settings(&settings).unwrap();
    rendered(node, &platform).stateful_set.spec.unwrap().template.spec.unwrap()
}

#[test]
fn a_mode_has_the_default_size_except_for_what_is_set_for_it() {
    let node = node("validator-tls");
    let before = pod_with("validator-tls", &node, &[]);
    let other = pod_with("validator-tls", &node, &[("SEI_RESOURCE_CPU_REPLAYER", "99")]);
    assert_eq!(before, other, "the setting of another mode");
    let larger = [("SEI_RESOURCE_CPU_VALIDATOR", "16"), ("SEI_NODEPOOL_VALIDATOR", "sei-validator")];
    let after = pod_with("validator-tls", &node, &larger);
    let requests = |pod: &PodSpec| pod.containers[0].resources.clone().unwrap().requests.unwrap();
    assert_eq!(requests(&after)["cpu"].0, "16");
    assert_eq!(requests(&after)["memory"], requests(&before)["memory"]);
    assert_eq!(after.tolerations.unwrap()[0].value.as_deref(), Some("sei-validator"));
}

#[test]
fn go_collects_garbage_before_the_memory_limit_is_reached() {
    let node = node("full-plain");
    let variable = |pod: &PodSpec| {
        let variables = pod.containers[0].env.clone().unwrap();
        variables.into_iter().find(|it| it.name == "GOMEMLIMIT").and_then(|it| it.value)
    };
    let before = pod_with("full-plain", &node, &[]);
    assert_eq!((variable(&before), before.containers[0].resources.clone().unwrap().limits), (None, None));
    let limited = pod_with("full-plain", &node, &[("SEI_RESOURCE_MEM_LIMIT_DEFAULT", "1000Gi")]);
    assert_eq!(limited.containers[0].resources.clone().unwrap().limits.unwrap()["memory"].0, "1000Gi");
    let bytes: i64 = variable(&limited).unwrap().parse().unwrap();
    assert_eq!(bytes / (1 << 30), 870);
    let mut settings = common::settings("full-plain");
    settings.insert("SEI_RESOURCE_MEM_LIMIT_DEFAULT".to_owned(), "1".to_owned());
    let error = sei_render::Platform::from_settings(&settings).unwrap_err().to_string();
    assert!(error.contains("SEI_RESOURCE_MEM_LIMIT_DEFAULT is \"1\": write at least the request"), "{error}");
}

#[test]
fn a_dedicated_node_shares_its_machine_with_no_other_node() {
    let mut node = node("full-plain");
    let anti_affinity =
        |node: &SeiNode| pods(node, "full-plain")[0].affinity.clone().unwrap().pod_anti_affinity;
    assert_eq!(anti_affinity(&node), None);
    node.metadata.annotations = Some([("sei.io/dedicated-node".to_owned(), "true".to_owned())].into());
    let terms = anti_affinity(&node).unwrap().required_during_scheduling_ignored_during_execution.unwrap();
    assert_eq!(
        serde_json::to_value(&terms[0]).unwrap(),
        json!({
            "labelSelector": { "matchExpressions": [{ "key": "sei.io/node", "operator": "Exists" }] },
            "namespaceSelector": {},
            "topologyKey": "kubernetes.io/hostname",
        })
    );
}

#[test]
fn seid_of_a_group_serves_until_its_pod_is_in_no_service_and_then_has_its_time_to_end() {
    for (case, group, expected) in [
        ("full-plain", None, (None, None)),
        ("full-plain", Some("rpc"), (Some(5), Some(35))),
        ("archive-publish", Some("rpc"), (Some(5), Some(35))),
        ("validator-tls", Some("rpc"), (None, None)),
    ] {
        let mut node = node(case);
        let labels = node.spec.pod_labels.get_or_insert_default();
        labels.extend(group.map(|name: &str| (labels::DEPLOYMENT.to_owned(), name.to_owned())));
        let pod = pods(&node, case).into_iter().next().unwrap();
        let seid = containers(&pod).find(|container| container.name == "seid").unwrap();
        let drain =
            seid.lifecycle.as_ref().and_then(|it| it.pre_stop.as_ref()?.sleep.as_ref()).map(|it| it.seconds);
        assert_eq!((drain, pod.termination_grace_period_seconds), expected, "{case}, group {group:?}");
    }
}
