//! How a test configures a sidecar, and the requests that reached it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;

use super::{Bucket, Generation, outside::Everything};
use crate::crash::Crash;

/// The default chain of nodes.
const CHAIN: &str = "arctic-1";

/// Faults of a sidecar.
#[derive(Clone, Debug)]
pub struct Faults {
    /// The duration of each task.
    pub delay: Duration,
    /// Accepts requests and never responds.
    pub hang: bool,
    /// Responds on its own port although it is behind a proxy.
    pub plain_port: bool,
    /// Responds to everything with this status.
    pub answer: Option<u16>,
    /// Task types that fail this many times, with this error.
    pub fail: BTreeMap<String, (u32, String)>,
    /// Counts submitted tasks, and stops at one of them.
    pub crash: Option<Crash>,
    /// Task types that this sidecar does not support, although its release does.
    pub unknown: BTreeSet<String>,
    /// Task types that never complete.
    pub stuck: BTreeSet<String>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(20),
            hang: false,
            plain_port: false,
            answer: None,
            fail: BTreeMap::new(),
            crash: None,
            unknown: BTreeSet::new(),
            stuck: BTreeSet::new(),
        }
    }
}

/// A request that reached a sidecar.
#[derive(Clone, Debug)]
pub struct Call {
    /// HTTP method.
    pub method: String,
    /// Path.
    pub path: String,
    /// Body; null if there was none.
    pub body: Value,
    /// Whether it had a bearer token.
    pub has_token: bool,
}

/// Configuration and faults of a node's sidecar, set by its pod and by tests.
pub(super) struct Order {
    pub(super) faults: Faults,
    pub(super) generation: Generation,
    pub(super) chain: String,
    pub(super) bucket: Arc<dyn Bucket>,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            faults: Faults::default(),
            generation: Generation::NEWEST,
            chain: CHAIN.to_owned(),
            bucket: Arc::new(Everything),
        }
    }
}

impl Order {
    /// The injected error of a task, if any.
    pub(super) fn failure(&mut self, type_: &str) -> Option<String> {
        let (left, error) = self.faults.fail.get_mut(type_)?;
        *left = left.checked_sub(1)?;
        Some(error.clone())
    }
}
