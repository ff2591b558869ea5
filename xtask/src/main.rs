//! Development commands. `cargo xtask --help` lists them.
#![allow(clippy::print_stdout, reason = "a command-line tool talks to its terminal")]

mod bench;
mod crd_gen;
mod demo;
mod deny;
mod e2e;
mod fleet;
mod image;
mod install_gen;
mod layers;
mod notices;
mod packages;
mod pictures;
mod sbom;
mod site;
mod test;
mod tools;

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::Context;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Chores of sei-operator")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Write the CRD, the generated reference pages and what the chart embeds, or with --check fail if one is
    /// out of date.
    CrdGen(crd_gen::Args),
    /// Write deploy/install.yaml from the Helm chart, or with --check fail if it is out of date.
    InstallGen(install_gen::Args),
    /// Show a plain node and a TLS node go from nothing to Running on an embedded control plane.
    Demo(demo::Args),
    /// Run all tests: unit, integration and real API server.
    Test(test::Args),
    /// Measure the cost of the operator, or of another one: time, requests, CPU and memory.
    Bench(bench::Args),
    /// Run the operator on a real single-node cluster (root; Debian's containerd and runc).
    E2e(e2e::Args),
    /// Write the operator's image as an OCI archive, without a registry.
    Image(image::Args),
    /// Check the edges between crates that docs/ARCHITECTURE.md allows.
    Layers(layers::Args),
    /// Check licenses, sources and banned crates of the dependencies against deny.toml.
    Deny(deny::Args),
    /// Write the license texts of everything in the operator's image to a directory.
    Notices(notices::Args),
    /// Print the software bill of materials of the operator's binary (CycloneDX).
    Sbom(sbom::Args),
    /// Build the documentation as a site into target/site.
    Site,
    /// Write the pictures of docs/pictures that show real runs: screens of a terminal, and the dashboard.
    Pictures,
    /// Build the missing pinned programs of the control plane and print their directory.
    Tools(tools::Args),
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        // No backtrace: it does not help the caller.
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    match Cli::parse().chore {
        Chore::CrdGen(args) => crd_gen::run(&args),
        Chore::InstallGen(args) => install_gen::run(&args),
        Chore::Demo(args) => demo::run(&args),
        Chore::Test(args) => test::run(&args),
        Chore::Bench(args) => bench::run(&args),
        Chore::E2e(args) => e2e::run(args),
        Chore::Image(args) => image::run(&args),
        Chore::Layers(args) => layers::run(&args),
        Chore::Deny(args) => deny::run(&args),
        Chore::Notices(args) => notices::run(&args),
        Chore::Sbom(args) => sbom::run(&args),
        Chore::Site => site::run(),
        Chore::Pictures => pictures::run(),
        Chore::Tools(args) => tools::run(&args),
    }
}

/// Root of the workspace.
fn workspace() -> anyhow::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")?;
    Ok(root.to_owned())
}

/// cargo's target directory.
fn target() -> anyhow::Result<PathBuf> {
    Ok(std::env::var_os("CARGO_TARGET_DIR").map_or(workspace()?.join("target"), PathBuf::from))
}

/// The target triple of this machine.
fn host() -> anyhow::Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("run rustc -vV")?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = printed.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV does not say which host it runs on")?.to_owned())
}

/// The running cargo, in the root of the workspace.
fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    // Variables that `cargo run` sets for xtask: build scripts that depend on them would run again, and their dependents
    // would be recompiled, each time that cargo is run directly and by xtask in turn.
    let of_xtask = ["CARGO_MANIFEST_", "CARGO_PKG_"];
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| of_xtask.iter().any(|prefix| name.starts_with(prefix))) {
            command.env_remove(name);
        }
    }
    command
}
