//! Tasks that the sidecar runs: their stored form, and the parameters that are sent.

use serde_json::{Map, Value, json};

use crate::{
    TaskError, TaskKind,
    config_intent::ConfigIntent,
    params::Params,
    source::{self, DNS_ENDPOINTS, EC2_TAGS, Source},
};

/// A task that the sidecar runs.
#[derive(Clone, Debug, PartialEq)]
pub enum SidecarTask {
    /// See [`TaskKind::SnapshotRestore`].
    SnapshotRestore {
        /// Highest acceptable height; 0 for the highest available.
        target_height: i64,
    },
    /// See [`TaskKind::ConfigureGenesis`].
    ConfigureGenesis,
    /// See [`TaskKind::ConfigApply`].
    ConfigApply(ConfigIntent),
    /// See [`TaskKind::DiscoverPeers`].
    DiscoverPeers {
        /// The sources to query.
        sources: Vec<Source>,
    },
    /// See [`TaskKind::ConfigureStateSync`].
    ConfigureStateSync {
        /// Trust the height of a local snapshot.
        use_local_snapshot: bool,
        /// RPC servers that provide the trusted block; empty for the first peers.
        rpc_servers: Vec<String>,
        /// Duration in the syntax of the configuration; may be empty.
        trust_period: String,
        /// Blocks to fetch backwards.
        backfill_blocks: i64,
    },
    /// See [`TaskKind::ConfigValidate`].
    ConfigValidate,
    /// See [`TaskKind::SnapshotUpload`].
    SnapshotUpload,
    /// See [`TaskKind::MarkReady`].
    MarkReady,
    /// See [`TaskKind::GenerateIdentity`].
    GenerateIdentity {
        /// Chain to create.
        chain_id: String,
        /// Name of the node.
        moniker: String,
    },
    /// See [`TaskKind::GenerateGentx`].
    GenerateGentx {
        /// Chain to create.
        chain_id: String,
        /// Self-delegation.
        staking_amount: String,
        /// Genesis balance.
        account_balance: String,
        /// Compact JSON; may be empty.
        genesis_params: String,
    },
    /// See [`TaskKind::UploadGenesisArtifacts`].
    UploadGenesisArtifacts {
        /// Name of the node.
        node_name: String,
    },
    /// See [`TaskKind::SetGenesisPeers`].
    SetGenesisPeers,
}

impl SidecarTask {
    /// Its type.
    pub fn kind(&self) -> TaskKind {
        match self {
            Self::SnapshotRestore { .. } => TaskKind::SnapshotRestore,
            Self::ConfigureGenesis => TaskKind::ConfigureGenesis,
            Self::ConfigApply(_) => TaskKind::ConfigApply,
            Self::DiscoverPeers { .. } => TaskKind::DiscoverPeers,
            Self::ConfigureStateSync { .. } => TaskKind::ConfigureStateSync,
            Self::ConfigValidate => TaskKind::ConfigValidate,
            Self::SnapshotUpload => TaskKind::SnapshotUpload,
            Self::MarkReady => TaskKind::MarkReady,
            Self::GenerateIdentity { .. } => TaskKind::GenerateIdentity,
            Self::GenerateGentx { .. } => TaskKind::GenerateGentx,
            Self::UploadGenesisArtifacts { .. } => TaskKind::UploadGenesisArtifacts,
            Self::SetGenesisPeers => TaskKind::SetGenesisPeers,
        }
    }

    pub(crate) fn read(kind: TaskKind, params: &Params<'_>) -> Result<Self, TaskError> {
        Ok(match kind {
            TaskKind::SnapshotRestore => {
                Self::SnapshotRestore { target_height: params.optional("TargetHeight")? }
            }
            TaskKind::ConfigureGenesis => Self::ConfigureGenesis,
            TaskKind::ConfigApply => Self::ConfigApply(ConfigIntent {
                mode: params.text("mode")?,
                overrides: params.optional("overrides")?,
                target_version: params.optional("targetVersion")?,
                incremental: params.optional("incremental")?,
                peers: params.optional("peers")?,
            }),
            TaskKind::DiscoverPeers => Self::DiscoverPeers { sources: params.optional("Sources")? },
            TaskKind::ConfigureStateSync => Self::ConfigureStateSync {
                use_local_snapshot: params.optional("UseLocalSnapshot")?,
                rpc_servers: params.optional("RpcServers")?,
                trust_period: params.optional("TrustPeriod")?,
                backfill_blocks: params.optional("BackfillBlocks")?,
            },
            TaskKind::ConfigValidate => Self::ConfigValidate,
            TaskKind::SnapshotUpload => Self::SnapshotUpload,
            TaskKind::MarkReady => Self::MarkReady,
            TaskKind::GenerateIdentity => {
                Self::GenerateIdentity { chain_id: params.text("ChainID")?, moniker: params.text("Moniker")? }
            }
            TaskKind::GenerateGentx => Self::GenerateGentx {
                chain_id: params.text("ChainID")?,
                staking_amount: params.text("StakingAmount")?,
                account_balance: params.text("AccountBalance")?,
                genesis_params: params.optional("GenesisParams")?,
            },
            TaskKind::UploadGenesisArtifacts => {
                Self::UploadGenesisArtifacts { node_name: params.text("NodeName")? }
            }
            TaskKind::SetGenesisPeers => Self::SetGenesisPeers,
            other => return Err(TaskError::UnknownType(other.as_str().to_owned())),
        })
    }

