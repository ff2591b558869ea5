//! The objects in `deploy/` on a real API server: they are admitted, the pods meet the restricted standard, and the
//! permissions suffice.

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Namespace, Pod, ServiceAccount},
    flowcontrol::v1::FlowSchema,
};
use kube::{
    Api, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, PostParams},
    core::GroupVersionKind,
    runtime::wait::await_condition,
};
use sei_api::conditions::ConditionType;
use sei_controller::rbac;
use sei_testkit::{
    builders,
    certs::Authority,
    chart::{self, RELEASE, find},
    cluster::{Cluster, NAMESPACE},
};
use serde_json::{Value, json};

use crate::{
    harness::{self, PATIENCE, condition, is_running, until},
    manifests::{apply, bare_cluster, kubectl, manifest, start},
};

const INSTALL: &str = include_str!("../../../../deploy/install.yaml");

#[tokio::test(flavor = "multi_thread")]
async fn install_yaml_is_admitted_and_its_rights_suffice() {
    let cluster = bare_cluster().await;
    apply(&cluster, "install.yaml", INSTALL);
    let objects = chart::objects(INSTALL).unwrap();
    pods_meet_the_restricted_standard(&cluster, &objects).await;
    a_tls_node_lives(&cluster, &objects).await;
    with_the_documented_kustomization(&cluster).await;
}

/// In addition to `install.yaml`, as described in `docs/install.md`.
async fn with_the_documented_kustomization(cluster: &Cluster) {
    let page = include_str!("../../../../docs/install.md");
    let block = page.split("```yaml\n").find(|block| block.starts_with("# kustomization.yaml")).unwrap();
    let folder = cluster.plane.folder();
    std::fs::write(folder.join("kustomization.yaml"), block.split("```").next().unwrap()).unwrap();
    kubectl(cluster, &["apply", "--server-side", "--validate=strict", "-k", folder.to_str().unwrap()]);
    let deployments: Api<Deployment> = Api::namespaced(cluster.client.clone(), chart::NAMESPACE);
    let deployment = deployments.get(RELEASE).await.unwrap();
    let container = &deployment.spec.unwrap().template.spec.unwrap().containers[0];
    assert_eq!(container.image.as_deref(), Some("registry.example.com/sei-operator:0.1.0"));
    let variable = |name: &str| {
        let found = container.env.iter().flatten().find(|variable| variable.name == name);
        found.and_then(|variable| variable.value.as_deref())
    };
    assert_eq!(variable("SEI_SNAPSHOT_BUCKET"), Some("my-snapshots"));
    assert_eq!(variable("SEI_STORAGE_CLASS_PERF"), Some("gp3-10k-750"), "what is not said stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_in_listed_namespaces_that_name_their_secrets_suffice() {
    let cluster = bare_cluster().await;
    let naming = |secrets: &[&str]| {
        manifest(&json!({
            "watchNamespaces": [NAMESPACE],
            "secretAccess": "named",
            "namedSecrets": [{ "namespace": NAMESPACE, "names": secrets }],
            "priorityAndFairness": { "enabled": true },
        }))
    };
    let (objects, manifest) = naming(&["rpc-0-tls"]);
    apply(&cluster, "named.json", &manifest);
    flow_schemas_name_existing_levels(&cluster).await;
    a_tls_node_lives(&cluster, &objects).await;

    // A Secret that is not named cannot be read; once it is named, no restart is needed.
    let _operator = start(&cluster, &objects);
    harness::create(&cluster, "rpc-1", builders::tls_full_node("seid:a", "rpc-1-tls")).await;
    let authority = Authority::new("issuer").unwrap();
    harness::put_secret(&cluster, &authority, "rpc-1-tls", &harness::names("rpc-1")).await;
    let tls = ConditionType::SidecarTlsSecretReady;
    until(&cluster, "rpc-1", "its Secret cannot be read", |node| {
        condition(node, tls).is_some_and(|found| found.ends_with("/TLSSecretUnavailable"))
    })
    .await;
    apply(&cluster, "named.json", &naming(&["rpc-0-tls", "rpc-1-tls"]).1);
    until(&cluster, "rpc-1", "Running", is_running).await;
}

/// The API server reports a FlowSchema as dangling if its priority level does not exist.
async fn flow_schemas_name_existing_levels(cluster: &Cluster) {
    let schemas: Api<FlowSchema> = Api::all(cluster.client.clone());
    for name in [RELEASE.to_owned(), format!("{RELEASE}-leases")] {
        let exists = |schema: Option<&FlowSchema>| {
            let conditions = schema.and_then(|schema| schema.status.as_ref()?.conditions.as_ref());
            conditions.into_iter().flatten().any(|condition| {
                condition.type_.as_deref() == Some("Dangling") && condition.status.as_deref() == Some("False")
            })
        };
        let found = tokio::time::timeout(PATIENCE, await_condition(schemas.clone(), &name, exists)).await;
        assert!(found.is_ok_and(|found| found.is_ok()), "{name}");
    }
}

/// The server itself validates the pods of the Deployment.
async fn pods_meet_the_restricted_standard(cluster: &Cluster, objects: &[Value]) {
    let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
    let namespace = namespaces.get(chart::NAMESPACE).await.unwrap();
    assert_eq!(namespace.labels()["pod-security.kubernetes.io/enforce"], "restricted");
    let template = &find(objects, "Deployment", RELEASE).unwrap()["spec"]["template"];
    let mut pod = json!({ "metadata": template["metadata"], "spec": template["spec"] });
    pod["metadata"]["name"] = json!("judged");
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), chart::NAMESPACE);
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    pods.create(&dry_run, &serde_json::from_value(pod.clone()).unwrap()).await.unwrap();

    pod["spec"]["containers"][0]["securityContext"]["capabilities"] = Value::Null;
    let refused = pods.create(&dry_run, &serde_json::from_value(pod).unwrap()).await.unwrap_err();
    assert!(refused.to_string().contains("restricted"), "{refused}");
}

