//! How often the height of seid is queried, and when that triggers a pass.

use std::time::Duration;

use sei_decide::SeidStatus;
use tokio::time::sleep;

use super::{
    super::Queries,
    node::{TestNode, order},
};

fn at(height: u64, catching_up: bool) -> Option<SeidStatus> {
    Some(SeidStatus { height, catching_up, latest_block: None, peers: Some(3) })
}

fn bed() -> TestNode {
    let mut bed = TestNode::new(false);
    bed.queries = Queries { seid: true, ..Queries::default() };
    bed.pass(None);
    bed
}

async fn asked_within(bed: &TestNode, seconds: u64) -> usize {
    let before = bed.fake.count("seid");
    sleep(Duration::from_secs(seconds)).await;
    bed.fake.count("seid") - before
}

#[tokio::test(start_paused = true)]
async fn catching_up_triggers_a_pass_and_new_blocks_do_not() {
    let mut bed = bed();
    bed.fake.change(|world| world.seid = at(1, true));
    assert_eq!(bed.woken(None).await.seid.unwrap().value, at(1, true));
    bed.fake.change(|world| world.seid = at(2, true));
    let asked = asked_within(&bed, 600).await;
    assert!((15..=20).contains(&asked), "{asked}");
    assert_eq!(bed.begin_pass().seid.unwrap().value, at(2, true));
    assert_eq!(bed.passes.count(), 1);
    bed.fake.change(|world| world.seid = at(3, false));
    assert_eq!(bed.woken(None).await.seid.unwrap().value, at(3, false));
    let asked = asked_within(&bed, 600).await;
    assert!((8..=10).contains(&asked), "{asked}");
}

#[tokio::test(start_paused = true)]
async fn unresponsive_seid_is_queried_with_backoff_and_reported_after_a_while() {
    let mut bed = bed();
    bed.fake.change(|world| world.seid = at(1, false));
    bed.woken(None).await;
    bed.fake.change(|world| world.seid = None);
    sleep(Duration::from_secs(80)).await;
    assert_eq!(bed.passes.count(), 1, "a restart is no news");
    assert_eq!(bed.woken(None).await.seid.unwrap().value, None);
    let asked = asked_within(&bed, 3600).await;
    assert!((9..=15).contains(&asked), "{asked}");
    assert_eq!(bed.passes.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn seid_is_not_queried_while_a_task_is_followed() {
    let mut bed = bed();
    bed.fake.change(|world| {
        world.seid = at(1, false);
        world.takes = Duration::from_secs(3600);
    });
    bed.pass(Some(&order(0)));
    assert_eq!(asked_within(&bed, 600).await, 0);
    bed.pass(None);
    assert!(asked_within(&bed, 600).await > 5);
}
