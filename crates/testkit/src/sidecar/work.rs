//! What a sidecar does outside its memory, and how its tasks end.

use futures::future::BoxFuture;
use serde_json::{Map, Value};

use super::{Generation, Record};

/// How a task ended: with or without a result.
pub type Outcome = Result<Option<Value>, Failure>;

/// How a task failed.
#[derive(Clone, Debug, Default)]
pub struct Failure {
    /// The error in its record.
    pub error: String,
    /// The result, in releases that report it.
    pub result: Option<Value>,
}

impl From<String> for Failure {
    fn from(error: String) -> Self {
        Self { error, result: None }
    }
}

/// The effects of a sidecar outside its memory.
pub trait Work: Send + Sync + 'static {
    /// Its release.
    fn generation(&self) -> Generation;

    /// Whether it has a handler for a task type.
    fn knows(&self, type_: &str) -> bool {
        self.generation().knows(type_)
    }

    /// Runs the task with this ID.
    fn run(&self, id: &str, type_: &str, params: Map<String, Value>) -> BoxFuture<'static, Outcome>;

    /// Stores the records for the next start.
    ///
    /// # Errors
    /// Why they cannot be stored.
    fn store(&self, records: &[&Record]) -> Result<(), String>;

    /// The node's ID in the peer-to-peer network.
    ///
    /// # Errors
    /// Why there is none.
    fn node_id(&self) -> Result<String, String>;
}
