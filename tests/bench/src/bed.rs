//! The environment of a measurement: a separate cluster with the operator, and the measured values of both.

use std::time::{Duration, Instant};

use anyhow::Context;
use jiff::Timestamp;
use sei_testkit::{
    cluster::{Cluster, OPERATOR, Setup},
    control_plane,
    operator::Operator,
};
use tempfile::TempDir;

use crate::{
    audit::{Audit, Request},
    names::Names,
    operator::Candidate,
    process,
    tracker::Tracker,
};

/// Time limit for an operator to become quiet.
const NEVER: Duration = Duration::from_secs(300);

/// A cluster, with or without a running operator.
pub(crate) struct Bed<'a> {
    candidate: &'a Candidate,
    // Stopped before the cluster.
    operator: Option<Operator>,
    names: Names,
    pub(crate) tracker: Tracker,
    pub(crate) cluster: Cluster,
    audit: Audit,
    quiet: Duration,
    _folder: TempDir,
}

/// CPU time used so far.
#[derive(Clone, Copy)]
pub(crate) struct Cpu {
    pub(crate) operator: f64,
    pub(crate) api_server: f64,
}

impl<'a> Bed<'a> {
    /// A cluster without an operator. An operator that writes nothing for `quiet` is considered quiet.
    pub(crate) async fn start(candidate: &'a Candidate, quiet: Duration) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("sei-bench-").tempdir().context("create a folder")?;
        let user = format!("system:serviceaccount:{OPERATOR}:{OPERATOR}");
        let (audit, api_server_flags) = Audit::new(folder.path(), &user)?;
        let setup = Setup { api_server_flags, any_token: true };
        let cluster = Cluster::start_with(&control_plane::assets()?, candidate.rules(), setup).await?;
        let (tracker, names) = (Tracker::start(cluster.client.clone()), Names::none(folder.path()));
        Ok(Self { candidate, operator: None, names, tracker, cluster, audit, quiet, _folder: folder })
    }

    /// Starts the operator, with `nodes` whose sidecars it has to reach.
    pub(crate) async fn start_operator(&mut self, nodes: &[String]) -> anyhow::Result<()> {
        if matches!(self.candidate, Candidate::Command(_)) && self.operator.is_none() {
            self.names = Names::of(&self.cluster, nodes).await?;
        }
        self.operator = Some(self.candidate.start(&self.cluster, &self.names)?);
        Ok(())
    }

    /// The running operator.
    pub(crate) fn operator(&mut self) -> anyhow::Result<&mut Operator> {
        self.operator.as_mut().context("the operator is not running")
    }

    /// Kills the operator.
    pub(crate) fn kill_operator(&mut self) -> anyhow::Result<()> {
        self.operator.take().context("the operator is not running")?.kill()
    }

    pub(crate) fn memory(&self) -> anyhow::Result<process::Memory> {
        process::memory(self.operator_pid()?)
    }

    pub(crate) fn cpu(&self) -> anyhow::Result<Cpu> {
        Ok(Cpu {
            operator: process::cpu(self.operator_pid()?)?.as_secs_f64(),
            api_server: process::cpu(self.cluster.plane.api_server_pid())?.as_secs_f64(),
        })
    }

    /// Requests of the operator since the last call.
    pub(crate) fn requests(&mut self) -> anyhow::Result<Vec<Request>> {
        self.audit.news()
    }

    /// Waits until the operator stops writing. Returns its requests until then, and the time of the last write.
    pub(crate) async fn until_quiet(&mut self) -> anyhow::Result<(Vec<Request>, Option<Timestamp>)> {
        let began = Instant::now();
        let (mut all, mut last_write, mut last_news) = (Vec::new(), None, Instant::now());
        while last_news.elapsed() < self.quiet && began.elapsed() < NEVER {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let news = self.requests()?;
            if let Some(write) = news.iter().rfind(|request| request.is_write()) {
                (last_write, last_news) = (Some(write.at), Instant::now());
            }
            all.extend(news);
        }
        Ok((all, last_write))
    }

    fn operator_pid(&self) -> anyhow::Result<u32> {
        Ok(self.operator.as_ref().context("the operator is not running")?.pid())
    }
}
