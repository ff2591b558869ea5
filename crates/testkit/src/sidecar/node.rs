//! One sidecar: its records, whether it is ready, and the handlers that run.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use futures::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;
use tokio::{sync::watch, task::JoinSet};
use uuid::Uuid;

use super::{Record, Status, lock};

/// What a sidecar does outside its own memory.
pub trait Work: Send + Sync + 'static {
    /// Whether this version has a handler for a type of task that the newest one has.
    fn knows(&self, _: &str) -> bool {
        true
    }

    /// Does a task. The error is what its record says.
    fn run(&self, type_: &str, params: Value) -> BoxFuture<'static, Result<(), String>>;

    /// Keeps the records for the next start.
    ///
    /// # Errors
    /// Why they cannot be kept.
    fn store(&self, records: &[&Record]) -> Result<(), String>;

    /// The node's id in the peer-to-peer network.
    ///
    /// # Errors
    /// Why there is none.
    fn node_id(&self) -> Result<String, String>;
}

/// A sidecar. Clones are the same one.
#[derive(Clone)]
pub struct Sidecar(Arc<Inner>);

struct Inner {
    work: Box<dyn Work>,
    records: Mutex<BTreeMap<Uuid, Record>>,
    handlers: Mutex<JoinSet<()>>,
    ready: watch::Sender<bool>,
}

impl Sidecar {
    /// A sidecar that has not started, with the records of its life before.
    pub fn new(work: impl Work, records: Vec<Record>) -> Self {
        Self(Arc::new(Inner {
            work: Box::new(work),
            records: Mutex::new(records.into_iter().map(|record| (record.id, record)).collect()),
            handlers: Mutex::default(),
            ready: watch::Sender::new(false),
        }))
    }

    /// Its process starts: it is not ready, and what was running runs again.
    pub fn start(&self) {
        self.0.ready.send_replace(false);
        let records = self.records();
        for record in records.into_iter().filter(|record| record.status == Status::Running) {
            self.execute(record);
        }
    }

    /// Its process ends, and its handlers with it: what was running stays so on record.
    pub fn stop(&self) {
        lock(&self.0.handlers).abort_all();
        self.0.ready.send_replace(false);
    }

    /// Follows its readiness.
    pub fn readiness(&self) -> watch::Receiver<bool> {
        self.0.ready.subscribe()
    }

    /// Makes it ready, or not, without a task.
    pub fn set_ready(&self, ready: bool) {
        self.0.ready.send_replace(ready);
    }

    /// All records, newest submission first.
    pub fn records(&self) -> Vec<Record> {
        let mut records: Vec<Record> = lock(&self.0.records).values().cloned().collect();
        records.sort_by_key(|record| std::cmp::Reverse(record.submitted_at));
        records
    }

    pub(super) fn is_ready(&self) -> bool {
        *self.0.ready.borrow()
    }

    pub(super) fn record(&self, id: Uuid) -> Option<Record> {
        lock(&self.0.records).get(&id).cloned()
    }

    pub(super) fn node_id(&self) -> Result<String, String> {
        self.0.work.node_id()
    }

    /// Takes a record out. Its handler goes on, and writes it again when it ends.
    pub(super) fn remove(&self, id: Uuid) -> bool {
        let mut records = lock(&self.0.records);
        let removed = records.remove(&id).is_some();
        // What cannot be stored now is with the next change.
        let _ = self.store(&records);
        removed
    }

    /// Starts what a request body asks for, unless it runs or is done.
    pub(super) fn submit(&self, body: &[u8]) -> Result<Uuid, String> {
        let mut record = Record::of_request(body, |type_| self.0.work.knows(type_))?;
        let id = record.id;
        {
            let mut records = lock(&self.0.records);
            match records.get(&id) {
                Some(known) if known.status != Status::Failed => return Ok(id),
                Some(failed) => record.run = failed.run + 1,
                None => {}
            }
            let before = records.insert(id, record.clone());
            if let Err(error) = self.store(&records) {
                match before {
                    Some(before) => records.insert(id, before),
                    None => records.remove(&id),
                };
                return Err(error);
            }
        }
        self.execute(record);
        Ok(id)
    }

    fn execute(&self, record: Record) {
        let sidecar = self.clone();
        let mut handlers = lock(&self.0.handlers);
        while handlers.try_join_next().is_some() {}
        handlers.spawn(async move {
            let params = record.params.clone().unwrap_or_default();
            let outcome = sidecar.0.work.run(&record.type_, params).await;
            sidecar.end(record, outcome);
        });
    }

    fn end(&self, mut record: Record, outcome: Result<(), String>) {
        record.completed_at = Some(Timestamp::now());
        record.status = if outcome.is_ok() { Status::Completed } else { Status::Failed };
        record.error = outcome.err();
        let makes_ready = record.type_ == "mark-ready" && record.status == Status::Completed;
        let mut records = lock(&self.0.records);
        records.insert(record.id, record);
        // What cannot be stored now is with the next change.
        let _ = self.store(&records);
        if makes_ready {
            self.0.ready.send_replace(true);
        }
    }

    fn store(&self, records: &BTreeMap<Uuid, Record>) -> Result<(), String> {
        self.0.work.store(&records.values().collect::<Vec<_>>())
    }
}
