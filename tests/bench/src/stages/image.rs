//! Images of some nodes are changed at the same time, or that of a group.

use std::time::Instant;

use sei_api::SeiNode;

use super::PATIENCE;
use crate::{bed::Bed, fleet::Fleet, report::Run};

const IMAGE: &str = "ghcr.io/sei-protocol/sei:v6.4.2";

pub(super) async fn measure(bed: &Bed<'_>, fleet: &Fleet, run: &mut Run) -> anyhow::Result<()> {
    let names = fleet.updated();
    let (mut events, mut later) = (bed.tracker.events(), bed.tracker.events());
    let changed = Instant::now();
    fleet.update(&bed.cluster, IMAGE).await?;
    let first = events.first(names, "updated", PATIENCE, has_plan).await?;
    let done = later.first(names, "on the new image", PATIENCE, is_done).await?;
    let since = |at: Instant| at.duration_since(changed).as_secs_f64();
    run.times("image changed → first write", first.into_values().map(since));
    run.times("image changed → done", done.into_values().map(since));
    Ok(())
}

/// The update has started, or is already complete.
fn has_plan(node: &SeiNode) -> bool {
    let status = node.status.as_ref();
    node.spec.image == IMAGE && status.is_some_and(|status| status.plan.is_some()) || is_done(node)
}

fn is_done(node: &SeiNode) -> bool {
    node.status.as_ref().and_then(|status| status.current_image.as_deref()) == Some(IMAGE)
}
