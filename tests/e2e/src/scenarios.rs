//! The scenarios, in the order in which they run.

mod certificates;
mod cluster;

use futures::future::LocalBoxFuture;

use crate::world::World;

/// Something that must be seen to work.
pub(crate) struct Scenario {
    /// Name, to choose it by.
    pub(crate) name: &'static str,
    /// What it shows.
    pub(crate) about: &'static str,
    pub(crate) run: for<'a> fn(&'a World) -> LocalBoxFuture<'a, anyhow::Result<()>>,
}

/// All of them.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "cluster",
        about: "a StatefulSet with a sidecar and a volume is ready; names, logs and exec work",
        run: |world| Box::pin(cluster::run(world)),
    },
    Scenario {
        name: "certificates",
        about: "cert-manager issues from a CA that it made itself",
        run: |world| Box::pin(certificates::run(world)),
    },
];
