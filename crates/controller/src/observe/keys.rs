//! The key Secrets of a validator. Only their format is checked, not their cryptography, and none of their
//! content is kept or repeated.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::Api;
use sei_api::{
    SeiNode, names,
    v1alpha1::{KeySource, OperatorKeyringSecret},
};
use sei_decide::{Finding, Keys, exclusive::PublicKey};
use serde_json::Value;

use super::remembered;
use crate::{
    context::Context,
    references::{Kind, Target},
    refusal::error_message,
};

type Data = BTreeMap<String, ByteString>;

pub(super) async fn find(ctx: &Context, node: &SeiNode) -> Keys {
    let Some(validator) = &node.spec.validator else { return Keys::default() };
    let name = |source: &Option<KeySource>| Some(source.as_ref()?.secret.as_ref()?.secret_name.clone());
    let mut keys = Keys::default();
    if let Some(name) = name(&validator.signing_key) {
        let rule = |data: &Data| {
            signing_key(data)?;
            if let Some(key) = PublicKey::of_data(data) {
                ctx.exclusives.store_key(names::namespace(node), &name, key);
            }
            Ok(())
        };
        keys.signing = Some(check(ctx, node, &name, rule).await);
    }
    if let Some(name) = name(&validator.node_key) {
        keys.node = Some(check(ctx, node, &name, node_key).await);
    }
    if let Some(secret) = validator.operator_keyring.as_ref().and_then(|keyring| keyring.secret.as_ref()) {
        keys.keyring = Some(keyring(ctx, node, secret).await);
    }
    keys
}

async fn keyring(ctx: &Context, node: &SeiNode, secret: &OperatorKeyringSecret) -> Finding {
    let wanted = format!("{}.info", secret.key_name());
    let files = check(ctx, node, &secret.secret_name, |data| keyring_files(data, &wanted)).await;
    if !matches!(files, Finding::Good(_)) {
        return files;
    }
    let reference = &secret.passphrase_secret_ref;
    let passphrase = check(ctx, node, &reference.secret_name, |data| value(data, &reference.key).map(drop));
    match passphrase.await {
        Finding::Good(_) => Finding::Good(format!(
            "keyring Secret {} and passphrase Secret {} hold all required data",
            secret.secret_name, reference.secret_name
        )),
        other => other,
    }
}

async fn check(
    ctx: &Context,
    node: &SeiNode,
    name: &str,
    rule: impl Fn(&Data) -> Result<(), String>,
) -> Finding {
    let look = async {
        let api: Api<Secret> = Api::namespaced(ctx.client.clone(), names::namespace(node));
        match api.get_opt(name).await {
            Err(error) => {
                Finding::Unread(format!("Secret {name} could not be read: {}", error_message(&error)))
            }
            Ok(None) => Finding::NotYet(format!("Secret {name} does not exist")),
            Ok(Some(secret)) if secret.metadata.deletion_timestamp.is_some() => {
                Finding::NotYet(format!("Secret {name} is being deleted"))
            }
            Ok(Some(secret)) => match ctx.platform.refuses_reference(secret.metadata.labels.as_ref()) {
                Some(why) => Finding::NotYet(format!("Secret {name} {why}")),
                None => match rule(&secret.data.unwrap_or_default()) {
                    Ok(()) => Finding::Good(format!("Secret {name} holds all required data")),
                    Err(why) => Finding::Bad(format!("Secret {name}: {why}")),
                },
            },
        }
    };
    remembered(ctx, node, Target::of(node, Kind::Secret, name), look).await
}

/// A Tendermint validator key: `priv_validator_key.json`.
fn signing_key(data: &Data) -> Result<(), String> {
    let paths = [
        &["address"][..],
        &["pub_key", "type"],
        &["pub_key", "value"],
        &["priv_key", "type"],
        &["priv_key", "value"],
    ];
    json_strings(data, "priv_validator_key.json", &paths)
}

/// A Tendermint node key: `node_key.json`.
fn node_key(data: &Data) -> Result<(), String> {
    json_strings(data, "node_key.json", &[&["priv_key", "type"], &["priv_key", "value"]])
}

/// A keyring directory of the `file` backend.
fn keyring_files(data: &Data, wanted: &str) -> Result<(), String> {
    if let Some((key, _)) = data.iter().find(|(key, value)| key.ends_with(".info") && value.0.is_empty()) {
        return Err(format!("data key {key} is empty"));
    }
    for suffix in [".info", ".address"] {
        if !data.keys().any(|key| key.ends_with(suffix)) {
            return Err(format!("no data key ends in {suffix}: add the files of the keyring directory"));
        }
    }
    match data.contains_key(wanted) {
        true => Ok(()),
        false => Err(format!(
            "data key {wanted} is missing: spec.validator.operatorKeyring.secret.keyName must name a key in the keyring"
        )),
    }
}

