//! Validators: their keys and how they start.

use sei_api::v1alpha1::{GenesisCeremony, KeySource, OperatorKeyringSecret, ValidatorSpec};

use crate::{FirstState, Part, SpecError, fault::Faults, first_state};

/// How a validator starts.
#[derive(Clone, Debug, PartialEq)]
pub enum ValidatorStart<'a> {
    /// On an existing chain.
    Chain {
        /// Where its first state comes from.
        state: FirstState<'a>,
        /// The mounted keys; `None` if the node creates its own.
        keys: Option<Keys<'a>>,
    },
    /// As a member of a genesis ceremony, which creates keys and state.
    Ceremony(&'a GenesisCeremony),
}

/// Names of the Secrets with a validator's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys<'a> {
    /// Of the consensus key.
    pub signing: &'a str,
    /// Of the node key, which is the identity in the network.
    pub node: &'a str,
}

/// The keyring of an operator account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyring<'a> {
    /// Name of the Secret with the keyring's files.
    pub secret: &'a str,
    /// The key that is used.
    pub key: &'a str,
    /// Name of the Secret with the passphrase.
    pub passphrase_secret: &'a str,
    /// Data key of the passphrase.
    pub passphrase_key: &'a str,
}

pub(crate) fn read<'a>(
    spec: &'a ValidatorSpec,
    faults: &mut Faults,
) -> (ValidatorStart<'a>, Option<Keyring<'a>>) {
    let keys = keys(spec, faults);
    let keyring = keyring(spec, faults);
    let signing = secret(spec.signing_key.as_ref());
    let node = secret(spec.node_key.as_ref());
    let roles = [
        ("spec.validator.signingKey", signing),
        ("spec.validator.nodeKey", node),
        ("spec.validator.operatorKeyring", keyring.map(|keyring| keyring.secret)),
        (
            "spec.validator.operatorKeyring.secret.passphraseSecretRef",
            keyring.map(|keyring| keyring.passphrase_secret),
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
    let start = match &spec.genesis_ceremony {
        Some(ceremony) => {
            check_ceremony(ceremony, faults);
            ValidatorStart::Ceremony(ceremony)
        }
        None => ValidatorStart::Chain {
            state: first_state::read("spec.validator.snapshot", spec.snapshot.as_ref(), faults),
            keys,
        },
    };
    (start, keyring)
}

fn keys<'a>(spec: &'a ValidatorSpec, faults: &mut Faults) -> Option<Keys<'a>> {
    for (field, key) in [
        ("spec.validator.signingKey.secret.secretName", &spec.signing_key),
        ("spec.validator.nodeKey.secret.secretName", &spec.node_key),
    ] {
        if key.is_some() && secret(key.as_ref()).is_none() {
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
    Some(Keys { signing: secret(spec.signing_key.as_ref())?, node: secret(spec.node_key.as_ref())? })
}

fn keyring<'a>(spec: &'a ValidatorSpec, faults: &mut Faults) -> Option<Keyring<'a>> {
    let named = |secret: &&OperatorKeyringSecret| !secret.secret_name.is_empty();
    let Some(secret) = spec.operator_keyring.as_ref()?.secret.as_ref().filter(named) else {
        let instead = "name the Secret that holds the keyring";
        let error = SpecError::Missing { field: "spec.validator.operatorKeyring.secret", instead };
        faults.push(Part::Pod, error);
        return None;
    };
    let passphrase = &secret.passphrase_secret_ref;
    Some(Keyring {
        secret: &secret.secret_name,
        key: secret.key_name(),
        passphrase_secret: &passphrase.secret_name,
        passphrase_key: &passphrase.key,
    })
}

fn check_ceremony(ceremony: &GenesisCeremony, faults: &mut Faults) {
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

fn secret(key: Option<&KeySource>) -> Option<&str> {
    let name = key?.secret.as_ref()?.secret_name.as_str();
    (!name.is_empty()).then_some(name)
}
