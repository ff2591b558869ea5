//! `config/config.toml` of a node.

use std::{fs, path::Path};

use anyhow::{Context, bail, ensure};
use sei_stand_ins::put;
use serde_json::Value;
use toml::Table;

const FILE: &str = "config/config.toml";
const MODES: &[&str] = &["validator", "full", "seed", "archive"];

/// Writes the configuration anew from a mode and overrides. Peers and state sync are not kept.
pub(crate) fn apply(home: &Path, params: &Value) -> anyhow::Result<()> {
    let mode = params["mode"].as_str().unwrap_or_default();
    ensure!(MODES.contains(&mode), "config validation failed: {{\"mode\":{mode:?}}}");
    let mut config = Table::new();
    config.insert("mode".to_owned(), mode.into());
    let overrides = params["overrides"].as_object().cloned().unwrap_or_default();
    let texts = overrides.into_iter().filter_map(|(key, value)| Some((key, value.as_str()?.into())));
    config.insert("overrides".to_owned(), toml::Value::Table(texts.collect()));
    write(home, &config)
}

/// Whether there is a configuration, with a mode.
pub(crate) fn validate(home: &Path) -> anyhow::Result<()> {
    let config = read(home)?;
    if !config.contains_key("mode") {
        bail!("config validation failed: {FILE} has no mode");
    }
    Ok(())
}

/// Sets one key of a section.
pub(crate) fn set(home: &Path, section: &str, key: &str, value: &str) -> anyhow::Result<()> {
    let mut config = read(home)?;
    let section = config.entry(section.to_owned()).or_insert_with(|| Table::new().into());
    let section = section.as_table_mut().with_context(|| format!("{FILE}: a section is no table"))?;
    section.insert(key.to_owned(), value.into());
    write(home, &config)
}

/// The configured peers, as `ID@HOST:PORT`.
pub(crate) fn peers(home: &Path) -> anyhow::Result<Vec<String>> {
    let config = read(home)?;
    let peers = config.get("p2p").and_then(|section| section.get("persistent-peers"));
    let peers = peers.and_then(toml::Value::as_str).unwrap_or_default();
    Ok(peers.split(',').filter(|peer| !peer.is_empty()).map(str::to_owned).collect())
}

fn read(home: &Path) -> anyhow::Result<Table> {
    let path = home.join(FILE);
    let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    text.parse().with_context(|| format!("read {}", path.display()))
}

fn write(home: &Path, config: &Table) -> anyhow::Result<()> {
    put(&home.join(FILE), &config.to_string())
}
