//! Checks the dependencies against `deny.toml`: licenses, sources and banned crates. The file has the format
//! of cargo-deny; this implements the part that needs no index and no advisory database, without the minutes
//! that building cargo-deny takes.

use anyhow::{Context, bail};
use serde::Deserialize;
use spdx::{Expression, ParseMode};

use crate::{
    packages::{Metadata, Package},
    workspace,
};

const FILE: &str = "deny.toml";

/// Arguments of the command.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// The parts of the file that are used.
#[derive(Deserialize)]
struct Policy {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

/// Fails with every dependency that is not allowed.
pub(crate) fn run(_: &Args) -> anyhow::Result<()> {
    let read = |file: &str| {
        let path = workspace()?.join(file);
        std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    };
    let policy: Policy = toml::from_str(&read(FILE)?).with_context(|| format!("read {FILE}"))?;
    let mut faults = banned(&policy, &read("Cargo.lock")?);
    faults.extend(Metadata::read()?.packages.iter().filter_map(|package| fault(&policy, package)));
    if !faults.is_empty() {
        bail!("{FILE} does not allow:\n  {}", faults.join("\n  "));
    }
    Ok(())
}

/// The banned packages of a lock file, which holds those of every platform.
fn banned(policy: &Policy, lock: &str) -> Vec<String> {
    let is_locked = |name: &str| lock.lines().any(|line| line == format!("name = \"{name}\""));
    let banned = policy.bans.deny.iter().filter(|banned| is_locked(&banned.name));
    banned
        .map(|Banned { name, reason }| {
            format!("{name}: {reason}; `cargo tree -i {name}` shows what needs it")
        })
        .collect()
}

/// The problem with the license or the source of a package.
fn fault(policy: &Policy, package: &Package) -> Option<String> {
    let name = format!("{} {}", package.name, package.version);
    let source = package.source.as_deref()?;
    if !source.starts_with("registry+") {
        return Some(format!("{name}: comes from {source}, not from a registry"));
    }
    let Some(license) = &package.license else { return Some(format!("{name}: declares no license")) };
    match Expression::parse_mode(license, ParseMode::LAX) {
        Err(error) => {
            Some(format!("{name}: license {license:?} is not an SPDX expression: {}", error.reason))
        }
        Ok(expression) => {
            let is_allowed =
                expression.evaluate(|wanted| policy.licenses.allow.contains(&wanted.to_string()));
            (!is_allowed).then(|| format!("{name}: license {license} is not in licenses.allow"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy() -> Policy {
        let text = r#"
            [licenses]
            allow = ["MIT", "Apache-2.0 WITH LLVM-exception"]
            [bans]
            deny = [{ crate = "openssl", reason = "a second TLS stack" }]
        "#;
        toml::from_str(text).unwrap()
    }

    fn package(source: &str, license: Option<&str>) -> Package {
        let package = json!({
            "id": "a", "name": "a", "version": "1.0.0", "manifest_path": "/a/Cargo.toml",
            "source": source, "license": license,
        });
        serde_json::from_value(package).unwrap()
    }

    #[test]
    fn one_allowed_license_of_an_or_is_enough_and_all_of_an_and_are_required() {
        let fault = |license: &str| fault(&policy(), &package("registry+r", Some(license)));
        for allowed in ["MIT", "MIT OR GPL-3.0", "GPL-3.0/MIT", "Apache-2.0 WITH LLVM-exception"] {
            assert_eq!(fault(allowed), None, "{allowed}");
        }
        for refused in ["GPL-3.0", "MIT AND GPL-3.0", "Apache-2.0", "not a license"] {
            assert!(fault(refused).is_some(), "{refused}");
        }
    }

    #[test]
    fn packages_without_a_license_or_from_other_sources_are_rejected() {
        assert!(fault(&policy(), &package("registry+r", None)).unwrap().contains("no license"));
        assert!(fault(&policy(), &package("git+https://r", Some("MIT"))).unwrap().contains("registry"));
    }

    #[test]
    fn a_banned_package_is_found_by_its_whole_name() {
        let lock = "[[package]]\nname = \"openssl-probe\"\n";
        assert!(banned(&policy(), lock).is_empty());
        let lock = "[[package]]\nname = \"openssl\"\n";
        assert!(banned(&policy(), lock)[0].contains("a second TLS stack"));
    }
}
