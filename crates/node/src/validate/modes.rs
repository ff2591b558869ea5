//! Rules of the four modes.

use sei_api::{
    SeiNodeSpec,
    v1alpha1::{KeySource, SnapshotSource, ValidatorSpec},
};

use super::{Faults, Part, SpecError};

pub(super) fn check(spec: &SeiNodeSpec, faults: &mut Faults) {
    let modes =
        [spec.full_node.is_some(), spec.archive.is_some(), spec.replayer.is_some(), spec.validator.is_some()];
    exactly_one(Part::Pod, "spec", "fullNode, archive, replayer, validator", &modes, faults);
    if let Some(full) = &spec.full_node {
        snapshot("spec.fullNode.snapshot", full.snapshot.as_ref(), faults);
    }
    snapshot_generation(spec, faults);
    if let Some(replayer) = &spec.replayer {
        snapshot("spec.replayer.snapshot", Some(&replayer.snapshot), faults);
        if replayer.snapshot.s3.as_ref().is_none_or(|s3| s3.target_height <= 0) {
            let instead = "a replayer starts from an S3 snapshot: set s3.targetHeight to a positive height";
            faults.push(Part::State, SpecError::Missing { field: "spec.replayer.snapshot.s3", instead });
        }
        if spec.peers.as_ref().is_none_or(Vec::is_empty) {
            let instead = "a replayer needs at least one peer source";
            faults.push(Part::State, SpecError::Missing { field: "spec.peers", instead });
        }
    }
    if let Some(validator_spec) = &spec.validator {
        validator(validator_spec, faults);
    }
}

pub(super) fn exactly_one(part: Part, parent: &str, fields: &'static str, set: &[bool], faults: &mut Faults) {
    let set = set.iter().filter(|set| **set).count();
    if set != 1 {
        faults.push(part, SpecError::NotExactlyOne { parent: parent.to_owned(), fields, set });
    }
}

fn snapshot(path: &'static str, source: Option<&SnapshotSource>, faults: &mut Faults) {
    let Some(source) = source else { return };
    let set = [source.s3.is_some(), source.state_sync.is_some()];
    exactly_one(Part::State, path, "s3, stateSync", &set, faults);
    let has_image = source.bootstrap_image.as_deref().is_some_and(|image| !image.is_empty());
    if has_image && source.bootstrap().is_none() {
        let conflict = "has bootstrapImage without s3.targetHeight: a bootstrap Job runs up to that height, so set both or neither";
        faults.push(Part::State, SpecError::Conflict { field: path, conflict });
    }
}

fn snapshot_generation(spec: &SeiNodeSpec, faults: &mut Faults) {
    let Some(generation) = spec.snapshot_generation() else { return };
    let Some(tendermint) = &generation.tendermint else {
        let instead = "set tendermint.keepRecent, or remove snapshotGeneration";
        let error = SpecError::Missing { field: "snapshotGeneration.tendermint", instead };
        faults.push(Part::Configuration, error);
        return;
    };
    if tendermint.publish.is_some() && tendermint.keep_recent < 2 {
        let wanted = "2 or more where snapshots are published: the newest one may still be incomplete";
        faults.push(
            Part::Configuration,
            SpecError::BadValue {
                field: "snapshotGeneration.tendermint.keepRecent".to_owned(),
                value: tendermint.keep_recent.to_string(),
                wanted,
            },
        );
    }
}

fn validator(spec: &ValidatorSpec, faults: &mut Faults) {
    let (signing, node) = (secret(&spec.signing_key), secret(&spec.node_key));
    for (field, key) in [
        ("spec.validator.signingKey.secret.secretName", &spec.signing_key),
        ("spec.validator.nodeKey.secret.secretName", &spec.node_key),
    ] {
        if key.is_some() && secret(key).is_none() {
            let error = SpecError::Missing { field, instead: "name the Secret that holds the key" };
            faults.push(Part::Pod, error);
        }
    }
    if spec.signing_key.is_some() && spec.genesis_ceremony.is_some() {
        let conflict =
            "cannot be set together with genesisCeremony, which creates the key itself: remove one of them";
        faults.push(Part::Pod, SpecError::Conflict { field: "spec.validator.signingKey", conflict });
    }
    if spec.signing_key.is_some() != spec.node_key.is_some() {
        let conflict = "has only one of signingKey and nodeKey: set both or neither";
        faults.push(Part::Pod, SpecError::Conflict { field: "spec.validator", conflict });
    }
    let keyring = spec.operator_keyring.as_ref().and_then(|keyring| keyring.secret.as_ref());
    if spec.operator_keyring.is_some() && keyring.is_none() {
        let instead = "name the Secret that holds the keyring";
        faults
            .push(Part::Pod, SpecError::Missing { field: "spec.validator.operatorKeyring.secret", instead });
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
                let error = SpecError::SharedSecret { field, other, secret: secret.to_owned() };
                faults.push(Part::Pod, error);
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
                    let error = SpecError::Missing { field, instead: "the ceremony needs it" };
                    faults.push(Part::Ceremony, error);
                }
            }
        }
        // A ceremony creates its own state; `snapshot` is ignored.
        None => snapshot("spec.validator.snapshot", spec.snapshot.as_ref(), faults),
    }
}

fn secret(key: &Option<KeySource>) -> Option<&str> {
    let name = key.as_ref()?.secret.as_ref()?.secret_name.as_str();
    (!name.is_empty()).then_some(name)
}
