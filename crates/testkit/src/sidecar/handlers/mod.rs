//! The effects of tasks, in the home and outside: one implementation for the simulator and for the program that
//! replaces the sidecar.

mod config;
mod genesis;
mod governance;
mod keys;
mod peers;
mod seid;
mod snapshots;

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{Bucket, Failure, Generation, Home, Outcome, World};

/// Task types that run once in the life of a home, and their marker files.
const ONCE: &[(&str, &str)] = &[
    ("snapshot-restore", ".sei-sidecar-snapshot-done"),
    ("configure-genesis", ".sei-sidecar-genesis-done"),
    ("configure-state-sync", STATE_SYNCED),
    ("generate-identity", ".sei-sidecar-identity-done"),
    ("generate-gentx", ".sei-sidecar-gentx-done"),
    ("upload-genesis-artifacts", ".sei-sidecar-artifact-upload-done"),
    ("assemble-and-upload-genesis", ".sei-sidecar-assemble-done"),
];
const STATE_SYNCED: &str = ".sei-sidecar-statesync-done";

/// The handlers of one sidecar.
#[derive(Clone)]
pub struct Handlers {
    /// Its release.
    pub generation: Generation,
    /// The node's home.
    pub home: Home,
    /// The chain in its environment.
    pub chain: String,
    /// Bucket of snapshots.
    pub snapshots: Arc<dyn Bucket>,
    /// Bucket of genesis ceremonies.
    pub genesis: Arc<dyn Bucket>,
    /// Its environment.
    pub world: Arc<dyn World>,
    /// Whether it has a keyring to sign with.
    pub keyring: bool,
}

impl Handlers {
    /// Initializes an empty home, as the sidecar does when it starts.
    ///
    /// # Errors
    /// If the home cannot be written.
    pub fn prepare(&self) -> anyhow::Result<()> {
        if !self.home.has(config::CONFIG) {
            self.home.write(config::CONFIG, "")?;
        }
        Ok(())
    }

    /// Runs the task with this ID, unless its marker in this home shows that it has completed.
    pub async fn run(self, id: &str, type_: &str, params: Map<String, Value>) -> Outcome {
        let marker = ONCE.iter().find(|(once, _)| *once == type_).map(|(_, marker)| *marker);
        if marker.is_some_and(|marker| self.home.has(marker)) {
            return Ok(None);
        }
        let result = self.perform(id, type_, params).await?;
        if let Some(marker) = marker {
            self.home.write(marker, "").map_err(internal)?;
        }
        Ok(result)
    }

    async fn perform(&self, id: &str, type_: &str, params: Map<String, Value>) -> Outcome {
        match type_ {
            "config-apply" => self.config_apply(decode(params)?),
            "config-patch" => self.config_patch(decode(params)?),
            "config-reload" => self.config_reload(decode(params)?),
            "config-validate" => self.config_validate(),
            "configure-genesis" => self.configure_genesis(decode(params)?).await,
            "set-genesis-peers" => self.set_genesis_peers().await,
            "generate-identity" => self.generate_identity(decode(params)?),
            "generate-gentx" => self.generate_gentx(decode(params)?),
            "upload-genesis-artifacts" => self.upload_genesis_artifacts(decode(params)?).await,
            "assemble-and-upload-genesis" => self.assemble(decode(params)?).await,
            "discover-peers" => self.discover_peers(decode(params)?).await,
            "configure-state-sync" => self.configure_state_sync(decode(params)?).await,
            "await-condition" => self.await_condition(decode(params)?).await,
            "stop-seid" => self.stop_seid().await,
            "restart-seid" => self.restart_seid().await,
            "reset-data" => self.reset_data().await,
            "snapshot-restore" => self.snapshot_restore(decode(params)?).await,
            "snapshot-upload" => self.snapshot_upload().await,
            "snapshot-upload-once" => self.snapshot_upload_once().await,
            "result-export" => snapshots::result_export(&decode(params)?),
            "gov-vote" | "gov-software-upgrade" | "gov-param-change" => {
                self.govern(id, type_, decode(params)?).await
            }
            "evm-logical-digest" => Err(failed("seidb: executable file not found in $PATH")),
            // mark-ready and mark-not-ready affect only the sidecar itself.
            _ => Ok(None),
        }
    }
}

/// Decodes parameters like the real handlers: unknown ones are ignored, null counts as absent.
fn decode<T: DeserializeOwned>(mut params: Map<String, Value>) -> Result<T, Failure> {
    params.retain(|_, value| !value.is_null());
    serde_json::from_value(Value::Object(params)).map_err(|error| failed(format!("parsing params: {error}")))
}

/// A required parameter.
fn required<'a>(task: &str, name: &str, value: &'a str) -> Result<&'a str, Failure> {
    if value.is_empty() {
        return Err(failed(format!("{task}: missing required param '{name}'")));
    }
    Ok(value)
}

fn failed(error: impl Into<String>) -> Failure {
    error.into().into()
}

/// An error of the home.
fn internal(error: anyhow::Error) -> Failure {
    failed(format!("{error:#}"))
}

/// An error of a bucket.
fn s3(task: &str, message: &str, hint: &str) -> Failure {
    failed(format!("{task}: S3: {message} [hint: {hint}]"))
}

/// The error of a bucket that does not respond.
fn unreachable(task: &str) -> impl Fn(String) -> Failure {
    let task = task.to_owned();
    move |error| s3(&task, &format!("network error: {error}"), "check endpoint, region and credentials")
}

/// A required object.
async fn fetch(task: &str, bucket: &dyn Bucket, key: &str) -> Result<Vec<u8>, Failure> {
    let object = bucket.get(key).await.map_err(unreachable(task))?;
    object.ok_or_else(|| s3(task, &format!("no object {key}"), "check that it was uploaded"))
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
