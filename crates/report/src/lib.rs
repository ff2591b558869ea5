//! What `status` shows about nodes and groups: one line each in [`Fleet`], everything about one node in [`NodeReport`].
//! Pure: derived from objects as returned by the API server. Colors, widths and ages are left to the caller.
//!
//! An object that cannot be decoded gets a line with its error, like any other: it must not hide the rest.
//!
//! ```
//! use sei_report::{Fleet, Health};
//! use serde_json::json;
//!
//! let node = json!({
//!     "metadata": { "name": "rpc-0", "namespace": "sei" },
//!     "spec": { "chainId": "pacific-1", "image": "seid:v6", "fullNode": {} },
//!     "status": { "phase": "Running", "conditions": [{
//!         "type": "Ready", "status": "True", "reason": "NodeReady", "message": "the node is running and matches its spec",
//!         "lastTransitionTime": "2030-01-01T00:00:00Z",
//!     }] },
//! });
//! let fleet = Fleet::of(&[node], &[]);
//! assert_eq!(fleet.nodes[0].health, Health::Ready);
//! assert!(fleet.is_ready());
//! ```
#![forbid(clippy::disallowed_methods, clippy::disallowed_types)]

mod event;
mod fleet;
mod group;
mod head;
mod health;
mod node;
mod node_report;
mod plan;
mod pod;
mod tls;

pub use event::EventLine;
pub use fleet::{Counts, Fleet};
pub use group::GroupLine;
pub use health::Health;
pub use node::NodeLine;
pub use node_report::{Around, ClaimLine, ConditionLine, NodeReport};
pub use plan::{PlanProgress, TaskLine, TaskState};
pub use pod::{ContainerLine, PodLine};
pub use tls::TlsLine;
