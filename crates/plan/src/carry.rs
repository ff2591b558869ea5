//! What a plan takes over from the plan that it replaces, on the same volume.

use sei_api::v1alpha1::{FailureCause, PlannedTask, TaskPlan, TaskStatus};
use serde_json::{Value, json};

use crate::{OfKind, PlanInputs, TaskKind};

/// Takes over the completed and running tasks of `old`. Tasks that write or check the spec are repeated: they are
/// idempotent and the spec may have changed. So are tasks whose effect ends with the sidecar's process, which may have
/// been replaced, and tasks whose result was lost when the configuration was rewritten.
pub(crate) fn carry_over(fresh: &mut TaskPlan, old: &TaskPlan, inputs: &PlanInputs) {
    let mut config = Config::Kept;
    for index in 0..fresh.tasks.len() {
        let (earlier, rest) = fresh.tasks.split_at_mut(index);
        let Some(task) = rest.first_mut().filter(|task| !task.kind().is_some_and(TaskKind::is_reasserted))
        else {
            continue;
        };
        let Some((place, was)) = counterpart(earlier, task, old) else {
            config = config.max(Config::of(task, false));
            continue;
        };
        let in_place = task.is(TaskKind::ConfigApply) && must_stay(old, place);
        if in_place {
            change_in_place(task);
        }
        let stands = match task.kind() {
            Some(TaskKind::ConfigApply) => !is_rejected_config(old, inputs),
            Some(TaskKind::DiscoverPeers | TaskKind::SetGenesisPeers) => config < Config::Rewritten,
            Some(TaskKind::ConfigValidate) => config == Config::Kept,
            _ => true,
        };
        if stands && same_params(was.params.as_ref(), task.params.as_ref()) {
            take(task, was, old);
        }
        if task.status != TaskStatus::Complete {
            config = config.max(Config::of(task, in_place));
        }
    }
}

/// State of the configuration on the volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Config {
    Kept,
    Changed,
    Rewritten,
}

impl Config {
    /// The effect of running `task` on it.
    fn of(task: &PlannedTask, in_place: bool) -> Self {
        match task.kind() {
            Some(TaskKind::ConfigApply) if !in_place => Self::Rewritten,
            Some(
                TaskKind::ConfigApply
                | TaskKind::DiscoverPeers
                | TaskKind::SetGenesisPeers
                | TaskKind::ConfigureStateSync,
            ) => Self::Changed,
            _ => Self::Kept,
        }
    }
}

/// The task of `old` that corresponds to `task`, which follows `earlier` in its plan: a bootstrap configures
/// twice.
fn counterpart<'a>(
    earlier: &[PlannedTask],
    task: &PlannedTask,
    old: &'a TaskPlan,
) -> Option<(usize, &'a PlannedTask)> {
    let nth = earlier.iter().filter(|other| other.type_ == task.type_).count();
    old.tasks.iter().enumerate().filter(|(_, other)| other.type_ == task.type_).nth(nth)
}

/// Takes over the state of a task. One that the sidecar is running, or may be running, keeps its ID: with
/// another ID it would run twice at the same time.
fn take(task: &mut PlannedTask, was: &PlannedTask, old: &TaskPlan) {
    match was.status {
        TaskStatus::Complete | TaskStatus::Pending => task.clone_from(was),
        TaskStatus::Failed | TaskStatus::Unknown if may_be_under_way(was, old) => {
            task.id.clone_from(&was.id);
            task.params.clone_from(&was.params);
            task.submitted_at.clone_from(&was.submitted_at);
        }
        TaskStatus::Failed | TaskStatus::Unknown => {}
    }
}

/// Whether the sidecar may still be running the failed task `was` of `old`: a task ends only when the sidecar reports
/// it. A submission is recorded only after it was sent.
fn may_be_under_way(was: &PlannedTask, old: &TaskPlan) -> bool {
    let cause = old.failed_task_detail.as_ref().and_then(|detail| detail.cause);
    was.submitted_at.is_some() || cause == Some(FailureCause::Rejected)
}

/// Whether the configuration that `old` wrote cannot be kept: another sidecar has another schema, or it was
/// found invalid or without a peer for state sync.
fn is_rejected_config(old: &TaskPlan, inputs: &PlanInputs) -> bool {
    let other_sidecar = old.sidecar_image.is_some() && old.sidecar_image != inputs.sidecar_image;
    let failed = old.tasks.iter().find(|task| task.status == TaskStatus::Failed);
    let is_at_fault =
        |task: &PlannedTask| task.is(TaskKind::ConfigValidate) || task.is(TaskKind::ConfigureStateSync);
    other_sidecar || failed.is_some_and(is_at_fault)
}

/// Whether `config-apply` at `place` has written the configuration once, and state sync was, or may have
/// been, configured in it. The sidecar configures it once per volume, and a rewritten file has lost it.
fn state_sync_follows(old: &TaskPlan, place: usize) -> bool {
    let mut later = old.tasks.iter().enumerate().skip(place + 1);
    let next =
        later.find(|(_, task)| task.is(TaskKind::ConfigApply) || task.is(TaskKind::ConfigureStateSync));
    // Tasks before `config-apply` may be repeated: the plan replaced another one, or has lost its bootstrap Job.
    let may_have_run = |(index, task): (usize, &PlannedTask)| {
        let is_complete = |task: &PlannedTask| task.status == TaskStatus::Complete;
        is_complete(task) || task.submitted_at.is_some() || old.tasks[place..index].iter().all(is_complete)
    };
    is_incremental(old.tasks[place].params.as_ref())
        || next.is_some_and(|next| next.1.is(TaskKind::ConfigureStateSync) && may_have_run(next))
}

/// Whether the configuration written by the `config-apply` at `place` must not be rewritten: state sync is configured
/// in it, or the data of seid depends on it.
fn must_stay(old: &TaskPlan, place: usize) -> bool {
    let has_run = |task: &PlannedTask| {
        let was_submitted = task.status == TaskStatus::Complete || task.submitted_at.is_some();
        task.is(TaskKind::MarkReady) && was_submitted
    };
    state_sync_follows(old, place) || old.tasks[place..].iter().any(has_run)
}

/// Makes `config-apply` change the files in place instead of rewriting them.
fn change_in_place(task: &mut PlannedTask) {
    if let Some(Value::Object(params)) = &mut task.params {
        params.insert("incremental".to_owned(), json!(true));
    }
}

fn is_incremental(params: Option<&Value>) -> bool {
    params.and_then(|params| params.get("incremental")) == Some(&json!(true))
}

/// Whether both parameters have the same effect on a volume where the first task completed.
fn same_params(was: Option<&Value>, is: Option<&Value>) -> bool {
    let without = |params: Option<&Value>| {
        let mut params = params.cloned().unwrap_or_default();
        if let Value::Object(params) = &mut params {
            params.remove("incremental");
            // Plans created before peers were recorded there had none in it.
            if params.get("peers") == Some(&json!([])) {
                params.remove("peers");
            }
        }
        params
    };
    without(was) == without(is)
}
