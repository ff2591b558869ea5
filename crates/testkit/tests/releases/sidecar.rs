//! A sidecar of a release on the volume of a node, and the state that the operator observed.

use std::{collections::BTreeSet, sync::Arc};

use axum::body::{Body, to_bytes};
use futures::future::BoxFuture;
use http::{Method, Request, StatusCode};
use jiff::Timestamp;
use sei_decide::{
    Answer, Health, Refusal, Sidecar as Known, TaskProgress, TaskReport, TaskResult, Trouble, TroubleKind,
    attempt::{Verdict, judge},
};
use sei_testkit::sidecar::{
    Authn, Bucket, Generation, Handlers, Home, Outcome, Record, Sidecar, Work, answer,
};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::time::{Duration, sleep};

use crate::{
    outside::{Outside, Started},
    records::{read, repeats},
};

/// How long every task takes.
pub const TASK: Duration = Duration::from_millis(10);

/// Chain of the nodes.
pub const CHAIN: &str = "devnet-1";

/// The tasks of a release, each of which takes [`TASK`].
struct Tasks(Handlers, Outside);

impl Work for Tasks {
    fn generation(&self) -> Generation {
        self.0.generation
    }

    fn run(&self, id: &str, type_: &str, params: Map<String, Value>) -> BoxFuture<'static, Outcome> {
        let (handlers, id, type_) = (self.0.clone(), id.to_owned(), type_.to_owned());
        let outside = self.1.clone();
        Box::pin(async move {
            sleep(TASK).await;
            if type_ == "mark-ready" {
                outside.start_seid(&handlers.home);
            }
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

/// A sidecar, and its observed state.
pub struct Volume {
    pub home: Home,
    handlers: Handlers,
    sidecar: Sidecar,
    pub known: Known,
    /// Whether the process ends after it has accepted a task for the first time.
    pub restarts: bool,
    /// Whether the task that was asked for ends before the next pass.
    pub waits: bool,
    /// The tasks that it has accepted.
    accepted: BTreeSet<String>,
    /// Tasks that were submitted although they are done or being done.
    pub repeated: Vec<String>,
    is_gone: bool,
    outside: Outside,
    _folder: TempDir,
}

impl Volume {
    pub fn new(generation: Generation) -> Self {
        Self::with_genesis(generation, Arc::new(Outside::default()))
    }

    /// With the genesis bucket of a ceremony.
    pub fn with_genesis(generation: Generation, genesis: Arc<dyn Bucket>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let chain = Outside::default();
        let outside = Arc::new(chain.clone());
        let home = Home::new(folder.path().to_owned());
        let handlers = Handlers {
            generation,
            home: home.clone(),
            chain: CHAIN.to_owned(),
            snapshots: Arc::clone(&outside) as _,
            genesis,
            world: outside,
            keyring: true,
        };
        handlers.prepare().unwrap();
        home.write("config/app.toml", "").unwrap();
        let sidecar = Sidecar::new(Tasks(handlers.clone(), chain.clone()), Vec::new());
        Self {
            home,
            handlers,
            sidecar,
            known: Known::default(),
            restarts: false,
            waits: true,
            repeated: Vec::new(),
            is_gone: false,
            accepted: BTreeSet::new(),
            outside: chain,
            _folder: folder,
        }
    }

    /// Its process ends, with its tasks marked as failed in releases that do so, and starts again.
    pub fn restart(&self) {
        self.sidecar.cancel();
        self.sidecar.start();
    }

    /// Its process is killed, and starts again.
    pub fn kill(&self) {
        self.sidecar.stop();
        self.sidecar.start();
    }

    /// The sidecar is replaced by that of another release.
    pub fn replace(&mut self, generation: Generation) {
        self.sidecar.stop();
        self.handlers.generation = generation;
        let tasks = Tasks(self.handlers.clone(), self.outside.clone());
        self.sidecar = Sidecar::new(tasks, self.sidecar.records());
        self.sidecar.start();
        self.forget();
    }

    /// Its pod ends.
    pub fn leave(&mut self) {
        self.sidecar.stop();
        self.is_gone = true;
        self.forget();
    }

    /// The sidecar of another pod starts.
    pub fn restart_in(&mut self, pod: &str) {
        self.is_gone = false;
        pod.clone_into(&mut self.outside.chain().pod);
        self.restart();
        self.known = Known { pod: Some(pod.to_owned()), ..Known::default() };
    }

    /// The operator restarts: what its process knew is lost and queried again.
    pub fn forget(&mut self) {
        let pod = self.known.pod.clone().filter(|_| !self.is_gone);
        let missing = || Trouble { kind: TroubleKind::NoPod, message: "there is no pod".to_owned() };
        self.known = Known { pod, trouble: self.is_gone.then(missing), ..Known::default() };
    }

    /// Whether seid may run.
    pub fn is_ready(&self) -> bool {
        *self.sidecar.readiness().borrow()
    }

    /// The seid that was started last.
    pub fn started(&self) -> Option<Started> {
        self.outside.chain().started.clone()
    }

    /// How many transactions the chain has received, and how often seid was stopped.
    pub fn effects(&self) -> (usize, u32) {
        let chain = self.outside.chain();
        (chain.transactions.len(), chain.restarts)
    }

    /// Queries the sidecar of `pod`, like the actor of its node.
    pub async fn ask(&mut self, order: Option<&Order>, now: Timestamp) {
        if self.is_gone {
            return;
        }
        let (healthz, _) = self.request(Method::GET, "/v0/healthz", Value::Null).await;
        let health = if healthz == StatusCode::OK { Health::Ready } else { Health::NotReady };
        self.known.health = Some(Answer { at: now, value: health });
        if let Some(order) = order {
            self.known.task = Some(Answer { at: now, value: self.follow(order).await });
        }
    }

    /// Queries it for a task, and submits that if it is to.
    pub async fn follow(&mut self, order: &Order) -> TaskReport {
        let (_, record) = self.request(Method::GET, &format!("/v0/tasks/{}", order.id), Value::Null).await;
        let found = read(&record);
        let result = record["result"].as_object().map(|result| {
            let text = |name: &str| result.get(name).and_then(Value::as_str).map(str::to_owned);
            let (tx_hash, genesis_hash) = (text("txHash"), text("genesisHash"));
            TaskResult { tx_hash, genesis_hash, ..TaskResult::default() }
        });
        let had = order.was_submitted || found.is_some();
        let progress = match (judge(found.as_ref(), order.retries, order.was_submitted), &order.params) {
            (Verdict::Completed, _) => TaskProgress::Completed,
            (Verdict::Running, _) => TaskProgress::Running,
            (Verdict::Failed(error), _) => TaskProgress::Failed(error),
            (Verdict::Submit, _) if order.once && had => TaskProgress::Lost,
            (Verdict::Submit, None) => TaskProgress::Unknown,
            (Verdict::Submit, Some(params)) => self.submit(order, params.clone()).await,
        };
        if self.waits {
            sleep(2 * TASK).await;
        }
        TaskReport { id: order.id.clone(), retries: order.retries, progress, result }
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
        self.repeated.extend(repeats(&self.records(), order, params.as_ref()));
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

    /// All records of tasks.
    pub fn records(&self) -> Vec<Record> {
        self.sidecar.records()
    }
}
