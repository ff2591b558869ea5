//! A data volume and what sidecars store on it: records of tasks, markers of work that happens once per volume, and the
//! configuration. Behaves like the sidecar, which keeps its state only in these records.

use std::collections::{BTreeMap, BTreeSet};

use sei_plan::TaskKind;
use serde_json::Value;

/// A volume; a new one is empty.
#[derive(Clone, Debug, Default)]
pub struct Volume {
    pub records: Vec<Record>,
    markers: BTreeSet<TaskKind>,
    pub config: Option<Config>,
    /// seid has run on it.
    pub has_chain: bool,
    /// Submissions that must not happen.
    pub violations: Vec<String>,
}

/// The content of the configuration files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    pub overrides: BTreeMap<String, String>,
    pub peers: bool,
    pub state_sync: bool,
}

/// The sidecar's record of a task.
#[derive(Clone, Debug)]
pub struct Record {
    pub id: String,
    pub kind: TaskKind,
    pub params: Value,
    pub run: i64,
    pub state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Running,
    Completed,
    Failed(String),
}

impl Volume {
    pub fn record(&self, id: &str) -> Option<&Record> {
        self.records.iter().find(|record| record.id == id)
    }

    /// A submission: a task with a known ID is started only if its last run failed.
    pub fn submit(&mut self, id: &str, kind: TaskKind, params: Value) {
        if let Some(known) = self.records.iter_mut().find(|record| record.id == id) {
            if matches!(known.state, State::Failed(_)) {
                (known.run, known.params, known.state) = (known.run + 1, params, State::Running);
            }
            return;
        }
        let same = self.records.iter().filter(|record| record.kind == kind && record.params == params);
        let (mut running, mut completed) = (0, 0);
        for record in same {
            running += usize::from(record.state == State::Running);
            completed += usize::from(record.state == State::Completed);
        }
        if (running > 0 && !is_repeatable(kind)) || completed >= runs_of(kind) {
            let why = format!("{} is submitted as {id} beside {:?}", kind.as_str(), self.records);
            self.violations.push(why);
        }
        self.records.push(Record { id: id.to_owned(), kind, params, run: 1, state: State::Running });
    }

    /// Completes the running tasks, except uploads, which never end. Returns the IDs of the completed ones.
    pub fn work(&mut self) -> Vec<String> {
        let mut completed = Vec::new();
        for index in 0..self.records.len() {
            let Record { id, kind, params, state, .. } = self.records[index].clone();
            if state != State::Running || kind == TaskKind::SnapshotUpload {
                continue;
            }
            self.records[index].state = match self.perform(kind, &params) {
                Ok(()) => {
                    completed.push(id);
                    State::Completed
                }
                Err(error) => State::Failed(error.to_owned()),
            };
        }
        completed
    }

    fn perform(&mut self, kind: TaskKind, params: &Value) -> Result<(), &'static str> {
        if self.markers.contains(&kind) {
            return Ok(());
        }
        match kind {
            TaskKind::ConfigApply => {
                let overrides = params.get("overrides").cloned().unwrap_or_default();
                let overrides: BTreeMap<String, String> =
                    serde_json::from_value(overrides).unwrap_or_default();
                let has_peers = overrides.get("network.p2p.persistent_peers").map(|peers| !peers.is_empty());
                match (&mut self.config, params.get("incremental").and_then(Value::as_bool)) {
                    (Some(config), Some(true)) => {
                        config.peers = has_peers.unwrap_or(config.peers);
                        config.state_sync &= overrides.get("state_sync.enable").is_none_or(|on| on == "true");
                        config.overrides.extend(overrides);
                    }
                    (None, Some(true)) => return Err("there is no configuration to change"),
                    (config, _) => {
                        let peers = has_peers.unwrap_or_default();
                        *config = Some(Config { overrides, peers, ..Config::default() });
                    }
                }
            }
            TaskKind::DiscoverPeers | TaskKind::SetGenesisPeers => self.configured()?.peers = true,
            TaskKind::ConfigureStateSync => match self.configured()? {
                config if config.peers => config.state_sync = true,
                _ => return Err("no persistent peers"),
            },
            TaskKind::ConfigValidate => drop(self.configured()?),
            _ => {}
        }
        if is_once(kind) {
            self.markers.insert(kind);
        }
        Ok(())
    }

    fn configured(&mut self) -> Result<&mut Config, &'static str> {
        self.config.as_mut().ok_or("there is no configuration")
    }
}

/// Whether the sidecar does it once per volume, and completes it immediately from then on.
fn is_once(kind: TaskKind) -> bool {
    matches!(
        kind,
        TaskKind::SnapshotRestore
            | TaskKind::ConfigureGenesis
            | TaskKind::ConfigureStateSync
            | TaskKind::GenerateIdentity
            | TaskKind::GenerateGentx
            | TaskKind::UploadGenesisArtifacts
    )
}

/// Whether running it twice at the same time is safe.
fn is_repeatable(kind: TaskKind) -> bool {
    matches!(kind, TaskKind::MarkReady | TaskKind::ConfigValidate)
}

/// How often it may be completed on one volume with the same parameters.
fn runs_of(kind: TaskKind) -> usize {
    match kind {
        // In a bootstrap once by the Job and once by the node.
        TaskKind::ConfigureGenesis => 2,
        kind if is_once(kind) || kind == TaskKind::SnapshotUpload => 1,
        _ => usize::MAX,
    }
}
