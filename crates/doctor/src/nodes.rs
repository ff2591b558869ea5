//! Checks of the nodes: images, and which nodes require manual intervention.

use k8s_openapi::api::core::v1::{ContainerStateWaiting, Pod};
use kube::ResourceExt;
use sei_api::{
    SeiNode,
    conditions::{ConditionType, is_true},
};

use crate::{
    facts::Facts,
    finding::{Check, Finding},
};

/// Reasons of a waiting container whose image cannot be pulled.
const NO_IMAGE: [&str; 5] =
    ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"];
/// Maximum number of names in a message.
const LISTED: usize = 5;

pub(crate) fn images(facts: &Facts) -> Vec<Finding> {
    let pods = match &facts.pods {
        Err(why) => return vec![Finding::unknown(Check::Images, format!("pods could not be read: {why}"))],
        Ok(pods) => pods,
    };
    let failed: Vec<_> = pods.iter().filter_map(without_image).collect();
    if failed.is_empty() {
        return vec![Finding::ok(
            Check::Images,
            format!("the images of all {} pods were pulled", pods.len()),
        )];
    }
    failed
}

fn without_image(pod: &Pod) -> Option<Finding> {
    let status = pod.status.as_ref()?;
    let all = status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
    let waiting = |waiting: &ContainerStateWaiting| {
        waiting.reason.as_deref().is_some_and(|reason| NO_IMAGE.contains(&reason))
    };
    let mut failed =
        all.filter(|it| it.state.as_ref().and_then(|it| it.waiting.as_ref()).is_some_and(waiting));
    let container = failed.next()?;
    let place = format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any());
    Some(Finding::error(
        Check::Images,
        format!("pod {place} cannot pull image {} of container {}", container.image, container.name),
        "correct the image or the registry's credentials; kubectl describe pod shows the kubelet's message",
    ))
}

pub(crate) fn stalled(facts: &Facts) -> Vec<Finding> {
    let nodes = match &facts.nodes {
        Err(why) => {
            return vec![Finding::unknown(Check::Nodes, format!("SeiNodes could not be read: {why}"))];
        }
        Ok(nodes) => nodes,
    };
    let is_stalled = |node: &&SeiNode| {
        is_true(node.status.as_ref().and_then(|status| status.condition(ConditionType::Stalled)))
    };
    let stalled: Vec<_> = nodes.iter().filter(is_stalled).collect();
    vec![match stalled.len() {
        0 => Finding::ok(Check::Nodes, format!("none of {} SeiNodes is stalled", nodes.len())),
        count => Finding::warning(
            Check::Nodes,
            format!("{count} of {} SeiNodes are stalled: {}", nodes.len(), list(&stalled)),
            "run sei-operator status NAME: it shows the cause and what to do",
        ),
    }]
}

/// The first names, and the number of the others.
pub(crate) fn list(nodes: &[&SeiNode]) -> String {
    let name = |node: &&SeiNode| format!("{}/{}", node.namespace().unwrap_or_default(), node.name_any());
    let names: Vec<_> = nodes.iter().take(LISTED).map(name).collect();
    match nodes.len().checked_sub(LISTED).filter(|more| *more > 0) {
        Some(more) => format!("{} and {more} more", names.join(", ")),
        None => names.join(", "),
    }
}
