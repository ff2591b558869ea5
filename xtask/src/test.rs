//! All checks and tests, fast ones first, with a summary of what was run.

mod failures;
mod programs;
mod slowest;

use std::{process::Command, time::Instant};

use anyhow::bail;

use crate::{cargo, crd_gen, deny, install_gen, layers, tools, workspace};

/// Arguments of the command.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Runs everything; stops at the first kind of check that fails.
pub(crate) fn run(_: &Args) -> anyhow::Result<()> {
    let began = Instant::now();
    step("formatting", &["fmt", "--all", "--check"])?;
    eprintln!("== layers");
    layers::run(&layers::Args { alone: false })?;
    eprintln!("== licenses, sources and banned crates");
    deny::run(&deny::Args {})?;
    eprintln!("== generated files");
    crd_gen::run(&crd_gen::Args { check: true })?;
    step("lints", &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])?;
    eprintln!("== documentation");
    let mut docs = cargo(&["doc", "--workspace", "--no-deps", "--locked"]);
    run_to_end(docs.env("RUSTDOCFLAGS", "-D warnings"))?;
    eprintln!("== workflows");
    run_to_end(Command::new(tools::ACTIONLINT.ensure()?.join("actionlint")).current_dir(workspace()?))?;
    eprintln!("== control plane, helm, promtool");
    let assets = tools::CONTROL_PLANE.ensure()?;
    let helm = tools::HELM.ensure()?.join("helm");
    let promtool = tools::PROMTOOL.ensure()?.join("promtool");
    eprintln!("== install.yaml");
    install_gen::run(&install_gen::Args { check: true })?;
    eprintln!("== tests");
    // The tests with a real API server start the operator's binary.
    run_to_end(cargo(&["build", "--locked", "--bin", "sei-operator"]))?;
    step("examples in the documentation", &["test", "--workspace", "--locked", "--doc"])?;
    programs::run(&[("KUBEBUILDER_ASSETS", assets), ("HELM", helm), ("PROMTOOL", promtool)])?;
    println!("all checks and tests passed in {} s", began.elapsed().as_secs());
    Ok(())
}

fn step(name: &str, arguments: &[&str]) -> anyhow::Result<()> {
    eprintln!("== {name}");
    run_to_end(cargo(arguments))
}

fn run_to_end(mut command: impl std::borrow::BorrowMut<std::process::Command>) -> anyhow::Result<()> {
    let command = command.borrow_mut();
    if !command.status()?.success() {
        bail!("failed: {command:?}");
    }
    Ok(())
}
