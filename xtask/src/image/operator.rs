//! The operator's image, as the Dockerfile describes it.

use std::{fs, path::Path};

use anyhow::{Context, bail};

use super::{
    archive::{self, Image},
    build,
    dockerfile::last_stage,
    rootfs::Rootfs,
};
use crate::{notices, workspace};

/// CA certificates for object stores and API servers; the distroless base has them too.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Builds the operator with a cargo profile, and writes its image with this `name`.
pub(super) fn write(path: &Path, name: &str, profile: &str) -> anyhow::Result<()> {
    let dockerfile = workspace()?.join("Dockerfile");
    let dockerfile =
        fs::read_to_string(&dockerfile).with_context(|| format!("read {}", dockerfile.display()))?;
    let stage = last_stage(&dockerfile).context("Dockerfile")?;
    let binary = build::operator(profile)?;
    let mut files = Rootfs::base();
    for (from, to) in &stage.copies {
        match from.as_str() {
            "/sei-operator" => files.program(to, &binary)?,
            "/licenses" => {
                for (name, text) in notices::files()? {
                    files.file(&format!("{to}/{name}"), 0o644, text);
                }
            }
            other => bail!("Dockerfile: {other} is not built here"),
        }
    }
    let authorities = fs::read(AUTHORITIES)
        .with_context(|| format!("read {AUTHORITIES}: apt-get install -y ca-certificates"))?;
    files.file(AUTHORITIES, 0o644, authorities);
    archive::write(path, &[Image { name, config: stage.config, files: &files }])
}
