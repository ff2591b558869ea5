//! The pure planner: which tasks bring a SeiNode to the state in its spec, and how a plan advances as they complete.
//! Nothing here runs a task, reads a clock or generates an ID.
//!
//! A plan is created from a SeiNode and its status, stored in that status, and only then run: the types
//! [`Plan<Proposed>`](Plan) and [`Plan<Persisted>`](Plan) enforce this order. The caller runs one step of the current
//! task, passes the result as an [`Outcome`], and gets a [`Step`] that determines what to do next.
//!
//! ```
//! use jiff::Timestamp;
//! use sei_api::SeiNode;
//! use sei_node::Node;
//! use sei_plan::{PlanInputs, Outcome, Plan, Step, build};
//!
//! let mut node: SeiNode = serde_json::from_value(serde_json::json!({
//!     "metadata": { "name": "rpc-0", "namespace": "pacific-1" },
//!     "spec": { "chainId": "pacific-1", "image": "seid:v6", "fullNode": {} },
//! }))?;
//! assert!(Node::of(&node).faults().is_empty(), "nothing in the spec prevents a plan");
//! let now: Timestamp = "2030-01-01T00:00:00Z".parse()?;
//!
//! let plan = build::next(&Node::of(&node), "11111111-2222-4333-8444-555555555555").ok_or("nothing to do")?;
//! let tasks: Vec<&str> = plan.tasks.iter().map(|task| task.type_.as_str()).collect();
//! assert_eq!(
//!     tasks.join(" "),
//!     "ensure-data-pvc apply-statefulset apply-service configure-genesis config-apply config-validate mark-ready"
//! );
//!
//! // Written to the API server, which returns the stored object:
//! node.status.get_or_insert_default().plan = Some(Plan::propose(plan, &node, &PlanInputs::default(),
//! now).into_stored());
//! node.metadata.resource_version = Some("1".to_owned());
//!
//! let mut plan = Plan::load(&node).ok_or("no plan is active")?;
//! assert_eq!(plan.advance(Outcome::Done, now, 0.0), Step::Next);
//! let (index, task) = plan.current().ok_or("the plan has ended")?;
//! assert_eq!((index, task.type_.as_str()), (1, "apply-statefulset"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(clippy::disallowed_methods, clippy::disallowed_types)]

mod backoff;
pub mod build;
mod capabilities;
mod carry;
mod ceremony;
mod clock;
mod config_intent;
mod configured;
mod configured_by;
mod id;
mod intent;
mod kind;
mod outcome;
mod overridden;
mod params;
mod peers;
mod plan;
mod plan_inputs;
mod properties;
mod purpose;
mod requests;
mod retry;
mod sidecar_task;
mod source;
mod stored;
mod supersede;
mod task;
mod task_error;

pub use backoff::{retry_delay, wait_limit};
pub use capabilities::{
    DISCOVER_PEERS, GOV_VOTE, MARK_NOT_READY, RESTART_SEID, is_secure, relevant_task_types,
};
pub use ceremony::{left_objects, needed_object};
pub use clock::correct_times;
pub use config_intent::ConfigIntent;
pub use configured::{configured, is_misconfigured, reconfigures};
pub use configured_by::{configured_by, configured_so_far};
pub use id::{task_id, task_id_of};
pub use intent::LOG_LEVEL;
pub use kind::{OfKind, TaskKind};
pub use outcome::{Outcome, Step};
pub use overridden::{overridden, overridden_by};
pub use plan::{Persisted, Plan, Proposed};
pub use plan_inputs::PlanInputs;
pub use purpose::Purpose;
pub use requests::sidecar_requests;
pub use retry::{is_outdated, retry_wanted};
pub use sidecar_task::SidecarTask;
pub use source::Source;
pub use supersede::{reissue, replan};
pub use task::Task;
pub use task_error::TaskError;
