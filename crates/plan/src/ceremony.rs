//! Objects that the members of a genesis ceremony store in the genesis bucket, and those that each member needs from it
//! to continue. The assembly of the genesis is not part of a member's plan.

use sei_api::{SeiNode, names};

use crate::SidecarTask;

/// Chains whose genesis is built into every sidecar.
const EMBEDDED: [&str; 3] = ["pacific-1", "atlantic-2", "arctic-1"];

/// Key of the object without which `task` cannot succeed, if `node` is a member of a ceremony.
pub fn needed_object(node: &SeiNode, task: &SidecarTask) -> Option<String> {
    node.spec.validator.as_ref()?.genesis_ceremony.as_ref()?;
    let chain = node.spec.chain_id.as_str();
    match task {
        // An imported volume may contain everything that the sidecar needs; it checks that first.
        SidecarTask::ConfigureGenesis
            if !EMBEDDED.contains(&chain) && names::imported_claim(node).is_none() =>
        {
            Some(format!("{chain}/genesis.json"))
        }
        SidecarTask::SetGenesisPeers => Some(format!("{chain}/peers.json")),
        _ => None,
    }
}

/// Keys of the objects that `task` uploads.
pub fn left_objects(node: &SeiNode, task: &SidecarTask) -> Vec<String> {
    match task {
        SidecarTask::UploadGenesisArtifacts { node_name } => ["gentx.json", "identity.json"]
            .map(|file| format!("{}/{node_name}/{file}", node.spec.chain_id))
            .to_vec(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn member(chain: &str, more: serde_json::Value) -> SeiNode {
        let mut spec = json!({
            "chainId": chain,
            "image": "seid:a",
            "validator": { "genesisCeremony": {
                "chainId": chain, "stakingAmount": "1usei", "accountBalance": "2usei", "index": 0,
            }},
        });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let node = json!({ "metadata": { "name": "node-0" }, "spec": spec });
        serde_json::from_value(node).unwrap()
    }

    #[test]
    fn a_member_needs_the_objects_of_its_group() {
        let node = member("devnet", json!({}));
        let needs = |node: &SeiNode, task| needed_object(node, &task);
        assert_eq!(needs(&node, SidecarTask::ConfigureGenesis).as_deref(), Some("devnet/genesis.json"));
        assert_eq!(needs(&node, SidecarTask::SetGenesisPeers).as_deref(), Some("devnet/peers.json"));
        assert_eq!(needs(&node, SidecarTask::ConfigValidate), None);
        let upload = SidecarTask::UploadGenesisArtifacts { node_name: "node-0".to_owned() };
        let left = ["devnet/node-0/gentx.json", "devnet/node-0/identity.json"];
        assert_eq!(left_objects(&node, &upload), left);
        assert_eq!(left_objects(&node, &SidecarTask::ConfigureGenesis), Vec::<String>::new());
    }

    #[test]
    fn objects_that_the_sidecar_already_has_are_not_needed() {
        let genesis = |node: &SeiNode| needed_object(node, &SidecarTask::ConfigureGenesis);
        for chain in EMBEDDED {
            assert_eq!(genesis(&member(chain, json!({}))), None, "{chain}");
        }
        let import = json!({ "dataVolume": { "import": { "pvcName": "old" } } });
        assert_eq!(genesis(&member("devnet", import)), None);
        let mut alone = member("devnet", json!({}));
        alone.spec.validator.as_mut().unwrap().genesis_ceremony = None;
        assert_eq!(genesis(&alone), None);
    }
}
