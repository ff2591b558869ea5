//! The genesis of a chain: embedded, downloaded, or assembled in a ceremony.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Handlers, failed, fetch, internal, required, sha256, unreachable};
use crate::sidecar::{Failure, Generation, Outcome, node_key};

const GENESIS: &str = "config/genesis.json";
/// Chains whose genesis is embedded in every release.
const EMBEDDED: &[&str] = &["pacific-1", "atlantic-2", "arctic-1"];
/// Modules with a state in the genesis.
const MODULES: &[&str] =
    &["auth", "bank", "distribution", "evm", "gov", "mint", "oracle", "slashing", "staking"];
/// usei per SEI; a validator with less has no voting power.
const SEI: u64 = 1_000_000;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Genesis {
    expected_genesis_hash: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Identity {
    chain_id: String,
    moniker: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Gentx {
    chain_id: String,
    staking_amount: String,
    account_balance: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Upload {
    node_name: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Assemble {
    account_balance: String,
    namespace: String,
    nodes: Vec<Member>,
    accounts: Vec<Map<String, Value>>,
    overrides: Map<String, Value>,
}

#[derive(Deserialize)]
struct Member {
    name: String,
}

impl Handlers {
    pub(super) async fn configure_genesis(&self, params: Genesis) -> Outcome {
        let task = "configure-genesis";
        if EMBEDDED.contains(&self.chain.as_str()) {
            self.home.write_json(GENESIS, &json!({ "chain_id": self.chain })).map_err(internal)?;
            return Ok(None);
        }
        let genesis = fetch(task, &*self.genesis, &format!("{}/genesis.json", self.chain)).await?;
        let (expected, actual) = (params.expected_genesis_hash, sha256(&genesis));
        if self.generation >= Generation::V59 && !expected.is_empty() && expected != actual {
            return Err(failed(format!("{task}: genesis hash is {actual}, expected {expected}")));
        }
        self.home.write(GENESIS, genesis).map_err(internal)?;
        Ok(None)
    }

    /// Configures the peers of a ceremony, without the node itself.
    pub(super) async fn set_genesis_peers(&self) -> Outcome {
        let peers = fetch("set-genesis-peers", &*self.genesis, &format!("{}/peers.json", self.chain)).await?;
        let peers: Value = serde_json::from_slice(&peers)
            .map_err(|error| failed(format!("set-genesis-peers: parsing peers.json: {error}")))?;
        let own = node_key::id(&self.home).unwrap_or_default();
        let others = peers.as_array().into_iter().flatten().filter_map(Value::as_str);
        let others: Vec<_> = others.filter(|peer| peer.split('@').next() != Some(&own)).collect();
        self.set_section("p2p", vec![("persistent-peers", others.join(",").into())])
    }

    pub(super) fn generate_identity(&self, params: Identity) -> Outcome {
        required("generate-identity", "chainId", &params.chain_id)?;
        required("generate-identity", "moniker", &params.moniker)?;
        let validator = json!({ "priv_key": node_key::generate()["priv_key"] });
        self.home.write_json(node_key::FILE, &node_key::generate()).map_err(internal)?;
        self.home.write_json("config/priv_validator_key.json", &validator).map_err(internal)?;
        if !self.home.has(GENESIS) {
            self.home.write_json(GENESIS, &json!({ "chain_id": params.chain_id })).map_err(internal)?;
        }
        self.set_section("base", vec![("moniker", params.moniker.into())])
    }

    pub(super) fn generate_gentx(&self, params: Gentx) -> Outcome {
        let task = "generate-gentx";
        for (name, value) in [
            ("chainId", &params.chain_id),
            ("stakingAmount", &params.staking_amount),
            ("accountBalance", &params.account_balance),
        ] {
            required(task, name, value)?;
        }
        let id = node_key::id(&self.home).map_err(|error| failed(format!("{task}: {error:#}")))?;
        let gentx = json!({ "nodeId": id, "stakingAmount": params.staking_amount });
        self.home.write_json(&gentx_file(&id), &gentx).map_err(internal)?;
        Ok(None)
    }

    pub(super) async fn upload_genesis_artifacts(&self, params: Upload) -> Outcome {
        let task = "upload-genesis-artifacts";
        required(task, "nodeName", &params.node_name)?;
        let id = node_key::id(&self.home).map_err(|error| failed(format!("{task}: {error:#}")))?;
        for (object, file) in [("gentx.json", gentx_file(&id)), ("identity.json", node_key::FILE.to_owned())]
        {
            let content = self.home.read(&file).map_err(internal)?;
            let content = content.ok_or_else(|| failed(format!("{task}: {file} not found")))?;
            let key = format!("{}/{}/{object}", self.chain, params.node_name);
            self.genesis.put(&key, content.into_bytes()).await.map_err(unreachable(task))?;
        }
        Ok(None)
    }

    /// Assembles the genesis of a ceremony from the uploads of its members.
    pub(super) async fn assemble(&self, params: Assemble) -> Outcome {
        let task = "assemble-and-upload-genesis";
        required(task, "accountBalance", &params.account_balance)?;
        required(task, "namespace", &params.namespace)?;
        if params.nodes.is_empty() {
            return Err(failed(format!("{task}: missing required param 'nodes'")));
        }
        let (mut gentxs, mut peers) = (Vec::new(), Vec::new());
        for Member { name } in &params.nodes {
            let gentx = fetch(task, &*self.genesis, &format!("{}/{name}/gentx.json", self.chain)).await?;
            let gentx: Value = serde_json::from_slice(&gentx)
                .map_err(|error| failed(format!("{task}: parsing gentx of {name}: {error}")))?;
            let id = gentx["nodeId"].as_str().unwrap_or_default();
            // Its parameters do not contain the DNS domain of the cluster.
            let namespace = &params.namespace;
            peers.push(json!(format!("{id}@{name}-0.{name}.{namespace}.svc.cluster.local:26656")));
            gentxs.push(gentx);
        }
        // A failure from here on leaves the accounts in the local genesis.
        self.add_accounts(&params.accounts)?;
        let bond = |gentx: &Value| {
            let bond = gentx["stakingAmount"].as_str().unwrap_or_default().trim_end_matches("usei");
            bond.parse::<u64>().unwrap_or(0)
        };
        if self.generation >= Generation::V66 && gentxs.iter().any(|gentx| bond(gentx) < SEI) {
            return Err(failed(format!("{task}: consensus power 0")));
        }
        let mut genesis = self.local_genesis()?;
        genesis["gentxs"] = Value::Array(gentxs);
        if self.generation >= Generation::V50 {
            check_overrides(&params.overrides)?;
            genesis["overrides"] = Value::Object(params.overrides);
        }
        let genesis = genesis.to_string();
        for (object, content) in [("genesis.json", genesis.clone()), ("peers.json", json!(peers).to_string())]
        {
            let key = format!("{}/{object}", self.chain);
            self.genesis.put(&key, content.into_bytes()).await.map_err(unreachable(task))?;
        }
        Ok(Some(json!({ "genesisHash": sha256(genesis.as_bytes()) })))
    }

    /// Adds accounts to the local genesis, where an earlier attempt may have added them already.
    fn add_accounts(&self, accounts: &[Map<String, Value>]) -> Outcome {
        let mut genesis = self.local_genesis()?;
        let mut known = genesis["accounts"].as_array().cloned().unwrap_or_default();
        for account in accounts {
            let address = account.get("address").and_then(Value::as_str).unwrap_or_default();
            if known.iter().any(|known| known["address"] == address) {
                return Err(failed(format!(
                    "external account {address} collides with an existing genesis account"
                )));
            }
            known.push(Value::Object(account.clone()));
        }
        genesis["accounts"] = Value::Array(known);
        self.home.write_json(GENESIS, &genesis).map_err(internal)?;
        Ok(None)
    }

    fn local_genesis(&self) -> Result<Value, Failure> {
        let text = self.home.read(GENESIS).map_err(internal)?;
        let text =
            text.ok_or_else(|| failed("genesis.json not found — generate-identity may not have run yet"))?;
        serde_json::from_str(&text).map_err(|error| failed(format!("parsing genesis.json: {error}")))
    }
}

/// Rejects keys that are not the path of a field of a module.
fn check_overrides(overrides: &Map<String, Value>) -> Outcome {
    for key in overrides.keys() {
        let (module, field) = key.split_once('.').unwrap_or((key, ""));
        if field.is_empty() || field.split('.').any(str::is_empty) {
            return Err(failed(format!(
                "genesis-overrides: key {key:?} must be of the form module.field[.field...]"
            )));
        }
        if !MODULES.contains(&module) {
            return Err(failed(format!("genesis-overrides: unknown module {module:?} (key {key:?})")));
        }
    }
    Ok(None)
}

fn gentx_file(node_id: &str) -> String {
    format!("config/gentx/gentx-{node_id}.json")
}
