//! The operator's image, as the Dockerfile describes it.

use std::{fs, path::Path};

use anyhow::{Context, bail};
use sei_oci::{Image, Rootfs, last_stage};

use super::build;
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
    sei_oci::write(path, &[Image { name, config: stage.config, files: &files }])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const DOCKERFILE: &str = include_str!("../../../Dockerfile");

    #[test]
    fn the_image_runs_the_operator_as_an_unprivileged_user() {
        let stage = last_stage(DOCKERFILE).unwrap();
        assert_eq!(stage.config.user, "65532:65532");
        assert_eq!(stage.config.entrypoint, ["/sei-operator"]);
        assert_eq!(stage.config.cmd, ["run"]);
        assert_eq!(stage.config.env, ["MALLOC_ARENA_MAX=1"]);
        let same = |path: &str| (path.to_owned(), path.to_owned());
        assert_eq!(stage.copies, BTreeMap::from([same("/sei-operator"), same("/licenses")]));
        let label = |name: &str| stage.config.labels[&format!("org.opencontainers.image.{name}")].clone();
        assert_eq!(label("version"), env!("CARGO_PKG_VERSION"));
        assert_eq!(label("licenses"), env!("CARGO_PKG_LICENSE"));
    }

    #[test]
    fn docker_and_cargo_build_with_the_pinned_toolchain_and_the_same_flags() {
        let toolchain = include_str!("../../../rust-toolchain.toml");
        let pinned =
            toolchain.lines().find_map(|line| line.strip_prefix("channel = ")).unwrap().trim_matches('"');
        assert!(DOCKERFILE.contains(&format!("FROM rust:{pinned}-bookworm AS build")));
        assert!(DOCKERFILE.contains(&format!("RUSTUP_TOOLCHAIN={pinned}\n")));
        let build = [build::OPERATOR, &[build::RELEASE]].concat().join(" ");
        assert!(DOCKERFILE.contains(&format!("RUSTFLAGS=\"{}\"", build::STATIC)));
        assert!(DOCKERFILE.contains(&format!("cargo {build} --target")), "cargo {build}");
    }
}
