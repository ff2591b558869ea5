//! Objects that must be applied again, and the results.

use std::fmt;

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{ConfigMap, Service},
};
use kube::Resource;
use sei_render::drift::differences;
use serde::Serialize;

use crate::claim::Claim;

/// An object to repair.
#[derive(Clone, Debug, PartialEq)]
pub enum Repair {
    /// The StatefulSet.
    StatefulSet(Box<StatefulSet>),
    /// The Service.
    Service(Box<Service>),
    /// The configuration of kube-rbac-proxy.
    ConfigMap(Box<ConfigMap>),
    /// The data volume claim, which must be marked as initialized: its volume contains the state of the chain.
    ClaimMark(Claim),
    /// The data volume claim, whose owner reference must match the retention that the spec requests.
    ClaimRetention(Claim),
}

/// The result of a repair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repaired {
    /// The object matches the rendered one.
    Done,
    /// The write failed, with this error.
    Failed(String),
    /// The write succeeded, but the object still differs.
    Undone(Overridden),
}

/// Fields of an object that an admission webhook or another client changes back whenever they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overridden {
    /// Kind of the object.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// JSON paths of the fields.
    pub paths: Vec<String>,
}

impl Overridden {
    /// The fields of `live`, as returned by the API server, that differ from `written`.
    pub fn find<K: Resource<DynamicType = ()> + Serialize>(
        written: &K,
        live: &K,
        kind: &'static str,
    ) -> Option<Self> {
        let (written_json, live_json) =
            (serde_json::to_value(written).ok()?, serde_json::to_value(live).ok()?);
        let paths = differences(&written_json, &live_json);
        let name = written.meta().name.clone().unwrap_or_default();
        (!paths.is_empty()).then_some(Self { kind, name, paths })
    }
}

impl fmt::Display for Overridden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, paths } = self;
        write!(
            f,
            "{kind} {name}: {} are changed back immediately after each write; exempt the object from the admission webhook or \
             client that changes them",
            paths.join(", ")
        )
    }
}
