//! Why the pod that a node waits for does not run, whether or not it exists.

use kube::ResourceExt;
use sei_api::names;

use crate::{observed::Observed, pods::trouble};

/// Why the expected pod, of the bootstrap Job or of the node, does not run; `None` if no problem is known.
pub(crate) fn problem(observed: &Observed, of_bootstrap: bool) -> Option<String> {
    let (node, children) = (&observed.node, &observed.children);
    let (pod, owner) = if of_bootstrap {
        let job = children.job.as_deref()?;
        if job.spec.as_ref().and_then(|spec| spec.suspend) == Some(true) {
            return Some(format!("Job {} is suspended", job.name_any()));
        }
        (&children.bootstrap_pod, format!("Job {}", job.name_any()))
    } else {
        (&children.pod, format!("StatefulSet {}", children.stateful_set.as_deref()?.name_any()))
    };
    match (pod.as_deref(), &children.pod_refusal) {
        (Some(pod), _) => Some(format!("pod {} is not running: {}", pod.name_any(), trouble(pod)?)),
        (None, Some(words)) => Some(format!("{owner} failed to create its pod: {words}")),
        (None, None) => Some(format!("pod {} does not exist yet; {owner} creates it", names::pod(node))),
    }
}
