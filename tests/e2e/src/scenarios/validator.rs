//! A validator with its keys and its operator's keyring.

use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::EnvVar;
use sei_api::conditions::ConditionType;
use serde_json::{Value, json};

use crate::{
    nodes::{NAMESPACE, Node, condition},
    report::seen,
    world::World,
};

/// 64 bytes; the second half identifies the node.
const NODE_KEY: &str =
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";

pub(super) async fn run(world: &World) -> anyhow::Result<()> {
    let secret = |name: &str| json!({ "secret": { "secretName": name } });
    let keyring = json!({ "secret": {
        "secretName": "validator-keyring",
        "passphraseSecretRef": { "secretName": "validator-passphrase", "key": "passphrase" },
    }});
    let validator = json!({
        "signingKey": secret("validator-signing"), "nodeKey": secret("validator-node"), "operatorKeyring": keyring,
    });
    let node = Node::create_as(world, "validator", json!({}), json!({ "validator": validator })).await?;
    let words = node.until_waiting("WaitingForKeys").await?;
    ensure!(words.contains("validator-signing"), "it does not say which Secret it waits for: {words}");
    seen("without its keys it waits and reports the name of the Secret");

    world.apply(&keys().to_string()).await?;
    let ready = node.until_ready().await?;
    for kind in
        [ConditionType::SigningKeyReady, ConditionType::NodeKeyReady, ConditionType::OperatorKeyringReady]
    {
        let truth = condition(&ready, kind).unwrap_or_default();
        ensure!(truth.starts_with("True/"), "{} is {truth}", kind.as_str());
    }
    seen("once the keys exist they are accepted, and the node continues to Running");

    let exec = |container: &'static str, file: &'static str| {
        let words = format!("exec -n {NAMESPACE} validator-0 -c {container} -- cat {file}");
        async move { world.kubectl(&words).await }
    };
    let signing = exec("seid", "/.sei/config/priv_validator_key.json").await?;
    ensure!(signing.contains("PrivValidator-e2e"), "seid has another signing key");
    let node_key = exec("seid", "/.sei/config/node_key.json").await?;
    ensure!(node_key.contains(NODE_KEY), "seid has another node key");
    let pod = node.pod().await?;
    let sidecar = pod.spec.iter().flat_map(|spec| spec.init_containers.iter().flatten());
    let sidecar = sidecar.into_iter().find(|container| container.name == "sei-sidecar");
    let sidecar = sidecar.context("the pod has no sidecar")?;
    let has = |name: &str, value: &str| {
        let wanted = |variable: &EnvVar| variable.name == name && variable.value.as_deref() == Some(value);
        sidecar.env.iter().flatten().any(wanted)
    };
    ensure!(has("SEI_KEYRING_BACKEND", "file"), "the sidecar is not configured to use the keyring");
    let id = world.run("curl", &["-fsS", &format!("http://{}:7777/v0/node-id", node.host())]).await?;
    let id: Value = serde_json::from_str(&id).context("read the node id")?;
    ensure!(id["nodeId"].as_str().is_some_and(|id| id.len() == 40), "the sidecar's node id is {id}");
    seen(format!(
        "seid signs with the given key, and the sidecar reports the same node ID: {}",
        id["nodeId"]
    ));
    node.delete().await?;
    let secrets = "delete secret validator-signing validator-node validator-keyring validator-passphrase";
    world.kubectl(&format!("{secrets} -n {NAMESPACE}")).await?;
    seen("deleted: the Secrets belong to the user and are kept");
    Ok(())
}

fn keys() -> Value {
    let signing = json!({
        "address": "0000000000000000000000000000000000000000",
        "pub_key": { "type": "tendermint/PubKeyEd25519", "value": "PubValidator-e2e" },
        "priv_key": { "type": "tendermint/PrivKeyEd25519", "value": "PrivValidator-e2e" },
    });
    let node = json!({ "priv_key": { "type": "tendermint/PrivKeyEd25519", "value": NODE_KEY } });
    let secret = |name: &str, data: Value| {
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": NAMESPACE },
            "stringData": data,
        })
    };
    json!({ "apiVersion": "v1", "kind": "List", "items": [
        secret("validator-signing", json!({ "priv_validator_key.json": signing.to_string() })),
        secret("validator-node", json!({ "node_key.json": node.to_string() })),
        secret("validator-keyring", json!({ "node_admin.info": "info", "0000.address": "address" })),
        secret("validator-passphrase", json!({ "passphrase": "a throw-away passphrase" })),
    ]})
}
