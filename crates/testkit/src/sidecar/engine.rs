//! One sidecar: its records, its readiness, and the running handlers.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use futures::future::BoxFuture;
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::{
    sync::watch,
    task::{AbortHandle, JoinSet},
};
use uuid::Uuid;

use super::{Generation, Outcome, Record, Status, Work, lock};

const MARK_READY: &str = "mark-ready";
const MARK_NOT_READY: &str = "mark-not-ready";

/// A sidecar on one volume. Clones share it.
#[derive(Clone)]
pub struct Sidecar(Arc<Inner>);

struct Inner {
    work: Box<dyn Work>,
    records: Mutex<BTreeMap<String, Record>>,
    handlers: Mutex<Handlers>,
    ready: watch::Sender<bool>,
}

/// Running handlers, and those that a DELETE can cancel.
#[derive(Default)]
struct Handlers {
    all: JoinSet<()>,
    by_id: BTreeMap<String, AbortHandle>,
}

impl Sidecar {
    /// A sidecar that has not started, with the records of the volume.
    pub fn new(work: impl Work, records: Vec<Record>) -> Self {
        Self(Arc::new(Inner {
            work: Box::new(work),
            records: Mutex::new(records.into_iter().map(|record| (record.id.clone(), record)).collect()),
            handlers: Mutex::default(),
            ready: watch::Sender::new(false),
        }))
    }

    /// Its process starts: it is not ready, and tasks that were running run again.
    pub fn start(&self) {
        self.0.ready.send_replace(false);
        if self.generation() >= Generation::V64 {
            self.hold();
        }
        for record in self.running() {
            if self.0.work.knows(&record.type_) {
                self.execute(record);
            } else {
                self.end(record, Err("no handler registered for task type".to_owned().into()));
            }
        }
    }

    /// On start, a running hold comes first, and takes precedence over a `mark-ready` that is not newer.
    fn hold(&self) {
        for hold in self.running().into_iter().filter(|record| record.type_ == MARK_NOT_READY) {
            self.end(hold, Ok(None));
        }
        let holds = self.records().into_iter().filter(|record| record.type_ == MARK_NOT_READY);
        let Some(newest) = holds.map(|hold| hold.submitted_at).max() else { return };
        for record in self.running() {
            if record.type_ == MARK_READY && record.submitted_at <= newest {
                self.end(record, Err("superseded by hold".to_owned().into()));
            }
        }
    }

    fn running(&self) -> Vec<Record> {
        self.records().into_iter().filter(|record| record.status == Status::Running).collect()
    }

    /// Its process ends, with its handlers: tasks that were running remain so in their records.
    pub fn stop(&self) {
        let mut handlers = lock(&self.0.handlers);
        handlers.all.abort_all();
        handlers.by_id.clear();
        self.0.ready.send_replace(false);
    }

    /// Its process is terminated, and the cancelled tasks are recorded as failed, as releases before v0.0.61 do in some
    /// cases. Later releases leave them running.
    pub fn cancel(&self) {
        self.stop();
        if self.generation() < Generation::V61 {
            for record in self.running() {
                self.end(record, Err("context canceled".to_owned().into()));
            }
        }
    }

    /// Watches its readiness.
    pub fn readiness(&self) -> watch::Receiver<bool> {
        self.0.ready.subscribe()
    }

    /// Sets its readiness without a task.
    pub fn set_ready(&self, ready: bool) {
        self.0.ready.send_replace(ready);
    }

    /// Runs a task without a record of it.
    pub(super) fn perform(&self, type_: &str, params: Map<String, Value>) -> BoxFuture<'static, Outcome> {
        self.0.work.run(&Uuid::new_v4().to_string(), type_, params)
    }

    /// All records, newest submission first.
    pub fn records(&self) -> Vec<Record> {
        let mut records: Vec<Record> = lock(&self.0.records).values().cloned().collect();
        records.sort_by_key(|record| std::cmp::Reverse(record.submitted_at));
        records
    }

    pub(super) fn generation(&self) -> Generation {
        self.0.work.generation()
    }

    pub(super) fn is_ready(&self) -> bool {
        *self.0.ready.borrow()
    }

    pub(super) fn record(&self, id: &str) -> Option<Record> {
        lock(&self.0.records).get(id).cloned()
    }

    pub(super) fn node_id(&self) -> Result<String, String> {
        self.0.work.node_id()
    }

    /// Deletes a record; false if there is none. Releases before v0.0.66 do not cancel its handler, which
    /// writes the record again when it ends.
    ///
    /// # Errors
    /// Why it cannot be stored, in releases that report it.
    pub(super) fn remove(&self, id: &str) -> Result<bool, String> {
        let mut records = lock(&self.0.records);
        let Some(removed) = records.remove(id) else { return Ok(false) };
        let stored = self.store(&records);
        if self.generation() < Generation::V66 {
            return Ok(true);
        }
        if let Err(error) = stored {
            records.insert(id.to_owned(), removed);
            return Err(error);
        }
        if let Some(handler) = lock(&self.0.handlers).by_id.remove(id) {
            handler.abort();
        }
        Ok(true)
    }

    /// Starts the task of a request body, unless it is running or completed.
    pub(super) fn submit(&self, body: &[u8]) -> Result<String, String> {
        let mut record = Record::of_request(body, |type_| self.0.work.knows(type_))?;
        let id = record.id.clone();
        {
            let mut records = lock(&self.0.records);
            match records.get(&id) {
                Some(known) if known.status != Status::Failed => return Ok(id),
                Some(failed) => record.run = failed.run + 1,
                None => {}
            }
            let before = records.insert(id.clone(), record.clone());
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
        let id = record.id.clone();
        let mut handlers = lock(&self.0.handlers);
        while handlers.all.try_join_next().is_some() {}
        handlers.by_id.retain(|_, handler| !handler.is_finished());
        let handler = handlers.all.spawn(async move {
            let outcome = sidecar.0.work.run(&record.id, &record.type_, record.params.clone()).await;
            sidecar.end(record, outcome);
        });
        handlers.by_id.insert(id, handler);
    }

    fn end(&self, mut record: Record, outcome: Outcome) {
        let generation = self.generation();
        record.completed_at = Some(Timestamp::now());
        record.status = if outcome.is_ok() { Status::Completed } else { Status::Failed };
        record.result = match &outcome {
            Ok(result) if generation >= Generation::V59 => result.clone(),
            Err(failure) if generation >= Generation::V61 => failure.result.clone(),
            _ => None,
        };
        record.error = outcome.err().map(|failure| failure.error);
        let completed = (record.status == Status::Completed).then(|| record.type_.clone());
        let mut records = lock(&self.0.records);
        records.insert(record.id.clone(), record);
        let readiness = match completed.as_deref() {
            Some(MARK_READY) => Some(true),
            Some(MARK_NOT_READY) => Some(false),
            _ => None,
        };
        if readiness == Some(false) {
            records.retain(|_, record| record.type_ != MARK_READY);
        }
        // What cannot be stored now is stored with the next change.
        let _ = self.store(&records);
        if let Some(ready) = readiness {
            self.0.ready.send_replace(ready);
        }
    }

    fn store(&self, records: &BTreeMap<String, Record>) -> Result<(), String> {
        self.0.work.store(&records.values().collect::<Vec<_>>())
    }
}
