//! What the Dockerfile says about its image. It is the single source of these facts.

use std::collections::BTreeMap;

use anyhow::{Context, bail};

use super::archive::Config;

/// The last stage of a Dockerfile.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stage {
    pub(super) config: Config,
    /// Files copied from earlier stages: source and destination.
    pub(super) copies: BTreeMap<String, String>,
}

/// Reads the last stage. An unknown instruction is an error, since the image would lack its effect.
pub(super) fn last_stage(dockerfile: &str) -> anyhow::Result<Stage> {
    let mut stage = Stage::default();
    // A line that ends with a backslash continues on the next.
    let joined = dockerfile.replace("\\\n", " ");
    for line in joined.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (instruction, rest) = line.split_once(' ').with_context(|| format!("no instruction: {line}"))?;
        let rest = rest.trim();
        match instruction {
            "FROM" => stage = Stage::default(),
            "USER" => rest.clone_into(&mut stage.config.user),
            "ENTRYPOINT" => stage.config.entrypoint = words(rest).with_context(|| line.to_owned())?,
            "CMD" => stage.config.cmd = words(rest).with_context(|| line.to_owned())?,
            "ENV" => {
                let (name, value) = pair(rest).with_context(|| line.to_owned())?;
                stage.config.env.push(format!("{name}={value}"));
            }
            "LABEL" => {
                let (name, value) = pair(rest).with_context(|| line.to_owned())?;
                stage.config.labels.insert(name, value);
            }
            "COPY" => {
                let mut paths = rest.split_whitespace().filter(|word| !word.starts_with("--"));
                let (from, to) = (paths.next(), paths.next());
                let (from, to) = from.zip(to).with_context(|| line.to_owned())?;
                stage.copies.insert(from.to_owned(), to.to_owned());
            }
            // In build stages, whose result is a file.
            "RUN" | "WORKDIR" | "ARG" => {}
            other => bail!("instruction {other} is not understood: teach it to {}", file!()),
        }
    }
    Ok(stage)
}

fn words(json: &str) -> anyhow::Result<Vec<String>> {
    serde_json::from_str(json).context("only the form of a JSON array starts a program without a shell")
}

fn pair(text: &str) -> anyhow::Result<(String, String)> {
    let (name, value) = text.split_once('=').context("write NAME=\"value\", one a line")?;
    Ok((name.to_owned(), value.trim_matches('"').to_owned()))
}

#[cfg(test)]
mod tests {
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
        let build = [super::super::build::OPERATOR, &[super::super::build::RELEASE]].concat().join(" ");
        assert!(DOCKERFILE.contains(&format!("RUSTFLAGS=\"{}\"", super::super::build::STATIC)));
        assert!(DOCKERFILE.contains(&format!("cargo {build} --target")), "cargo {build}");
    }

    #[test]
    fn only_the_last_stage_counts_and_unknown_instructions_are_errors() {
        let two = "FROM a AS build\nUSER root\nENV A=1\nFROM b\nENV B=\"2 3\"\n";
        let stage = last_stage(two).unwrap();
        assert_eq!((stage.config.user.as_str(), stage.config.env), ("", vec!["B=2 3".to_owned()]));
        assert!(last_stage("FROM a\nVOLUME /data\n").unwrap_err().to_string().contains("VOLUME"));
        assert!(last_stage("FROM a\nENTRYPOINT /bin/sh\n").is_err());
    }
}
