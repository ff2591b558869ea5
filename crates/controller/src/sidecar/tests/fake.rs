//! An in-memory sidecar.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sei_decide::SeidStatus;
use sei_sidecar::{Error, Health as Healthz, RefusalKind, TaskRecord, TaskRequest, TaskState};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::super::{
    Target,
    calls::{Api, Dial},
};

/// How a sidecar behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Mode {
    #[default]
    Answers,
    Hangs,
    Refuses,
}

/// While time is paused, a loop of calls that never waits would never end.
const MOST_CALLS: usize = 10_000;

#[derive(Default)]
pub(super) struct World {
    pub(super) mode: Mode,
    pub(super) ready: bool,
    pub(super) held: bool,
    pub(super) plain_port: bool,
    pub(super) node_id: Option<String>,
    /// The status of seid; without one it does not respond.
    pub(super) seid: Option<SeidStatus>,
    /// The highest block that seid has executed.
    pub(super) reached: u64,
    /// The heights that tasks wait for.
    pub(super) targets: BTreeMap<Uuid, u64>,
    /// How long tasks take.
    pub(super) takes: Duration,
    /// How many runs of each task fail.
    pub(super) failures: i64,
    /// The error of such a run, instead of the default that contains its number.
    pub(super) error: Option<&'static str>,
    pub(super) tasks: BTreeMap<Uuid, (Instant, i64)>,
    pub(super) calls: Vec<(Instant, &'static str)>,
}

/// A sidecar, and the connections to it. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Fake(Arc<Mutex<World>>);

impl Fake {
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        // A test that exceeded the limit can still count its calls.
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
    type Connection = Self;

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
            let error = || world.error.map_or_else(|| format!("run {run} failed"), str::to_owned);
            let error = (status == TaskState::Failed).then(error);
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
