//! A sidecar of a release on the volume of a node, and what the operator knows of it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::body::{Body, to_bytes};
use futures::future::BoxFuture;
use http::{Method, Request, StatusCode};
use jiff::Timestamp;
use sei_decide::{
    Answer, Health, Refusal, Sidecar as Known, TaskProgress, TaskReport, TaskResult,
    attempt::{self, State, Verdict, judge},
};
use sei_testkit::sidecar::{
    self, Authn, Bucket, Generation, Handlers, Home, Outcome, Record, Sidecar, Work, World, answer,
};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::time::{Duration, sleep};

/// How long every task takes.
const TASK: Duration = Duration::from_millis(10);

/// Chain of the nodes.
pub const CHAIN: &str = "devnet-1";

/// Machines that answer, with one instance of EC2, buckets with every object, and a chain that accepts every transaction.
#[derive(Clone, Default)]
struct Outside(Arc<Mutex<Chain>>);

/// What has reached the chain.
#[derive(Default)]
struct Chain {
    transactions: BTreeSet<String>,
    restarts: u32,
}

impl Outside {
    fn chain(&self) -> MutexGuard<'_, Chain> {
        self.0.lock().unwrap()
    }
}

impl World for Outside {
    fn rpc(&self, _: &str, _: &str) -> sidecar::Answer<Value> {
        let sync = json!({ "latest_block_height": "5000", "catching_up": false });
        let status =
            json!({ "node_info": { "network": CHAIN }, "sync_info": sync, "block_id": { "hash": "AB" } });
        Box::pin(async move { Ok(status) })
    }

    fn instances(&self) -> sidecar::Answer<Vec<String>> {
        Box::pin(async { Ok(vec![format!("{}@ec2.example:26656", "e".repeat(40))]) })
    }

    fn stop_seid(&self) -> sidecar::Answer<()> {
        self.chain().restarts += 1;
        Box::pin(async { Ok(()) })
    }

    fn sequence(&self) -> sidecar::Answer<u64> {
        let sequence = self.chain().transactions.len() as u64;
        Box::pin(async move { Ok(sequence) })
    }

    fn broadcast(&self, transaction: String) -> sidecar::Answer<()> {
        self.chain().transactions.insert(transaction);
        Box::pin(async { Ok(()) })
    }
}

impl Bucket for Outside {
    fn get(&self, _: &str) -> sidecar::Answer<Option<Vec<u8>>> {
        Box::pin(async { Ok(Some(b"{}".to_vec())) })
    }

    fn put(&self, _: &str, _: Vec<u8>) -> sidecar::Answer<()> {
        Box::pin(async { Ok(()) })
    }

    fn list(&self, prefix: &str) -> sidecar::Answer<Vec<String>> {
        let first = format!("{prefix}1.tar.gz");
        Box::pin(async { Ok(vec![first]) })
    }
}

/// The tasks of a release, each of which takes [`TASK`].
struct Tasks(Handlers);

impl Work for Tasks {
    fn generation(&self) -> Generation {
        self.0.generation
    }

    fn run(&self, id: &str, type_: &str, params: Map<String, Value>) -> BoxFuture<'static, Outcome> {
        let (handlers, id, type_) = (self.0.clone(), id.to_owned(), type_.to_owned());
        Box::pin(async move {
            sleep(TASK).await;
            handlers.run(&id, &type_, params).await
        })
    }

    fn store(&self, _: &[&Record]) -> Result<(), String> {
        Ok(())
    }

    fn node_id(&self) -> Result<String, String> {
        Err("not generated".to_owned())
    }
}

/// The task that a pass requests: queried first, and submitted with its parameters if there are any.
#[derive(Clone)]
pub struct Order {
    pub id: String,
    pub type_: String,
    pub retries: i64,
    pub was_submitted: bool,
    /// It is not submitted again once the sidecar had it.
    pub once: bool,
    /// Another type that the sidecar must support.
    pub needs_type: Option<&'static str>,
    pub params: Option<Option<Value>>,
}

/// A sidecar, and its answers to the operator.
pub struct Volume {
    pub home: Home,
    sidecar: Sidecar,
    pub known: Known,
    /// Whether the process ends when it has accepted a task for the first time.
    pub restarts: bool,
    /// The tasks that it has accepted.
    accepted: BTreeSet<String>,
    outside: Outside,
    _folder: TempDir,
}

