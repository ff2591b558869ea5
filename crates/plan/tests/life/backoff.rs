//! Work that is lost repeatedly is repeated with backoff.

use sei_plan::{Outcome, Step, TaskKind};
use serde_json::json;

use crate::initializing::{up_to, world};

use TaskKind::{MarkReady, SnapshotRestore};

#[test]
fn a_job_that_is_lost_repeatedly_is_recreated_with_backoff() {
    let snapshot = json!({ "s3": { "targetHeight": 100 }, "bootstrapImage": "seid:old" });
    let mut world = world(json!({ "fullNode": { "snapshot": snapshot } }));
    let mut delays = Vec::new();
    for _ in 0..4 {
        up_to(&mut world, SnapshotRestore);
        match world.step(|_| Outcome::JobLost).unwrap() {
            Step::Later(delay) => delays.push(delay.as_secs()),
            step => assert_eq!(step, Step::Next, "without delay the first time"),
        }
    }
    assert_eq!(delays, [5, 10, 20]);
}

#[test]
fn a_sidecar_that_restarts_repeatedly_is_released_with_backoff() {
    let mut world = world(json!({ "fullNode": {} }));
    let mut delays = Vec::new();
    for _ in 0..4 {
        let start = world.now;
        up_to(&mut world, MarkReady);
        delays.push(world.now.duration_since(start).as_secs());
        assert_eq!(world.step(|_| Outcome::Reissue), Some(Step::Replan));
    }
    assert_eq!(delays, [0, 0, 5, 10]);
}
