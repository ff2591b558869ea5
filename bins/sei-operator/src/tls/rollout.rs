//! Nodes in their turn.

use std::{cell::Cell, time::Duration};

use anyhow::bail;
use futures::{StreamExt, future, stream};
use sei_tls_rollout::{Progress, Target, next};
use tokio::time::{Instant, sleep};

use super::{act, cluster::Cluster, describe::describe};
use crate::{cli::tls::Rollout, print};

/// How often a node is observed that is waited for.
const PAUSE: Duration = Duration::from_secs(1);

/// Takes `names` one after the other, or as many at once as was asked for. After a failure none is started; those under
/// way are finished, since a node in the middle is down.
pub(super) async fn run(
    cluster: &Cluster,
    names: &[String],
    args: &Rollout,
    target: impl Fn(&str) -> Target,
) -> anyhow::Result<()> {
    let failed = Cell::new(false);
    let take = |name: &String| {
        let target = target(name);
        let name = name.clone();
        let failed = &failed;
        async move {
            let outcome = one(cluster, &name, &target, args.timeout).await;
            failed.set(failed.get() || outcome.is_err());
            outcome.map_err(|error| format!("{name}: {error:#}"))
        }
    };
    let started = stream::iter(names).take_while(|_| future::ready(!failed.get()));
    let outcomes: Vec<_> = started.map(take).buffer_unordered(usize::from(args.at_once)).collect().await;
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

/// Brings one node to its target.
async fn one(cluster: &Cluster, name: &str, target: &Target, timeout: Duration) -> anyhow::Result<()> {
    let deadline = Instant::now() + timeout;
    let mut said = String::new();
    let mut say = |text: String| {
        if text != said {
            println!("{name}: {text}");
            said = text;
        }
    };
    loop {
        match next(&cluster.observe(name, target).await?, target) {
            Progress::Done => {
                say("Ready".to_owned());
                return Ok(());
            }
            Progress::Refused(why) => bail!("{}", print::printable(&why)),
            Progress::Next(step) => {
                say(describe(name, &step));
                act::carry_out(cluster, name, &step).await?;
            }
            Progress::Wait(what) if Instant::now() > deadline => {
                bail!("not Ready within {} s: {}", timeout.as_secs(), print::printable(&what))
            }
            Progress::Wait(what) => {
                say(format!("waiting: {}", print::printable(&what)));
                sleep(PAUSE).await;
            }
        }
    }
}
