//! Groups of namespaces that are watched separately: host names and chain IDs are shared by all of them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api,
    api::{DeleteParams, PostParams},
};
use sei_api::{SeiNodeDeployment, deployment_conditions::ConditionType};
use sei_testkit::cluster::NAMESPACE;
use serde_json::{Value, json};

use super::bed::{A, GROUP, full_nodes};
use crate::harness::{self, eventually};

const OTHER: &str = "the-other";

async fn create(groups: &Api<SeiNodeDeployment>, name: &str, spec: &Value) {
    let group = json!({
        "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeDeployment", "metadata": { "name": name }, "spec": spec,
    });
    groups.create(&PostParams::default(), &serde_json::from_value(group).unwrap()).await.unwrap();
}

/// Waits until a condition of a group has this reason.
async fn until_reason(groups: &Api<SeiNodeDeployment>, name: &str, of: ConditionType, wanted: &str) {
    eventually(&format!("{name}: {wanted}"), || async {
        let status = groups.get(name).await.unwrap().status;
        let condition = status.as_ref().and_then(|status| status.condition(of));
        condition.is_some_and(|condition| condition.reason == wanted)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn host_names_and_chain_ids_are_compared_across_namespaces_that_are_watched_separately() {
    let cluster = harness::cluster().await.not_reused();
    cluster.add_namespace(OTHER).await.unwrap();
    let crd = serde_json::from_str(include_str!("../../../crds/httproutes.json")).unwrap();
    let crds: Api<CustomResourceDefinition> = Api::all(cluster.client.clone());
    crds.create(&PostParams::default(), &crd).await.unwrap();
    let settings = [
        ("SEI_GATEWAY_NAME", "public".to_owned()),
        ("SEI_GATEWAY_NAMESPACE", "gateways".to_owned()),
        ("SEI_GATEWAY_DOMAIN", "example.com".to_owned()),
    ];
    let arguments = [
        "--leader-elect=false",
        "--metrics-bind-address=0",
        "--health-probe-bind-address=0",
        &format!("--watch-namespace={NAMESPACE}"),
        &format!("--watch-namespace={OTHER}"),
    ];
    let _operator = harness::start_with(&cluster, &arguments, &settings);
    let [here, there]: [Api<SeiNodeDeployment>; 2] =
        [NAMESPACE, OTHER].map(|namespace| Api::namespaced(cluster.client.clone(), namespace));

    let mut spec = full_nodes(1);
    spec["networking"] = json!({});
    create(&here, GROUP, &spec).await;
    until_reason(&here, GROUP, ConditionType::RouteReady, "WaitingForGateway").await;
    create(&there, GROUP, &spec).await;
    until_reason(&there, GROUP, ConditionType::RouteReady, "HostNameInUse").await;
    here.delete(GROUP, &DeleteParams::default()).await.unwrap();
    // No garbage collector deletes its routes.
    let routes: Api<sei_deployment::HTTPRoute> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    routes.delete_collection(&DeleteParams::default(), &Default::default()).await.unwrap();
    until_reason(&there, GROUP, ConditionType::RouteReady, "WaitingForGateway").await;

    let spec = json!({
        "replicas": 1,
        "deletionPolicy": "Delete",
        "genesis": { "chainId": "devnet-9" },
        "template": { "spec": { "chainId": "devnet-9", "image": A, "validator": {} } },
    });
    create(&here, "founders", &spec).await;
    until_reason(&here, "founders", ConditionType::GenesisCeremonyComplete, "WaitingForValidators").await;
    create(&there, "founders", &spec).await;
    until_reason(&there, "founders", ConditionType::Stalled, "ChainIdInUse").await;
    here.delete("founders", &DeleteParams::default()).await.unwrap();
    until_reason(&there, "founders", ConditionType::GenesisCeremonyComplete, "WaitingForValidators").await;
}
