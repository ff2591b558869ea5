//! The seid next to the sidecar: waiting for it, stopping it, and resetting its data.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::{Handlers, STATE_SYNCED, failed, internal, peers::height_of};
use crate::sidecar::{Failure, Generation, Outcome};

pub(super) const LOCAL: &str = "localhost:26657";
const PERIOD: Duration = Duration::from_millis(100);
/// Time limit for a restarted seid to respond.
const RESTART: Duration = Duration::from_secs(300);

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Condition {
    condition: String,
    target_height: i64,
    action: String,
}

impl Handlers {
    /// Waits for a height, or until seid has caught up; then stops it if requested.
    pub(super) async fn await_condition(&self, params: Condition) -> Outcome {
        let target = u64::try_from(params.target_height).unwrap_or(0);
        let reached: Box<dyn Fn(&Value) -> bool + Send + Sync> = match params.condition.as_str() {
            "height" if target == 0 => return Err(failed("targetHeight must be greater than 0")),
            "height" => Box::new(move |status| height_of(status).is_some_and(|height| height >= target)),
            "catchingUp" if self.generation >= Generation::V64 => Box::new(|status| {
                status["sync_info"]["catching_up"] == false
                    && height_of(status).is_some_and(|height| height > 1)
            }),
            other => return Err(failed(format!("unknown condition {other:?}"))),
        };
        if !["", "SIGTERM_SEID"].contains(&params.action.as_str()) {
            return Err(failed(format!("unknown action {:?}", params.action)));
        }
        while !self.world.rpc(LOCAL, "/status").await.is_ok_and(|status| reached(&status)) {
            sleep(PERIOD).await;
        }
        if params.action == "SIGTERM_SEID" {
            self.world.stop_seid().await.map_err(failed)?;
        }
        Ok(None)
    }

    pub(super) async fn stop_seid(&self) -> Outcome {
        self.world.stop_seid().await.map_err(failed)?;
        Ok(None)
    }

    /// Stops seid, which its container restarts, and waits until it responds.
    pub(super) async fn restart_seid(&self) -> Outcome {
        self.world.stop_seid().await.map_err(failed)?;
        let answers = async {
            while self.world.rpc(LOCAL, "/status").await.is_err() {
                sleep(PERIOD).await;
            }
        };
        timeout(RESTART, answers).await.map_err(|_| failed("seid did not answer after its restart"))?;
        Ok(None)
    }

    /// Deletes the data of a stopped seid, so that state sync can be configured again.
    pub(super) async fn reset_data(&self) -> Outcome {
        let refused = |error: String| Failure { error, result: Some(json!({ "wipedBytes": 0 })) };
        if self.world.rpc(LOCAL, "/status").await.is_ok() {
            return Err(refused("seid is running: stop it first".to_owned()));
        }
        let bytes = self.home.wipe_data().map_err(|error| refused(format!("{error:#}")))?;
        let state = json!({ "height": "0", "round": 0, "step": 0 });
        self.home.write_json("data/priv_validator_state.json", &state).map_err(internal)?;
        self.home.remove(STATE_SYNCED).map_err(internal)?;
        Ok(Some(json!({ "wipedBytes": bytes })))
    }
}
