//! The actor of a sidecar between passes.

use jiff::Timestamp;
use sei_api::v1alpha1::PlannedTask;
use sei_decide::{
    Answer, Health, Sidecar, TaskProgress, TaskReport, Trouble, TroubleKind,
    attempt::{self, Verdict, judge},
};
use sei_plan::{OfKind, TaskKind};
use serde_json::Value;

use crate::{objects::Objects, volume::State};

/// The actor of one node.
#[derive(Default)]
pub struct Actor {
    known: Sidecar,
    order: Option<Order>,
}

/// The task that a pass requests.
pub struct Order {
    id: String,
    kind: TaskKind,
    retries: i64,
    was_submitted: bool,
    /// Parameters of its submission; `None` if it is only queried.
    params: Option<Value>,
}

impl Order {
    pub fn of(task: &PlannedTask, params: Option<Value>) -> Self {
        Self {
            id: task.id.clone(),
            kind: task.kind().unwrap(),
            retries: task.retry_count.unwrap_or(0),
            was_submitted: task.submitted_at.is_some(),
            params,
        }
    }
}

impl Actor {
    /// Starts a pass that has observed a pod with this UID, or none.
    pub fn begin_pass(&mut self, pod: Option<String>) -> Sidecar {
        if pod.is_none() || self.known.pod != pod {
            let missing = Trouble { kind: TroubleKind::NoPod, message: "there is no pod".to_owned() };
            let trouble = pod.is_none().then_some(missing);
            self.known = Sidecar { pod, trouble, ..Sidecar::default() };
        }
        self.known.clone()
    }

    /// Ends a pass, with its order.
    pub fn end_pass(&mut self, order: Option<Order>) {
        self.order = order;
    }

    /// Queries the sidecar.
    pub fn ask(&mut self, objects: &mut Objects, now: Timestamp) {
        let running = objects.running().and_then(|pod| pod.metadata.uid.clone());
        if self.known.pod.is_none() {
            return;
        }
        let Some(volume) = objects.volume.as_mut().filter(|_| running == self.known.pod) else {
            let trouble = Trouble { kind: TroubleKind::Unreachable, message: "no answer".to_owned() };
            self.known.trouble = Some(trouble);
            return;
        };
        self.known.trouble = None;
        let is_ready = objects.ready == running;
        let health = if is_ready { Health::Ready } else { Health::NotReady };
        self.known.health = Some(Answer { at: now, value: health });
        let Some(order) = &self.order else { return };
        let record = volume.record(&order.id).map(|record| attempt::Record {
            state: match record.state {
                State::Running => attempt::State::Running,
                State::Completed => attempt::State::Completed,
                State::Failed(_) => attempt::State::Failed,
            },
            run: Some(record.run),
            error: match &record.state {
                State::Failed(error) => Some(error.clone()),
                _ => None,
            },
            is_endless: record.kind == TaskKind::SnapshotUpload,
        });
        let progress = match (judge(record.as_ref(), order.retries, order.was_submitted), &order.params) {
            (Verdict::Completed, _) => TaskProgress::Completed,
            (Verdict::Running, _) => TaskProgress::Running,
            (Verdict::Failed(error), _) => TaskProgress::Failed(error),
            (Verdict::Submit, None) => TaskProgress::Unknown,
            (Verdict::Submit, Some(params)) => {
                volume.submit(&order.id, order.kind, params.clone());
                TaskProgress::Submitted
            }
        };
        let report = TaskReport { id: order.id.clone(), retries: order.retries, progress, result: None };
        self.known.task = Some(Answer { at: now, value: report });
    }
}
