//! What the sidecar's healthz says. Asked when the pod changed, else the more rarely the longer nothing
//! changed: an idle fleet costs next to nothing.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use sei_api::{SeiNode, conditions::ConditionType, v1alpha1::NodePhase};
use sei_decide::{Children, Health, Probe};
use sei_sidecar::Health as SidecarHealth;

use crate::{context::Context, sidecar::Sidecar};

const SHORTEST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(300);

pub(super) async fn find(
    ctx: &Context,
    node: &SeiNode,
    children: &Children,
    now: Timestamp,
) -> Option<Probe> {
    let status = node.status.as_ref()?;
    if status.phase != Some(NodePhase::Running) {
        return None;
    }
    let pod = children.pod.as_deref().map(fingerprint).unwrap_or_default();
    let known = ctx.memory(node, |memory| memory.probe.clone());
    if let Some((_, probe)) = known.filter(|(of, probe)| now < probe.next_at && *of == pod) {
        return Some(probe);
    }
    let health = match Sidecar::of(ctx, node) {
        Ok(sidecar) => match sidecar.healthz().await {
            Ok(SidecarHealth::Ready) => Health::Ready,
            Ok(SidecarHealth::NotReady) => Health::NotReady,
            Err(error) => Health::Unreachable(error.to_string()),
        },
        Err(why) => Health::Unreachable(why),
    };
    ctx.metrics.probed(node, &health);
    // What was just seen to change is looked at again soon.
    let stands =
        status.condition(ConditionType::SidecarReady).filter(|it| it.status == health.truth().as_str());
    let since = stands.map(|condition| condition.last_transition_time.0);
    let next_at = now + interval(since, now, ctx.jitter());
    let probe = Probe { health, next_at };
    ctx.memory(node, |memory| memory.probe = Some((pod, probe.clone())));
    Some(probe)
}

/// A quarter of the time that the condition has stood, between 10 s and 5 min, plus up to a fifth.
fn interval(since: Option<Timestamp>, now: Timestamp, jitter: f64) -> Duration {
    let stood = since.and_then(|since| Duration::try_from(now.duration_since(since)).ok());
    (stood.unwrap_or_default() / 4).clamp(SHORTEST, LONGEST).mul_f64(1.0 + jitter / 5.0)
}

/// What of a pod hints at a restarted sidecar.
fn fingerprint(pod: &Pod) -> String {
    let status = pod.status.as_ref();
    let containers = status.iter().flat_map(|status| status.init_container_statuses.iter().flatten());
    let parts = containers
        .map(|container| format!("{}:{}:{}", container.name, container.restart_count, container.ready));
    let uid = pod.metadata.uid.clone().unwrap_or_default();
    std::iter::once(uid).chain(parts).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stable_sidecar_is_asked_ever_more_rarely() {
        let now = Timestamp::from_second(100_000).unwrap();
        let after = |seconds: i64| {
            let since = Timestamp::from_second(100_000 - seconds).unwrap();
            interval(Some(since), now, 0.0).as_secs()
        };
        assert_eq!([after(0), after(60), after(400), after(90_000)], [10, 15, 100, 300]);
        assert_eq!(interval(None, now, 0.0).as_secs(), 10);
    }
}
