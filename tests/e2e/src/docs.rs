//! Runs blocks of the documentation unchanged: what a page shows was seen to work.

use std::path::Path;

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::{
    nodes::NAMESPACE,
    world::{World, limited},
};

/// A reader who follows a page: files that one block creates are there for the next.
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
        let path = repository().join("docs").join(page).with_extension("md");
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let script = block(&text, name).with_context(|| format!("docs/{page}.md has no block {name}"))?;
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

/// Text of the fenced block that is marked `sh NAME`.
fn block(page: &str, name: &str) -> Option<String> {
    let mut lines = page.lines();
    lines.by_ref().find(|line| line.strip_prefix("```sh ") == Some(name))?;
    Some(lines.take_while(|line| *line != "```").collect::<Vec<_>>().join("\n"))
}

/// The checkout that this program was built from.
pub(crate) fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_found_by_its_name() {
        let page = "text\n```sh one\na\nb\n```\n```sh two\nc\n```\n";
        assert_eq!(block(page, "one").as_deref(), Some("a\nb"));
        assert_eq!(block(page, "two").as_deref(), Some("c"));
        assert_eq!(block(page, "three"), None);
    }
}
