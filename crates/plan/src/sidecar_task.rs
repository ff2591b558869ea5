//! Tasks that the sidecar does: their stored form, and the parameters that are sent.

use std::collections::BTreeMap;

use sei_node::is_override_key;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{TaskError, TaskKind, params::Params};

/// A task that the sidecar does.
#[derive(Clone, Debug, PartialEq)]
pub enum SidecarTask {
    /// See [`TaskKind::SnapshotRestore`].
    SnapshotRestore {
        /// Highest acceptable height; 0 for the highest there is.
        target_height: i64,
    },
    /// See [`TaskKind::ConfigureGenesis`].
    ConfigureGenesis,
    /// See [`TaskKind::ConfigApply`].
    ConfigApply(ConfigIntent),
    /// See [`TaskKind::DiscoverPeers`].
    DiscoverPeers {
        /// Where to look.
        sources: Vec<Source>,
    },
    /// See [`TaskKind::ConfigureStateSync`].
    ConfigureStateSync {
        /// Trust the height of a local snapshot.
        use_local_snapshot: bool,
        /// Duration as the configuration takes it; may be empty.
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
        /// Chain to be made.
        chain_id: String,
        /// Name of the node.
        moniker: String,
    },
    /// See [`TaskKind::GenerateGentx`].
    GenerateGentx {
        /// Chain to be made.
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

/// What `config-apply` makes the configuration from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConfigIntent {
    /// Mode whose defaults are used.
    pub mode: String,
    /// Dotted keys over those defaults.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub overrides: BTreeMap<String, String>,
    /// Version of the configuration; 0 is the current one.
    #[serde(skip_serializing_if = "is_default")]
    pub target_version: i64,
    /// Change the files instead of rewriting them.
    #[serde(skip_serializing_if = "is_default")]
    pub incremental: bool,
}

/// One source of peers, as it is stored and sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Source {
    /// `ec2Tags`, `static` or `dnsEndpoints`.
    #[serde(rename = "type")]
    pub type_: String,
    /// Of `ec2Tags`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub region: String,
    /// Of `ec2Tags`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Of `static`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Of `dnsEndpoints`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<String>,
}

/// Type of a source that label peers become.
pub(crate) const DNS_ENDPOINTS: &str = "dnsEndpoints";

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
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
            }),
            TaskKind::DiscoverPeers => Self::DiscoverPeers { sources: params.optional("Sources")? },
            TaskKind::ConfigureStateSync => Self::ConfigureStateSync {
                use_local_snapshot: params.optional("UseLocalSnapshot")?,
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
            Self::ConfigureStateSync { use_local_snapshot, trust_period, backfill_blocks } => json!({
                "UseLocalSnapshot": use_local_snapshot,
                "TrustPeriod": trust_period,
                "BackfillBlocks": backfill_blocks,
            }),
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

    /// The parameters to send; `None` where the task has none. Label peers are those of now, whatever was known
    /// when the plan was made.
    ///
    /// # Errors
    /// [`TaskError::NoPeers`] while there is no peer to connect to; every other error is final.
    pub fn request_params(&self, resolved_peers: &[String]) -> Result<Option<Value>, TaskError> {
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
                if !intent.overrides.is_empty() {
                    put("overrides", json!(intent.overrides));
                }
            }
            Self::DiscoverPeers { sources } => put("sources", json!(present(sources, resolved_peers)?)),
            Self::ConfigureStateSync { use_local_snapshot, trust_period, backfill_blocks } => {
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

/// The sources that have something to offer: all label sources as one, with the peers of now.
fn present(sources: &[Source], resolved_peers: &[String]) -> Result<Vec<Source>, TaskError> {
    let mut labels = false;
    let mut present = Vec::new();
    for source in sources {
        if source.type_ != DNS_ENDPOINTS {
            present.push(source.clone());
        } else if !labels && !resolved_peers.is_empty() {
            labels = true;
            present.push(Source { endpoints: resolved_peers.to_vec(), ..source.clone() });
        }
    }
    if present.is_empty() { Err(TaskError::NoPeers) } else { Ok(present) }
}

impl ConfigIntent {
    fn check(&self) -> Result<(), TaskError> {
        let wrong = |field: &str, why: String| TaskError::WrongParam {
            task: TaskKind::ConfigApply.as_str().to_owned(),
            field: field.to_owned(),
            why,
        };
        if !["validator", "full", "seed", "archive"].contains(&self.mode.as_str()) {
            return Err(wrong("mode", format!("{:?} is not a configuration mode", self.mode)));
        }
        if !(0..=1).contains(&self.target_version) {
            return Err(wrong("targetVersion", format!("{} is not 0 or 1", self.target_version)));
        }
        match self.overrides.keys().find(|key| !is_override_key(key)) {
            Some(key) => Err(wrong("overrides", format!("{key:?} is not a key of the Sei configuration"))),
            None => Ok(()),
        }
    }
}
