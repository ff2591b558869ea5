//! The one-shot bootstrap Job and the Service that gives it the node's DNS name.

use std::fmt::Debug;

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    batch::v1::Job,
    core::v1::{Pod, Service},
};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, ListParams, PostParams, Preconditions, PropagationPolicy},
    core::NamespaceResourceScope,
};
use sei_api::{SeiNode, conditions::ReadyReason, labels, names};
use sei_decide::{
    Health, Observed, Ownership,
    bootstrap::is_usable,
    objects::{JobState, has_ended, job_state},
};
use sei_plan::{Outcome, Persisted, Plan, TaskKind};
use sei_render::Rendered;
use serde::de::DeserializeOwned;

use super::{
    apply::{self, ApplyError},
    ending, foreign, may_start, refused, rollout, volume,
};
use crate::{context::Context, trim};

/// Creates the Job. A Job of this SeiNode that failed, was created from another spec, or completed on another
/// volume is replaced.
pub(super) async fn deploy_job(
    ctx: &Context,
    node: &SeiNode,
    plan: &Plan<Persisted>,
    rendered: &Rendered,
) -> Outcome {
    let Some(wanted) = &rendered.bootstrap_job else { return Outcome::Done };
    let name = names::bootstrap_job(node);
    let api: Api<Job> = Api::namespaced(ctx.client.clone(), names::namespace(node));
    let live = match api.get_opt(&name).await {
        Ok(live) => live,
        Err(error) => return refused(&format!("read Job {name}"), &error),
    };
    let Some(live) = live else {
        if let Err(outcome) = may_start(ctx, node).await {
            return outcome;
        }
        if let Err(outcome) = make_room(ctx, node, rendered).await {
            return outcome;
        }
        // A Job that was deleted by another client is gone before its pod is: both pods would work on the volume.
        match pods(ctx, node).await {
            Ok(pods) if pods.iter().all(has_ended) => {}
            Ok(_) => return waiting("the pod of an earlier Job is terminating"),
            Err(outcome) => return outcome,
        }
        let params =
            PostParams { field_manager: Some(labels::FIELD_MANAGER.to_owned()), ..Default::default() };
        return match api.create(&params, wanted).await {
            Ok(created) => done_on(&created),
            Err(kube::Error::Api(status)) if status.is_already_exists() => {
                waiting("another client has just created the Job")
            }
            Err(error) => refused(&format!("create Job {name}"), &error),
        };
    };
    if let Some(error) = ApplyError::taken(Ownership::of(&live, node), "Job", &name) {
        return apply::not_written(error);
    }
    if is_usable(&live, wanted, plan) {
        return done_on(&live);
    }
    if let Err(outcome) = volume::stays(ctx, node).await {
        return outcome;
    }
    match delete(&api, &live).await {
        Ok(()) => ending("Job", &name),
        Err(error) => refused(&format!("delete Job {name}"), &error),
    }
}

/// Scales an existing StatefulSet to zero, for example on a volume that replaced a lost one: its pod and that
/// of the Job would have the same volume and name.
///
/// # Errors
/// The outcome of a step that must not create the Job yet.
async fn make_room(ctx: &Context, node: &SeiNode, rendered: &Rendered) -> Result<(), Outcome> {
    let (stateful_set, pods) = rollout::read(ctx, node).await?;
    let Some(stateful_set) = stateful_set else { return Ok(()) };
    if stateful_set.spec.as_ref().and_then(|spec| spec.replicas) != Some(0) {
        let mut scaled = rendered.stateful_set.clone();
        scaled.spec.get_or_insert_default().replicas = Some(0);
        match apply::outcome(apply::apply(ctx, node, &scaled, Some(&stateful_set)).await) {
            Outcome::Done => {}
            refused => return Err(refused),
        }
    }
    match pods.iter().any(|pod| is_owned(pod, &stateful_set)) {
        true => Err(waiting("the pod of the StatefulSet is terminating")),
        false => Ok(()),
    }
}

/// Whether `pod` belongs to `stateful_set`.
fn is_owned(pod: &Pod, stateful_set: &StatefulSet) -> bool {
    pod.owner_references().iter().any(|owner| Some(&owner.uid) == stateful_set.metadata.uid.as_ref())
}

/// Checks the state of the Job: its events requeue the node.
pub(super) async fn await_complete(ctx: &Context, observed: &Observed, plan: &Plan<Persisted>) -> Outcome {
    match observed.job_of(plan).map(job_state) {
        Some(JobState::Complete) => Outcome::Done,
        Some(JobState::Failed(error)) => Outcome::Rejected { error },
        // The sidecar restarted, perhaps before seid read that it may start.
        Some(JobState::Running) if observed.sidecar.says(Health::NotReady) => Outcome::Reissue,
        Some(JobState::Running) => waiting("seid is running up to the target height"),
        None => lost(ctx, observed, plan).await,
    }
}

