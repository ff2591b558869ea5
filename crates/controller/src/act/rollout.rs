//! Rolls out the StatefulSet's current template to the pod.

use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Pod};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, Preconditions},
};
use sei_api::{SeiNode, conditions::ReadyReason, labels, names};
use sei_decide::{
    objects::is_owned_by,
    rollout::{Verdict, judge, not_running},
};
use sei_plan::Outcome;

use super::{refused, volume};
use crate::{context::Context, trim};

/// Deletes pods of older templates, and the one with UID `also`; complete when there are none.
pub(super) async fn replace_pod(ctx: &Context, node: &SeiNode, also: Option<&str>) -> Outcome {
    let (stateful_set, pods) = match read(ctx, node).await {
        Ok(read) => read,
        Err(outcome) => return outcome,
    };
    match judge(stateful_set.as_ref(), &pods, also) {
        // The StatefulSet was deleted after it was applied.
        Verdict::Wait(_) if stateful_set.is_none() => Outcome::Reissue,
        Verdict::Wait(detail) => Outcome::Waiting { reason: ReadyReason::WaitingForPod, detail },
        Verdict::Current(_) => Outcome::Done,
        Verdict::Stale(stale) => {
            // The claim of a terminating pod is no longer protected from deletion.
            if let Err(outcome) = volume::check_kept(ctx, node).await {
                return outcome;
            }
            let api: Api<Pod> = Api::namespaced(ctx.client.clone(), names::namespace(node));
            for pod in &stale {
                if pod.metadata.deletion_timestamp.is_some() {
                    continue;
                }
                let same = Preconditions { uid: pod.uid(), resource_version: None };
                match api.delete(&pod.name_any(), &DeleteParams::default().preconditions(same)).await {
                    Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {}
                    Err(error) => return refused(&format!("delete pod {}", pod.name_any()), &error),
                    Ok(_) => {}
                }
            }
            let detail =
                format!("pod {} of an older template or configuration is terminating", names::pod(node));
            Outcome::Waiting { reason: ReadyReason::WaitingForPod, detail }
        }
    }
}

/// Waits until the pod of the current template runs seid. Whether it is ready is checked after mark-ready.
pub(super) async fn observe_image(ctx: &Context, node: &SeiNode) -> Outcome {
    let (stateful_set, pods) = match read(ctx, node).await {
        Ok(read) => read,
        Err(outcome) => return outcome,
    };
    let detail = match judge(stateful_set.as_ref(), &pods, None) {
        Verdict::Current(pod) => match not_running(pod) {
            None => return pod.uid().map_or(Outcome::Done, |uid| Outcome::DoneOn { uid }),
            Some(why) => why,
        },
        // The old pod is back, or the StatefulSet was deleted: this plan starts over.
        Verdict::Stale(_) => return Outcome::Reissue,
        Verdict::Wait(_) if stateful_set.is_none() => return Outcome::Reissue,
        Verdict::Wait(detail) => detail,
    };
    Outcome::Waiting { reason: ReadyReason::WaitingForPod, detail }
}

/// The StatefulSet of `node`, and the pods of both its workloads, read from the API server.
pub(super) async fn read(ctx: &Context, node: &SeiNode) -> Result<(Option<StatefulSet>, Vec<Pod>), Outcome> {
    let (namespace, name) = (names::namespace(node), names::stateful_set(node));
    let stateful_sets: Api<StatefulSet> = Api::namespaced(ctx.client.clone(), namespace);
    let reading = |error| refused(&format!("read StatefulSet {name} and its pods"), &error);
    let stateful_set = stateful_sets.get_opt(&name).await.map_err(reading)?;
    let pods: Api<Pod> = Api::namespaced(ctx.client.clone(), namespace);
    let selector = format!("{}={}", labels::NODE, names::node(node));
    let mut pods = pods.list(&ListParams::default().labels(&selector)).await.map_err(reading)?;
    pods.items.iter_mut().for_each(trim::pod);
    let stateful_set = stateful_set.filter(|found| is_owned_by(found, node));
    Ok((stateful_set, pods.items))
}
