//! Snapshots and exports, in buckets.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Handlers, failed, fetch, internal, required, s3, unreachable};
use crate::sidecar::{Failure, Home, Outcome};

/// The last upload.
const UPLOADED: &str = ".sei-sidecar-last-upload.json";

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Restore {
    target_height: i64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Export {
    bucket: String,
    region: String,
}

impl Handlers {
    /// The newest snapshot that is not above the requested height; 0 requests the newest.
    pub(super) async fn snapshot_restore(&self, params: Restore) -> Outcome {
        let task = "snapshot-restore";
        let limit = u64::try_from(params.target_height)
            .map_err(|_| failed(format!("{task}: targetHeight must be 0 or more")))?;
        let folder = self.folder();
        let keys = self.snapshots.list(&folder).await.map_err(unreachable(task))?;
        let heights = keys
            .iter()
            .filter_map(|key| key.strip_prefix(&folder)?.strip_suffix(".tar.gz")?.parse::<u64>().ok());
        let height = heights.filter(|height| limit == 0 || *height <= limit).max();
        let height = height.ok_or_else(|| {
            s3(task, &format!("no snapshot at or below height {limit} in {folder}"), "check targetHeight")
        })?;
        let snapshot = fetch(task, &*self.snapshots, &format!("{folder}{height}.tar.gz")).await?;
        self.home.write(&Home::snapshot(height), snapshot).map_err(internal)?;
        Ok(None)
    }

    /// Uploads the second newest snapshot, as the newest may be incomplete, and repeats that after a week.
    /// Errors are only logged.
    pub(super) async fn snapshot_upload(&self) -> Outcome {
        let _ = self.upload().await;
        std::future::pending().await
    }

    pub(super) async fn snapshot_upload_once(&self) -> Outcome {
        self.upload()
            .await
            .map(Some)
            .map_err(|failure| Failure { result: Some(json!({ "outcome": "error" })), ..failure })
    }

    async fn upload(&self) -> Result<Value, Failure> {
        let task = "snapshot-upload";
        let noop = |reason: &str| json!({ "outcome": "noop", "noopReason": reason });
        let snapshots = self.home.snapshots();
        let [.., height, _] = snapshots.as_slice() else { return Ok(noop("fewer-than-2-snapshots")) };
        let uploaded = json!({ "height": height }).to_string();
        if self.home.read(UPLOADED).map_err(internal)?.as_ref() == Some(&uploaded) {
            let mut noop = noop("already-uploaded");
            noop["height"] = json!(height);
            return Ok(noop);
        }
        let content = self.home.read(&Home::snapshot(*height)).map_err(internal)?.unwrap_or_default();
        let key = format!("{}{height}.tar.gz", self.folder());
        self.snapshots.put(&key, content.into_bytes()).await.map_err(unreachable(task))?;
        self.home.write(UPLOADED, uploaded).map_err(internal)?;
        Ok(json!({ "outcome": "uploaded", "height": height, "key": key }))
    }

    fn folder(&self) -> String {
        format!("{}/state-sync/", self.chain)
    }
}

/// Exports nothing: only its parameters are checked.
pub(super) fn result_export(params: &Export) -> Outcome {
    required("result-export", "bucket", &params.bucket)?;
    required("result-export", "region", &params.region)?;
    Ok(None)
}
