//! A real single-node Kubernetes cluster that needs only this machine: its node, its images, access to it.

mod cgroups;
mod daemons;
pub mod images;
mod needs;
mod node;
mod outside;
mod pki;
mod prepare;
mod storage;

pub use needs::check;
pub use node::run;
pub use outside::Cluster;
pub use prepare::Parts;

/// Path of the cluster's directory inside the node.
pub const INSIDE: &str = "/run/e2e";
/// The node's name.
const NODE: &str = "e2e";
/// Its address.
const NODE_IP: &str = "10.250.0.1";
