//! Rules of the four modes.

use sei_api::{
    SeiNodeSpec,
    v1alpha1::{KeySource, SnapshotSource, ValidatorSpec},
};

use super::SpecError;

pub(super) fn check(spec: &SeiNodeSpec, errors: &mut Vec<SpecError>) {
    let modes =
        [spec.full_node.is_some(), spec.archive.is_some(), spec.replayer.is_some(), spec.validator.is_some()];
    exactly_one("spec", "fullNode, archive, replayer, validator", &modes, errors);
    if let Some(full) = &spec.full_node {
        snapshot("spec.fullNode.snapshot", full.snapshot.as_ref(), errors);
    }
    snapshot_generation(spec, errors);
    if let Some(replayer) = &spec.replayer {
        snapshot("spec.replayer.snapshot", Some(&replayer.snapshot), errors);
        if replayer.snapshot.s3.as_ref().is_none_or(|s3| s3.target_height <= 0) {
            errors.push(SpecError::Missing {
                field: "spec.replayer.snapshot.s3",
                instead: "a replayer starts from an S3 snapshot: set s3.targetHeight to a positive height",
            });
        }
        if spec.peers.as_ref().is_none_or(Vec::is_empty) {
            errors.push(SpecError::Missing {
                field: "spec.peers",
                instead: "a replayer needs at least one peer source",
            });
        }
        if replayer.result_export.as_ref().is_some_and(|export| export.shadow_result.is_none()) {
            errors.push(SpecError::Missing {
                field: "spec.replayer.resultExport.shadowResult",
                instead: "set it, or remove resultExport, which has no effect",
            });
        }
    }
    if let Some(validator_spec) = &spec.validator {
        validator(validator_spec, errors);
    }
}

pub(super) fn exactly_one(parent: &str, fields: &'static str, set: &[bool], errors: &mut Vec<SpecError>) {
    let set = set.iter().filter(|set| **set).count();
    if set != 1 {
        errors.push(SpecError::NotExactlyOne { parent: parent.to_owned(), fields, set });
    }
}

fn snapshot(path: &'static str, source: Option<&SnapshotSource>, errors: &mut Vec<SpecError>) {
    let Some(source) = source else { return };
    exactly_one(path, "s3, stateSync", &[source.s3.is_some(), source.state_sync.is_some()], errors);
    let has_image = source.bootstrap_image.as_deref().is_some_and(|image| !image.is_empty());
    if has_image && source.bootstrap().is_none() {
        errors.push(SpecError::Conflict {
            field: path,
            conflict: "has bootstrapImage without s3.targetHeight: a bootstrap Job runs up to that height, so set both or neither",
        });
    }
}

fn snapshot_generation(spec: &SeiNodeSpec, errors: &mut Vec<SpecError>) {
    let Some(generation) = spec.snapshot_generation() else { return };
    let Some(tendermint) = &generation.tendermint else {
        errors.push(SpecError::Missing {
            field: "snapshotGeneration.tendermint",
            instead: "set tendermint.keepRecent, or remove snapshotGeneration",
        });
        return;
    };
    if tendermint.publish.is_some() && tendermint.keep_recent < 2 {
        errors.push(SpecError::BadValue {
            field: "snapshotGeneration.tendermint.keepRecent".to_owned(),
            value: tendermint.keep_recent.to_string(),
            wanted: "2 or more where snapshots are published: the newest may still be in the making",
        });
    }
}

fn validator(spec: &ValidatorSpec, errors: &mut Vec<SpecError>) {
    let (signing, node) = (secret(&spec.signing_key), secret(&spec.node_key));
    for (field, key) in [
        ("spec.validator.signingKey.secret.secretName", &spec.signing_key),
        ("spec.validator.nodeKey.secret.secretName", &spec.node_key),
    ] {
        if key.is_some() && secret(key).is_none() {
            errors.push(SpecError::Missing { field, instead: "name the Secret that holds the key" });
        }
    }
    if spec.signing_key.is_some() && spec.genesis_ceremony.is_some() {
        errors.push(SpecError::Conflict {
            field: "spec.validator.signingKey",
            conflict: "cannot be set together with genesisCeremony, which makes the key itself: remove one of them",
        });
    }
    if spec.signing_key.is_some() != spec.node_key.is_some() {
        errors.push(SpecError::Conflict {
            field: "spec.validator",
            conflict: "has only one of signingKey and nodeKey: set both or neither",
        });
    }
    let keyring = spec.operator_keyring.as_ref().and_then(|keyring| keyring.secret.as_ref());
    if spec.operator_keyring.is_some() && keyring.is_none() {
        errors.push(SpecError::Missing {
            field: "spec.validator.operatorKeyring.secret",
            instead: "name the Secret that holds the keyring",
        });
    }
    let roles = [
        ("spec.validator.signingKey", signing),
        ("spec.validator.nodeKey", node),
        ("spec.validator.operatorKeyring", keyring.map(|keyring| keyring.secret_name.as_str())),
        (
            "spec.validator.operatorKeyring.secret.passphraseSecretRef",
            keyring.map(|keyring| keyring.passphrase_secret_ref.secret_name.as_str()),
        ),
    ];
    for (index, (field, name)) in roles.iter().enumerate() {
        for (other, same) in &roles[index + 1..] {
            if let Some(secret) = name.filter(|_| name == same) {
                errors.push(SpecError::SharedSecret { field, other, secret: secret.to_owned() });
            }
        }
    }
    match &spec.genesis_ceremony {
        Some(ceremony) => {
            for (field, value) in [
                ("spec.validator.genesisCeremony.chainId", &ceremony.chain_id),
                ("spec.validator.genesisCeremony.stakingAmount", &ceremony.staking_amount),
                ("spec.validator.genesisCeremony.accountBalance", &ceremony.account_balance),
            ] {
                if value.is_empty() {
                    errors.push(SpecError::Missing { field, instead: "the ceremony needs it" });
                }
            }
        }
        // A ceremony makes its own state; what snapshot says is not looked at.
        None => snapshot("spec.validator.snapshot", spec.snapshot.as_ref(), errors),
    }
}

fn secret(key: &Option<KeySource>) -> Option<&str> {
    let name = key.as_ref()?.secret.as_ref()?.secret_name.as_str();
    (!name.is_empty()).then_some(name)
}
