//! Init plans of the Go controller, continued from every task.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use sei_testkit::cluster::{Cluster, NAMESPACE};
use serde_json::json;

use crate::{
    go_controller::{BOOTSTRAP, PLAIN},
    harness::{self, is_running, until},
};

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
        assert!(
            jobs.get_opt(&format!("{name}-bootstrap")).await.unwrap().is_none(),
            "{name}: the Job is gone"
        );
    }
}
