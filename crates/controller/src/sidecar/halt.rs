//! Whether seid reaches a height and halts there, for a group that replaces images at it.
//!
//! The sidecar watches the height: it sees every block, and its tasks survive a restart of the operator, which could
//! miss the last block before the halt. Whether seid has halted is determined from the responses of seid itself.

use std::time::Duration;

use sei_deployment::Halt;
use sei_sidecar::{TaskRequest, TaskState};
use serde_json::json;
use tokio::time::Instant;
use uuid::{Uuid, uuid};

use super::{
    calls::{Api, HaltObservation},
    rhythm,
};
use crate::heights::Awaited;

/// The UUID namespace that the Go controller uses for tasks of groups.
const NAMESPACE: Uuid = uuid!("d4a7e1f3-8b29-4c6d-a5e0-2f1d3c4b5a6e");
/// A seid at the height that has not responded for this long has halted.
const SILENCE: Duration = Duration::from_secs(15);
/// So has a seid that responds but has had no new block for this long.
const STANDSTILL: Duration = Duration::from_secs(60);

/// The clock and the state of one wait.
pub(super) struct Watch {
    pub(super) awaited: Awaited,
    pub(super) at: Instant,
    observed: HaltObservation,
    /// The time since which `observed.latest` has been the same.
    since: Instant,
}

impl Watch {
    pub(super) fn new(awaited: Awaited) -> Self {
        let now = Instant::now();
        Self { awaited, at: now, observed: HaltObservation::default(), since: now }
    }

    /// The pod was replaced: that its predecessor did not respond is irrelevant.
    pub(super) fn pod_changed(&mut self) {
        self.observed.latest = None;
        (self.since, self.at) = (Instant::now(), Instant::now());
    }

    /// Whether seid did not respond last time.
    pub(super) fn is_silent(&self) -> bool {
        self.observed.latest.is_none()
    }

    /// Begins a call: returns what to query and the observations so far.
    pub(super) fn begin_query(&mut self) -> (Awaited, HaltObservation) {
        // In case the call does not end, or cannot be made.
        self.pause();
        (self.awaited.clone(), self.observed)
    }

    /// Records the result of a call.
    pub(super) fn record(&mut self, observed: HaltObservation) -> Halt {
        if observed.latest != self.observed.latest {
            self.since = Instant::now();
        }
        self.observed = observed;
        self.pause();
        self.halt()
    }

    fn pause(&mut self) {
        let missing = self.observed.latest.map(|latest| self.awaited.last().saturating_sub(latest));
        self.at = Instant::now() + rhythm::halt(missing, self.since.elapsed(), fastrand::f64());
    }

    fn halt(&self) -> Halt {
        let unchanged_for = self.since.elapsed();
        match self.observed {
            HaltObservation { latest: Some(latest), .. } if latest < self.awaited.last() => Halt::Before,
            HaltObservation { passed: true, .. } => Halt::Passed,
            HaltObservation { reached: false, .. } => Halt::Unknown,
            HaltObservation { latest: None, .. } if unchanged_for >= SILENCE => Halt::Halted,
            HaltObservation { latest: Some(_), .. } if unchanged_for >= STANDSTILL => Halt::Halted,
            _ => Halt::Arrived,
        }
    }
}

/// Queries seid and the sidecar once.
pub(super) async fn query(
    connection: &impl Api,
    awaited: &Awaited,
    before: HaltObservation,
) -> HaltObservation {
    let latest = connection.seid().await.ok().map(|seid| seid.height);
    let at_least = |height: u64| latest.is_some_and(|latest| latest >= height);
    HaltObservation {
        reached: before.reached
            || at_least(awaited.last())
            || has_reached(connection, awaited, awaited.last()).await,
        passed: before.passed
            || at_least(awaited.height + 1)
            || has_reached(connection, awaited, awaited.height + 1).await,
        latest,
    }
}

/// Whether the sidecar has observed seid at a height that it was requested to watch. A failed call is repeated with the
/// next query.
async fn has_reached(connection: &impl Api, awaited: &Awaited, height: u64) -> bool {
    let request = request(awaited, height);
    match connection.task(request.id).await {
        Ok(Some(task)) if task.status == TaskState::Completed => true,
        Ok(Some(task)) if task.status == TaskState::Running => false,
        // The task is still unknown, or a restart of the sidecar ended it.
        Ok(_) => {
            let _ = connection.submit(&request).await;
            false
        }
        Err(_) => false,
    }
}

fn request(awaited: &Awaited, height: u64) -> TaskRequest {
    // Independent of the pod: the result also holds for its successors.
    let name = format!("{}/await-height/{height}", awaited.node);
    TaskRequest {
        id: Uuid::new_v5(&NAMESPACE, name.as_bytes()),
        type_: "await-condition".to_owned(),
        params: Some(json!({ "condition": "height", "targetHeight": height.max(1) })),
    }
}
