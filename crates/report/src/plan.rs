//! Progress of a plan.

use jiff::Timestamp;
use sei_api::v1alpha1::{PlanPhase, PlannedTask, TaskPlan, TaskStatus};
use sei_plan::Purpose;
use serde::Serialize;

/// Progress of a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanProgress {
    /// The purpose of the plan: `init`, `update` or `mark-ready`.
    pub purpose: &'static str,
    /// Its state.
    pub phase: PlanPhase,
    /// Tasks that are complete.
    pub done: usize,
    /// The tasks, in order.
    pub tasks: Vec<TaskLine>,
    /// When it was created. Plans of the Go controller do not record it.
    pub created_at: Option<Timestamp>,
}

/// One task of a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskLine {
    /// Its type.
    #[serde(rename = "type")]
    pub type_: String,
    /// Its state.
    pub state: TaskState,
    /// When the current or last attempt was started.
    pub started_at: Option<Timestamp>,
    /// When the next attempt is due, after a failed one.
    pub next_attempt_at: Option<Timestamp>,
    /// Number of retries.
    pub retries: i64,
    /// Maximum number of retries.
    pub max_retries: i64,
    /// Its last error.
    pub error: Option<String>,
}

/// State of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum TaskState {
    /// Not started yet.
    Pending,
    /// An attempt was started.
    Running,
    /// Waiting for something external.
    Waiting,
    /// An attempt failed and will be retried.
    Retrying,
    /// Complete.
    Complete,
    /// Failed permanently.
    Failed,
    /// Written by a later version.
    Unknown,
}

impl PlanProgress {
    pub(crate) fn of(plan: &TaskPlan) -> Self {
        let purpose = match Purpose::of(plan) {
            Purpose::Init => "init",
            Purpose::Update => "update",
            Purpose::MarkReady => "mark-ready",
        };
        let done = plan.tasks.iter().filter(|task| task.status == TaskStatus::Complete).count();
        let current = plan.tasks.iter().position(|task| task.status != TaskStatus::Complete);
        let is_current = |index| plan.phase == PlanPhase::Active && current == Some(index);
        let tasks = plan.tasks.iter().enumerate().map(|(index, task)| TaskLine::of(task, is_current(index)));
        Self {
            purpose,
            phase: plan.phase,
            done,
            tasks: tasks.collect(),
            created_at: plan.created_at.as_ref().map(|time| time.0),
        }
    }

    /// Whether tasks are left to do.
    pub fn is_active(&self) -> bool {
        self.phase == PlanPhase::Active
    }

    /// The first task that is not complete.
    pub fn current(&self) -> Option<&TaskLine> {
        self.tasks.iter().find(|task| task.state != TaskState::Complete)
    }
}

impl TaskLine {
    fn of(task: &PlannedTask, is_current: bool) -> Self {
        let state = match task.status {
            TaskStatus::Complete => TaskState::Complete,
            TaskStatus::Failed => TaskState::Failed,
            TaskStatus::Unknown => TaskState::Unknown,
            TaskStatus::Pending if !is_current => TaskState::Pending,
            TaskStatus::Pending if task.next_attempt_at.is_some() => TaskState::Retrying,
            TaskStatus::Pending if task.waiting_since.is_some() => TaskState::Waiting,
            TaskStatus::Pending if task.submitted_at.is_some() => TaskState::Running,
            TaskStatus::Pending => TaskState::Pending,
        };
        let started = task.submitted_at.as_ref().or(task.waiting_since.as_ref());
        Self {
            type_: task.type_.clone(),
            state,
            started_at: started.map(|time| time.0),
            next_attempt_at: task.next_attempt_at.as_ref().map(|time| time.0),
            retries: task.retry_count.unwrap_or(0),
            max_retries: task.max_retries.unwrap_or(0),
            error: task.error.clone(),
        }
    }
}