fn json_strings(data: &Data, key: &str, paths: &[&[&str]]) -> Result<(), String> {
    let bytes = value(data, key)?;
    // The parser's message could repeat key material, so it is omitted.
    let json: Value = serde_json::from_slice(bytes).map_err(|_| format!("data key {key} is not JSON"))?;
    for path in paths {
        let found = path.iter().try_fold(&json, |json, step| json.get(step)).and_then(Value::as_str);
        if found.is_none_or(str::is_empty) {
            return Err(format!("data key {key} has no text at {}", path.join(".")));
        }
    }
    Ok(())
}

fn value<'a>(data: &'a Data, key: &str) -> Result<&'a [u8], String> {
    let bytes = data.get(key).map(|value| value.0.as_slice()).unwrap_or_default();
    if bytes.is_empty() { Err(format!("data key {key} is missing or empty")) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testbed;

    const SIGNING_KEY: &str =
        r#"{"address":"A","pub_key":{"type":"t","value":"v"},"priv_key":{"type":"t","value":"v"}}"#;

    fn data(entries: &[(&str, &str)]) -> Data {
        entries
            .iter()
            .map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec())))
            .collect()
    }

    #[test]
    fn signing_key_needs_every_field() {
        let good =
            r#"{"address":"A","pub_key":{"type":"t","value":"v"},"priv_key":{"type":"t","value":"v"},"x":1}"#;
        let check = |json: &str| signing_key(&data(&[("priv_validator_key.json", json)]));
        assert_eq!(check(good), Ok(()));
        assert_eq!(
            check(&good.replace(r#""type":"t","value":"v"},"x""#, r#""type":"t"},"x""#)),
            Err("data key priv_validator_key.json has no text at priv_key.value".to_owned())
        );
        assert_eq!(check("{sec"), Err("data key priv_validator_key.json is not JSON".to_owned()));
        assert_eq!(
            signing_key(&Data::new()),
            Err("data key priv_validator_key.json is missing or empty".to_owned())
        );
    }

    #[test]
    fn keyring_needs_its_files_and_the_named_key() {
        let check = |entries: &[(&str, &str)]| keyring_files(&data(entries), "node_admin.info");
        assert_eq!(check(&[("node_admin.info", "x"), ("ab.address", "")]), Ok(()));
        for (entries, why) in [
            (&[("node_admin.info", ""), ("ab.address", "x")][..], "is empty"),
            (&[("ab.address", "x")], "ends in .info"),
            (&[("node_admin.info", "x")], "ends in .address"),
            (&[("other.info", "x"), ("ab.address", "x")], "node_admin.info is missing"),
        ] {
            assert!(check(entries).unwrap_err().contains(why), "{why}");
        }
    }
    /// The findings about keys if one Secret lacks the label that the operator requires.
    async fn found_without_label_on(unlabelled: &'static str) -> [Finding; 3] {
        let client = testbed::client(move |path| {
            let (_, name) = path.rsplit_once('/').unwrap();
            let labels = if name == unlabelled { json!({}) } else { json!({ "allowed": "yes" }) };
            let data = data(&[
                ("priv_validator_key.json", SIGNING_KEY),
                ("node_key.json", SIGNING_KEY),
                ("node_admin.info", "x"),
                ("ab.address", "x"),
                ("phrase", "x"),
            ]);
            (200, json!({ "metadata": { "name": name, "namespace": "sei", "labels": labels }, "data": data }))
        });
        let (ctx, _writers) = testbed::context(&client, &[("SEI_REFERENCE_LABEL", "allowed=yes")]);
        let keyring = json!({
            "secretName": "keyring", "passphraseSecretRef": { "secretName": "passphrase", "key": "phrase" },
        });
        let validator = json!({
            "signingKey": { "secret": { "secretName": "signing" } },
            "nodeKey": { "secret": { "secretName": "node" } },
            "operatorKeyring": { "secret": keyring },
        });
        let keys = find(&ctx, &testbed::node("u", json!({ "validator": validator }))).await;
        [keys.signing, keys.node, keys.keyring].map(Option::unwrap)
    }

    #[tokio::test]
    async fn a_secret_without_the_required_label_is_not_used() {
        let is_good = |finding: &Finding| matches!(finding, Finding::Good(_));
        let all = found_without_label_on("none").await;
        assert!(all.iter().all(is_good), "{all:?}");
        for (secret, refused) in [("signing", 0), ("node", 1), ("keyring", 2), ("passphrase", 2)] {
            let found = found_without_label_on(secret).await;
            let start = format!("Secret {secret} lacks label allowed=yes");
            assert!(
                matches!(&found[refused], Finding::NotYet(why) if why.starts_with(&start)),
                "{secret}: {found:?}"
            );
            assert_eq!(found.iter().filter(|finding| is_good(finding)).count(), 2, "{secret}: {found:?}");
        }
    }
}
