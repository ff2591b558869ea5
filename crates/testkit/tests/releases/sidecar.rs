//! A sidecar of a release on the volume of a node, and the state that the operator observed.

mod orders;

use std::{collections::BTreeSet, sync::Arc};

use futures::future::BoxFuture;
use sei_decide::{Sidecar as Known, Trouble, TroubleKind};
use sei_testkit::sidecar::{Bucket, Generation, Handlers, Home, Outcome, Record, Sidecar, Work};
use serde_json::{Map, Value};
use tempfile::TempDir;
use tokio::time::{Duration, sleep};

use crate::outside::{Outside, Started};

pub use orders::Order;

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

/// A sidecar, and its observed state.
pub struct Volume {
    pub home: Home,
    handlers: Handlers,
    sidecar: Sidecar,
    pub known: Known,
    /// Whether the process ends after it has accepted a task for the first time.
    pub restarts: bool,
    /// Whether the requested task ends before the next pass.
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

    /// All records of tasks.
    pub fn records(&self) -> Vec<Record> {
        self.sidecar.records()
    }
}
