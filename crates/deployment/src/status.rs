//! The status of a group. The same observation gives the same status, so that nothing is written unless something
//! changed.

mod ceremony;
mod conditions;
mod counts;
mod endpoints;
mod nodes;
mod phase;
mod routes;
mod tls;

use sei_api::{SeiNodeDeployment, SeiNodeDeploymentStatus, deployment_conditions::StalledReason};

use crate::{
    blue_green::BlueGreen, decision::Decision, hard_fork::HardFork, observed::Observed, obstacle::Obstacle,
    old_set::Hold, seat::Color,
};

/// A write that the API server refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The object, by kind and name.
    pub object: String,
    /// The message of the API server.
    pub message: String,
}

/// The status of a group after the writes of `decision`, some of which were rejected with `refusals`.
pub fn status(observed: &Observed, decision: &Decision, refusals: &[Refusal]) -> SeiNodeDeploymentStatus {
    let group = &*observed.group;
    let members = &*decision.members;
    let replacement = BlueGreen::of(observed, members);
    let counts = counts::Counts::of(group, members, replacement.as_ref());
    let fork = HardFork::of(observed, members);
    let updates = nodes::Updates {
        fork: fork.as_ref(),
        replacement: replacement.as_ref(),
        hold: Hold::of(observed, members),
    };
    let nodes = nodes::of(group, members, &counts, &updates);
    let mut obstacles = decision.obstacles.clone();
    obstacles.extend(refusals.iter().map(|refusal| {
        let message = format!("the API server refused to write {}: {}", refusal.object, refusal.message);
        Obstacle::new(StalledReason::WriteRefused, message)
    }));
    let before = group.status.clone().unwrap_or_default();
    let facts = conditions::Facts { group, members, counts: &counts, nodes: &nodes, obstacles: &obstacles };
    let routes = routes::condition(observed);
    let conditions =
        conditions::of(before.conditions, &facts, routes, ceremony::condition(decision), observed.now);
    SeiNodeDeploymentStatus {
        observed_generation: group.metadata.generation,
        phase: Some(phase::of(group, members, &counts)),
        replicas: Some(counts.existing),
        updated_replicas: Some(counts.updated),
        ready_replicas: Some(counts.ready),
        available_replicas: Some(counts.available),
        unavailable_replicas: Some(counts.unavailable),
        selector: Some(selector(group, members.serving.color)),
        nodes: Some(nodes),
        sidecar_tls: tls::of(group, members, replacement.as_ref(), &observed.domain),
        internal_service: endpoints::internal(observed),
        per_pod_services: Some(endpoints::pods(group, members)),
        networking_status: routes::hosts(observed),
        endpoints: Some(endpoints::of(observed, members)),
        plan: ceremony::plan(before.plan, observed, decision),
        genesis_hash: ceremony::hash(before.genesis_hash, observed),
        conditions,
    }
}

/// The selector of the serving pods, as text.
fn selector(group: &SeiNodeDeployment, color: Color) -> String {
    let labels = color.selector(group);
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}
