//! Decisions about a SeiNodeTask. Pure: all input is in [`Observed`], including the time.
//!
//! A SeiNodeTask is run at most once. The ID of its sidecar task is derived from its UID, and its start is recorded in
//! the status before the task is submitted, so that a restarted operator continues with the same ID. A task that the
//! sidecar is known to have had is never submitted again. Whether it may start is decided with its SeiNode, which a
//! plan and a SeiNodeTask never hold at the same time.
//!
//! ```
//! use sei_decide::Sidecar;
//! use sei_node_task::{Node, Observed, decide};
//! # use std::sync::Arc;
//! # let task: sei_api::SeiNodeTask = serde_json::from_value(serde_json::json!({
//! #     "metadata": { "name": "restart", "namespace": "sei", "uid": "u", "generation": 1,
//! #         "creationTimestamp": "2030-01-01T00:00:00Z" },
//! #     "spec": { "nodeRef": { "name": "rpc-0" }, "restartSeid": {} },
//! # })).unwrap();
//! # let now = "2030-01-01T00:00:01Z".parse().unwrap();
//! let observed =
//!     Observed { task: Arc::new(task), node: Node::Missing, sidecar: Sidecar::default(), now };
//! let decision = decide(&observed);
//! assert!(decision.order.is_none(), "it waits for its SeiNode");
//! assert!(decision.next.is_some(), "but not forever");
//! ```
#![forbid(clippy::disallowed_methods, clippy::disallowed_types)]

mod decision;
mod ending;
mod events;
mod observed;
mod order;
mod progress;
mod waiting;

pub use decision::{Decision, decide};
pub use events::events;
pub use observed::{Node, Observed};
pub use order::{Order, task_id};
