//! Decisions about the SeiNodes of a SeiNodeDeployment. Pure: all input is in [`Observed`], including the time.
//!
//! No state is kept between reconciles. [`decide`] returns which SeiNodes to create, adopt, update and delete next, and
//! [`status`] the status. Executing a decision twice, late or in part is harmless: the next one is based on what exists
//! then.
//!
//! ```
//! use sei_deployment::{Observed, Write, decide};
//! # use std::sync::Arc;
//! # let group: sei_api::SeiNodeDeployment = serde_json::from_value(serde_json::json!({
//! #     "apiVersion": "sei.io/v1alpha1", "kind": "SeiNodeDeployment",
//! #     "metadata": {
//! #         "name": "rpc", "namespace": "sei", "uid": "u", "generation": 1,
//! #         "finalizers": [sei_api::labels::DEPLOYMENT_FINALIZER],
//! #     },
//! #     "spec": {
//! #         "replicas": 3,
//! #         "template": { "spec": { "chainId": "pacific-1", "image": "seid:a", "fullNode": {} } },
//! #     },
//! # })).unwrap();
//! let observed = Observed { group: Arc::new(group), nodes: vec![], unreadable: Default::default(), objects: vec![], halts: Default::default(), heights: Default::default(), knows_budgets: true, routes: sei_deployment::Routes::NoGateway, rivals: vec![], domain: Default::default(), ceremony: Default::default(), now: Default::default() };
//! let created = decide(&observed).writes;
//! assert_eq!(created.iter().filter(|write| matches!(write, Write::Create(_))).count(), 3);
//! ```
#![forbid(clippy::disallowed_methods, clippy::disallowed_types)]

mod availability;
mod blue_green;
mod budget;
mod ceremony;
mod child;
mod decision;
mod deletion;
mod described;
mod events;
mod fields;
mod halt;
mod hard_fork;
mod height;
mod http_route;
mod member;
mod members;
mod object;
mod objects;
mod observed;
mod obstacle;
mod old_set;
mod owner;
mod rollout;
mod route;
mod scale;
mod seat;
mod service;
mod status;
mod surroundings;
mod takeover;
mod traffic;
mod write;

pub use ceremony::{AssemblyOrder, CeremonyStep, needs_bucket, stored_assembly};
pub use child::child;
pub use decision::{Decision, decide};
pub use events::events;
pub use fields::is_applied_by_group;
pub use halt::Halt;
pub use height::Height;
pub use http_route::{
    BackendRef, HTTPRoute, HTTPRouteSpec, HTTPRouteStatus, HeaderMatch, Match, ParentRef, ParentStatus,
    Routes, Rule,
};
pub use object::{Object, ObjectKind};
pub use objects::objects;
pub use observed::{Observed, concerns};
pub use obstacle::Obstacle;
pub use owner::is_owned_by;
pub use seat::{Color, Seat, child_name, groups_that_need};
pub use status::{Refusal, status};
pub use surroundings::{AssemblyState, CeremonyFacts, GenesisBucket};
pub use takeover::{is_by_go, taken_over};
pub use write::Write;
