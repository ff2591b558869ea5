//! The objects in `deploy/` on a real API server: they are admitted, the pods meet the restricted standard,
//! and the permissions suffice.

use std::process::Command;

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Namespace, Pod, ServiceAccount},
    flowcontrol::v1::FlowSchema,
};
use kube::{
    Api, Client, Config, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
    core::GroupVersionKind,
    runtime::wait::await_condition,
};
use sei_api::{SeiNode, SeiNodeDeployment, conditions::ConditionType};
use sei_controller::rbac;
use sei_testkit::{
    builders,
    certs::Authority,
    chart::{self, RELEASE, find},
    cluster::{Cluster, NAMESPACE},
};
use serde_json::{Value, json};

use crate::{
    harness::{self, PATIENCE, condition, is_running, runs, until},
    pool::{self, TestCluster},
};

const INSTALL: &str = include_str!("../../../../deploy/install.yaml");

/// A cluster in which the operator has no permissions.
async fn bare_cluster() -> TestCluster {
    pool::cluster(Vec::new()).await.not_reused()
}

fn apply(cluster: &Cluster, name: &str, manifest: &str) {
    let file = cluster.plane.folder().join(name);
    std::fs::write(&file, manifest).unwrap();
    let file = file.to_str().unwrap();
    let strict = ["--server-side", "--force-conflicts", "--validate=strict"];
    kubectl(cluster, &[&["apply", "--filename", file], &strict[..]].concat());
}

fn kubectl(cluster: &Cluster, arguments: &[&str]) {
    let mut command = Command::new(cluster.plane.kubectl());
    command.arg("--kubeconfig").arg(cluster.plane.kubeconfig()).args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The chart with `values`, in the namespace that helm would create.
fn manifest(values: &Value) -> (Vec<Value>, String) {
    let objects = chart::render(values).unwrap();
    let namespace =
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": chart::NAMESPACE } });
    let items: Vec<_> = [namespace].into_iter().chain(objects.clone()).collect();
    (objects, json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string())
}

/// The operator as started by `objects`, except for arguments that a process outside a pod needs.
fn start(cluster: &Cluster, objects: &[Value]) -> sei_testkit::operator::Operator {
    let deployment = find(objects, "Deployment", RELEASE).unwrap();
    let arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array().unwrap();
    let other = ["run", "--sidecar-token-file", "--metrics-bind-address", "--health-probe-bind-address"];
    let kept = arguments.iter().filter_map(Value::as_str);
    let mut kept: Vec<_> = kept.filter(|word| !other.contains(&word.split('=').next().unwrap())).collect();
    kept.extend(["--metrics-bind-address=0", "--health-probe-bind-address=0"]);
    // In a pod it comes from the ServiceAccount.
    let lease = format!("--leader-election-namespace={}", chart::NAMESPACE);
    kept.push(&lease);
    harness::start(cluster, &kept)
}

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
async fn a_listed_namespace_can_be_deleted_although_its_roles_are_deleted_first() {
    deleted_without_roles(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_started_after_the_roles_were_deleted_releases_a_listed_namespace() {
    deleted_without_roles(true).await;
}

async fn deleted_without_roles(restarts: bool) {
    let cluster = bare_cluster().await;
    let (objects, manifest) = manifest(&json!({ "watchNamespaces": [NAMESPACE] }));
    apply(&cluster, "listed.json", &manifest);
    cluster.run_operator_as(chart::NAMESPACE, RELEASE).await.unwrap();
    let mut operator = start(&cluster, &objects);
    harness::create(&cluster, "plain-0", builders::full_node("seid:a")).await;
    until(&cluster, "plain-0", "Running", is_running).await;
    a_group_is_updated(&cluster).await;

    kubectl(&cluster, &["delete", "role,rolebinding", "--all", "--namespace", NAMESPACE]);
    if restarts {
        operator.kill().unwrap();
        operator = start(&cluster, &objects);
    }
    kubectl(&cluster, &["delete", "namespace", NAMESPACE, "--wait=false"]);
    let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
    harness::eventually("the namespace is gone", || async {
        namespaces.get_opt(NAMESPACE).await.unwrap().is_none()
    })
    .await;
    drop(operator);
}

/// The operator can change the spec of a SeiNode that a SeiNodeDeployment controls.
async fn a_group_is_updated(cluster: &Cluster) {
    let group = json!({
        "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeDeployment", "metadata": { "name": "group" },
        "spec": { "replicas": 1, "template": { "spec": builders::full_node("seid:a") } },
    });
    let groups = harness::api::<SeiNodeDeployment>(cluster);
    groups.create(&PostParams::default(), &serde_json::from_value(group).unwrap()).await.unwrap();
    harness::eventually("the node of the group exists", || async {
        cluster.nodes().get_opt("group-0").await.unwrap().is_some()
    })
    .await;
    until(cluster, "group-0", "ready", runs("seid:a")).await;
    let image = Patch::Merge(json!({ "spec": { "template": { "spec": { "image": "seid:b" } } } }));
    groups.patch("group", &PatchParams::default(), &image).await.unwrap();
    until(cluster, "group-0", "updated", runs("seid:b")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_listed_namespaces_only_specs_of_group_nodes_can_be_changed() {
    let cluster = bare_cluster().await;
    let (_, manifest) = manifest(&json!({ "watchNamespaces": [NAMESPACE] }));
    apply(&cluster, "listed.json", &manifest);
    cluster.run_operator_as(chart::NAMESPACE, RELEASE).await.unwrap();
    let other = builders::node(chart::NAMESPACE, "other", builders::full_node("seid:a")).unwrap();
    let elsewhere: Api<SeiNode> = Api::namespaced(cluster.client.clone(), chart::NAMESPACE);
    elsewhere.create(&PostParams::default(), &other).await.unwrap();
    harness::create(&cluster, "plain-0", builders::full_node("seid:a")).await;

    let kubeconfig = Kubeconfig::read_from(cluster.operator_kubeconfig()).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    let client = Client::try_from(config).unwrap();
    let patch = |namespace: &str, name: &'static str, patch: Value| {
        let nodes: Api<SeiNode> = Api::namespaced(client.clone(), namespace);
        async move { nodes.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await }
    };
    let finalizer = json!({ "metadata": { "finalizers": ["sei.io/test"] } });
    harness::eventually("the policy is in force", || async {
        patch(chart::NAMESPACE, "other", finalizer.clone()).await.is_err()
    })
    .await;
    let refused = patch(chart::NAMESPACE, "other", finalizer.clone()).await.unwrap_err().to_string();
    assert!(refused.contains("only in the namespaces that it watches"), "{refused}");
    let spec = json!({ "spec": { "image": "seid:b" } });
    let refused = patch(NAMESPACE, "plain-0", spec).await.unwrap_err().to_string();
    assert!(refused.contains("only for the SeiNodeDeployment that controls it"), "{refused}");
    patch(NAMESPACE, "plain-0", finalizer).await.unwrap();
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
