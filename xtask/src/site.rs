//! The documentation as a site, built by mdBook.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

use crate::{cargo, workspace};

/// The version that the site is built with.
const MDBOOK: &str = "0.5.4";

/// Builds the site into `target/site`; the first time mdBook is built into `.cache`.
pub(crate) fn run() -> anyhow::Result<()> {
    let root = workspace()?;
    let mdbook = mdbook(&root)?;
    let status = Command::new(&mdbook).arg("build").arg(&root).status().context("run mdbook")?;
    if !status.success() {
        bail!("mdbook failed: its output is above");
    }
    println!("open {}", root.join("target/site/index.html").display());
    Ok(())
}

fn mdbook(root: &Path) -> anyhow::Result<PathBuf> {
    let folder = root.join(".cache/mdbook").join(MDBOOK);
    let program = folder.join("bin/mdbook");
    if program.exists() {
        return Ok(program);
    }
    eprintln!("building mdBook {MDBOOK} (once, some minutes)…");
    let mut install = cargo(&["install", "mdbook", "--version", MDBOOK, "--locked", "--quiet"]);
    install.args(["--no-default-features", "--features", "search", "--root"]).arg(&folder);
    if !install.status().context("run cargo install")?.success() {
        bail!("mdBook does not build: the compiler's output is above");
    }
    Ok(program)
}
