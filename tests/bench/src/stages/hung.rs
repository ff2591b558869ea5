//! Nodes that are created while sidecars of others accept requests and never respond.

use std::{collections::HashMap, time::Duration};

use sei_testkit::cluster::Cluster;

use super::{PATIENCE, is_running};
use crate::{
    bed::Bed,
    fleet::{self, Fleet},
    report::Run,
};

/// How many nodes are created.
const SAMPLES: usize = 20;
/// Time for the operator to detect that sidecars hang.
const SETTLE: Duration = Duration::from_secs(20);

pub(super) async fn measure(
    bed: &mut Bed<'_>,
    fleet: &Fleet,
    hung: usize,
    run: &mut Run,
) -> anyhow::Result<()> {
    run.times("a node beside the fleet: create → Running", creation(bed, "alone").await?.into_iter());
    let hosts: Vec<_> = fleet.names.iter().take(hung).map(|name| Cluster::host(name)).collect();
    for host in &hosts {
        bed.cluster.simulator.faults(host, |faults| faults.hang = true);
    }
    tokio::time::sleep(SETTLE).await;
    let times = creation(bed, "beside").await?;
    run.times(&format!("the same, {} sidecars hang", hosts.len()), times.into_iter());
    for host in &hosts {
        bed.cluster.simulator.faults(host, |faults| faults.hang = false);
    }
    Ok(())
}

async fn creation(bed: &Bed<'_>, prefix: &str) -> anyhow::Result<Vec<f64>> {
    let names: Vec<_> = (0..SAMPLES).map(|index| format!("{prefix}-{index}")).collect();
    let mut events = bed.tracker.events();
    let created: HashMap<_, _> = fleet::add(&bed.cluster, &names).await?;
    let running = events.first(&names, "Running", PATIENCE, is_running).await?;
    let times = running.iter().filter_map(|(name, at)| Some(at.duration_since(*created.get(name)?)));
    Ok(times.map(|time| time.as_secs_f64()).collect())
}
