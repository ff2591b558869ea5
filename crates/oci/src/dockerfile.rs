//! How a Dockerfile describes its image.

use std::collections::BTreeMap;

use anyhow::{Context, bail};

use crate::archive::Config;

/// The last stage of a Dockerfile.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Stage {
    /// How its containers are started.
    pub config: Config,
    /// Files copied from earlier stages: source and destination.
    pub copies: BTreeMap<String, String>,
}

/// Reads the last stage. An unknown instruction is an error, since the image would lack its effect.
///
/// # Errors
/// The line that is not understood.
pub fn last_stage(dockerfile: &str) -> anyhow::Result<Stage> {
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
            other => bail!("instruction {other} is not supported: add it to {}", file!()),
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

    #[test]
    fn only_the_last_stage_counts_and_unknown_instructions_are_errors() {
        let two = "FROM a AS build\nUSER root\nENV A=1\nFROM b\nENV B=\"2 3\"\n";
        let stage = last_stage(two).unwrap();
        assert_eq!((stage.config.user.as_str(), stage.config.env), ("", vec!["B=2 3".to_owned()]));
        assert!(last_stage("FROM a\nVOLUME /data\n").unwrap_err().to_string().contains("VOLUME"));
        assert!(last_stage("FROM a\nENTRYPOINT /bin/sh\n").is_err());
    }
}
