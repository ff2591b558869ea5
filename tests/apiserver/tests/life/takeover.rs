//! Taking over from the Go controller: its objects unchanged, its plans at every task.

use std::collections::BTreeMap;

use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Pod};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use sei_api::conditions::ConditionType;
use sei_testkit::{
    builders,
    certs::Authority,
    cluster::{Cluster, NAMESPACE},
};
use serde_json::{Value, json};

use crate::{
    go_controller::{BOOTSTRAP, PLAIN, TLS},
    harness::{self, condition, is_running, until},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_running_node_is_adopted_untouched() {
    let cluster = harness::cluster().await;
    let image = PLAIN.document("seinode", "old-0")["spec"]["image"].clone();
    let owner = PLAIN.node(&cluster, "old-0", json!({ "phase": "Running", "currentImage": image })).await;
    for kind in ["pvc", "statefulset", "service"] {
        PLAIN.leave(&cluster, kind, &owner).await;
    }
    let host = Cluster::host("old-0");
    // Like after the Go controller's mark-ready.
    cluster.simulator.run_ready(&host);
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    harness::eventually("the pod runs", || async {
        let pod = pods.get_opt("old-0-0").await.unwrap();
        pod.and_then(|pod| pod.status).is_some_and(|status| status.phase.as_deref() == Some("Running"))
    })
    .await;
    cluster.simulator.run_ready(&host);
    let (pod, set) = (pods.get("old-0-0").await.unwrap(), sets.get("old-0").await.unwrap());

    assert_eq!(forecast(&cluster).await, ["SeiNode old-0: continues"]);
    let _operator = harness::operator(&cluster);
    until(&cluster, "old-0", "judged", |node| {
        condition(node, ConditionType::Ready).as_deref() == Some("True/NodeReady")
    })
    .await;
    assert_eq!(pods.get("old-0-0").await.unwrap().uid(), pod.uid(), "the pod is the same");
    assert_eq!(sets.get("old-0").await.unwrap().metadata.generation, set.metadata.generation);
    let posts = cluster.simulator.calls(&host).into_iter().filter(|call| call.method == "POST").count();
    assert_eq!(posts, 0, "nothing was asked of the sidecar");
}

/// The forecast of `migrate check` for each object.
async fn forecast(cluster: &Cluster) -> Vec<String> {
    let mut command = tokio::process::Command::new(harness::binary());
    command.args(["migrate", "check", "-o", "json", "--kubeconfig"]).arg(cluster.plane.kubeconfig());
    let output = command.envs(builders::platform()).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let found: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let line = |it: &Value| format!("{} {}: {}", it["kind"], it["name"], it["effect"]).replace('"', "");
    found.iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_the_go_controller_is_continued_from_every_task() {
    let cluster = harness::cluster().await;
    let plan = PLAIN.document("plan", "old-0")["init"]["plan"].clone();
    let tasks = plan["tasks"].as_array().unwrap().len();
    let name = |done: usize| format!("half-{done}");
    for done in 0..tasks {
        let name = name(done);
        let plan = PLAIN.plan("init", &name, done);
        PLAIN.did(&cluster, &name, done).await;
        let owner = PLAIN.node(&cluster, &name, json!({ "phase": "Initializing", "plan": plan })).await;
        for (task, kind) in [(1, "pvc"), (2, "statefulset"), (3, "service")] {
            if done >= task {
                PLAIN.leave(&cluster, kind, &owner).await;
            }
        }
    }
    let _operator = harness::operator(&cluster);
    for done in 0..tasks {
        let name = name(done);
        let node = until(&cluster, &name, "Running", is_running).await;
        let stored = node.status.unwrap().plan.unwrap();
        assert_eq!(stored.id, plan["id"], "{name}: its plan was not lost");
        let asked = cluster.simulator.runs(&Cluster::host(&name));
        for (index, task) in plan["tasks"].as_array().unwrap().iter().enumerate() {
            let runs = asked.get(task["type"].as_str().unwrap()).copied().unwrap_or(0);
            if index < done {
                assert_eq!(runs, 0, "{name}: {} was done before", task["type"]);
            } else if index >= 3 {
                assert_eq!(runs, 1, "{name}: {} was left to do", task["type"]);
            }
        }
    }
}

/// Sets the image of a StatefulSet of the Go controller.
async fn with_image(cluster: &Cluster, name: &str, image: &str) -> StatefulSet {
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let patch = json!([
        { "op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image },
        { "op": "replace", "path": "/spec/template/spec/initContainers/0/image", "value": image },
    ]);
    let params = PatchParams { field_manager: Some("seinode-controller".to_owned()), ..Default::default() };
    sets.patch(name, &params, &Patch::<Value>::Json(serde_json::from_value(patch).unwrap())).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_of_running_nodes_are_continued() {
    let cluster = harness::cluster().await;
    let image = PLAIN.document("seinode", "old-0")["spec"]["image"].as_str().unwrap().to_owned();
    let next = PLAIN.document("plan", "old-0")["imageUpdate"]["specImage"].as_str().unwrap().to_owned();
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let mut before = Vec::new();
    // Updates at every task; a no-op update, which the Go controller creates for every new node; mark-ready;
    // and an update whose image cannot be pulled, corrected while the Go controller kept waiting.
    let updates =
        (1..5).map(|done| (format!("update-{done}"), "imageUpdate", done, next.clone(), next.clone()));
    let others = [
        ("noop-0".to_owned(), "imageUpdate", 0, image.clone(), image.clone()),
        ("noop-2".to_owned(), "imageUpdate", 2, image.clone(), image.clone()),
        ("again-0".to_owned(), "markReadyReapply", 0, image.clone(), image.clone()),
        ("wedged-0".to_owned(), "imageUpdate", 3, "seid:missing".to_owned(), next.clone()),
    ];
    let all: Vec<_> = updates.chain(others).collect();
    for (name, story, done, applied, wanted) in &all {
        let current = (!name.starts_with("noop")).then_some(&image);
        let status =
            json!({ "phase": "Running", "currentImage": current, "plan": PLAIN.plan(story, name, *done) });
        let owner = PLAIN.node(&cluster, name, status).await;
        for kind in ["pvc", "statefulset", "service"] {
            PLAIN.leave(&cluster, kind, &owner).await;
        }
        let set = with_image(&cluster, name, applied).await;
        if *done >= 3 {
            // The Go controller had deleted the pod with the previous image.
            harness::eventually("its pod has the image", || async {
                let pod = pods.get_opt(&format!("{name}-0")).await.unwrap();
                let Some(spec) = pod.and_then(|pod| pod.spec) else { return false };
                let has_it = spec.containers.iter().any(|it| it.image.as_deref() == Some(applied.as_str()));
                if !has_it {
                    // It may already be gone.
                    let _ = pods.delete(&format!("{name}-0"), &DeleteParams::default()).await;
                }
                has_it
            })
            .await;
        }
        harness::patch(&cluster, name, json!({ "spec": { "image": wanted } })).await;
        before.push(set.metadata.generation);
    }
    for (name, ..) in &all {
        harness::eventually("its pod exists", || async {
            pods.get_opt(&format!("{name}-0")).await.unwrap().is_some()
        })
        .await;
        cluster.simulator.run_ready(&Cluster::host(name));
    }
    let _operator = harness::operator(&cluster);
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    for ((name, story, _, _, wanted), generation) in all.iter().zip(before) {
        let node = until(&cluster, name, "brought to its end", harness::runs(wanted)).await;
        if name == "wedged-0" {
            continue;
        }
        let stored = node.status.unwrap().plan.unwrap();
        assert_eq!(stored.id, PLAIN.plan(story, name, 0)["id"], "{name}: its plan was not lost");
        let set = sets.get(name).await.unwrap();
        assert_eq!(set.metadata.generation, generation, "{name}: the StatefulSet was left alone");
        let runs = cluster.simulator.runs(&Cluster::host(name));
        assert_eq!(runs, [("mark-ready".to_owned(), 1)].into(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bootstrap_is_continued_from_every_task() {
    let cluster = harness::cluster().await;
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let tasks = BOOTSTRAP.plan("init", "old-0", 0)["tasks"].as_array().unwrap().clone();
    let types: Vec<_> = tasks.iter().map(|task| task["type"].as_str().unwrap()).collect();
    let after = |type_: &str| types.iter().position(|it| *it == type_).unwrap() + 1;
    let (job, ready, gone) =
        (after("deploy-bootstrap-job"), after("mark-ready"), after("teardown-bootstrap"));
    let name = |done: usize| format!("boot-{done}");
    for done in 0..tasks.len() {
        let name = name(done);
        let plan = BOOTSTRAP.plan("init", &name, done);
        BOOTSTRAP.did(&cluster, &name, done).await;
        let owner = BOOTSTRAP.node(&cluster, &name, json!({ "phase": "Initializing", "plan": plan })).await;
        for (kind, from, to) in [
            ("pvc", after("ensure-data-pvc"), tasks.len()),
            ("bootstrap-service", after("deploy-bootstrap-service"), gone - 1),
            ("bootstrap-job", job, gone - 1),
            ("statefulset", after("apply-statefulset"), tasks.len()),
            ("service", after("apply-service"), tasks.len()),
        ] {
            if (from..=to).contains(&done) {
                BOOTSTRAP.leave(&cluster, kind, &owner).await;
            }
        }
        if (ready..gone).contains(&done) {
            // seid was allowed to start, and ran to completion.
            let of_job = format!("batch.kubernetes.io/job-name={name}-bootstrap");
            let of_job = kube::api::ListParams::default().labels(&of_job);
            harness::eventually("the Job's pod runs", || async {
                let pods = pods.list(&of_job).await.unwrap();
                pods.into_iter()
                    .any(|pod| pod.status.is_some_and(|status| status.phase.as_deref() == Some("Running")))
            })
            .await;
            cluster.simulator.run_ready(&Cluster::host(&name));
        }
    }
    let _operator = harness::operator(&cluster);
    for done in 0..tasks.len() {
        let name = name(done);
        let node = until(&cluster, &name, "Running", is_running).await;
        let stored = node.status.unwrap().plan.unwrap();
        assert_eq!(stored.id, BOOTSTRAP.plan("init", &name, 0)["id"], "{name}: its plan was not lost");
        let mut left = BTreeMap::<String, u32>::new();
        for (index, type_) in types.iter().enumerate().skip(done) {
            // The operator's tasks do not run in the sidecar.
            let by_sidecar = index >= job && !type_.contains("bootstrap") && !type_.starts_with("apply-");
            if by_sidecar {
                *left.entry((*type_).to_owned()).or_default() += 1;
            }
        }
        assert_eq!(cluster.simulator.runs(&Cluster::host(&name)), left, "{name}: what was left to do, once");
        let jobs: Api<k8s_openapi::api::batch::v1::Job> = harness::api(&cluster);
        assert!(jobs.get_opt(&format!("{name}-bootstrap")).await.unwrap().is_none(), "{name}: the Job went");
    }
}

/// With the Go controller's configuration, the proxy of a TLS node rejects every task: such nodes nevertheless reach
/// Running.
#[tokio::test(flavor = "multi_thread")]
async fn a_tls_node_that_never_started_is_started() {
    let cluster = harness::cluster().await;
    let authority = Authority::new("issuer").unwrap();
    let secret = TLS.document("seinode", "stuck-0")["spec"]["sidecar"]["tls"]["secretName"].clone();
    harness::put_secret(&cluster, &authority, secret.as_str().unwrap(), &harness::names("stuck-0")).await;
    let plan = TLS.plan("init", "stuck-0", 4);
    let waiting = plan["tasks"][4]["type"].clone();
    assert_eq!(waiting, "configure-genesis", "the first that the sidecar would do");
    let owner = TLS.node(&cluster, "stuck-0", json!({ "phase": "Initializing", "plan": plan })).await;
    for kind in ["pvc", "configmap", "statefulset", "service"] {
        TLS.leave(&cluster, kind, &owner).await;
    }
    let _operator = harness::operator(&cluster);
    until(&cluster, "stuck-0", "Running", is_running).await;
    let pod = harness::api::<Pod>(&cluster).get("stuck-0-0").await.unwrap();
    let containers = pod.spec.unwrap().init_containers.unwrap();
    let proxy = containers.into_iter().find(|container| container.name == "kube-rbac-proxy").unwrap();
    let argument = "--auth-header-fields-enabled=true".to_owned();
    assert!(proxy.args.unwrap().contains(&argument), "the pod is the one that the Go controller created");
}

/// The Go controller's bootstrap pod has no proxy, so with TLS it can never be reached.
#[tokio::test(flavor = "multi_thread")]
async fn a_tls_bootstrap_that_was_never_reached_is_started_over_on_takeover() {
    let cluster = harness::cluster().await;
    let authority = Authority::new("issuer").unwrap();
    harness::put_secret(&cluster, &authority, "shut-0-tls", &harness::names("shut-0")).await;
    let mut plan = BOOTSTRAP.plan("init", "shut-0", 3);
    let tasks = plan["tasks"].as_array_mut().unwrap();
    let place = tasks.iter().position(|task| task["type"] == "apply-statefulset").unwrap();
    let mut config = tasks[place].clone();
    config["type"] = "apply-rbac-proxy-config".into();
    tasks.insert(place, config);
    let tls = json!({ "sidecar": { "tls": { "secretName": "shut-0-tls" } } });
    let status = json!({ "phase": "Initializing", "plan": plan });
    let owner = BOOTSTRAP.node_with(&cluster, "shut-0", status, tls).await;
    for kind in ["pvc", "bootstrap-service", "bootstrap-job"] {
        BOOTSTRAP.leave(&cluster, kind, &owner).await;
    }
    let _operator = harness::operator(&cluster);
    until(&cluster, "shut-0", "Running", is_running).await;
    let runs = cluster.simulator.runs(&Cluster::host("shut-0"));
    assert_eq!(runs["snapshot-restore"], 1, "restored once, by a pod that can be reached: {runs:?}");
}

const OWN_AUDIENCE: &str = "--auth-token-audiences=sei-sidecar/sei-demo/shared-0";
const SHARED_AUDIENCE: &str = "--auth-token-audiences=sei-sidecar";

/// The audience that the proxy in the node's pod accepts.
async fn audience(cluster: &Cluster, pod: &str) -> Option<String> {
    let pod = harness::api::<Pod>(cluster).get_opt(pod).await.unwrap()?;
    let mut containers = pod.spec.unwrap().init_containers.unwrap_or_default().into_iter();
    let proxy = containers.find(|container| container.name == "kube-rbac-proxy")?;
    proxy
        .args
        .unwrap_or_default()
        .into_iter()
        .find(|argument| argument.starts_with("--auth-token-audiences="))
}

/// Earlier versions gave all nodes one audience: such a pod is called with it, until its next update gives the node an
/// audience that no other node accepts.
#[tokio::test(flavor = "multi_thread")]
async fn a_pod_with_the_shared_audience_is_called_with_it_until_updated() {
    let (cluster, name, pod) = (harness::cluster().await, "shared-0", "shared-0-0");
    let (old, new) = ("ghcr.io/sei-protocol/sei:a", "ghcr.io/sei-protocol/sei:b");
    let authority = Authority::new("issuer").unwrap();
    harness::put_secret(&cluster, &authority, "shared-0-tls", &harness::names(name)).await;
    let operator = harness::operator(&cluster);
    harness::create(&cluster, name, sei_testkit::builders::tls_full_node(old, "shared-0-tls")).await;
    until(&cluster, name, "ready", harness::runs(old)).await;
    assert_eq!(audience(&cluster, pod).await.as_deref(), Some(OWN_AUDIENCE));
    operator.kill().unwrap();

    // As created by an earlier version.
    let sets: Api<StatefulSet> = harness::api(&cluster);
    let mut template = sets.get(name).await.unwrap().spec.unwrap().template;
    for container in template.spec.as_mut().unwrap().init_containers.iter_mut().flatten() {
        let arguments = container.args.iter_mut().flatten().filter(|argument| *argument == OWN_AUDIENCE);
        arguments.for_each(|argument| *argument = SHARED_AUDIENCE.to_owned());
    }
    let patch = json!([{ "op": "replace", "path": "/spec/template", "value": template }]);
    let params = PatchParams { field_manager: Some("seinode-controller".to_owned()), ..Default::default() };
    let patch = Patch::<Value>::Json(serde_json::from_value(patch).unwrap());
    let set = sets.patch(name, &params, &patch).await.unwrap();
    harness::api::<Pod>(&cluster).delete(pod, &DeleteParams::default()).await.unwrap();
    harness::eventually("the pod has the shared audience", || async {
        audience(&cluster, pod).await.as_deref() == Some(SHARED_AUDIENCE)
    })
    .await;
    let uid = harness::api::<Pod>(&cluster).get(pod).await.unwrap().uid();

    // mark-ready has to be submitted to the sidecar of the new pod, which requires a token that its proxy
    // accepts.
    let _operator = harness::operator(&cluster);
    let mut ready = cluster.simulator.readiness(&Cluster::host(name));
    tokio::time::timeout(harness::PATIENCE, ready.wait_for(|ready| *ready)).await.unwrap().unwrap();
    until(&cluster, name, "ready", harness::runs(old)).await;
    assert_eq!(harness::api::<Pod>(&cluster).get(pod).await.unwrap().uid(), uid, "the pod is the same");
    assert_eq!(sets.get(name).await.unwrap().metadata.generation, set.metadata.generation);

    harness::set_image(&cluster, name, new).await;
    until(&cluster, name, "updated", harness::runs(new)).await;
    assert_eq!(audience(&cluster, pod).await.as_deref(), Some(OWN_AUDIENCE));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_with_a_task_of_a_later_go_controller_is_replaced() {
    let cluster = harness::cluster().await;
    let name = "later-0";
    let next = PLAIN.document("plan", name)["imageUpdate"]["specImage"].as_str().unwrap().to_owned();
    let mut plan = PLAIN.plan("imageUpdate", name, 2);
    let patch =
        json!({ "type": "config-patch", "id": "11111111-2222-4333-8444-555555555555", "status": "Pending" });
    plan["tasks"].as_array_mut().unwrap().insert(2, patch);
    let image = PLAIN.document("seinode", name)["spec"]["image"].clone();
    let status = json!({ "phase": "Running", "currentImage": image, "plan": plan });
    let owner = PLAIN.node_with(&cluster, name, status, json!({ "image": next })).await;
    for kind in ["pvc", "statefulset", "service"] {
        PLAIN.leave(&cluster, kind, &owner).await;
    }
    cluster.simulator.run_ready(&Cluster::host(name));
    let _operator = harness::operator(&cluster);
    until(&cluster, name, "updated", harness::runs(&next)).await;
}