impl Volume {
    pub fn new(generation: Generation) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let chain = Outside::default();
        let outside = Arc::new(chain.clone());
        let home = Home::new(folder.path().to_owned());
        let handlers = Handlers {
            generation,
            home: home.clone(),
            chain: CHAIN.to_owned(),
            snapshots: Arc::clone(&outside) as _,
            genesis: Arc::clone(&outside) as _,
            world: outside,
            keyring: true,
        };
        handlers.prepare().unwrap();
        home.write("config/app.toml", "").unwrap();
        let sidecar = Sidecar::new(Tasks(handlers), Vec::new());
        Self {
            home,
            sidecar,
            known: Known::default(),
            restarts: false,
            accepted: BTreeSet::new(),
            outside: chain,
            _folder: folder,
        }
    }

    /// Its process ends, in the releases that do that with its tasks marked as failed, and starts again.
    pub fn restart(&self) {
        self.sidecar.cancel();
        self.sidecar.start();
    }

    /// The sidecar of another pod starts.
    pub fn restart_in(&mut self, pod: &str) {
        self.restart();
        self.known = Known { pod: Some(pod.to_owned()), ..Known::default() };
    }

    /// The operator restarts: what its process knew is lost, and asked again.
    pub fn forget(&mut self) {
        self.known = Known { pod: self.known.pod.clone(), ..Known::default() };
    }

    /// How many transactions the chain has received, and how often seid was stopped.
    pub fn effects(&self) -> (usize, u32) {
        let chain = self.outside.chain();
        (chain.transactions.len(), chain.restarts)
    }

    /// Queries the sidecar of `pod`, as the actor of its node does.
    pub async fn ask(&mut self, order: Option<&Order>, now: Timestamp) {
        let (healthz, _) = self.request(Method::GET, "/v0/healthz", Value::Null).await;
        let health = if healthz == StatusCode::OK { Health::Ready } else { Health::NotReady };
        self.known.health = Some(Answer { at: now, value: health });
        let Some(order) = order else { return };
        let (_, record) = self.request(Method::GET, &format!("/v0/tasks/{}", order.id), Value::Null).await;
        let (found, hash) = (read(&record), record["result"]["txHash"].as_str());
        let result = hash.map(|hash| TaskResult { tx_hash: Some(hash.to_owned()), ..TaskResult::default() });
        let had = order.was_submitted || found.is_some();
        let progress = match (judge(found.as_ref(), order.retries, order.was_submitted), &order.params) {
            (Verdict::Completed, _) => TaskProgress::Completed,
            (Verdict::Running, _) => TaskProgress::Running,
            (Verdict::Failed(error), _) => TaskProgress::Failed(error),
            (Verdict::Submit, _) if order.once && had => TaskProgress::Lost,
            (Verdict::Submit, None) => TaskProgress::Unknown,
            (Verdict::Submit, Some(params)) => self.submit(order, params.clone()).await,
        };
        let value = TaskReport { id: order.id.clone(), retries: order.retries, progress, result };
        self.known.task = Some(Answer { at: now, value });
        sleep(2 * TASK).await;
    }

    async fn submit(&mut self, order: &Order, params: Option<Value>) -> TaskProgress {
        if let Some(type_) = order.needs_type {
            let probe = json!({ "id": "probe", "type": type_ });
            let (_, answer) = self.request(Method::POST, "/v0/tasks", probe).await;
            let error = answer["error"].as_str().unwrap();
            if error.starts_with("unknown task type") {
                return TaskProgress::Refused(Refusal::TaskUnknown, error.to_owned());
            }
        }
        let body = json!({ "id": order.id, "type": order.type_, "params": params });
        match self.request(Method::POST, "/v0/tasks", body).await {
            (StatusCode::CREATED, _) => {
                if self.accepted.insert(order.id.clone()) && self.restarts {
                    self.restart();
                }
                TaskProgress::Submitted
            }
            (_, answer) => {
                let error = answer["error"].as_str().unwrap().to_owned();
                assert!(error.starts_with("unknown task type"), "{error}");
                TaskProgress::Refused(Refusal::TaskUnknown, error)
            }
        }
    }

    async fn request(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path).body(Body::from(body.to_string())).unwrap();
        let (parts, body) = answer(&self.sidecar, Authn::Open, request).await.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (parts.status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// Types of all tasks that it has records of.
    pub fn records(&self) -> Vec<Record> {
        self.sidecar.records()
    }

    /// A value of `config.toml`.
    pub fn config(&self, section: &str, key: &str) -> Option<toml::Value> {
        self.value("config/config.toml", section, key)
    }

    /// A value of `app.toml`, by its unified key.
    pub fn app(&self, key: &str) -> Option<toml::Value> {
        self.value("config/app.toml", "settings", key)
    }

    fn value(&self, file: &str, section: &str, key: &str) -> Option<toml::Value> {
        let table: toml::Table = self.home.read(file).unwrap()?.parse().unwrap();
        table.get(section)?.get(key).cloned()
    }
}

/// The record in the answer to a query; `None` if the task is not known.
fn read(record: &Value) -> Option<attempt::Record> {
    let state = match record["status"].as_str()? {
        "completed" => State::Completed,
        "failed" => State::Failed,
        _ => State::Running,
    };
    Some(attempt::Record {
        state,
        run: record["run"].as_i64(),
        error: record["error"].as_str().map(str::to_owned),
        is_endless: record["type"] == "snapshot-upload",
    })
}
