//! What is requested from the sidecar.

use sei_api::{
    SeiNode, SeiNodeTask,
    v1alpha1::task::{GovernanceVote, Operation, SoftwareUpgradeProposal},
};
use serde_json::{Map, Value, json};
use uuid::{Uuid, uuid};

const NAMESPACE: Uuid = uuid!("3f0c5b1e-6f0e-4f7b-9d53-8a51c8a4e6d2");

/// A task to query, and to submit if the sidecar does not have it and never had it.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// Its ID.
    pub id: Uuid,
    /// Its type.
    pub type_: &'static str,
    /// Its parameters, if it has any.
    pub params: Option<Value>,
    /// Another type that the sidecar must support, or else its release is too old.
    pub needs_type: Option<&'static str>,
    /// Whether it may be submitted; otherwise it is only queried.
    pub submits: bool,
    /// Whether the sidecar is known to have had it.
    pub was_submitted: bool,
}

/// The ID of the sidecar task of `task`: the same in every process, and different for every SeiNodeTask, even for one
/// recreated under the same name.
pub fn task_id(task: &SeiNodeTask) -> Uuid {
    Uuid::new_v5(&NAMESPACE, task.metadata.uid.as_deref().unwrap_or_default().as_bytes())
}

/// The parameters of `operation` on `node`, or why it cannot run there.
pub(crate) fn params(operation: Operation<'_>, node: &SeiNode) -> Result<Option<Value>, String> {
    match operation {
        Operation::RestartSeid | Operation::MarkReady | Operation::SnapshotUpload => Ok(None),
        Operation::GovernanceVote(vote) => signed(node, of_vote(vote), vote.memo.as_deref()).map(Some),
        Operation::SoftwareUpgradeProposal(proposal) => {
            signed(node, of_proposal(proposal), proposal.memo.as_deref()).map(Some)
        }
    }
}

fn of_vote(vote: &GovernanceVote) -> Value {
    let GovernanceVote { proposal_id, option, fees, gas, memo: _ } = vote;
    json!({ "proposalId": proposal_id, "option": option.as_str(), "fees": fees, "gas": gas })
}

fn of_proposal(proposal: &SoftwareUpgradeProposal) -> Value {
    let SoftwareUpgradeProposal { title, description, upgrade_name, upgrade_height, .. } = proposal;
    let mut params = json!({
        "title": title, "description": description, "upgradeName": upgrade_name, "upgradeHeight": upgrade_height,
        "initialDeposit": proposal.initial_deposit, "fees": proposal.fees, "gas": proposal.gas,
    });
    if let Some(info) = &proposal.upgrade_info {
        params["upgradeInfo"] = json!(info);
    }
    params
}

/// Adds what every transaction needs: the chain, and the key of the node's keyring.
fn signed(node: &SeiNode, params: Value, memo: Option<&str>) -> Result<Value, String> {
    let validator = node.spec.validator.as_ref();
    let keyring = validator.and_then(|validator| validator.operator_keyring.as_ref()?.secret.as_ref());
    let keyring = keyring.ok_or_else(|| {
        format!(
            "SeiNode {} has no validator.operatorKeyring to sign a transaction with",
            node.metadata.name.as_deref().unwrap_or_default()
        )
    })?;
    let mut all = Map::from_iter([
        ("chainId".to_owned(), json!(node.spec.chain_id)),
        ("keyName".to_owned(), json!(keyring.key_name())),
    ]);
    all.extend(memo.map(|memo| ("memo".to_owned(), json!(memo))));
    if let Value::Object(params) = params {
        all.extend(params);
    }
    Ok(Value::Object(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(mode: Value) -> SeiNode {
        let mut spec = json!({ "chainId": "pacific-1", "image": "seid:a" });
        spec.as_object_mut().unwrap().extend(mode.as_object().unwrap().clone());
        serde_json::from_value(json!({ "metadata": { "name": "val-0" }, "spec": spec })).unwrap()
    }

    fn task(uid: &str, operation: Value) -> SeiNodeTask {
        let mut spec = json!({ "nodeRef": { "name": "val-0" } });
        spec.as_object_mut().unwrap().extend(operation.as_object().unwrap().clone());
        serde_json::from_value(json!({ "metadata": { "name": "task", "uid": uid }, "spec": spec })).unwrap()
    }

    #[test]
    fn the_id_is_derived_from_the_uid_only() {
        let (first, again, other) = (
            task("a", json!({ "restartSeid": {} })),
            task("a", json!({ "markReady": {} })),
            task("b", json!({})),
        );
        assert_eq!(task_id(&first), task_id(&again));
        assert_ne!(task_id(&first), task_id(&other));
    }

    #[test]
    fn a_transaction_is_signed_with_the_keyring_of_the_node_or_rejected_without_one() {
        let vote = json!({ "governanceVote": { "proposalId": 7, "option": "Yes", "fees": "4000usei", "gas": 200000 } });
        let task = task("a", vote);
        let operation = task.spec.operation().unwrap();
        let secret = json!({ "secretName": "keyring", "keyName": "admin", "passphraseSecretRef": { "secretName": "p", "key": "k" } });
        let keyring = json!({ "validator": { "operatorKeyring": { "secret": secret } } });
        assert_eq!(
            params(operation, &node(keyring)).unwrap().unwrap(),
            json!({
                "chainId": "pacific-1", "keyName": "admin", "proposalId": 7, "option": "yes", "fees": "4000usei",
                "gas": 200000,
            })
        );
        let refused = params(operation, &node(json!({ "fullNode": {} }))).unwrap_err();
        assert!(refused.contains("SeiNode val-0 has no validator.operatorKeyring"), "{refused}");
    }
}
