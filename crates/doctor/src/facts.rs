//! The facts that findings are derived from.

use jiff::Timestamp;
use k8s_openapi::{
    api::{apps::v1::Deployment, coordination::v1::Lease, core::v1::Pod},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use sei_api::SeiNode;

/// A value, or why it could not be read.
pub type Read<T> = Result<T, String>;

/// The result of a call to a sidecar through the API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It responded.
    Response,
    /// It did not respond, with the API server's message.
    Silence(String),
    /// The caller may not call it, with the API server's message.
    Denied(String),
}

/// The facts that were read from a cluster.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The time on this machine.
    pub now: Timestamp,
    /// The time on the API server at that moment.
    pub server_time: Read<Timestamp>,
    /// Major and minor version of the API server.
    pub server_version: Read<(u32, u32)>,
    /// The operator's CustomResourceDefinitions that are installed.
    pub crds: Read<Vec<CustomResourceDefinition>>,
    /// All Deployments, or those of the selected namespace.
    pub deployments: Read<Vec<Deployment>>,
    /// The lease of the operator; none if it does not exist.
    pub lease: Read<Option<Lease>>,
    /// Each permission that the operator needs, and whether its ServiceAccount has it.
    pub permissions: Read<Vec<(Permission, bool)>>,
    /// The SeiNodes.
    pub nodes: Read<Vec<SeiNode>>,
    /// For the first sidecars that the operator cannot reach: namespace and name of the node, and the result of a call
    /// through the API server.
    pub answers: Vec<(String, Answer)>,
    /// The pods of nodes and operator.
    pub pods: Read<Vec<Pod>>,
    /// Whether cert-manager is installed.
    pub cert_manager: Read<bool>,
}

impl Facts {
    /// Nothing has been read yet.
    pub fn unread(now: Timestamp) -> Self {
        fn unread<T>() -> Read<T> {
            Err("not read".to_owned())
        }
        Self {
            now,
            server_time: unread(),
            server_version: unread(),
            crds: unread(),
            deployments: unread(),
            lease: unread(),
            permissions: unread(),
            nodes: unread(),
            answers: Vec::new(),
            pods: unread(),
            cert_manager: unread(),
        }
    }
}

/// A permission.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// The namespace; all if absent.
    pub namespace: Option<String>,
    /// API group; empty for the core.
    pub group: String,
    /// Resource, with `/` and its subresource.
    pub resource: String,
    /// Verb.
    pub verb: String,
    /// The name of the object, if the permission is limited to one.
    pub name: Option<String>,
}
