//! The mode of a node with its specific settings.

use sei_api::{
    SeiNodeSpec,
    v1alpha1::{self, SnapshotGeneration},
};

use crate::{FirstState, Keyring, Part, SpecError, ValidatorStart, fault::Faults, first_state, validator};

/// Mode of a node, with its settings.
#[derive(Clone, Debug, PartialEq)]
pub enum Mode<'a> {
    /// Follows the chain and serves queries.
    FullNode {
        /// Where its first state comes from.
        state: FirstState<'a>,
        /// The snapshots that it creates for other nodes.
        snapshots: Option<Snapshots>,
    },
    /// Keeps all history; always syncs from genesis.
    Archive {
        /// The snapshots that it creates for other nodes.
        snapshots: Option<Snapshots>,
    },
    /// Replays the chain from a snapshot.
    Replayer {
        /// Where its first state comes from.
        state: FirstState<'a>,
    },
    /// Signs blocks.
    Validator {
        /// Whether it joins an existing chain or takes part in the genesis of a new one.
        start: ValidatorStart<'a>,
        /// Keyring that the sidecar signs operator transactions with.
        keyring: Option<Keyring<'a>>,
    },
}

/// Snapshots that a node creates for other nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshots {
    /// How many are kept on disk.
    pub keep_recent: i64,
    /// Whether the sidecar uploads them.
    pub are_published: bool,
}

impl Mode<'_> {
    /// The mode without its settings.
    pub fn kind(&self) -> v1alpha1::Mode {
        match self {
            Self::FullNode { .. } => v1alpha1::Mode::FullNode,
            Self::Archive { .. } => v1alpha1::Mode::Archive,
            Self::Replayer { .. } => v1alpha1::Mode::Replayer,
            Self::Validator { .. } => v1alpha1::Mode::Validator,
        }
    }
}

impl<'a> Mode<'a> {
    /// Where the first state comes from, in modes and starts that have a choice.
    pub(crate) fn state_mut(&mut self) -> Option<&mut FirstState<'a>> {
        match self {
            Self::FullNode { state, .. }
            | Self::Replayer { state }
            | Self::Validator { start: ValidatorStart::Chain { state, .. }, .. } => Some(state),
            Self::Archive { .. } | Self::Validator { start: ValidatorStart::Ceremony(_), .. } => None,
        }
    }
}

/// The mode that `spec` sets. A spec without one is treated as a full node with a fault in its pod.
pub(crate) fn read<'a>(spec: &'a SeiNodeSpec, faults: &mut Faults) -> Mode<'a> {
    let set =
        [spec.full_node.is_some(), spec.archive.is_some(), spec.replayer.is_some(), spec.validator.is_some()];
    if spec.seed.is_some() {
        let conflict = "is a mode of later versions of sei-k8s-controller that this operator does not run; the pod is not changed";
        faults.push(Part::Pod, SpecError::Conflict { field: "spec.seed", conflict });
    } else {
        faults.exactly_one(Part::Pod, "spec", "fullNode, archive, replayer, validator", &set);
    }
    if let Some(full) = &spec.full_node {
        let state = first_state::read("spec.fullNode.snapshot", full.snapshot.as_ref(), faults);
        return Mode::FullNode { state, snapshots: snapshots(full.snapshot_generation.as_ref(), faults) };
    }
    if let Some(archive) = &spec.archive {
        return Mode::Archive { snapshots: snapshots(archive.snapshot_generation.as_ref(), faults) };
    }
    if let Some(replayer) = &spec.replayer {
        let state = first_state::read("spec.replayer.snapshot", Some(&replayer.snapshot), faults);
        if !matches!(state, FirstState::Snapshot { height, .. } if height > 0) {
            let instead = "a replayer starts from an S3 snapshot: set s3.targetHeight to a positive height";
            faults.push(Part::State, SpecError::Missing { field: "spec.replayer.snapshot.s3", instead });
        }
        if spec.peers.as_ref().is_none_or(Vec::is_empty) {
            let instead = "a replayer needs at least one peer source";
            faults.push(Part::State, SpecError::Missing { field: "spec.peers", instead });
        }
        return Mode::Replayer { state };
    }
    match &spec.validator {
        Some(validator_spec) => {
            let (start, keyring) = validator::read(validator_spec, faults);
            Mode::Validator { start, keyring }
        }
        None => Mode::FullNode { state: FirstState::Genesis, snapshots: None },
    }
}

fn snapshots(generation: Option<&SnapshotGeneration>, faults: &mut Faults) -> Option<Snapshots> {
    let Some(tendermint) = &generation?.tendermint else {
        let instead = "set tendermint.keepRecent, or remove snapshotGeneration";
        let error = SpecError::Missing { field: "snapshotGeneration.tendermint", instead };
        faults.push(Part::Configuration, error);
        return None;
    };
    let (keep_recent, are_published) = (tendermint.keep_recent, tendermint.publish.is_some());
    if are_published && keep_recent < 2 {
        let wanted = "2 or more where snapshots are published: the newest one may still be incomplete";
        let field = "snapshotGeneration.tendermint.keepRecent";
        faults.push(Part::Configuration, SpecError::bad_value(field, &keep_recent.to_string(), wanted));
    }
    Some(Snapshots { keep_recent, are_published })
}
