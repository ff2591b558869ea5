//! Groups that are reached from outside the cluster, and their eviction budgets.

use k8s_openapi::{
    api::{core::v1::Service, policy::v1::PodDisruptionBudget},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use sei_api::{SeiNodeDeployment, deployment_conditions::ConditionType};
use sei_deployment::HTTPRoute;
use serde_json::json;

use super::bed::{Bed, GROUP, full_nodes};
use crate::harness::{self, api, eventually};

/// Waits until `RouteReady` of the group has this `status/reason`.
async fn until_route_ready(groups: &Api<SeiNodeDeployment>, wanted: Option<&str>) {
    let route_ready = || async {
        let status = groups.get(GROUP).await.unwrap().status?;
        let condition = status.condition(ConditionType::RouteReady)?;
        Some(format!("{}/{}", condition.status, condition.reason))
    };
    let is_wanted = || async { route_ready().await.as_deref() == wanted };
    eventually(&format!("RouteReady is {wanted:?}"), is_wanted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_published_once_the_gateway_api_is_installed() {
    let cluster = harness::cluster().await.not_reused();
    let settings = [
        ("SEI_GATEWAY_NAME", "public".to_owned()),
        ("SEI_GATEWAY_NAMESPACE", "gateways".to_owned()),
        ("SEI_GATEWAY_DOMAIN", "example.com".to_owned()),
    ];
    let operator = Some(harness::operator_with(&cluster, &settings));
    let bed = Bed { cluster, operator };
    let mut spec = full_nodes(1);
    spec["networking"] = json!({});
    bed.create(spec.clone()).await;
    bed.until_complete().await;
    until_route_ready(&bed.groups(), Some("False/CRDNotInstalled")).await;
    let services: Api<Service> = api(&bed.cluster);
    assert!(services.get_opt("rpc-external").await.unwrap().is_some());

    let crd = serde_json::from_str(include_str!("../../../crds/httproutes.json")).unwrap();
    let crds: Api<CustomResourceDefinition> = Api::all(bed.cluster.client.clone());
    crds.create(&PostParams::default(), &crd).await.unwrap();
    until_route_ready(&bed.groups(), Some("False/WaitingForGateway")).await;
    let routes: Api<HTTPRoute> = api(&bed.cluster);
    for protocol in ["evm", "rpc", "rest", "grpc"] {
        let name = format!("rpc-{protocol}");
        let route = routes.get(&name).await.unwrap();
        assert_eq!(route.spec.hostnames, [format!("{name}.example.com")]);
        // As reported by a Gateway.
        let condition = |kind: &str| {
            json!({ "type": kind, "status": "True", "reason": kind, "message": "",
                "observedGeneration": route.metadata.generation, "lastTransitionTime": "2026-11-27T04:00:00Z" })
        };
        let parent = json!({
            "controllerName": "example.com/gateway", "parentRef": { "name": "public", "namespace": "gateways" },
            "conditions": [condition("Accepted"), condition("ResolvedRefs")],
        });
        let status = Patch::Merge(json!({ "status": { "parents": [parent] } }));
        routes.patch_status(&name, &PatchParams::default(), &status).await.unwrap();
    }
    until_route_ready(&bed.groups(), Some("True/RoutesAccepted")).await;
    let before = routes.get("rpc-evm").await.unwrap().metadata.resource_version;

    // Changes by others are reverted; objects that are up to date are not written.
    let change = Patch::Merge(json!({ "spec": { "hostnames": ["other.example.com"] } }));
    routes.patch("rpc-rest", &PatchParams::default(), &change).await.unwrap();
    eventually("the host name is reverted", || async {
        routes.get("rpc-rest").await.unwrap().spec.hostnames == ["rpc-rest.example.com"]
    })
    .await;
    assert_eq!(routes.get("rpc-evm").await.unwrap().metadata.resource_version, before);

    // A group of the same name in another namespace has the same host names, and its routes are younger.
    bed.cluster.add_namespace("the-other").await.unwrap();
    let elsewhere: Api<SeiNodeDeployment> = Api::namespaced(bed.cluster.client.clone(), "the-other");
    let other = json!({
        "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeDeployment", "metadata": { "name": GROUP }, "spec": spec,
    });
    elsewhere.create(&PostParams::default(), &serde_json::from_value(other).unwrap()).await.unwrap();
    until_route_ready(&elsewhere, Some("False/HostNameInUse")).await;
    // Its changed route has not been accepted again.
    until_route_ready(&bed.groups(), Some("False/WaitingForGateway")).await;

    bed.edit(json!({ "networking": null })).await;
    until_route_ready(&bed.groups(), None).await;
    until_route_ready(&elsewhere, Some("False/WaitingForGateway")).await;
    eventually("nothing is published", || async {
        let left = routes.list(&Default::default()).await.unwrap().items.len();
        left == 0 && services.get_opt("rpc-external").await.unwrap().is_none()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_has_a_budget_unless_another_selects_its_pods() {
    let bed = Bed::start().await;
    bed.create(full_nodes(2)).await;
    bed.until_complete().await;
    let budgets: Api<PodDisruptionBudget> = api(&bed.cluster);
    assert_eq!(budgets.get(GROUP).await.unwrap().owner_references().len(), 1);
    let other = json!({
        "metadata": { "name": "by-hand" },
        "spec": { "maxUnavailable": 0, "selector": { "matchLabels": { "sei.io/nodedeployment": GROUP } } },
    });
    budgets.create(&PostParams::default(), &serde_json::from_value(other).unwrap()).await.unwrap();
    eventually("the group has none", || async { budgets.get_opt(GROUP).await.unwrap().is_none() }).await;
    budgets.delete("by-hand", &DeleteParams::default()).await.unwrap();
    eventually("the group has one", || async { budgets.get_opt(GROUP).await.unwrap().is_some() }).await;
    bed.until_complete().await;
}
