//! Measures the cost of an operator. Builds what `tests/bench` needs, and runs it.

use std::process::Command;

use anyhow::bail;

use crate::{cargo, target, tools, workspace};

/// Arguments of the command.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// Arguments of the bench: see `cargo xtask bench --help`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Builds and runs the bench, on release builds.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let given = args.arguments.iter().any(|it| it.starts_with("--operator") || it.starts_with("--binary"));
    let mut build = vec!["build", "--locked", "--release", "--bin", "sei-bench"];
    if !given {
        build.extend(["--bin", "sei-operator"]);
    }
    if !cargo(&build).status()?.success() {
        bail!("the bench does not build: the compiler's output is above");
    }
    let release = target()?.join("release");
    let mut bench = Command::new(release.join("sei-bench"));
    bench
        .args(&args.arguments)
        .current_dir(workspace()?)
        .env("KUBEBUILDER_ASSETS", tools::CONTROL_PLANE.ensure()?);
    if !given {
        bench.arg("--binary").arg(release.join("sei-operator"));
    }
    if !bench.status()?.success() {
        bail!("the bench failed");
    }
    Ok(())
}