/// A node from creation to Running to deletion, without a denied request.
async fn a_tls_node_lives(cluster: &Cluster, objects: &[Value]) {
    cluster.run_operator_as(chart::NAMESPACE, RELEASE).await.unwrap();
    let operator = start(cluster, objects);
    harness::create(cluster, "rpc-0", builders::tls_full_node("seid:a", "rpc-0-tls")).await;
    let authority = Authority::new("issuer").unwrap();
    harness::put_secret(cluster, &authority, "rpc-0-tls", &harness::names("rpc-0")).await;
    until(cluster, "rpc-0", "Running", is_running).await;
    cluster.nodes().delete("rpc-0", &DeleteParams::default()).await.unwrap();
    harness::nothing_left_but(cluster, &[]).await;
    let log = operator.log();
    let denied: Vec<_> = log.lines().filter(|line| line.to_lowercase().contains("forbidden")).collect();
    assert!(denied.is_empty(), "{}", denied.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn uninstalling_keeps_nodes_running_and_reinstalling_adopts_them() {
    let cluster = bare_cluster().await;
    let kubeconfig = cluster.plane.kubeconfig().display().to_string();
    let helm = |arguments: &[&str]| {
        chart::helm(
            &[arguments, &["--namespace", chart::NAMESPACE, "--kubeconfig", &kubeconfig]].concat(),
            "",
        )
    };
    let folder = chart::folder().display().to_string();
    let namespaces = format!("nodes.namespaces={{{NAMESPACE}}}");
    let install = |more: &[&str]| {
        let words = ["upgrade", "--install", RELEASE, &folder, "--create-namespace", "--set", &namespaces];
        helm(&[&words, more].concat()).unwrap();
    };
    // The cluster already has a CRD and a ServiceAccount, like an existing fleet.
    install(&["--take-ownership"]);
    harness::create(&cluster, "plain-0", builders::full_node("seid:a")).await;
    let before = cluster.nodes().get("plain-0").await.unwrap();

    helm(&["uninstall", RELEASE]).unwrap();
    let api = |kind: &str| Api::<DynamicObject>::all_with(cluster.client.clone(), &resource(kind));
    assert!(api("ClusterRole").get_opt(RELEASE).await.unwrap().is_none());
    for name in [rbac::PROXY_ROLE, rbac::SUBMITTER_ROLE] {
        assert!(api("ClusterRole").get_opt(name).await.unwrap().is_some(), "{name}");
    }
    assert!(api("ClusterRoleBinding").get_opt("sei-operator-nodes").await.unwrap().is_some());
    let accounts: Api<ServiceAccount> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    assert!(accounts.get_opt("seid-node").await.unwrap().is_some());
    assert_eq!(cluster.nodes().get("plain-0").await.unwrap().uid(), before.uid());

    install(&[]);
    let (objects, _) = manifest(&json!({}));
    cluster.run_operator_as(chart::NAMESPACE, RELEASE).await.unwrap();
    let _operator = start(&cluster, &objects);
    let after = until(&cluster, "plain-0", "Running", is_running).await;
    assert_eq!(after.uid(), before.uid());
}

fn resource(kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("rbac.authorization.k8s.io", "v1", kind))
}
