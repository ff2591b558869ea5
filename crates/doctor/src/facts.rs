//! What findings are made from.

use jiff::Timestamp;
use k8s_openapi::{
    api::{apps::v1::Deployment, coordination::v1::Lease, core::v1::Pod},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use sei_api::SeiNode;

/// What was read, or why it could not be.
pub type Read<T> = Result<T, String>;

/// What was read of a cluster.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The time by the clock of this machine.
    pub now: Timestamp,
    /// The time by the clock of the API server at that moment.
    pub server_time: Read<Timestamp>,
    /// Major and minor version of the API server.
    pub server_version: Read<(u32, u32)>,
    /// Those of our CustomResourceDefinitions that are installed.
    pub crds: Read<Vec<CustomResourceDefinition>>,
    /// All Deployments, or those of the namespace that was named.
    pub deployments: Read<Vec<Deployment>>,
    /// The lease of the operator; none if it does not exist.
    pub lease: Read<Option<Lease>>,
    /// What the operator needs, and whether its ServiceAccount may.
    pub rights: Read<Vec<(Right, bool)>>,
    /// The SeiNodes.
    pub nodes: Read<Vec<SeiNode>>,
    /// The pods of nodes and operator.
    pub pods: Read<Vec<Pod>>,
    /// Whether cert-manager is installed.
    pub cert_manager: Read<bool>,
}

impl Facts {
    /// Nothing has been read yet.
    pub fn unread(now: Timestamp) -> Self {
        fn unread<T>() -> Read<T> {
            Err("it was not read".to_owned())
        }
        Self {
            now,
            server_time: unread(),
            server_version: unread(),
            crds: unread(),
            deployments: unread(),
            lease: unread(),
            rights: unread(),
            nodes: unread(),
            pods: unread(),
            cert_manager: unread(),
        }
    }
}

/// A right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// The namespace; none for all.
    pub namespace: Option<String>,
    /// API group; empty for the core.
    pub group: String,
    /// Resource, with `/` and its subresource.
    pub resource: String,
    /// Verb.
    pub verb: String,
    /// The object, where the right is for one.
    pub name: Option<String>,
}
