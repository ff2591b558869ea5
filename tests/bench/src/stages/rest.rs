//! Idle time.

use std::time::Duration;

use sei_testkit::cluster::Cluster;

use crate::{bed::Bed, fleet::Fleet, report::Run};

pub(super) async fn measure(
    bed: &mut Bed<'_>,
    fleet: &Fleet,
    length: Duration,
    run: &mut Run,
) -> anyhow::Result<()> {
    bed.requests()?;
    let (before, calls) = (bed.cpu()?, calls(bed, fleet));
    tokio::time::sleep(length).await;
    let (after, minutes) = (bed.cpu()?, length.as_secs_f64() / 60.0);
    let probes = self::calls(bed, fleet) - calls;
    run.add("at rest: sidecar calls a second", probes as f64 / length.as_secs_f64(), "");
    run.add("at rest: operator CPU a minute", (after.operator - before.operator) / minutes, "s");
    run.add("at rest: requests a minute", bed.requests()?.len() as f64 / minutes, "");
    let memory = bed.memory()?;
    run.add("memory at rest", memory.resident, "MB");
    run.add("memory at rest, heap and stacks", memory.anonymous, "MB");
    Ok(())
}

fn calls(bed: &Bed<'_>, fleet: &Fleet) -> usize {
    fleet.names.iter().map(|name| bed.cluster.simulator.call_count(&Cluster::host(name))).sum()
}
