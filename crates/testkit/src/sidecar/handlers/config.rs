//! Configuration: `config.toml` with peers and state sync, `app.toml` with everything else, which the real
//! sidecar distributes over both and seid's stand-in does not read.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use toml::Table;

use super::{Handlers, failed, internal, keys};
use crate::sidecar::{Failure, Generation, Outcome};

pub(super) const CONFIG: &str = "config/config.toml";
const APP: &str = "config/app.toml";
const MODES: &[&str] = &["validator", "full", "seed", "archive"];
const SPLIT: &str = "storage.state_store.evm_ss_split";
const STORE: &str = "storage.state_store.enable";

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Apply {
    mode: String,
    overrides: BTreeMap<String, String>,
    target_version: i64,
    incremental: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Patch {
    files: BTreeMap<String, Map<String, Value>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Reload {
    fields: BTreeMap<String, String>,
}

/// Both files.
struct Config {
    config: Table,
    app: Table,
}

impl Handlers {
    /// Rewrites the configuration for a mode, or changes keys of the existing one.
    pub(super) fn config_apply(&self, params: Apply) -> Outcome {
        let fail = |error: String| failed(format!("config-apply: {error}"));
        for (name, value) in &params.overrides {
            let key = keys::find(name, self.generation);
            let key = key.ok_or_else(|| fail(format!("unknown override key {name:?}")))?;
            if !key.admits(value) {
                return Err(fail(format!("invalid value {value:?} for {name}")));
            }
        }
        let mut config = if params.incremental {
            self.supported_config().map_err(|failure| fail(failure.error))?
        } else if MODES.contains(&params.mode.as_str()) {
            let version = if params.target_version > 0 { params.target_version } else { self.version() };
            Config::new(&params.mode, version, self.generation)
        } else {
            return Err(fail(format!("invalid mode {:?}", params.mode)));
        };
        params.overrides.iter().for_each(|(key, value)| config.set(key, value));
        config.check()?;
        self.write_config(&config)
    }

    pub(super) fn config_validate(&self) -> Outcome {
        self.supported_config()?.check()?;
        Ok(None)
    }

    /// Changes keys that take effect in a running seid.
    pub(super) fn config_reload(&self, params: Reload) -> Outcome {
        if params.fields.is_empty() {
            return Err(failed("config-reload: missing required param 'fields'"));
        }
        for name in params.fields.keys() {
            let key = keys::find(name, self.generation);
            let key = key.ok_or_else(|| failed(format!("config-reload: unknown field {name:?}")))?;
            if !key.hot {
                return Err(failed(format!("config-reload: fields [{name}] are not hot-reloadable")));
            }
        }
        let mut config = self.supported_config()?;
        params.fields.iter().for_each(|(key, value)| config.set(key, value));
        self.write_config(&config)
    }

    /// Merges trees into files, regardless of their content; null deletes a key.
    pub(super) fn config_patch(&self, params: Patch) -> Outcome {
        if params.files.is_empty() {
            return Err(failed("config-patch: missing required param 'files'"));
        }
        for (name, tree) in params.files {
            let file = format!("config/{name}");
            let mut table = self.table(&file)?.unwrap_or_default();
            merge(&mut table, tree);
            self.home.write(&file, table.to_string()).map_err(internal)?;
        }
        Ok(None)
    }

    /// The configured peers, as `ID@HOST:PORT`.
    pub(super) fn peers(&self) -> Result<Vec<String>, Failure> {
        let config = self.table(CONFIG)?.unwrap_or_default();
        let peers = config.get("p2p").and_then(|section| section.get("persistent-peers"));
        let peers = peers.and_then(toml::Value::as_str).unwrap_or_default();
        Ok(peers.split(',').filter(|peer| !peer.is_empty()).map(str::to_owned).collect())
    }

    /// Sets keys of a section of `config.toml`.
    pub(super) fn set_section(&self, section: &str, values: Vec<(&str, toml::Value)>) -> Outcome {
        let mut config = self.table(CONFIG)?.unwrap_or_default();
        values.into_iter().for_each(|(key, value)| set(&mut config, section, key, value));
        self.home.write(CONFIG, config.to_string()).map_err(internal)?;
        Ok(None)
    }

    /// The newest schema version that this release reads and writes.
    fn version(&self) -> i64 {
        if self.generation < Generation::V54 { 1 } else { 2 }
    }

    /// The existing configuration, if this release can read it.
    fn supported_config(&self) -> Result<Config, Failure> {
        let config = self.table(CONFIG)?.ok_or_else(|| finding(CONFIG, "is missing"))?;
        let app = self.table(APP)?.ok_or_else(|| finding(APP, "is missing"))?;
        // seid's own template has no version.
        let version = app.get("sei_meta").and_then(|meta| meta.get("version"));
        let version = version.and_then(toml::Value::as_integer).unwrap_or_default();
        let supported = self.version();
        if version > supported {
            return Err(failed(format!(
                "config version {version} is newer than supported version {supported}"
            )));
        }
        Ok(Config { config, app })
    }

    fn write_config(&self, config: &Config) -> Outcome {
        self.home.write(CONFIG, config.config.to_string()).map_err(internal)?;
        self.home.write(APP, config.app.to_string()).map_err(internal)?;
        Ok(None)
    }

    fn table(&self, file: &str) -> Result<Option<Table>, Failure> {
        let text = self.home.read(file).map_err(internal)?;
        let parsed =
            text.map(|text| text.parse().map_err(|error| failed(format!("parsing {file}: {error}"))));
        parsed.transpose()
    }
}

impl Config {
    /// The defaults of a mode: no peers, and state sync disabled.
    fn new(mode: &str, version: i64, generation: Generation) -> Self {
        let mut this = Self { config: Table::new(), app: Table::new() };
        set(&mut this.app, "sei_meta", "version", version.into());
        set(&mut this.app, "sei_meta", "mode", mode.into());
        set(&mut this.config, "p2p", "persistent-peers", "".into());
        set(&mut this.config, "statesync", "enable", false.into());
        if mode == "full" && generation >= Generation::V67 {
            this.set(SPLIT, "true");
        }
        this
    }

    fn set(&mut self, key: &str, value: &str) {
        let in_config = [("network.p2p.", "p2p"), ("state_sync.", "statesync")];
        let place =
            in_config.iter().find_map(|(prefix, section)| Some((*section, key.strip_prefix(prefix)?)));
        match place {
            Some((section, name)) => {
                let value = value.parse::<bool>().map_or_else(|_| value.into(), toml::Value::from);
                set(&mut self.config, section, &name.replace('_', "-"), value);
            }
            None => set(&mut self.app, "settings", key, value.into()),
        }
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.app.get("settings")?.get(key)?.as_str()
    }

    fn check(&self) -> Result<(), Failure> {
        if self.get(SPLIT) == Some("true") && self.get(STORE) == Some("false") {
            return Err(finding(SPLIT, &format!("evm_ss_split requires {STORE}")));
        }
        Ok(())
    }
}

fn set(table: &mut Table, section: &str, key: &str, value: toml::Value) {
    let section = table.entry(section.to_owned()).or_insert_with(|| Table::new().into());
    if let Some(section) = section.as_table_mut() {
        section.insert(key.to_owned(), value);
    }
}

fn finding(field: &str, message: &str) -> Failure {
    let findings = json!([{ "severity": "error", "field": field, "message": message }]);
    failed(format!("config validation failed: {findings}"))
}

fn merge(table: &mut Table, tree: Map<String, Value>) {
    for (key, value) in tree {
        match (value, table.get_mut(&key)) {
            (Value::Null, _) => drop(table.remove(&key)),
            (Value::Object(tree), Some(toml::Value::Table(inner))) => merge(inner, tree),
            (Value::Object(tree), _) => {
                let mut inner = Table::new();
                merge(&mut inner, tree);
                table.insert(key, inner.into());
            }
            // Numbers, strings and lists of them are the same in both.
            (value, _) => {
                if let Ok(value) = toml::Value::try_from(value) {
                    table.insert(key, value);
                }
            }
        }
    }
}
