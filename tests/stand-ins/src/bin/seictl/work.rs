//! What tasks do in the node's home.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use futures::future::BoxFuture;
use sei_stand_ins::{node_key, put};
use sei_testkit::sidecar::{Record, Work};
use serde_json::{Value, json};

use crate::{config, peers};

/// Where records are kept.
const RECORDS: &str = ".sei-sidecar-records.json";
/// Task types that are done once in the life of a home, and how their markers are called.
const ONCE: &[(&str, &str)] = &[
    ("snapshot-restore", "snapshot"),
    ("configure-genesis", "genesis"),
    ("configure-state-sync", "statesync"),
    ("generate-identity", "identity"),
    ("generate-gentx", "gentx"),
    ("upload-genesis-artifacts", "upload-artifacts"),
    ("assemble-and-upload-genesis", "assemble-genesis"),
];

/// The home of a node.
#[derive(Clone)]
pub(crate) struct Home {
    folder: PathBuf,
    chain: String,
}

impl Home {
    pub(crate) fn new(folder: PathBuf, chain: String) -> Self {
        Self { folder, chain }
    }

    /// Records of the life before.
    pub(crate) fn records(&self) -> anyhow::Result<Vec<Record>> {
        let path = self.folder.join(RECORDS);
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).with_context(|| format!("read {}", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
        }
    }

    async fn once(&self, type_: &str, params: &Value) -> anyhow::Result<()> {
        let marker = ONCE.iter().find(|(once, _)| *once == type_);
        let marker = marker.map(|(_, name)| self.folder.join(format!(".sei-sidecar-{name}-done")));
        if marker.as_deref().is_some_and(Path::exists) {
            return Ok(());
        }
        self.perform(type_, params).await?;
        marker.map_or(Ok(()), |marker| put(&marker, ""))
    }

    async fn perform(&self, type_: &str, params: &Value) -> anyhow::Result<()> {
        match type_ {
            "configure-genesis" => self.put_json("config/genesis.json", &json!({ "chain_id": self.chain })),
            "config-apply" => config::apply(&self.folder, params),
            "config-validate" => config::validate(&self.folder),
            "discover-peers" => {
                let found = peers::discover(params).await?;
                config::set(&self.folder, "p2p", "persistent-peers", &found.join(","))
            }
            "configure-state-sync" => {
                let (height, servers) = peers::trust(&config::peers(&self.folder)?).await?;
                config::set(&self.folder, "statesync", "trust-height", &height.to_string())?;
                config::set(&self.folder, "statesync", "rpc-servers", &servers)
            }
            "snapshot-restore" => self.restore(params),
            "generate-identity" => {
                self.put_json(node_key::FILE, &node_key::generate())?;
                let key = json!({ "priv_key": node_key::generate()["priv_key"] });
                self.put_json("config/priv_validator_key.json", &key)
            }
            "generate-gentx" => self.put_json("config/gentx/gentx.json", params),
            "upload-genesis-artifacts" => {
                let gentx = self.folder.join("config/gentx/gentx.json");
                ensure!(gentx.exists(), "{} is missing", gentx.display());
                Ok(())
            }
            "await-condition" => peers::await_height(params).await,
            // It goes on as long as the process.
            "snapshot-upload" => std::future::pending().await,
            _ => Ok(()),
        }
    }

    /// The newest snapshot that is not above the height asked for.
    fn restore(&self, params: &Value) -> anyhow::Result<()> {
        let height = params["targetHeight"].as_i64().unwrap_or(1);
        ensure!(height > 0, "targetHeight {height} is no height");
        let chain = &self.chain;
        self.put_json(
            &format!("data/snapshots/{height}/snapshot.json"),
            &json!({ "chain_id": chain, "height": height }),
        )
    }

    fn put_json(&self, file: &str, value: &Value) -> anyhow::Result<()> {
        put(&self.folder.join(file), &value.to_string())
    }
}

impl Work for Home {
    fn run(&self, type_: &str, params: Value) -> BoxFuture<'static, Result<(), String>> {
        let (home, type_) = (self.clone(), type_.to_owned());
        Box::pin(
            async move { home.once(&type_, &params).await.map_err(|error| format!("{type_}: {error:#}")) },
        )
    }

    fn store(&self, records: &[&Record]) -> Result<(), String> {
        put(&self.folder.join(RECORDS), &json!(records).to_string()).map_err(|error| format!("{error:#}"))
    }

    fn node_id(&self) -> Result<String, String> {
        node_key::id(&self.folder).map_err(|error| format!("{error:#}"))
    }
}
