//! A node with an in-memory sidecar.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sei_decide::{Health, SeidStatus, Sidecar, TaskProgress};
use sei_sidecar::{Error, Health as Healthz, RefusalKind, ServerTrust, TaskRecord, TaskRequest, TaskState};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};
use uuid::Uuid;

use super::super::{
    Interest, Order, Target, Watched,
    actor::{Actor, Report},
    calls::{Api, Dial},
    permits::Permits,
    state::Shared,
    target::Verification,
};

/// How a sidecar behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Mode {
    #[default]
    Answers,
    Hangs,
    Refuses,
}

/// While time is paused a loop of calls without a wait would never end.
const MOST_CALLS: usize = 10_000;

#[derive(Default)]
pub(super) struct World {
    pub(super) mode: Mode,
    pub(super) ready: bool,
    pub(super) held: bool,
    pub(super) plain_port: bool,
    pub(super) node_id: Option<String>,
    /// What seid says; it does not respond without.
    pub(super) seid: Option<SeidStatus>,
    /// The highest block that seid has had.
    pub(super) reached: u64,
    /// The heights that tasks wait for.
    pub(super) targets: BTreeMap<Uuid, u64>,
    /// How long tasks take.
    pub(super) takes: Duration,
    /// How many runs of each task fail.
    pub(super) failures: i64,
    pub(super) tasks: BTreeMap<Uuid, (Instant, i64)>,
    pub(super) calls: Vec<(Instant, &'static str)>,
}

/// A sidecar, and the connections to it. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Fake(Arc<Mutex<World>>);

impl Fake {
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        // A test that has made too many calls still wants to count them.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) async fn call(&self, name: &'static str) -> Result<(), Error> {
        let mode = self.change(|world| {
            world.calls.push((Instant::now(), name));
            assert!(world.calls.len() < MOST_CALLS, "the sidecar is called in a loop: {name}");
            world.mode
        });
        let url = name.to_owned();
        match mode {
            Mode::Answers => Ok(()),
            Mode::Refuses => Err(Error::Unreachable { url, why: "connection refused".to_owned() }),
            Mode::Hangs => {
                sleep(Duration::from_secs(10)).await;
                Err(Error::Timeout { url, seconds: 10 })
            }
        }
    }

    pub(super) fn count(&self, name: &str) -> usize {
        self.change(|world| world.calls.iter().filter(|(_, call)| *call == name).count())
    }
}

impl Dial for Fake {
    type Line = Self;

    fn dial(&mut self, _: &Target) -> Result<Self, Error> {
        Ok(self.clone())
    }
}

impl Api for Fake {
    async fn healthz(&self) -> Result<Healthz, Error> {
        self.call("healthz").await?;
        Ok(if self.change(|world| world.ready) { Healthz::Ready } else { Healthz::NotReady })
    }

    async fn is_held(&self) -> Result<bool, Error> {
        self.call("list").await?;
        Ok(self.change(|world| world.held))
    }

    async fn task(&self, id: Uuid) -> Result<Option<TaskRecord>, Error> {
        self.call("get").await?;
        Ok(self.change(|world| {
            let (since, run) = *world.tasks.get(&id)?;
            let is_below = world.targets.get(&id).is_some_and(|target| world.reached < *target);
            let status = match is_below || since.elapsed() < world.takes {
                true => TaskState::Running,
                false if run <= world.failures => TaskState::Failed,
                false => TaskState::Completed,
            };
            let error = (status == TaskState::Failed).then(|| format!("run {run} failed"));
            Some(TaskRecord {
                id,
                type_: "config-apply".to_owned(),
                status,
                run: Some(run),
                error,
                result: None,
            })
        }))
    }

    async fn submit(&self, request: &TaskRequest) -> Result<(), Error> {
        self.call("post").await?;
        self.change(|world| match request.type_.as_str() {
            "dance" => Err(Error::BadRequest {
                refusal: RefusalKind::UnknownTask,
                message: "unknown task type: dance".to_owned(),
            }),
            _ => {
                let run = world.tasks.get(&request.id).map_or(1, |(_, run)| run + 1);
                world.tasks.insert(request.id, (Instant::now(), run));
                let target = request.params.as_ref().and_then(|params| params["targetHeight"].as_u64());
                world.targets.extend(target.map(|target| (request.id, target)));
                world.ready |= request.type_ == "mark-ready";
                Ok(())
            }
        })
    }

    async fn node_id(&self) -> Result<Option<String>, Error> {
        self.call("node-id").await?;
        Ok(self.change(|world| world.node_id.clone()))
    }

