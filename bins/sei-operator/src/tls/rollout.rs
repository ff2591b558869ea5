//! Processes nodes and groups in order.

use std::{cell::Cell, time::Duration};

use anyhow::{Context, bail};
use futures::{StreamExt, future, stream};
use sei_tls_rollout::{Group, GroupProgress, Observed, Progress, Target, next, next_group};
use tokio::time::{Instant, sleep};

use super::{
    act,
    cluster::Cluster,
    describe::{describe, describe_group},
};
use crate::{
    cli::tls::{Rollout, Subject},
    print,
    words::words,
};

/// Interval between observations of a node that is being waited for.
const PAUSE: Duration = Duration::from_secs(1);

/// Processes the nodes among `subjects`, then the groups.
pub(super) async fn run(
    cluster: &Cluster,
    subjects: &[Subject],
    args: &Rollout,
    target: &Target,
) -> anyhow::Result<()> {
    let single = subjects.iter().filter(|subject| matches!(subject, Subject::Node(_)));
    let single: Vec<_> = single.map(|subject| subject.name().to_owned()).collect();
    nodes(&single, args, async |name| one(cluster, None, name, target, args.timeout).await).await?;
    for subject in subjects {
        if let Subject::Group(name) = subject {
            group(cluster, name, args, target).await.with_context(|| name.clone())?;
        }
    }
    Ok(())
}

/// Processes `names` one by one, or as many at the same time as requested. After a failure no further node is started;
/// those in progress are completed, since such a node is down.
async fn nodes(
    names: &[String],
    args: &Rollout,
    take: impl AsyncFn(&str) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let failed = Cell::new(false);
    let started = stream::iter(names).take_while(|_| future::ready(!failed.get()));
    let outcomes = started.map(async |name| {
        let outcome = take(name).await;
        failed.set(failed.get() || outcome.is_err());
        outcome.map_err(|error| format!("{name}: {}", words(&error)))
    });
    let outcomes: Vec<_> = outcomes.buffer_unordered(usize::from(args.at_once)).collect().await;
    let left = names.len() - outcomes.len();
    let failures: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    if failures.is_empty() {
        return Ok(());
    }
    bail!(
        "{}; {left} nodes were not started. Run the same command again to continue from here",
        failures.join("; ")
    )
}

/// Processes one group.
async fn group(cluster: &Cluster, name: &str, args: &Rollout, target: &Target) -> anyhow::Result<()> {
    let mut narrator = Narrator::new(name, args.timeout);
    loop {
        let observed = cluster.observe_group(name, target).await?;
        match next_group(&observed, target) {
            GroupProgress::Done => {
                narrator.print("Ready".to_owned());
                return Ok(());
            }
            GroupProgress::Refused(why) => bail!("{}", print::printable(&why)),
            GroupProgress::Next(step) => {
                narrator.print(describe_group(name, &step));
                act::carry_out_for_group(cluster, name, &step).await?;
            }
            GroupProgress::Nodes(due) => {
                let owner = observed.nodes.first().and_then(|(_, node)| node.group.as_ref());
                nodes(&due, args, async |name| one(cluster, owner, name, target, args.timeout).await).await?;
                narrator.restart();
            }
            GroupProgress::Wait(what) => narrator.wait(&what).await?,
        }
    }
}

/// Processes one node.
async fn one(
    cluster: &Cluster,
    group: Option<&Group>,
    name: &str,
    target: &Target,
    timeout: Duration,
) -> anyhow::Result<()> {
    let target = target.of(name);
    let mut narrator = Narrator::new(name, timeout);
    loop {
        let observed = Observed { group: group.cloned(), ..cluster.observe(name, &target).await? };
        match next(&observed, &target) {
            Progress::Done => {
                narrator.print("Ready".to_owned());
                return Ok(());
            }
            Progress::Refused(why) => bail!("{}", print::printable(&why)),
            Progress::Next(step) => {
                narrator.print(describe(name, &step));
                act::carry_out(cluster, name, &step).await?;
            }
            Progress::Wait(what) => narrator.wait(&what).await?,
        }
    }
}

/// Prints changes, and ends waits that take too long.
struct Narrator<'a> {
    name: &'a str,
    timeout: Duration,
    deadline: Instant,
    said: String,
}

impl<'a> Narrator<'a> {
    fn new(name: &'a str, timeout: Duration) -> Self {
        Self { name, timeout, deadline: Instant::now() + timeout, said: String::new() }
    }

    /// Restarts the time limit.
    fn restart(&mut self) {
        self.deadline = Instant::now() + self.timeout;
    }

    fn print(&mut self, text: String) {
        if text != self.said {
            // A closed terminal must not interrupt the processing of a node, which would stay down.
            let _ = print::line(&format!("{}: {text}", self.name));
            self.said = text;
        }
    }

    async fn wait(&mut self, what: &str) -> anyhow::Result<()> {
        let what = print::printable(what);
        if Instant::now() > self.deadline {
            bail!("not Ready within {} s: {what}", self.timeout.as_secs());
        }
        self.print(format!("waiting: {what}"));
        sleep(PAUSE).await;
        Ok(())
    }
}
