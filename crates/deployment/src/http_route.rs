//! HTTPRoute of the Gateway API: the fields that the operator writes and reads.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use sei_render::Gateway;
use serde::{Deserialize, Serialize};

/// Whether HTTPRoutes can be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Routes {
    /// Yes, for this Gateway.
    At(Arc<Gateway>),
    /// No Gateway is configured.
    NoGateway,
    /// The kind is not installed.
    NotInstalled,
    /// The operator lacks permission to list them.
    Denied,
}

/// Spec of an HTTPRoute.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "gateway.networking.k8s.io",
    version = "v1",
    kind = "HTTPRoute",
    namespaced,
    status = "HTTPRouteStatus",
    schema = "disabled",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase", default)]
pub struct HTTPRouteSpec {
    /// The Gateways that it attaches to.
    pub parent_refs: Vec<ParentRef>,
    /// Its host names.
    pub hostnames: Vec<String>,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// A Gateway that a route attaches to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ParentRef {
    /// Its name.
    pub name: String,
    /// Its namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// A rule: requests, and the Service that they are routed to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rule {
    /// The requests; all if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<Match>,
    /// The Services.
    pub backend_refs: Vec<BackendRef>,
}

/// Requests with these headers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Match {
    /// All of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HeaderMatch>,
}

/// A header of a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HeaderMatch {
    /// How the value is compared.
    #[serde(rename = "type")]
    pub type_: String,
    /// Name of the header.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A port of a Service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BackendRef {
    /// Name of the Service.
    pub name: String,
    /// Number of the port.
    pub port: u16,
}

/// Status of an HTTPRoute.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HTTPRouteStatus {
    /// One entry per Gateway and controller.
    pub parents: Vec<ParentStatus>,
}

/// Status of an HTTPRoute at one Gateway.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ParentStatus {
    /// `Accepted`, `ResolvedRefs` and others.
    pub conditions: Vec<Condition>,
}
