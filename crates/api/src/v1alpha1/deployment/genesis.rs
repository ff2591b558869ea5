//! The genesis ceremony of a group of validators.

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::rules;

/// Default self-delegation of a validator.
const STAKING_AMOUNT: &str = "10000000usei";
/// Default balance of a validator's account.
const ACCOUNT_BALANCE: &str =
    "1000000000000000000000usei,1000000000000000000000uusdc,1000000000000000000000uatom";

/// The genesis of a new chain. The parts that validators commit to are immutable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::GENESIS_DECIDED)]
pub struct DeploymentGenesis {
    /// Chain to create; the same as `template.spec.chainId`. Immutable.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9][a-z0-9-]*[a-z0-9]$"))]
    pub chain_id: String,
    /// Self-delegation of each validator, with denomination. Immutable.
    #[serde(default = "staking_amount")]
    #[schemars(length(min = 1, max = 256))]
    #[x_kube(validation = rules::COIN)]
    pub staking_amount: String,
    /// Genesis balance of each validator's account, with denominations. Immutable.
    #[serde(default = "account_balance")]
    #[schemars(length(min = 1, max = 1024))]
    #[x_kube(validation = rules::COINS)]
    pub account_balance: String,
    /// Additional accounts in the genesis. They can be corrected until the genesis is assembled; later changes have no
    /// effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub accounts: Option<Vec<GenesisAccount>>,
    /// Parameters of the genesis by dotted key, such as `staking.params.unbonding_time`. A value that is valid JSON is written
    /// as JSON, except decimal fractions, which a genesis stores as strings; anything else is a string: `100` is a number, `600s` and `"100"` in quotes are strings. Requires a sidecar of v0.0.50 or later. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overrides: Option<BTreeMap<String, String>>,
    /// How long the ceremony may take, such as `15m`; absent: 1h. After that nothing more is submitted and `Stalled` says
    /// what is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = rules::DURATION)]
    pub max_ceremony_duration: Option<String>,
}

fn staking_amount() -> String {
    STAKING_AMOUNT.to_owned()
}

fn account_balance() -> String {
    ACCOUNT_BALANCE.to_owned()
}

/// An account with a balance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct GenesisAccount {
    /// Address of the account.
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = rules::ADDRESS)]
    pub address: String,
    /// Balance with denominations.
    #[schemars(length(min = 1, max = 1024))]
    #[x_kube(validation = rules::COINS)]
    pub balance: String,
}
