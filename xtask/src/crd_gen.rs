//! The generated files: the CRD, and the reference pages made from its schema and from the condition vocabulary.
//! Nothing here decides anything; what a page says comes from `sei-api`.

mod api_page;
mod conditions_page;

use std::path::PathBuf;

use anyhow::{Context, bail};

/// Named in every generated file and in the failure of `--check`.
const COMMAND: &str = "cargo xtask crd-gen";

/// Arguments of the chore.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail where a file is not what would be written.
    #[arg(long)]
    pub(crate) check: bool,
}

/// Writes or checks every generated file.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let root = &crate::workspace()?;
    let mut stale = Vec::new();
    for (path, wanted) in files()? {
        let path = root.join(path);
        if std::fs::read_to_string(&path).is_ok_and(|found| found == wanted) {
            continue;
        }
        if args.check {
            stale.push(path.strip_prefix(root)?.display().to_string());
        } else {
            std::fs::create_dir_all(path.parent().context("generated files lie in folders")?)?;
            std::fs::write(&path, wanted).with_context(|| format!("write {}", path.display()))?;
            println!("wrote {}", path.strip_prefix(root)?.display());
        }
    }
    if !stale.is_empty() {
        bail!("stale: {}; run `{COMMAND}` and commit the result", stale.join(", "));
    }
    Ok(())
}

/// Every generated file with its content, paths relative to the workspace.
fn files() -> anyhow::Result<Vec<(PathBuf, String)>> {
    let crd = sei_api::crd();
    let yaml = serde_saphyr::to_string(&sei_api::crd_manifest()?).context("write the CRD as YAML")?;
    let api = api_page::render(&crd).context("write the API reference")?;
    Ok(vec![
        (
            PathBuf::from("crds/seinodes.sei.io.yaml"),
            format!("# Generated from crates/api by `{COMMAND}`; do not edit.\n---\n{yaml}"),
        ),
        (PathBuf::from("docs/reference/api.md"), marked(&api)),
        (PathBuf::from("docs/reference/conditions.md"), marked(&conditions_page::render())),
    ])
}

fn marked(page: &str) -> String {
    format!("<!-- Generated from crates/api by `{COMMAND}`; do not edit. -->\n\n{page}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_files_are_current() {
        run(&Args { check: true }).unwrap();
    }
}
