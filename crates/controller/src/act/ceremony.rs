//! Checks of the genesis bucket, for tasks of a ceremony that depend on objects of other members. A bucket
//! that cannot be queried delays nothing: the sidecar then fails and retries.

use std::time::Duration;

use jiff::Timestamp;
use sei_api::{conditions::ReadyReason, v1alpha1::PlannedTask};
use sei_decide::Observed;
use sei_plan::{Outcome, SidecarTask, left_objects, needed_object};

use crate::context::Context;

/// After this time the task is submitted anyway: the sidecar may know what the operator does not, for example
/// that its volume already has the object or that its pod still uses another bucket.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// Whether `task` may depend on an object in the bucket.
pub(super) fn has_needs(ctx: &Context, observed: &Observed, task: &SidecarTask) -> bool {
    ctx.genesis_bucket.is_some() && needed_object(&observed.node, task).is_some()
}

/// What `task` has to wait for before it is submitted.
pub(super) async fn before(
    ctx: &Context,
    observed: &Observed,
    planned: &PlannedTask,
    task: &SidecarTask,
) -> Option<Outcome> {
    let key = needed_object(&observed.node, task)?;
    let bucket = ctx.genesis_bucket.as_ref()?;
    if is_over(planned, observed.now) || bucket.holds(&key).await != Ok(false) {
        return None;
    }
    Some(waiting(format!("{} does not exist yet: waiting for the group to upload it", bucket.url(&key))))
}

/// The objects that the completed `task` should have uploaded and that are missing, unless the resulting
/// genesis exists.
pub(super) async fn after(
    ctx: &Context,
    observed: &Observed,
    planned: &PlannedTask,
    task: &SidecarTask,
) -> Option<Outcome> {
    let left = left_objects(&observed.node, task);
    let bucket = ctx.genesis_bucket.as_ref().filter(|_| !left.is_empty())?;
    let genesis = needed_object(&observed.node, &SidecarTask::ConfigureGenesis)?;
    if is_over(planned, observed.now) || bucket.holds(&genesis).await != Ok(false) {
        return None;
    }
    for key in left {
        if bucket.holds(&key).await == Ok(false) {
            return Some(waiting(format!(
                "the sidecar uploaded {}, but the object no longer exists: restore it; the genesis of the group is assembled from it",
                bucket.url(&key)
            )));
        }
    }
    None
}

/// Adds to `error`, from a failed attempt of `task`, the state of the object that the task needs.
pub(super) async fn explain(ctx: &Context, observed: &Observed, task: &SidecarTask, error: String) -> String {
    let Some(key) = needed_object(&observed.node, task) else { return error };
    let Some(bucket) = &ctx.genesis_bucket else {
        let bucket = &ctx.platform.genesis_bucket().name;
        return format!(
            "{error}; the operator has no credentials to check whether s3://{bucket}/{key} exists"
        );
    };
    match bucket.holds(&key).await {
        Ok(true) => error,
        Ok(false) => format!("{error}; {} does not exist", bucket.url(&key)),
        Err(unavailable) => format!("{error}; for {key}, {unavailable}"),
    }
}

fn waiting(detail: String) -> Outcome {
    Outcome::Waiting { reason: ReadyReason::WaitingForGenesis, detail }
}

fn is_over(planned: &PlannedTask, now: Timestamp) -> bool {
    let since = planned.waiting_since.as_ref().map_or(now, |since| since.0);
    Duration::try_from(now.duration_since(since)).is_ok_and(|waited| waited > PATIENCE)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use serde_json::json;

    use super::*;

    #[test]
    fn bucket_checks_have_a_deadline() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let waited = |hours: Option<i64>| {
            let mut task: PlannedTask =
                serde_json::from_value(json!({ "type": "configure-genesis", "id": "", "status": "Pending" }))
                    .unwrap();
            task.waiting_since =
                hours.map(|hours| Time(now - Duration::from_secs(3600 * hours.unsigned_abs())));
            is_over(&task, now)
        };
        assert_eq!([None, Some(0), Some(23), Some(25)].map(waited), [false, false, false, true]);
    }
}
