//! Checks of `spec.genesis` that admission cannot make, or that a stored object may have missed.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use sei_api::v1alpha1::deployment::DeploymentGenesis;
use sei_plan::GOV_VOTE;
use sei_render::SidecarRelease;

/// Prefix of the addresses of accounts.
const PREFIX: &str = "sei";
/// Lengths of an address: of a key and of a contract.
const LENGTHS: [usize; 2] = [20, 32];
/// The denomination of stakes, and the minimum that gives a validator voting power.
const STAKE: &str = "usei";
const LEAST_STAKE: u128 = 1_000_000;
/// Time limit of a ceremony if the spec does not set one.
const LIMIT: SignedDuration = SignedDuration::from_hours(1);

/// What is wrong with `genesis`, to be assembled by a sidecar with image `sidecar`: the ceremony could not complete, or
/// would create a different genesis.
pub(super) fn fault(genesis: &DeploymentGenesis, sidecar: &str) -> Option<String> {
    let overrides = || overrides(genesis).or_else(|| ignored_overrides(genesis, sidecar));
    stakes(genesis).or_else(|| accounts(genesis)).or_else(overrides).or_else(|| {
        let limit = genesis.max_ceremony_duration.as_deref()?;
        let is_invalid = parse(limit).is_none();
        is_invalid.then(|| format!("maxCeremonyDuration {limit:?} is not a duration such as 15m or 1h30m"))
    })
}

/// Time limit of the ceremony.
pub(super) fn limit(genesis: &DeploymentGenesis) -> SignedDuration {
    genesis.max_ceremony_duration.as_deref().and_then(parse).unwrap_or(LIMIT)
}

fn parse(duration: &str) -> Option<SignedDuration> {
    duration.parse().ok()
}

fn stakes(genesis: &DeploymentGenesis) -> Option<String> {
    let (stake, denomination) = match coins(&genesis.staking_amount).as_deref() {
        Some([one]) => *one,
        _ => {
            return Some(format!(
                "stakingAmount {:?} is not an amount such as 10000000usei",
                genesis.staking_amount
            ));
        }
    };
    if denomination == STAKE && stake < LEAST_STAKE {
        return Some(format!(
            "stakingAmount {stake}{STAKE} is less than {LEAST_STAKE}{STAKE}, which gives no voting power"
        ));
    }
    let Some(balance) = coins(&genesis.account_balance) else {
        return Some(format!(
            "accountBalance {:?} is not a list of amounts, each of another denomination",
            genesis.account_balance
        ));
    };
    let has_enough = balance.iter().any(|(amount, of)| *of == denomination && *amount >= stake);
    (!has_enough).then(|| format!("accountBalance does not cover stakingAmount {stake}{denomination}"))
}

fn accounts(genesis: &DeploymentGenesis) -> Option<String> {
    let mut known = BTreeSet::new();
    genesis.accounts.iter().flatten().find_map(|account| {
        let (address, balance) = (&account.address, &account.balance);
        if !is_address(address) {
            return Some(format!("accounts: {address:?} is not a valid address: its checksum or length is wrong"));
        }
        if !known.insert(address) {
            return Some(format!("accounts: {address} is listed twice"));
        }
        let is_invalid = coins(balance).is_none();
        is_invalid.then(|| format!("accounts: balance {balance:?} of {address} is not a list of amounts, each of another denomination"))
    })
}

fn overrides(genesis: &DeploymentGenesis) -> Option<String> {
    let is_path = |key: &str| key.contains('.') && key.split('.').all(|part| !part.is_empty());
    let key = genesis.overrides.iter().flat_map(|overrides| overrides.keys()).find(|key| !is_path(key))?;
    Some(format!(
        "overrides: key {key:?} must name a module and a field, such as staking.params.unbonding_time"
    ))
}

/// A task type that was introduced together with the overrides of a genesis: a sidecar without it would ignore them.
/// The image may not reveal the release.
pub(super) fn needed_type(genesis: &DeploymentGenesis) -> Option<&'static str> {
    has_overrides(genesis).then_some(GOV_VOTE)
}

/// What to do about a sidecar that does not support the assembly, for the reason that it gave.
pub(super) fn unsupported(genesis: &DeploymentGenesis, error: &str) -> String {
    let wanted = match has_overrides(genesis) {
        true => format!("{} or later, which overrides need", SidecarRelease::V50),
        false => "a later release".to_owned(),
    };
    format!("the sidecar rejected the task: {error}; set template.spec.sidecar.image to {wanted}")
}