/// The cache does not have the Job that `plan` created. Only the API server can confirm that it is lost: the
/// cache may not have it yet, or still have the one before it.
pub(super) async fn lost(ctx: &Context, observed: &Observed, plan: &Plan<Persisted>) -> Outcome {
    let (node, name) = (&observed.node, names::bootstrap_job(&observed.node));
    let api: Api<Job> = Api::namespaced(ctx.client.clone(), names::namespace(node));
    let live = match api.get_opt(&name).await {
        Ok(live) => live,
        Err(error) => return refused(&format!("read Job {name}"), &error),
    };
    let known = plan.object_of(TaskKind::DeployBootstrapJob);
    let mut live = live.filter(|job| known.is_none_or(|uid| job.uid().as_deref() == Some(uid)));
    live.iter_mut().for_each(trim::job);
    match live.as_ref().map(job_state) {
        None => Outcome::JobLost,
        Some(JobState::Failed(error)) => Outcome::Rejected { error },
        Some(_) => waiting("the Job has just been created"),
    }
}

fn done_on(job: &Job) -> Outcome {
    job.uid().map_or(Outcome::Done, |uid| Outcome::DoneOn { uid })
}

/// Marks the volume as bootstrapped, deletes Job and Service, and is complete when they and the pod are gone:
/// the production pod takes over their volume and name. The mark comes first, so that a Job that is lost
/// after it does not matter.
pub(super) async fn teardown(ctx: &Context, observed: &Observed, plan: &Plan<Persisted>) -> Outcome {
    let node = &*observed.node;
    if let Err(outcome) = volume::stays(ctx, node).await {
        return outcome;
    }
    if plan.is_done(TaskKind::AwaitBootstrapComplete)
        && let Some(claim) = observed.claim.as_ref().filter(|claim| !claim.has_state)
        && let Err(error) = volume::mark_initialized(ctx, node, claim).await
    {
        return refused(&format!("annotate claim {}", claim.name), &error);
    }
    let namespace = names::namespace(node);
    let jobs: Api<Job> = Api::namespaced(ctx.client.clone(), namespace);
    let services: Api<Service> = Api::namespaced(ctx.client.clone(), namespace);
    let (job, service) = (names::bootstrap_job(node), names::stateful_set(node));
    for left in
        [remove(&jobs, node, &job, |_| true).await, remove(&services, node, &service, is_bootstrap).await]
    {
        match left {
            Ok(false) => {}
            Ok(true) => return waiting("its Job and Service are terminating"),
            Err(outcome) => return outcome,
        }
    }
    match pods(ctx, node).await {
        Ok(pods) if pods.is_empty() => Outcome::Done,
        Ok(_) => waiting("its pod is terminating"),
        Err(outcome) => outcome,
    }
}

/// The pods of bootstrap Jobs of `node`, as the API server has them.
async fn pods(ctx: &Context, node: &SeiNode) -> Result<Vec<Pod>, Outcome> {
    let api: Api<Pod> = Api::namespaced(ctx.client.clone(), names::namespace(node));
    let labels = labels::bootstrap(node);
    let selector: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let listed = api.list(&ListParams::default().labels(&selector.join(","))).await;
    listed.map(|list| list.items).map_err(|error| refused("list the bootstrap pods", &error))
}

/// Deletes one object of the bootstrap; returns whether it still exists.
async fn remove<K>(
    api: &Api<K>,
    node: &SeiNode,
    name: &str,
    of_bootstrap: impl Fn(&K) -> bool,
) -> Result<bool, Outcome>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let kind = K::kind(&());
    let live = api.get_opt(name).await.map_err(|error| refused(&format!("read {kind} {name}"), &error))?;
    let Some(live) = live.filter(of_bootstrap) else { return Ok(false) };
    match Ownership::of(&live, node) {
        Ownership::Foreign => return Err(foreign(&kind, name)),
        Ownership::Ending => {}
        Ownership::Own => {
            delete(api, &live).await.map_err(|error| refused(&format!("delete {kind} {name}"), &error))?;
        }
    }
    Ok(true)
}

async fn delete<K: Resource + Clone + Debug + DeserializeOwned>(
    api: &Api<K>,
    object: &K,
) -> Result<(), kube::Error> {
    let same = Preconditions { uid: object.uid(), resource_version: None };
    let params = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Foreground),
        preconditions: Some(same),
        ..Default::default()
    };
    match api.delete(&object.name_any(), &params).await {
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(()),
        other => other.map(drop),
    }
}

/// The Service of the bootstrap has the same name as the production one.
fn is_bootstrap(service: &Service) -> bool {
    service.labels().get(labels::COMPONENT).is_some_and(|value| value == labels::COMPONENT_BOOTSTRAP)
}

fn waiting(why: &str) -> Outcome {
    Outcome::Waiting { reason: ReadyReason::WaitingForBootstrap, detail: format!("bootstrap: {why}") }
}

#[cfg(test)]
mod tests {
    use sei_node::Node;
    use serde_json::{Value, json};

    use super::*;
    use crate::testbed;

    /// What becomes of the task where the API server has these objects.
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
        // Also the answer to what creates an object.
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
        for (phase, is_created) in
            [("Running", false), ("Pending", false), ("Failed", true), ("Succeeded", true)]
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
            let metadata =
                json!({ "name": "node-0-bootstrap", "namespace": "sei", "ownerReferences": owners });
            let outcome = deployed(move |path| {
                path.ends_with("/jobs/node-0-bootstrap").then(|| json!({ "metadata": metadata }))
            })
            .await;
            let is_expected = match &outcome {
                Outcome::Waiting { reason: ReadyReason::WaitingForDeletion, .. } => is_waited_for,
                Outcome::Rejected { error } => {
                    !is_waited_for && error.contains("not controlled by this SeiNode")
                }
                _ => false,
            };
            assert!(is_expected, "{outcome:?}");
        }
    }
}
