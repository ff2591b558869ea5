//! A stand-in for kubelet and scheduler: pods of nodes are bound, wait for what they mount, run as a sidecar
//! of the simulator, and become ready with it. Images with the tag `missing` cannot be pulled. Everything
//! else is done by real controllers.

mod mounts;
mod secrets;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::StreamExt;
use k8s_openapi::api::core::v1::{Container, Pod, Secret};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions},
    runtime::{WatchStreamExt, watcher},
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use self::{
    mounts::{Mounts, mounts},
    secrets::TlsSecrets,
};
use crate::sidecar::{Generation, Simulator};

/// Runs until dropped.
pub struct Kubelet {
    task: JoinHandle<()>,
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Kubelet {
    /// Runs every pod that has a host name.
    pub fn start(client: Client, simulator: Simulator) -> Self {
        Self { task: tokio::spawn(follow(client, simulator)) }
    }
}

async fn follow(client: Client, simulator: Simulator) {
    let pods = watcher(Api::<Pod>::all(client.clone()), watcher::Config::default()).default_backoff();
    let mut pods = pods.touched_objects().boxed();
    let secrets = Arc::new(TlsSecrets::follow(&client));
    let mut running: BTreeMap<String, JoinHandle<()>> = BTreeMap::new();
    while let Some(event) = pods.next().await {
        // A broken watch restarts automatically.
        let Ok(pod) = event else { continue };
        let (Some(uid), Some(host)) = (pod.uid(), host_of(&pod)) else { continue };
        if pod.metadata.deletion_timestamp.is_some() {
            if let Some(task) = running.remove(&uid) {
                task.abort();
                simulator.stop(&host);
            }
            remove(&client, &pod).await;
        } else if !running.contains_key(&uid) && !is_over(&pod) {
            let (client, simulator, secrets) = (client.clone(), simulator.clone(), Arc::clone(&secrets));
            let run = async move { run(&client, &simulator, &secrets, &pod, &host).await };
            running.insert(uid, tokio::spawn(run));
        }
    }
}

async fn run(client: &Client, simulator: &Simulator, secrets: &TlsSecrets, pod: &Pod, host: &str) {
    let name = pod.name_any();
    let namespace = pod.namespace().unwrap_or_default();
    let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
    if pod.spec.as_ref().is_none_or(|spec| spec.node_name.is_none()) {
        let binding = json!({
            "apiVersion": "v1", "kind": "Binding",
            "metadata": { "name": name, "namespace": namespace },
            "target": { "apiVersion": "v1", "kind": "Node", "name": "stand-in" },
        });
        // It is already bound, by an earlier stand-in.
        let _ =
            pods.create_subresource::<Value, Value>("binding", &name, &PostParams::default(), &binding).await;
    }
    let Mounts { tls, claim } = loop {
        match mounts(client, &namespace, pod).await {
            Ok(mounts) => break mounts,
            Err(why) => {
                report(&pods, pod, &status(pod, "Pending", false, &why)).await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    };
    if let Some(claim) = &claim {
        simulator.mount(host, claim);
    }
    if let Some(sidecar) = containers(pod).find(|container| container.name == "sei-sidecar") {
        let release = sidecar.image.as_deref().and_then(Generation::of_image);
        simulator.play(host, release.unwrap_or(Generation::NEWEST));
        let variables = sidecar.env.iter().flatten();
        let chain =
            variables.filter(|variable| variable.name == "SEI_CHAIN_ID").find_map(|it| it.value.as_ref());
        chain.into_iter().for_each(|chain| simulator.join(host, chain));
    }
    if let Some(image) = image_of(pod, "seid") {
        simulator.start_seid(host, image);
    }
    simulator.accept_audiences(host, audiences(pod));
    if tls.is_none() {
        simulator.remove_proxy(host);
    }
    simulator.run(host);
    let mut ready = simulator.readiness(host);
    let mut seid = simulator.watch_seid(host);
    let mut renewals = secrets.renewals();
    let (mut reported, mut served) = (None, None);
    loop {
        renewals.borrow_and_update();
        let secret = tls.as_deref().and_then(|name| secrets.get(&namespace, name));
        if let Some(secret) = secret.filter(|secret| served.as_ref() != Some(&secret.resource_version())) {
            serve(simulator, &secret, host);
            served = Some(secret.resource_version());
        }
        let panics = seid.borrow_and_update().panic().is_some();
        let is_ready = *ready.borrow_and_update() && !panics;
        if simulator.take_eviction(host) {
            report(&pods, pod, &status(pod, "Failed", false, "")).await;
            return;
        }
        let runs_to_an_end =
            pod.spec.as_ref().is_some_and(|spec| spec.restart_policy.as_deref() == Some("Never"));
        if is_ready && runs_to_an_end {
            report(&pods, pod, &status(pod, "Succeeded", false, "")).await;
            simulator.stop(host);
            return;
        }
        if reported.replace(is_ready) != Some(is_ready) {
            report(&pods, pod, &status(pod, "Running", is_ready, "")).await;
        }
        tokio::select! {
            changed = ready.changed() => if changed.is_err() { return },
            changed = seid.changed() => if changed.is_err() { return },
            // The mounted files follow the Secret.
            changed = renewals.changed(), if tls.is_some() => if changed.is_err() { return },
        }
    }
}

/// The audiences of tokens that the pod's proxy accepts.
fn audiences(pod: &Pod) -> Vec<String> {
    let arguments = containers(pod).flat_map(|container| container.args.iter().flatten());
    let mut lists = arguments.filter_map(|argument| argument.strip_prefix("--auth-token-audiences="));
    lists.next().map(|list| list.split(',').map(str::to_owned).collect()).unwrap_or_default()
}

/// The kubelet's message about an image that cannot be pulled.
fn unpullable(container: &Container) -> Option<String> {
    let image = container.image.as_deref().filter(|image| image.ends_with(":missing"))?;
    Some(format!("Back-off pulling image {image:?}"))
}

/// All containers of a pod.
fn containers(pod: &Pod) -> impl Iterator<Item = &Container> {
    pod.spec.iter().flat_map(|spec| spec.init_containers.iter().flatten().chain(&spec.containers))
}

fn image_of<'a>(pod: &'a Pod, name: &str) -> Option<&'a str> {
    containers(pod).find(|container| container.name == name)?.image.as_deref()
}

fn serve(simulator: &Simulator, secret: &Secret, host: &str) {
    let value = |key: &str| {
        let bytes = secret.data.as_ref().and_then(|data| data.get(key));
        bytes.map(|bytes| bytes.0.as_slice()).unwrap_or_default()
    };
    // The proxy does not serve what it cannot load: it keeps the previous certificate.
    let _ = simulator.serve_certificate(host, value("tls.crt"), value("tls.key"));
}

async fn report(pods: &Api<Pod>, pod: &Pod, status: &Value) {
    let patch = json!({ "metadata": { "uid": pod.uid() }, "status": status });
    // A deleted pod needs no status.
    let _ = pods.patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Merge(&patch)).await;
}