    pub(crate) fn stored_params(&self) -> Value {
        match self {
            Self::SnapshotRestore { target_height } => json!({ "TargetHeight": target_height }),
            Self::ConfigApply(intent) => json!(intent),
            Self::DiscoverPeers { sources } => json!({ "Sources": sources }),
            Self::ConfigureStateSync { use_local_snapshot, rpc_servers, trust_period, backfill_blocks } => {
                let mut params = json!({
                    "UseLocalSnapshot": use_local_snapshot,
                    "TrustPeriod": trust_period,
                    "BackfillBlocks": backfill_blocks,
                });
                if !rpc_servers.is_empty() {
                    params["RpcServers"] = json!(rpc_servers);
                }
                params
            }
            Self::GenerateIdentity { chain_id, moniker } => {
                json!({ "ChainID": chain_id, "Moniker": moniker })
            }
            Self::GenerateGentx { chain_id, staking_amount, account_balance, genesis_params } => json!({
                "ChainID": chain_id,
                "StakingAmount": staking_amount,
                "AccountBalance": account_balance,
                "GenesisParams": genesis_params,
            }),
            Self::UploadGenesisArtifacts { node_name } => json!({ "NodeName": node_name }),
            Self::ConfigureGenesis
            | Self::ConfigValidate
            | Self::SnapshotUpload
            | Self::MarkReady
            | Self::SetGenesisPeers => json!({}),
        }
    }

    /// The task to submit after an attempt failed with `error`: without the default that older sidecars reject.
    pub fn after(mut self, error: Option<&str>) -> Self {
        if let (Self::ConfigApply(intent), Some(error)) = (&mut self, error) {
            intent.drop_unknown_key(error);
        }
        self
    }

    /// Whether its parameters contain peers found by label sources.
    pub fn has_label_peers(&self) -> bool {
        match self {
            Self::ConfigApply(intent) => intent.has_label_peers(),
            Self::DiscoverPeers { sources } => sources.iter().any(|source| source.type_ == DNS_ENDPOINTS),
            _ => false,
        }
    }

    /// Whether it has peers from sources other than labels.
    pub fn has_other_peers(&self) -> bool {
        match self {
            Self::ConfigApply(intent) => intent.has_other_peers(),
            Self::DiscoverPeers { sources } => sources.iter().any(|source| source.type_ != DNS_ENDPOINTS),
            _ => false,
        }
    }

    /// Whether it also has peers from sources that can be resolved without it.
    pub fn has_other_sources(&self) -> bool {
        matches!(self, Self::DiscoverPeers { sources } if sources.iter().any(|source| source.type_ != EC2_TAGS))
    }

    /// The parameters to send; `None` if the task has none. `label_peers` are the addresses that label
    /// sources currently find.
    ///
    /// # Errors
    /// [`TaskError::NoPeers`] for a task without any peers; every other error is permanent.
    pub fn request_params(&self, label_peers: &[String]) -> Result<Option<Value>, TaskError> {
        let mut params = Map::new();
        let mut put = |key: &str, value: Value| {
            params.insert(key.to_owned(), value);
        };
        match self {
            Self::SnapshotRestore { target_height } if *target_height > 0 => {
                put("targetHeight", json!(target_height));
            }
            Self::ConfigApply(intent) => {
                intent.check()?;
                put("mode", json!(intent.mode));
                put("incremental", json!(intent.incremental));
                put("targetVersion", json!(intent.target_version));
                let overrides = intent.overrides_with(label_peers);
                if !overrides.is_empty() {
                    put("overrides", json!(overrides));
                }
            }
            Self::DiscoverPeers { sources } => put("sources", json!(source::present(sources, label_peers)?)),
            Self::ConfigureStateSync { use_local_snapshot, rpc_servers, trust_period, backfill_blocks } => {
                if !rpc_servers.is_empty() {
                    put("rpcServers", json!(rpc_servers));
                }
                if *use_local_snapshot {
                    put("useLocalSnapshot", json!(true));
                }
                if !trust_period.is_empty() {
                    put("trustPeriod", json!(trust_period));
                }
                if *backfill_blocks > 0 {
                    put("backfillBlocks", json!(backfill_blocks));
                }
            }
            Self::GenerateIdentity { chain_id, moniker } => {
                put("chainId", json!(chain_id));
                put("moniker", json!(moniker));
            }
            Self::GenerateGentx { chain_id, staking_amount, account_balance, genesis_params } => {
                put("chainId", json!(chain_id));
                put("stakingAmount", json!(staking_amount));
                put("accountBalance", json!(account_balance));
                if !genesis_params.is_empty() {
                    put("genesisParams", json!(genesis_params));
                }
            }
            Self::UploadGenesisArtifacts { node_name } => put("nodeName", json!(node_name)),
            Self::SnapshotRestore { .. }
            | Self::ConfigureGenesis
            | Self::ConfigValidate
            | Self::SnapshotUpload
            | Self::MarkReady
            | Self::SetGenesisPeers => {}
        }
        Ok((!params.is_empty()).then_some(Value::Object(params)))
    }
}
