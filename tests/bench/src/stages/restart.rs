//! The operator is restarted, and has to discover the state of every node. It has discovered it once it has called
//! every sidecar.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::ensure;
use sei_testkit::cluster::Cluster;

use super::PATIENCE;
use crate::{
    audit::{Request, counts},
    bed::Bed,
    fleet::Fleet,
    report::Run,
};

pub(super) async fn terminate(
    bed: &mut Bed<'_>,
    fleet: &Fleet,
    what: &str,
    run: &mut Run,
) -> anyhow::Result<()> {
    let asked = Instant::now();
    let operator = bed.operator()?;
    operator.terminate()?;
    while operator.exit_code().is_none() {
        ensure!(asked.elapsed() < PATIENCE, "the operator does not exit");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    run.add(&format!("{what} → ended"), asked.elapsed().as_secs_f64(), "s");
    start(bed, fleet, what, run).await
}

pub(super) async fn kill(bed: &mut Bed<'_>, fleet: &Fleet, run: &mut Run) -> anyhow::Result<()> {
    bed.kill_operator()?;
    start(bed, fleet, "SIGKILL", run).await
}

async fn start(bed: &mut Bed<'_>, fleet: &Fleet, after: &str, run: &mut Run) -> anyhow::Result<()> {
    bed.requests()?;
    let simulator = bed.cluster.simulator.clone();
    let hosts = fleet.names.iter().map(|name| Cluster::host(name));
    let mut unseen: BTreeMap<String, usize> =
        hosts.map(|host| (host.clone(), simulator.call_count(&host))).collect();
    let started = Instant::now();
    bed.start_operator(&fleet.names).await?;
    while !unseen.is_empty() {
        ensure!(started.elapsed() < PATIENCE, "{} sidecars are never called again", unseen.len());
        tokio::time::sleep(Duration::from_millis(10)).await;
        unseen.retain(|host, before| simulator.call_count(host) == *before);
    }
    let cpu = bed.cpu()?.operator;
    run.add(&format!("{after}: start → all sidecars called"), started.elapsed().as_secs_f64(), "s");
    run.add(&format!("{after}: operator CPU until then"), cpu, "s");
    let (requests, _) = bed.until_quiet().await?;
    let writes: Vec<_> = requests.into_iter().filter(Request::is_write).collect();
    for (request, number) in counts(&writes) {
        run.add(&format!("{after}: `{request}` of the new process"), number as f64, "");
    }
    run.add(&format!("{after}: peak memory of the new process"), bed.memory()?.peak, "MB");
    Ok(())
}
