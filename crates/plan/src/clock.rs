//! Times in a stored plan that lie too far in the future: the operator that stored them had a fast clock, or a user has
//! edited the status. Waiting for them would block the node.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use sei_api::v1alpha1::TaskPlan;

/// The longest delay of any attempt.
const LONGEST_DELAY: SignedDuration = SignedDuration::from_secs(600);

/// Corrects the times in `plan`: a start later than `now` becomes `now`, and an attempt that is due later than any
/// delay allows is due now.
pub fn correct_times(plan: &mut TaskPlan, now: Timestamp) {
    began(&mut plan.created_at, now);
    for task in &mut plan.tasks {
        began(&mut task.submitted_at, now);
        began(&mut task.waiting_since, now);
        task.next_attempt_at.take_if(|next| next.0.duration_since(now) > LONGEST_DELAY);
    }
}

fn began(time: &mut Option<Time>, now: Timestamp) {
    time.iter_mut().filter(|time| time.0 > now).for_each(|time| time.0 = now);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_in_the_future_are_corrected_and_others_are_kept() {
        let now: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
        let plan = |began: &str, next: Option<&str>| -> TaskPlan {
            let mut task = json!({
                "type": "config-apply", "id": "a", "status": "Pending", "submittedAt": began, "waitingSince": began,
            });
            next.into_iter().for_each(|next| task["nextAttemptAt"] = json!(next));
            let plan = json!({ "id": "p", "phase": "Active", "createdAt": began, "tasks": [task] });
            serde_json::from_value(plan).unwrap()
        };
        let (past, due) = ("2026-12-31T23:00:00Z", Some("2027-01-01T00:06:15Z"));
        for (stored, expected) in [
            (plan(past, due), plan(past, due)),
            (plan(past, None), plan(past, None)),
            (plan("9999-12-30T21:59:00Z", Some("9999-12-30T21:59:00Z")), plan("2027-01-01T00:00:00Z", None)),
            (plan("2027-01-01T01:00:00Z", Some("2027-01-01T01:00:00Z")), plan("2027-01-01T00:00:00Z", None)),
        ] {
            let mut corrected = stored.clone();
            correct_times(&mut corrected, now);
            assert_eq!(corrected, expected);
        }
    }
}
