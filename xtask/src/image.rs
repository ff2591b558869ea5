//! Container images without a registry: the operator's, and those of the end-to-end cluster.

mod archive;
mod build;
pub(crate) mod cluster;
mod dockerfile;
mod operator;
mod rootfs;
mod tools;

use std::{fs, path::PathBuf};

use anyhow::Context;

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
        let images = cluster::build_all(folder)?;
        for name in images.names() {
            println!("{name}");
        }
        return Ok(());
    }
    let output = match &args.output {
        Some(output) => output.clone(),
        None => crate::target()?.join("sei-operator.tar"),
    };
    operator::write(&output, &args.name, build::RELEASE)?;
    let size = fs::metadata(&output).with_context(|| format!("look at {}", output.display()))?.len();
    println!("{} ({:.1} MB): {}", output.display(), size as f64 / 1e6, args.name);
    Ok(())
}
