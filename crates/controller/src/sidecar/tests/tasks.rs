//! Tasks: submitted once, followed, retried only when ordered.

use std::time::Duration;

use sei_decide::{Health, Refusal, TaskProgress, Trouble, TroubleKind};
use sei_sidecar::TaskRequest;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{
    super::Order,
    fake::Mode,
    node::{TestNode, health, mark_ready, order, progress, target},
};

#[tokio::test(start_paused = true)]
async fn a_short_task_is_submitted_once_and_its_completion_reported_at_once() {
    let mut bed = TestNode::new(false);
    bed.fake.change(|world| world.takes = Duration::from_millis(50));
    let start = Instant::now();
    assert_eq!(progress(&bed.pass(Some(&order(0)))), None);
    let known = bed.woken(Some(&order(0))).await;
    assert_eq!(progress(&known), Some(&TaskProgress::Completed));
    assert!(start.elapsed() <= Duration::from_millis(130), "{:?}", start.elapsed());
    assert_eq!((bed.fake.count("get"), bed.fake.count("post"), bed.passes.count()), (2, 1, 1));
    sleep(Duration::from_secs(600)).await;
    assert_eq!(bed.fake.count("get"), 2, "a completed task is not queried");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_only_this_process_can_have_submitted_is_queried_after_its_first_submission() {
    let new = |id| {
        let id = Uuid::from_u128(id);
        let request = order(0).request.map(|request| TaskRequest { id, ..request });
        Order { id, is_new: true, request, ..order(0) }
    };
    for (mode, expected) in
        [(Mode::Answers, ["post", "get"].as_slice()), (Mode::Refuses, &["post", "get", "post", "get"])]
    {
        let mut bed = TestNode::new(false);
        bed.fake.change(|world| world.takes = Duration::from_millis(50));
        bed.pass(Some(&new(1)));
        bed.until(&new(1), &TaskProgress::Completed).await;
        assert_eq!(bed.fake.count("get"), 2, "the first one: the sidecar may not have started");
        bed.fake.change(|world| (world.mode, world.calls) = (mode, Vec::new()));
        bed.pass(Some(&new(2)));
        sleep(Duration::from_millis(10)).await;
        bed.fake.change(|world| world.mode = Mode::Answers);
        bed.until(&new(2), &TaskProgress::Completed).await;
        let calls = bed.fake.change(|world| world.calls.iter().map(|(_, call)| *call).collect::<Vec<_>>());
        assert_eq!(calls, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn poll_intervals_of_a_long_task_grow() {
    let mut bed = TestNode::new(false);
    bed.fake.change(|world| world.takes = Duration::from_secs(600));
    bed.pass(Some(&order(0)));
    let known = bed.woken(Some(&order(0))).await;
    assert_eq!(progress(&known), Some(&TaskProgress::Running));
    sleep(Duration::from_secs(300)).await;
    assert!((55..90).contains(&bed.fake.count("get")), "{} polls", bed.fake.count("get"));
    assert_eq!(bed.passes.count(), 1, "only a change wakes the node");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_the_sidecar_knows_is_not_submitted() {
    let mut bed = TestNode::new(false);
    bed.fake.change(|world| world.tasks.insert(Uuid::from_u128(1), (Instant::now(), 1)));
    bed.pass(Some(&order(0)));
    assert_eq!(progress(&bed.woken(None).await), Some(&TaskProgress::Completed));
    assert_eq!(bed.fake.count("post"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failed_attempt_is_retried_only_when_ordered() {
    let mut bed = TestNode::new(false);
    bed.fake.change(|world| world.failures = 1);
    bed.pass(Some(&order(0)));
    assert_eq!(
        progress(&bed.woken(Some(&order(0))).await),
        Some(&TaskProgress::Failed("run 1 failed".to_owned()))
    );
    sleep(Duration::from_secs(60)).await;
    assert_eq!(bed.fake.count("post"), 1);
    bed.pass(Some(&order(1)));
    let known = bed.woken(Some(&order(1))).await;
    assert_eq!(known.task.unwrap().value, order(1).report(TaskProgress::Completed, None));
    assert_eq!(bed.fake.count("post"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_task_is_not_submitted_again() {
    let mut bed = TestNode::new(false);
    let mut dance = order(0);
    dance.request = dance.request.map(|request| TaskRequest { type_: "dance".to_owned(), ..request });
    bed.pass(Some(&dance));
    let refused = TaskProgress::Refused(Refusal::TaskUnknown, "unknown task type: dance".to_owned());
    assert_eq!(progress(&bed.woken(Some(&dance)).await), Some(&refused));
    sleep(Duration::from_secs(600)).await;
    assert_eq!(bed.fake.count("post"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_must_run_once_is_not_resubmitted_after_the_sidecar_lost_it() {
    let long = Duration::from_secs(600);
    let once = Order { once: true, ..order(0) };
    let mut bed = TestNode::new(false);
    bed.fake.change(|world| world.takes = long);
    bed.pass(Some(&once));
    bed.until(&once, &TaskProgress::Running).await;
    bed.fake.change(|world| world.tasks.clear());
    bed.until(&once, &TaskProgress::Lost).await;
    // The next process reads from the status that the sidecar had the task.
    let mut bed = bed.restarted();
    bed.pass(Some(&Order { was_submitted: true, ..once.clone() }));
    bed.until(&once, &TaskProgress::Lost).await;
    assert_eq!(bed.fake.count("post"), 1);
    // Any other task is submitted again.
    bed.pass(Some(&order(1)));
    bed.until(&order(1), &TaskProgress::Running).await;
    assert_eq!(bed.fake.count("post"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_must_run_once_is_not_submitted_again_when_the_sidecar_was_terminated_during_it() {
    let once = Order { once: true, ..order(0) };
    let mut bed = TestNode::new(false);
    bed.fake.change(|world| {
        (world.failures, world.error) = (1, Some("context canceled"));
        world.tasks.insert(once.id, (Instant::now(), 1))
    });
    // The operator restarted before it stored that the sidecar had the task.
    bed.pass(Some(&once));
    bed.until(&once, &TaskProgress::Lost).await;
    assert_eq!(bed.fake.count("post"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_needs_a_later_release_is_not_submitted_to_an_earlier_one() {
    let mut bed = TestNode::new(false);
    let needy = |type_| Order { needs_type: Some(type_), ..order(0) };
    bed.pass(Some(&needy("discover-peers")));
    let refused = "its release is too old: it has no task type discover-peers".to_owned();
    bed.until(&needy("discover-peers"), &TaskProgress::Refused(Refusal::TaskUnknown, refused)).await;
    assert_eq!(bed.fake.count("post"), 0);
    let mut bed = TestNode::new(false);
    bed.pass(Some(&needy("mark-not-ready")));
    bed.until(&needy("mark-not-ready"), &TaskProgress::Completed).await;
    assert_eq!(bed.fake.count("post"), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_submitted_while_a_pass_may_withdraw_it() {
    let mut bed = TestNode::new(false);
    bed.fake.change(|world| world.mode = Mode::Refuses);
    bed.pass(Some(&order(0)));
    assert!(bed.woken(Some(&order(0))).await.trouble.is_some());
    bed.begin_pass();
    bed.fake.change(|world| world.mode = Mode::Answers);
    sleep(Duration::from_secs(120)).await;
    assert!(bed.fake.count("get") < 12, "a long pass does not cause queries");
    assert_eq!(bed.fake.count("post"), 0);
    bed.watched.end_pass();
    sleep(Duration::from_secs(120)).await;
    assert_eq!(bed.fake.count("post"), 0, "it was withdrawn");
    bed.begin_pass();
    bed.watched.order(order(0));
    sleep(Duration::from_secs(120)).await;
    assert_eq!(bed.fake.count("post"), 0, "the status of the pass is not stored yet");
    bed.watched.end_pass();
    bed.until(&order(0), &TaskProgress::Completed).await;
    assert_eq!(bed.fake.count("post"), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_request_the_sidecar_is_only_queried() {
    let mut bed = TestNode::new(false);
    bed.pass(Some(&Order { request: None, ..order(0) }));
    assert_eq!(progress(&bed.woken(Some(&order(0))).await), Some(&TaskProgress::Unknown));
    assert_eq!(progress(&bed.woken(None).await), Some(&TaskProgress::Completed));
}

#[tokio::test(start_paused = true)]
async fn mark_ready_and_health_are_reported_together() {
    let mut bed = TestNode::new(true);
    bed.pass(Some(&mark_ready()));
    let known = bed.until(&mark_ready(), &TaskProgress::Completed).await;
    assert_eq!(known.health.unwrap().value, Health::Ready);
}

#[tokio::test(start_paused = true)]
async fn a_hold_by_another_client_is_respected_until_it_is_released() {
    let mut bed = TestNode::new(true);
    bed.fake.change(|world| world.held = true);
    bed.pass(Some(&mark_ready()));
    bed.until(&mark_ready(), &TaskProgress::Held).await;
    sleep(Duration::from_secs(300)).await;
    assert_eq!(bed.begin_pass().health.unwrap().value, Health::Held);
    assert_eq!(bed.fake.count("post"), 0);
    bed.watched.order(mark_ready());
    bed.watched.end_pass();
    bed.fake.change(|world| world.held = false);
    sleep(Duration::from_secs(30)).await;
    assert_eq!(progress(&bed.begin_pass()), Some(&TaskProgress::Completed));
}

#[tokio::test(start_paused = true)]
async fn a_finished_task_is_queried_again_after_its_pod_was_gone_or_replaced() {
    let mut bed = TestNode::new(true);
    bed.fake.change(|world| world.ready = true);
    bed.pass(Some(&order(0)));
    bed.until(&order(0), &TaskProgress::Completed).await;
    for pod in ["u1", "u2"] {
        let gone = Trouble { kind: TroubleKind::NoPod, message: "there is no pod".to_owned() };
        bed.watched.begin_pass(Err(gone), None, health());
        // The actor runs only after this.
        assert_eq!(progress(&bed.watched.begin_pass(Ok(target(pod)), None, health())), None);
        bed.watched.order(order(0));
        bed.watched.end_pass();
        sleep(Duration::from_secs(1)).await;
        let known = bed.watched.begin_pass(Ok(target(pod)), None, health());
        assert_eq!(progress(&known), Some(&TaskProgress::Completed), "{pod}");
        assert!(known.health.is_some(), "{pod}");
    }
    assert_eq!(bed.fake.count("post"), 1);
}
