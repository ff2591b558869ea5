//! Governance: transactions that are accepted immediately, without a chain.

use serde::Deserialize;
use serde_json::json;

use super::{Handlers, failed, required, sha256};
use crate::sidecar::{Generation, Outcome};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Proposal {
    chain_id: String,
    key_name: String,
    fees: String,
    gas: u64,
    proposal_id: u64,
    option: String,
    title: String,
    upgrade_name: String,
    upgrade_height: i64,
}

impl Handlers {
    pub(super) fn govern(&self, task: &str, params: Proposal) -> Outcome {
        for (name, value) in
            [("chainId", &params.chain_id), ("keyName", &params.key_name), ("fees", &params.fees)]
        {
            required(task, name, value)?;
        }
        if params.chain_id != self.chain {
            return Err(failed(format!("{task}: chainId {:?} is not {:?}", params.chain_id, self.chain)));
        }
        if params.gas == 0 {
            return Err(failed(format!("{task}: missing required param 'gas'")));
        }
        match task {
            "gov-vote" => {
                if !["yes", "no", "abstain", "no_with_veto"].contains(&params.option.as_str()) {
                    return Err(failed(format!("{task}: invalid option {:?}", params.option)));
                }
                if params.proposal_id == 0 {
                    return Err(failed(format!("{task}: missing required param 'proposalId'")));
                }
            }
            "gov-software-upgrade" => {
                required(task, "title", &params.title)?;
                required(task, "upgradeName", &params.upgrade_name)?;
                if params.upgrade_height <= 0 {
                    return Err(failed(format!("{task}: missing required param 'upgradeHeight'")));
                }
            }
            _ => drop(required(task, "title", &params.title)?),
        }
        if !self.keyring {
            return Err(failed(format!("{task}: keyring is not configured")));
        }
        let mut result = json!({
            "txHash": sha256(format!("{task}/{}/{}", params.title, params.proposal_id).as_bytes()).to_uppercase(),
            "height": 1, "code": 0, "codespace": "", "rawLog": "", "inclusionStatus": "committed_ok",
        });
        // It was not decoded before that release.
        if self.generation >= Generation::V67 {
            result["proposalId"] = json!(params.proposal_id.max(1));
        }
        Ok(Some(result))
    }
}
