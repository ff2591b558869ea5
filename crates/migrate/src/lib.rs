//! What the operator will do with a cluster that the Go controller runs. Pure: [`forecasts`] drives the operator's own
//! decisions, of `sei-decide` and `sei-deployment`, over objects that were read once, without effects.
//!
//! ```
//! use sei_migrate::{Cluster, forecasts};
//! # fn platform() -> sei_render::Platform { unreachable!() }
//! let empty = Cluster::default();
//! # if false {
//! assert!(forecasts(&empty, &platform(), Default::default()).is_empty());
//! # }
//! ```
#![forbid(clippy::disallowed_methods, clippy::disallowed_types)]

mod cluster;
mod forecast;
mod group;
mod node;
mod observe;

use jiff::Timestamp;
use sei_render::Platform;

pub use cluster::Cluster;
pub use forecast::{Effect, Forecast, Stalled};

/// The forecast of each SeiNode and SeiNodeDeployment of `cluster` for an operator that starts with `platform`.
pub fn forecasts(cluster: &Cluster, platform: &Platform, now: Timestamp) -> Vec<Forecast> {
    let nodes = cluster.nodes.iter().map(|node| node::forecast(cluster, node, platform, now));
    nodes
        .chain(
            cluster
                .groups
                .iter()
                .map(|group| group::forecast(cluster, group, platform.cluster_domain(), now)),
        )
        .collect()
}