fn status(pod: &Pod, phase: &str, ready: bool, creating: &str) -> Value {
    let state = |container: &Container| match (phase, unpullable(container)) {
        ("Pending", Some(why)) => json!({ "waiting": { "reason": "ImagePullBackOff", "message": why } }),
        ("Pending", None) => json!({ "waiting": { "reason": "ContainerCreating", "message": creating } }),
        ("Failed", _) => json!({ "terminated": { "exitCode": 137, "reason": "Error" } }),
        ("Succeeded", _) => json!({ "terminated": { "exitCode": 0, "reason": "Completed" } }),
        _ => json!({ "running": {} }),
    };
    let containers = |containers: &[Container], ready: bool| -> Vec<Value> {
        let one = |container: &Container| {
            json!({
                "name": container.name, "image": container.image, "imageID": container.image,
                "restartCount": 0, "ready": phase == "Running" && ready, "started": phase == "Running",
                "state": state(container),
            })
        };
        containers.iter().map(one).collect()
    };
    let spec = pod.spec.clone().unwrap_or_default();
    let truth = |value: bool| if value { "True" } else { "False" };
    json!({
        "phase": phase,
        "conditions": [
            { "type": "PodScheduled", "status": "True" },
            { "type": "Initialized", "status": truth(phase != "Pending") },
            { "type": "ContainersReady", "status": truth(ready && phase == "Running") },
            { "type": "Ready", "status": truth(ready && phase == "Running") },
        ],
        "initContainerStatuses": containers(spec.init_containers.as_deref().unwrap_or_default(), true),
        "containerStatuses": containers(&spec.containers, ready),
    })
}

async fn remove(client: &Client, pod: &Pod) {
    let pods: Api<Pod> = Api::namespaced(client.clone(), &pod.namespace().unwrap_or_default());
    // Like the real one: another pod may have the same name in the meantime.
    let this_one = Preconditions { uid: pod.uid(), resource_version: None };
    let now = DeleteParams {
        grace_period_seconds: Some(0),
        preconditions: Some(this_one),
        ..DeleteParams::default()
    };
    // It may already be gone.
    let _ = pods.delete(&pod.name_any(), &now).await;
}

/// DNS name of a pod with a host name and a Service.
fn host_of(pod: &Pod) -> Option<String> {
    let spec = pod.spec.as_ref()?;
    let (host, service) = (spec.hostname.as_ref()?, spec.subdomain.as_ref()?);
    Some(format!("{host}.{service}.{}.svc.cluster.local", pod.namespace()?))
}

fn is_over(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}
