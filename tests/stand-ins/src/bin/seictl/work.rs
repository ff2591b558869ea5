//! The node's home on this machine's disk, with its records.

use anyhow::Context;
use futures::future::BoxFuture;
use sei_testkit::sidecar::{Generation, Handlers, Outcome, Record, Work, node_key};
use serde_json::{Map, Value, json};

/// File of the records.
const RECORDS: &str = "sidecar.db";

/// The handlers for a home, and its records.
pub(crate) struct Disk(pub(crate) Handlers);

impl Disk {
    /// Records of earlier processes.
    pub(crate) fn records(&self) -> anyhow::Result<Vec<Record>> {
        let text = self.0.home.read(RECORDS)?;
        text.map_or_else(
            || Ok(Vec::new()),
            |text| serde_json::from_str(&text).context("failed to parse sidecar.db"),
        )
    }
}

impl Work for Disk {
    fn generation(&self) -> Generation {
        self.0.generation
    }

    fn run(&self, id: &str, type_: &str, params: Map<String, Value>) -> BoxFuture<'static, Outcome> {
        let (handlers, id, type_) = (self.0.clone(), id.to_owned(), type_.to_owned());
        Box::pin(async move { handlers.run(&id, &type_, params).await })
    }

    fn store(&self, records: &[&Record]) -> Result<(), String> {
        self.0.home.write_json(RECORDS, &json!(records)).map_err(|error| format!("{error:#}"))
    }

    fn node_id(&self) -> Result<String, String> {
        node_key::id(&self.0.home).map_err(|error| format!("{error:#}"))
    }
}
