//! Container images without a registry: the operator's, and those of the end-to-end cluster.

mod build;
mod operator;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use sei_e2e_cluster::images::{self, Images};

pub(crate) use build::operator_path;

/// Name of the operator's image, as in the chart.
const OPERATOR: &str = concat!("ghcr.io/sei-protocol/sei-operator:", env!("CARGO_PKG_VERSION"));

/// Arguments of the command.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Path of the archive with the operator's image [default: target/sei-operator.tar].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Name of the operator's image, as in the chart.
    #[arg(long, default_value = OPERATOR)]
    name: String,
    /// Write the archives of every image of the end-to-end cluster to this directory instead.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["output", "name"])]
    all: Option<PathBuf>,
}

/// Writes the requested archives and prints their paths.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if let Some(folder) = &args.all {
        for name in write_all(folder)?.names() {
            println!("{name}");
        }
        return Ok(());
    }
    let output = match &args.output {
        Some(output) => output.clone(),
        None => crate::target()?.join("sei-operator.tar"),
    };
    operator::write(&output, &args.name, build::RELEASE)?;
    let size = fs::metadata(&output).with_context(|| format!("read the size of {}", output.display()))?.len();
    println!("{} ({:.1} MB): {}", output.display(), size as f64 / 1e6, args.name);
    Ok(())
}

/// Builds the programs of the end-to-end cluster and writes the archives of all its images to `folder`.
pub(crate) fn write_all(folder: &Path) -> anyhow::Result<Images> {
    let images = images::write(folder, &build::stand_ins()?, OPERATOR)?;
    operator::write(&folder.join("sei-operator.tar"), OPERATOR, &operator_profile())?;
    Ok(images)
}

/// The cargo profile of the operator: that of the tests, which checks arithmetic and compiles in a fraction of the
/// time of an optimized one, unless `E2E_OPERATOR_PROFILE` names another.
pub(crate) fn operator_profile() -> String {
    std::env::var("E2E_OPERATOR_PROFILE").unwrap_or_else(|_| "dev".to_owned())
}
