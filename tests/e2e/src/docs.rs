//! Runs blocks of the documentation unchanged, so that the shown commands are known to work.

use std::path::Path;

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::{
    nodes::NAMESPACE,
    world::{World, limited},
};

/// A reader who follows a page: files created by one block exist for the next.
pub(crate) struct Reader<'a> {
    world: &'a World,
    folder: TempDir,
}

impl<'a> Reader<'a> {
    /// Starts in a separate folder that contains the repository's `deploy`.
    pub(crate) fn new(world: &'a World) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("make a folder")?;
        let deploy = repository().join("deploy").canonicalize().context("find deploy")?;
        std::os::unix::fs::symlink(deploy, folder.path().join("deploy")).context("link deploy")?;
        Ok(Self { world, folder })
    }

    /// Directory in which blocks create files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs block `name` of `docs/<page>.md` for a node; returns its output.
    pub(crate) async fn run(&self, page: &str, name: &str, node: &str) -> anyhow::Result<String> {
        self.run_with(page, name, &[("NODE", node), ("NAMESPACE", NAMESPACE)]).await
    }

    /// Runs block `name` of `docs/<page>.md` with these variables; returns its output.
    pub(crate) async fn run_with(
        &self,
        page: &str,
        name: &str,
        variables: &[(&str, &str)],
    ) -> anyhow::Result<String> {
        let script = sei_testkit::docs::block(page, name)?;
        let mut command = self.world.command("sh");
        let command = command.args(["-eu", "-c", &script]).envs(variables.iter().copied());
        let output = command.current_dir(self.folder.path()).output();
        let output = limited(&format!("block {name} of docs/{page}.md"), output).await?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("block {name} of docs/{page}.md: {}\n{script}", said.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

/// The checkout that this program was built from.
pub(crate) fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
