//! The pure planner: which tasks bring a SeiNode where its spec wants it, and what becomes of a plan as they
//! are done. Nothing here runs a task, asks a clock or makes an id.

mod advance;
mod backoff;
pub mod build;
mod ceremony;
mod id;
mod intent;
mod kind;
mod overrides;
mod params;
mod requests;
mod sidecar_task;
mod supersede;
mod task;
mod validate;

pub use advance::{Outcome, Persisted, Plan, Proposed, Step, retry_request};
pub use backoff::{poll_delay, retry_delay, wait_limit};
pub use ceremony::{left_objects, needed_object};
pub use id::task_id;
pub use kind::TaskKind;
pub use requests::sidecar_requests;
pub use sidecar_task::{ConfigIntent, SidecarTask, Source};
pub use supersede::{is_asked_anew, is_outdated, reissue, replan, retry_wanted};
pub use task::{Task, TaskError};
pub use validate::{SpecError, validate};
