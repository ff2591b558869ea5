use sei_node::Node;
use serde_json::{Value, json};

use super::*;
use crate::testbed;

/// The outcome of the task if the API server has these objects.
async fn deployed(live: impl Fn(&str) -> Option<Value> + Clone + Send + 'static) -> Outcome {
    let client = testbed::client(move |path| match live(path) {
        Some(object) => (200, object),
        None => testbed::not_found(),
    });
    let (ctx, _writers) = testbed::context(&client, &[]);
    let snapshot = json!({ "s3": { "targetHeight": 5 }, "bootstrapImage": "seid:old" });
    let parts = json!({
        "fullNode": { "snapshot": snapshot }, "dataVolume": { "import": { "pvcName": "old" } },
        "peers": sei_testkit::builders::outside_peers(),
    });
    let mut node = SeiNode::clone(&testbed::node("u", parts));
    node.metadata.resource_version = Some("1".to_owned());
    let task = json!({ "type": "deploy-bootstrap-job", "id": "1", "status": "Pending" });
    let status = json!({ "plan": { "id": "p", "phase": "Active", "tasks": [task] } });
    node.status = serde_json::from_value(status).unwrap();
    let rendered = Rendered::of(Node::of(&node), &ctx.platform).unwrap();
    deploy_job(&ctx, &node, &Plan::load(&node).unwrap(), &rendered).await
}

fn list(items: &[Value]) -> Value {
    // Also the response to create requests.
    json!({ "metadata": { "uid": "created" }, "items": items })
}

#[tokio::test]
async fn no_job_is_created_while_another_node_uses_the_claim() {
    let pod = json!({ "containers": [], "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": "old" } }] });
    let object = |labels: Value, spec: Value| json!({ "metadata": { "name": "it", "namespace": "sei", "uid": "x", "labels": labels }, "spec": spec });
    let template = json!({ "selector": {}, "serviceName": "it", "template": { "spec": pod } });
    let of_other = json!({ "sei.io/node": "other", "sei.io/chain": "another" });
    let bootstrap = json!({ "sei.io/node": "other", "sei.io/component": "bootstrap" });
    for (kind, in_use) in [
        ("pods", Some(object(bootstrap.clone(), pod.clone()))),
        ("jobs", Some(object(bootstrap, template.clone()))),
        ("statefulsets", Some(object(of_other.clone(), template))),
        ("pods", Some(object(of_other, pod))),
        ("pods", None),
    ] {
        let used = in_use.clone();
        let outcome = deployed(move |path| {
            let plural =
                path.rsplit('/').next().filter(|last| ["pods", "jobs", "statefulsets"].contains(last))?;
            Some(list(&used.clone().filter(|_| plural == kind).into_iter().collect::<Vec<_>>()))
        })
        .await;
        match in_use {
            None => assert_eq!(outcome, Outcome::DoneOn { uid: "created".to_owned() }),
            Some(_) => assert!(
                matches!(outcome, Outcome::Waiting { reason: ReadyReason::WaitingForRelease, .. }),
                "{kind}: {outcome:?}"
            ),
        }
    }
}

#[tokio::test]
async fn no_job_is_created_before_the_pod_of_an_earlier_one_is_gone() {
    for (phase, is_created) in [("Running", false), ("Pending", false), ("Failed", true), ("Succeeded", true)]
    {
        let labels = json!({ "sei.io/node": "node-0", "sei.io/component": "bootstrap" });
        let metadata = json!({ "name": "it", "namespace": "sei", "uid": "x", "labels": labels });
        let pod = json!({ "metadata": metadata, "status": { "phase": phase } });
        let outcome = deployed(move |path| match path.rsplit('/').next()? {
            "pods" => Some(list(std::slice::from_ref(&pod))),
            "jobs" | "statefulsets" => Some(list(&[])),
            _ => None,
        })
        .await;
        let expected = match is_created {
            true => Outcome::DoneOn { uid: "created".to_owned() },
            false => waiting("the pod of an earlier Job is terminating"),
        };
        assert_eq!(outcome, expected, "{phase}");
    }
}

#[tokio::test]
async fn a_job_with_the_name_is_waited_for_while_terminating_and_otherwise_fails_the_plan() {
    let owner = |uid: &str| json!({ "apiVersion": "sei.io/v1alpha1", "kind": "SeiNode", "name": "node-0", "uid": uid });
    for (owners, is_waited_for) in [(json!([owner("before")]), true), (json!([]), false)] {
        let metadata = json!({ "name": "node-0-bootstrap", "namespace": "sei", "ownerReferences": owners });
        let outcome = deployed(move |path| {
            path.ends_with("/jobs/node-0-bootstrap").then(|| json!({ "metadata": metadata }))
        })
        .await;
        let is_expected = match &outcome {
            Outcome::Waiting { reason: ReadyReason::WaitingForDeletion, .. } => is_waited_for,
            Outcome::Rejected { error } => !is_waited_for && error.contains("not controlled by this SeiNode"),
            _ => false,
        };
        assert!(is_expected, "{outcome:?}");
    }
}
