//! Builds the programs that go into images.

use std::path::PathBuf;

use anyhow::{Context, bail};

use crate::{cargo, host, target};

/// A static binary.
pub(super) const STATIC: &str = "-C target-feature=+crt-static";
/// How cargo builds the operator; the Dockerfile has the same flags, with profile [`RELEASE`].
pub(super) const OPERATOR: &[&str] = &["build", "--locked", "--package", "sei-operator", "--profile"];
/// Profile of the released operator.
pub(super) const RELEASE: &str = "release";
/// Programs of `tests/stand-ins`.
const STAND_INS: &[&str] = &["pause", "seid", "seictl", "kube-rbac-proxy", "cosmos-exporter", "s3"];

/// Path of the static operator, once it has been built with this profile.
pub(crate) fn operator_path(profile: &str) -> anyhow::Result<PathBuf> {
    // The one profile whose directory has another name.
    let directory = if profile == "dev" { "debug" } else { profile };
    Ok(target()?.join(host()?).join(directory).join("sei-operator"))
}

/// The operator as in its image: static.
pub(super) fn operator(profile: &str) -> anyhow::Result<PathBuf> {
    let host = host()?;
    let mut build = cargo(OPERATOR);
    // With --target, so that the flag does not apply to procedural macros, which cannot be static.
    build.args([profile, "--quiet", "--target", &host]).env("RUSTFLAGS", STATIC);
    eprintln!("building sei-operator, static, with profile {profile}…");
    if !build.status().context("run cargo")?.success() {
        bail!("sei-operator does not build: the compiler's output is above");
    }
    operator_path(profile)
}

/// The directory with the stand-ins, built with the profile of tests.
pub(super) fn stand_ins() -> anyhow::Result<PathBuf> {
    eprintln!("building the stand-ins…");
    // With --bin instead of --package: the dependencies are then the ones that the tests were built with.
    let mut build = cargo(&["build", "--locked", "--quiet"]);
    let status = build.args(STAND_INS.iter().flat_map(|name| ["--bin", name])).status();
    if !status.context("run cargo")?.success() {
        bail!("sei-stand-ins does not build: the compiler's output is above");
    }
    Ok(target()?.join("debug"))
}
