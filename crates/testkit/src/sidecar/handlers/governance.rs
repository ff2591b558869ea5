//! Governance: transactions, checked as the sidecar does before it signs, sent to the seid next to it, and included in a
//! block after some time.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Handlers, failed, internal, seid::LOCAL, sha256};
use crate::sidecar::{Failure, Generation, Outcome};

/// How long the chain takes to include a transaction.
const BLOCK: Duration = Duration::from_millis(400);
/// The limit of the chain, in bytes.
const MEMO: usize = 256;
/// Text before the ID of the task in the memo.
const TAG: &str = "taskID=";
/// Directory of the signed transactions by task. The real sidecar stores them in its database.
const SIGNED: &str = ".sei-sidecar-transactions";

#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Proposal {
    chain_id: String,
    key_name: String,
    fees: String,
    gas: u64,
    memo: String,
    proposal_id: u64,
    option: String,
    title: String,
    description: String,
    upgrade_name: String,
    upgrade_height: i64,
    initial_deposit: String,
    changes: Vec<Value>,
}

impl Handlers {
    pub(super) async fn govern(&self, id: &str, task: &str, params: Proposal) -> Outcome {
        check_message(task, &params, self.keyring).map_err(failed)?;
        let memo = check_transaction(id, &params).map_err(failed)?;
        self.check_chain(&params.chain_id).await?;
        let transaction = self.sign(id, task, &params, &memo).await?;
        self.world
            .broadcast(transaction.clone())
            .await
            .map_err(|error| failed(format!("broadcast: {error}")))?;
        sleep(BLOCK).await;
        let mut result = json!({
            "txHash": sha256(transaction.as_bytes()).to_uppercase(),
            "height": 1, "inclusionStatus": "committed_ok",
        });
        // Earlier releases did not decode it, and a vote creates no proposal.
        if task != "gov-vote" && self.generation >= Generation::V67 {
            result["proposalId"] = json!(1);
        }
        Ok(Some(result))
    }

    /// Nothing is signed for another chain than that of the environment and of the seid next to it.
    async fn check_chain(&self, chain: &str) -> Result<(), Failure> {
        if chain != self.chain {
            let expected = &self.chain;
            return Err(failed(format!(
                "chain mismatch: params.chainId={chain:?} sidecar.SEI_CHAIN_ID={expected:?}"
            )));
        }
        let status = self.world.rpc(LOCAL, "/status").await;
        let status = status.map_err(|error| failed(format!("query local seid /status: {error}")))?;
        match status["node_info"]["network"].as_str().unwrap_or_default() {
            "" => Err(failed("/status.node_info.network is empty; refusing to sign")),
            network if network != chain => {
                Err(failed(format!("chain mismatch: params.chainId={chain:?} node.network={network:?}")))
            }
            _ => Ok(()),
        }
    }

    /// The signed transaction. Since v0.0.61 it is stored before it is sent, and another run of the task sends the same one.
    async fn sign(&self, id: &str, task: &str, params: &Proposal, memo: &str) -> Result<String, Failure> {
        let file = format!("{SIGNED}/{id}");
        let stores = self.generation >= Generation::V61;
        if let Some(signed) = self.home.read(&file).map_err(internal)?.filter(|_| stores) {
            return Ok(signed);
        }
        let sequence = self.world.sequence().await.map_err(failed)?;
        let signed =
            json!({ "task": task, "params": params, "memo": memo, "sequence": sequence }).to_string();
        if stores {
            self.home.write(&file, &signed).map_err(internal)?;
        }
        Ok(signed)
    }
}

/// The checks of each message.
fn check_message(task: &str, params: &Proposal, keyring: bool) -> Result<(), String> {
    if task == "gov-vote" {
        if params.proposal_id == 0 {
            return Err("proposalId required (must be > 0)".to_owned());
        }
        if !["yes", "no", "abstain", "no_with_veto"].contains(&params.option.as_str()) {
            let option = &params.option;
            return Err(format!(
                "invalid vote option {option:?} (allowed: yes | no | abstain | no_with_veto)"
            ));
        }
    }
    if !keyring {
        return Err("keyring not configured: set SEI_KEYRING_BACKEND/SEI_KEYRING_PASSPHRASE on the sidecar"
            .to_owned());
    }
    needs("keyName", &params.key_name)?;
    if task == "gov-vote" {
        return Ok(());
    }
    needs("title", &params.title)?;
    needs("description", &params.description)?;
    match task {
        "gov-software-upgrade" => {
            needs("upgradeName", &params.upgrade_name)?;
            if params.upgrade_height <= 0 {
                return Err("upgradeHeight required (must be > 0)".to_owned());
            }
        }
        _ if params.changes.is_empty() => return Err("changes required".to_owned()),
        _ => {}
    }
    check_coins("initialDeposit", &params.initial_deposit)
}

/// The checks of each transaction. Returns the memo, to which the sidecar adds the ID of the task.
fn check_transaction(id: &str, params: &Proposal) -> Result<String, String> {
    if params.memo.contains(TAG) {
        return Err(format!("memo must not contain {TAG:?} (reserved for engine-supplied task tag)"));
    }
    let memo = format!("{} {TAG}{id}", params.memo);
    let memo = memo.trim_start_matches(' ');
    needs("chainId", &params.chain_id)?;
    if params.gas == 0 {
        return Err("gas required (must be > 0)".to_owned());
    }
    needs("fees", &params.fees)?;
    if memo.len() > MEMO {
        return Err(format!("memo length {} exceeds {MEMO} bytes", memo.len()));
    }
    if let Some(letter) = memo.chars().find(|letter| letter.is_control()) {
        return Err(format!("memo contains non-printable character U+{:04X}", u32::from(letter)));
    }
    check_coins("fees", &params.fees)?;
    Ok(memo.to_owned())
}

fn needs(name: &str, value: &str) -> Result<(), String> {
    if value.is_empty() { Err(format!("{name} required")) } else { Ok(()) }
}

/// Amounts other than zero, in the one denomination that the sidecar signs for.
fn check_coins(name: &str, text: &str) -> Result<(), String> {
    for coin in text.split(',') {
        let digits = coin.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(coin.len());
        let (amount, denomination) = coin.split_at(digits);
        if amount.is_empty() || denomination.is_empty() {
            return Err(format!("parse {name} {text:?}: invalid decimal coin expression: {coin}"));
        }
        if amount.bytes().all(|digit| digit == b'0') {
            return Err(format!("{name} {text:?} resolves to zero or empty coins"));
        }
        if denomination != "usei" {
            return Err(format!("{name} {text:?}: denom {denomination:?} not permitted (only \"usei\")"));
        }
    }
    Ok(())
}