    async fn supports(&self, type_: &str) -> Result<bool, Error> {
        self.call("supports").await?;
        Ok(type_ != "discover-peers")
    }

    async fn seid(&self) -> Result<SeidStatus, Error> {
        self.call("seid").await?;
        let refused = || Error::Unreachable { url: "seid".to_owned(), why: "connection refused".to_owned() };
        self.change(|world| world.seid.clone()).ok_or_else(refused)
    }

    async fn plain_port_answers(&self) -> bool {
        let _ = self.call("plain").await;
        self.change(|world| world.plain_port)
    }
}

/// The passes of a node: they are woken, and counted.
#[derive(Clone, Default)]
pub(super) struct Passes(pub(super) Arc<(AtomicUsize, Notify)>);

impl Report for Passes {
    fn changed(&self) {
        self.0.0.fetch_add(1, Ordering::AcqRel);
        self.0.1.notify_one();
    }

    fn probed(&self, _: Option<Health>) {}
}

impl Passes {
    pub(super) fn count(&self) -> usize {
        self.0.0.load(Ordering::Acquire)
    }
}

pub(super) struct TestNode {
    pub(super) fake: Fake,
    pub(super) passes: Passes,
    pub(super) watched: Watched,
    pub(super) interest: Interest,
}

/// Requests health.
pub(super) fn health() -> Interest {
    Interest { health: true, ..Interest::default() }
}

pub(super) fn target(pod: &str) -> Target {
    Target { pod: pod.to_owned(), host: "node-0-0".to_owned(), port: 7777, tls: None }
}

/// The same behind TLS.
pub(super) fn verified_target(pod: &str) -> Target {
    let tls = Verification { trust: ServerTrust::Roots(Vec::new()), audience: "node-0".to_owned() };
    Target { tls: Some(tls), ..target(pod) }
}

pub(super) fn order(retries: i64) -> Order {
    let id = Uuid::from_u128(1);
    let request = TaskRequest { id, type_: "config-apply".to_owned(), params: None };
    Order {
        id,
        retries,
        was_submitted: false,
        marks_ready: false,
        once: false,
        needs_type: None,
        request: Some(request),
    }
}

pub(super) fn mark_ready() -> Order {
    let request = TaskRequest { type_: "mark-ready".to_owned(), ..order(0).request.unwrap() };
    Order { marks_ready: true, request: Some(request), ..order(0) }
}

impl TestNode {
    pub(super) fn new(probes: bool) -> Self {
        Self::sharing(probes, &Permits::default())
    }

    pub(super) fn sharing(probes: bool, permits: &Permits) -> Self {
        Self::with(Fake::default(), probes, permits)
    }

    /// The same node for another process of the operator.
    pub(super) fn restarted(&self) -> Self {
        let mut node = Self::with(self.fake.clone(), self.interest.health, &Permits::default());
        node.pass(None);
        node
    }

    fn with(fake: Fake, probes: bool, permits: &Permits) -> Self {
        let (passes, shared) = (Passes::default(), Shared::default());
        let actor = Actor::new(shared.clone(), fake.clone(), permits.clone(), passes.clone(), Duration::ZERO);
        let watched = Watched { shared, fingerprint: None, ordered: None, task: tokio::spawn(actor.run()) };
        Self { fake, passes, watched, interest: Interest { health: probes, ..Interest::default() } }
    }

    pub(super) fn begin_pass(&mut self) -> Sidecar {
        self.watched.begin_pass(Ok(target("u1")), None, self.interest.clone())
    }

    /// A pass with this order.
    pub(super) fn pass(&mut self, order: Option<&Order>) -> Sidecar {
        let known = self.begin_pass();
        if let Some(order) = order {
            self.watched.order(order.clone());
        }
        self.watched.end_pass();
        known
    }

    /// Waits until a pass is requested, and runs it.
    pub(super) async fn woken(&mut self, order: Option<&Order>) -> Sidecar {
        self.passes.0.1.notified().await;
        self.pass(order)
    }

    /// Runs a pass with this order whenever one is requested, until the task has progress `wanted`.
    pub(super) async fn until(&mut self, order: &Order, wanted: &TaskProgress) -> Sidecar {
        loop {
            let known = self.woken(Some(order)).await;
            if progress(&known) == Some(wanted) {
                return known;
            }
        }
    }
}

pub(super) fn progress(known: &Sidecar) -> Option<&TaskProgress> {
    known.task.as_ref().map(|task| &task.value.progress)
}
