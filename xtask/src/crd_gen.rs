//! The generated files: the CRDs, pictures, the reference pages from their schemas, the condition vocabulary, the
//! planner and the chart's values, and what the chart embeds. The sources are `sei-api`, `sei-plan`, the
//! permission table of `sei-controller` and the files under `deploy/`.

mod api_page;
mod chart_files;
mod conditions_page;
mod events_page;
mod overrides_page;
mod pictures;
mod plans_page;
mod values_page;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// The command in every generated file and in the error of `--check`.
const COMMAND: &str = "cargo xtask crd-gen";

/// Arguments of the command.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail if a file is out of date.
    #[arg(long)]
    pub(crate) check: bool,
}

/// Writes or checks every generated file.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let root = &crate::workspace()?;
    let (mut stale, mut has_written) = (Vec::new(), false);
    for (path, wanted) in files(root)? {
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
            has_written = true;
        }
    }
    if has_written {
        println!("run `cargo xtask install-gen` too: deploy/install.yaml has what the chart has");
    }
    if !stale.is_empty() {
        bail!("stale: {}; run `{COMMAND}` and commit the result", stale.join(", "));
    }
    Ok(())
}

/// The Helm chart.
const CHART: &str = "deploy/chart/sei-operator";

/// Every generated file with its content, paths relative to the workspace.
fn files(root: &Path) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let read = |path: &str| std::fs::read_to_string(root.join(path)).with_context(|| format!("read {path}"));
    let nodes = crd_file(&sei_api::crd_manifest()?)?;
    let groups = crd_file(&sei_api::deployment_crd_manifest()?)?;
    let api = api_page::render(&sei_api::crd()).context("write the reference of SeiNodes")?;
    let groups_api =
        api_page::render(&sei_api::deployment_crd()).context("write the reference of SeiNodeDeployments")?;
    let tasks = crd_file(&sei_api::task_crd_manifest()?)?;
    let tasks_api = api_page::render(&sei_api::task_crd()).context("write the reference of SeiNodeTasks")?;
    let values = values_page::render(&read(&format!("{CHART}/values.yaml"))?)?;
    let chart = |file: &str| Path::new(CHART).join("files").join(file);
    Ok(vec![
        (PathBuf::from("crds/seinodedeployments.sei.io.yaml"), groups.clone()),
        (PathBuf::from("crds/seinodes.sei.io.yaml"), nodes.clone()),
        (PathBuf::from("crds/seinodetasks.sei.io.yaml"), tasks.clone()),
        (chart("seinodedeployments.sei.io.yaml"), groups),
        (chart("seinodes.sei.io.yaml"), nodes),
        (chart("seinodetasks.sei.io.yaml"), tasks),
        (
            chart("rbac.yaml"),
            format!(
                "# Generated from crates/controller/src/rbac.rs by `{COMMAND}`; do not edit.\n{}",
                chart_files::permissions()?
            ),
        ),
        (chart("alerts.yaml"), read("deploy/alerts/rules.yaml")?),
        (chart("dashboard.json"), read("deploy/dashboards/sei-operator.json")?),
        (PathBuf::from("docs/pictures/crates.svg"), pictures::crates()),
        (PathBuf::from("docs/pictures/pass.svg"), pictures::pass(root)?),
        (PathBuf::from("docs/pictures/plans.svg"), pictures::plans(&plans_page::first_plans()?)?),
        (PathBuf::from("docs/plans.md"), marked("crates/plan", &plans_page::render()?)),
        (PathBuf::from("docs/reference/api.md"), marked("crates/api", &api)),
        (PathBuf::from("docs/reference/deployments.md"), marked("crates/api", &groups_api)),
        (PathBuf::from("docs/reference/node-tasks.md"), marked("crates/api", &tasks_api)),
        (PathBuf::from("docs/reference/conditions.md"), marked("crates/api", &conditions_page::render())),
        (PathBuf::from("docs/reference/events.md"), marked("crates/api", &events_page::render()?)),
        (PathBuf::from("docs/reference/overrides.md"), marked("crates/plan", &overrides_page::render()?)),
        (PathBuf::from("docs/reference/values.md"), marked(&format!("{CHART}/values.yaml"), &values)),
    ])
}

fn crd_file(manifest: &serde_json::Value) -> anyhow::Result<String> {
    let yaml = serde_saphyr::to_string(manifest).context("write a CRD as YAML")?;
    Ok(format!("# Generated from crates/api by `{COMMAND}`; do not edit.\n---\n{yaml}"))
}

fn marked(source: &str, page: &str) -> String {
    format!("<!-- Generated from {source} by `{COMMAND}`; do not edit. -->\n\n{page}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_files_are_current() {
        run(&Args { check: true }).unwrap();
    }
}
