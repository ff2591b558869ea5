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
        /// How the blocks after the snapshot are verified.
        sync: StateSync<'a>,
    },
}

/// Settings of state sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateSync<'a> {
    /// RPC servers that provide the trusted block; empty if the first peers are queried.
    pub rpc_servers: &'a [String],
    /// Whether they are those of the platform, since the spec lists none.
    pub are_from_platform: bool,
    /// Trust period; empty for the default of the sidecar.
    pub trust_period: &'a str,
    /// Blocks to fetch backwards.
    pub backfill_blocks: i64,
}

impl<'a> FirstState<'a> {
    /// Uses the RPC servers of the platform if the spec lists none.
    pub(crate) fn default_rpc_servers(&mut self, servers: &'a [String]) {
        let (Self::StateSync(sync) | Self::Snapshot { sync, .. }) = self else { return };
        if sync.rpc_servers.is_empty() && !servers.is_empty() {
            (sync.rpc_servers, sync.are_from_platform) = (servers, true);
        }
    }

    /// Settings of state sync; `None` if every block is executed.
    pub fn sync(&self) -> Option<StateSync<'a>> {
        match self {
            Self::Genesis => None,
            Self::StateSync(sync) | Self::Snapshot { sync, .. } => Some(*sync),
        }
    }
}

/// Whether `text` is `host:port`, the form of an RPC server that the sidecar accepts.
pub fn is_rpc_server(text: &str) -> bool {
    let is_host = |host: &str| {
        !host.is_empty() && !host.contains([':', '/', ',']) && !host.contains(char::is_whitespace)
    };
    let is_port = |port: &str| {
        port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    text.split_once(':').is_some_and(|(host, port)| is_host(host) && is_port(port))
}

/// The first state that `source`, at path `path`, requests.
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
    let rpc_servers = source.rpc_servers.as_deref().unwrap_or_default();
    if source.rpc_servers.is_some() && rpc_servers.len() < 2 {
        let wanted = "at least two RPC servers, each as host:port";
        let error = SpecError::bad_value("snapshot.rpcServers", &rpc_servers.join(","), wanted);
        faults.push(Part::State, error);
    }
    for server in rpc_servers.iter().filter(|server| !is_rpc_server(server)) {
        let error = SpecError::bad_value("snapshot.rpcServers", server, "host:port without a scheme");
        faults.push(Part::State, error);
    }
    let sync = StateSync {
        rpc_servers,
        are_from_platform: false,
        trust_period: source.trust_period.as_deref().unwrap_or_default(),
        backfill_blocks: source.backfill_blocks.unwrap_or_default(),
    };
    match height {
        Some(height) => FirstState::Snapshot { height, bootstrap: bootstrap.filter(|_| height > 0), sync },
        None => FirstState::StateSync(sync),
    }
}
