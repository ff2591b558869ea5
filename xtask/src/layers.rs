//! Placeholder while this chore is being written.

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Runs the chore.
pub(crate) fn run(_: &Args) -> anyhow::Result<()> {
    anyhow::bail!("not written yet")
}
