//! Where a node's first state comes from.

use sei_api::v1alpha1::SnapshotSource;

use crate::{ImageReference, Part, SpecError, fault::Faults};

/// Where a node's first state comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FirstState<'a> {
    /// From genesis, block by block.
    #[default]
    Genesis,
    /// State sync from peers.
    StateSync(StateSync<'a>),
    /// A snapshot archive from the platform's bucket.
    Snapshot {
        /// Highest acceptable height.
        height: i64,
        /// seid image of the bootstrap Job that runs up to that height before the node starts.
        bootstrap: Option<ImageReference<'a>>,
        /// How the blocks after the snapshot are trusted.
        sync: StateSync<'a>,
    },
}

/// Settings of state sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateSync<'a> {
    /// Trust period; empty for the default of the sidecar.
    pub trust_period: &'a str,
    /// Blocks to fetch backwards.
    pub backfill_blocks: i64,
}

/// The state that `source`, which is at `path`, asks for.
pub(crate) fn read<'a>(
    path: &'static str,
    source: Option<&'a SnapshotSource>,
    faults: &mut Faults,
) -> FirstState<'a> {
    let Some(source) = source else { return FirstState::Genesis };
    let set = [source.s3.is_some(), source.state_sync.is_some()];
    faults.exactly_one(Part::State, path, "s3, stateSync", &set);
    let height = source.s3.as_ref().map(|s3| s3.target_height);
    let has_image = source.bootstrap_image.as_deref().is_some_and(|image| !image.is_empty());
    if has_image && height.is_none_or(|height| height <= 0) {
        let conflict = "has bootstrapImage without s3.targetHeight: a bootstrap Job runs up to that height, so set both or neither";
        faults.push(Part::State, SpecError::Conflict { field: path, conflict });
    }
    let bootstrap = faults.image(Part::State, "snapshot.bootstrapImage", source.bootstrap_image.as_deref());
    let sync = StateSync {
        trust_period: source.trust_period.as_deref().unwrap_or_default(),
        backfill_blocks: source.backfill_blocks.unwrap_or_default(),
    };
    match height {
        Some(height) => FirstState::Snapshot { height, bootstrap: bootstrap.filter(|_| height > 0), sync },
        None => FirstState::StateSync(sync),
    }
}
