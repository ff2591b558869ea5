//! Installs the operator from its chart.

use anyhow::{Context, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use serde_json::{Value, json};

use crate::{
    docs::Reader,
    nodes::NAMESPACE,
    report::seen,
    world::{World, until},
};

/// Namespace of the operator.
pub(super) const OPERATOR: &str = "sei-operator-system";
/// Address and credentials of the cluster's object store: what the cloud's webhook sets for a pod. The
/// sidecars get the same from the cluster's own admission policy.
const OBJECT_STORE: [(&str, &str); 3] = [
    ("AWS_ENDPOINT_URL_S3", "http://10.96.0.50:9000"),
    ("AWS_ACCESS_KEY_ID", "operator"),
    ("AWS_SECRET_ACCESS_KEY", "of-the-operator"),
];
/// Name of the release, and of its objects.
pub(super) const RELEASE: &str = "sei-operator";

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    world.namespace(NAMESPACE).await?;
    install(world, json!({})).await?;
    seen("helm installs the chart; two replicas are ready");
    let reader = Reader::new(world)?;
    // It prints a warning for each pod that would be rejected.
    let warnings = reader.run_with("install", "restricted", &[]).await?;
    ensure!(!warnings.contains("Warning"), "{warnings}");
    let restart = format!("rollout restart deployment/{RELEASE} -n {OPERATOR}");
    world.kubectl(&restart).await?;
    until_ready(world).await?;
    seen("its namespace enforces the restricted standard, and it is rolled out again");
    let args = "get crd seinodes.sei.io -o jsonpath={.metadata.annotations.helm\\.sh/resource-policy}";
    let policy = world.kubectl(args).await?;
    ensure!(policy == "keep", "an uninstall would take the CRD and all nodes with it: {policy:?}");
    Ok(())
}

/// Installs or upgrades the release with `more` merged over the values for this cluster, and waits until it
/// is ready.
pub(super) async fn install(world: &World, more: Value) -> anyhow::Result<()> {
    let reader = Reader::new(world)?;
    let mut values = values(world)?;
    if let (Value::Object(values), Value::Object(more)) = (&mut values, more) {
        values.extend(more);
    }
    let file = reader.folder().join("my-values.yaml");
    std::fs::write(&file, values.to_string()).with_context(|| format!("write {}", file.display()))?;
    reader.run_with("install", "helm-install", &[]).await?;
    until_ready(world).await
}

/// Whether a release is installed.
pub(super) async fn is_installed(world: &World) -> anyhow::Result<bool> {
    let deployments: Api<Deployment> = Api::namespaced(world.client.clone(), OPERATOR);
    Ok(deployments.get_opt(RELEASE).await.context("get the Deployment")?.is_some())
}

async fn until_ready(world: &World) -> anyhow::Result<()> {
    until("two operators to be ready", async || {
        let deployments: Api<Deployment> = Api::namespaced(world.client.clone(), OPERATOR);
        let status = deployments.get(RELEASE).await?.status.context("no status")?;
        let (ready, updated) = (status.ready_replicas, status.updated_replicas);
        ensure!(status.replicas == Some(2) && ready == Some(2) && updated == Some(2), "{status:?}");
        Ok(())
    })
    .await
}

/// Values for this cluster: small machines, locally built images.
fn values(world: &World) -> anyhow::Result<Value> {
    let images = &world.images;
    let (repository, tag) = images.operator.rsplit_once(':').context("the operator's image has a tag")?;
    let size = |class: &str| {
        json!({
            "nodePool": "sei-node", "storageClass": class, "storageSize": "1Gi", "cpu": "10m", "memory": "16Mi",
        })
    };
    Ok(json!({
        "image": { "repository": repository, "tag": tag },
        "platform": {
            "images": {
                "sidecar": images.sidecar.name,
                "exporter": images.cosmos_exporter,
                "proxy": images.rbac_proxy.name,
            },
            "default": size("gp3-10k-750"),
            "archive": size("gp3-archive"),
        },
        "nodes": { "namespaces": [NAMESPACE] },
        "extraEnv": OBJECT_STORE.map(|(name, value)| json!({ "name": name, "value": value })),
    }))
}