fn has_overrides(genesis: &DeploymentGenesis) -> bool {
    genesis.overrides.as_ref().is_some_and(|overrides| !overrides.is_empty())
}

/// A sidecar that is too old for overrides assembles a genesis without them.
fn ignored_overrides(genesis: &DeploymentGenesis, sidecar: &str) -> Option<String> {
    (has_overrides(genesis) && SidecarRelease::V50.is_after(sidecar)).then(|| {
        format!(
            "overrides: sidecar image {sidecar} ignores them; set template.spec.sidecar.image to {} or later",
            SidecarRelease::V50
        )
    })
}

fn is_address(text: &str) -> bool {
    let Ok((prefix, data)) = bech32::decode(text) else { return false };
    let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    is_lower
        && prefix.as_str() == PREFIX
        && LENGTHS.contains(&data.len())
        && bech32::primitives::decode::CheckedHrpstring::new::<bech32::Bech32>(text).is_ok()
}

/// Amounts with their denominations; `None` if one is malformed or a denomination is listed twice.
fn coins(text: &str) -> Option<Vec<(u128, &str)>> {
    let mut known = BTreeSet::new();
    text.split(',')
        .map(|coin| {
            let (amount, denomination) = coin.split_at(coin.find(|letter: char| !letter.is_ascii_digit())?);
            known.insert(denomination).then_some(())?;
            // The largest amounts of a genesis have 30 digits.
            Some((amount.parse().ok()?, denomination))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ADDRESS: &str = "sei1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnw6qvhc";

    fn fault_of(change: Value) -> String {
        let mut genesis = json!({ "chainId": "devnet-1" });
        genesis.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        fault(&serde_json::from_value(genesis).unwrap(), "seictl:main").unwrap_or_default()
    }

    #[test]
    fn overrides_that_the_sidecar_would_ignore_are_refused() {
        let genesis = |overrides: Value| {
            let genesis = json!({ "chainId": "devnet-1", "overrides": overrides });
            serde_json::from_value::<DeploymentGenesis>(genesis).unwrap()
        };
        let set = genesis(json!({ "staking.params.unbonding_time": "1s" }));
        let said = fault(&set, "seictl:v0.0.49").unwrap();
        assert!(said.starts_with("overrides: ") && said.contains("v0.0.50 or later"), "{said}");
        assert_eq!(fault(&set, "seictl:v0.0.50"), None);
        assert_eq!(fault(&genesis(json!({})), "seictl:v0.0.49"), None);
    }

    #[test]
    fn a_ceremony_that_cannot_end_is_refused_with_the_field() {
        let account = |address: &str, balance: &str| json!({ "address": address, "balance": balance });
        for (change, text) in [
            (json!({}), ""),
            (json!({ "accounts": [account(ADDRESS, "1usei,2uatom")] }), ""),
            (
                json!({ "accounts": [account(&ADDRESS.replace("vhc", "vhq"), "1usei")] }),
                "is not a valid address",
            ),
            (
                json!({ "accounts": [account("sei1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq", "1usei")] }),
                "is not a valid address",
            ),
            (
                json!({ "accounts": [account(ADDRESS, "1usei"), account(ADDRESS, "2usei")] }),
                "is listed twice",
            ),
            (json!({ "accounts": [account(ADDRESS, "1usei,2usei")] }), "is not a list of amounts"),
            (json!({ "stakingAmount": "999999usei" }), "gives no voting power"),
            (json!({ "stakingAmount": "2000000usei", "accountBalance": "1000000usei" }), "does not cover"),
            (json!({ "stakingAmount": "2000000usei", "accountBalance": "9000000uatom" }), "does not cover"),
            (json!({ "stakingAmount": "" }), "is not an amount"),
            (json!({ "overrides": { "staking": "1" } }), "must name a module and a field"),
            (json!({ "overrides": { "staking..x": "1" } }), "must name a module and a field"),
            (json!({ "maxCeremonyDuration": "soon" }), "is not a duration"),
            (json!({ "maxCeremonyDuration": "1h30m" }), ""),
        ] {
            let found = fault_of(change.clone());
            assert!(found.contains(text) && found.is_empty() == text.is_empty(), "{change}: {found}");
        }
    }

    #[test]
    fn the_limit_is_that_of_the_spec_or_an_hour() {
        let limit = |text: Option<&str>| {
            let genesis = json!({ "chainId": "devnet-1", "maxCeremonyDuration": text });
            limit(&serde_json::from_value(genesis).unwrap()).as_secs()
        };
        assert_eq!([limit(None), limit(Some("15m")), limit(Some("1h30m"))], [3600, 900, 5400]);
    }
}
