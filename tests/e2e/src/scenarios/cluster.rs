//! The cluster supports what nodes need.

use anyhow::{Context, ensure};
use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::PersistentVolume};
use kube::{Api, api::ListParams};

use crate::{
    report::seen,
    world::{World, until},
};

const NAMESPACE: &str = "e2e-cluster";
const POD: &str = "web-0.web.e2e-cluster.svc.cluster.local";

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    world.namespace(NAMESPACE).await?;
    world.kubectl("label namespace e2e-cluster pod-security.kubernetes.io/enforce=restricted").await?;
    world.apply(include_str!("../../manifests/stateful.yaml")).await?;
    let sets: Api<StatefulSet> = Api::namespaced(world.client.clone(), NAMESPACE);
    until("web to be ready", async || {
        let status = sets.get("web").await?.status.context("no status")?;
        ensure!(status.ready_replicas == Some(1), "ready replicas: {:?}", status.ready_replicas);
        Ok(())
    })
    .await?;
    seen(
        "a StatefulSet with headless Service, native sidecar and volume is ready, under the restricted standard",
    );

    let pod_ip = world.kubectl("-n e2e-cluster get pod web-0 -o jsonpath={.status.podIP}").await?;
    let found = until(POD, async || {
        let found = tokio::net::lookup_host((POD, 8080)).await?.next().context("no address")?;
        Ok(found.ip().to_string())
    })
    .await?;
    ensure!(found == pod_ip, "{POD} is {found}, and the pod has {pod_ip}");
    let answer = world.kubectl(&format!("-n e2e-cluster exec web-0 -c main -- nslookup {POD}")).await?;
    ensure!(answer.contains(&pod_ip), "in the pod {POD} is {answer}");
    seen(format!("{POD} is {pod_ip}, for this process and in the pod"));
    let stranger = "nowhere.example.com";
    let answer = tokio::net::lookup_host((stranger, 80)).await;
    ensure!(answer.is_err(), "{stranger} must not be known");
    seen(format!("{stranger} does not resolve: the cluster has no route to the outside"));

    let log = world.kubectl("-n e2e-cluster logs web-0 -c main").await?;
    ensure!(log == "started as web-0", "the log is {log:?}");
    let url = "https://kubernetes.default.svc/version";
    let ask = format!(
        "-n e2e-cluster exec web-0 -c main -- curl -sS --cacert /var/run/secrets/kubernetes.io/serviceaccount/ca.crt {url}"
    );
    let version = world.kubectl(&ask).await?;
    ensure!(version.contains("gitVersion"), "the API server's service answers {version:?}");
    seen("logs and exec work; the pod reaches the API server through its Service");

    world.kubectl("delete namespace e2e-cluster --wait").await?;
    let volumes: Api<PersistentVolume> = Api::all(world.client.clone());
    until("the volume to go", async || {
        let left = volumes.list(&ListParams::default()).await?.items.len();
        ensure!(left == 0, "{left} volumes are left");
        Ok(())
    })
    .await?;
    seen("its volume was deleted with the namespace");
    Ok(())
}
