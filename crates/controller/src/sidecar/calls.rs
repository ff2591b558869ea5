//! The calls to a sidecar, and what follows from the responses.

use jiff::Timestamp;
use sei_decide::{
    Health, Refusal, SeidStatus, TaskProgress, TaskResult,
    attempt::{Record, State, Verdict, judge},
};
use sei_plan::TaskKind;
use sei_sidecar::{Error, Health as Healthz, RefusalKind, TaskRecord, TaskRequest, TaskState};
use uuid::Uuid;

use super::{
    schedule::Once,
    state::{Order, Shared},
    target::Target,
};

/// Creates connections to one sidecar.
pub(super) trait Dial: Send + 'static {
    /// A connection.
    type Connection: Api;

    /// A connection to `target`; nothing is sent yet.
    fn dial(&mut self, target: &Target) -> Result<Self::Connection, Error>;
}

/// The calls of one connection.
pub(super) trait Api: Clone + Send + Sync + 'static {
    fn healthz(&self) -> impl Future<Output = Result<Healthz, Error>> + Send;
    fn is_held(&self) -> impl Future<Output = Result<bool, Error>> + Send;
    fn task(&self, id: Uuid) -> impl Future<Output = Result<Option<TaskRecord>, Error>> + Send;
    fn submit(&self, request: &TaskRequest) -> impl Future<Output = Result<(), Error>> + Send;
    /// The node's ID in the peer-to-peer network; `None` if it has none yet.
    fn node_id(&self) -> impl Future<Output = Result<Option<String>, Error>> + Send;
    /// Whether the sidecar supports tasks of type `type_`.
    fn supports(&self, type_: &str) -> impl Future<Output = Result<bool, Error>> + Send;
    /// The status of seid.
    fn seid(&self) -> impl Future<Output = Result<SeidStatus, Error>> + Send;
    /// Whether the sidecar responds on its own port, without TLS and authentication.
    fn plain_port_answers(&self) -> impl Future<Output = bool> + Send;
}

/// What was observed of a seid that must halt at a height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HaltObservation {
    /// It has executed the last block before the height.
    pub(super) reached: bool,
    /// It has executed a block after the height.
    pub(super) passed: bool,
    /// Its latest block; `None` while it does not respond.
    pub(super) latest: Option<u64>,
}

/// The result of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CallResult {
    Health(Health),
    PlainPort(bool),
    /// The node's ID; `None` if it is not known yet.
    NodeId(Option<String>),
    /// Whether tasks of this type are supported; `None` if the response is unclear.
    TaskType(&'static str, Option<bool>),
    /// The status of seid; `None` if it did not respond.
    Seid(Option<SeidStatus>),
    /// Whether seid halts at a height.
    Halt(HaltObservation),
    /// State of a task.
    Task(Followed),
    /// A pass is active: nothing was submitted.
    Suspended,
}

/// The state of a task as reported by the sidecar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Followed {
    pub(super) progress: TaskProgress,
    /// Its health, if the task makes it ready.
    pub(super) health: Option<Health>,
    /// The result of the task.
    pub(super) result: Option<TaskResult>,
}

impl From<TaskProgress> for Followed {
    fn from(progress: TaskProgress) -> Self {
        Self { progress, health: None, result: None }
    }
}

/// Probes health. A sidecar that is not ready may be held by another client.
pub(super) async fn probe(connection: &impl Api) -> Result<Health, Error> {
    Ok(match connection.healthz().await? {
        Healthz::Ready => Health::Ready,
        Healthz::NotReady if connection.is_held().await? => Health::Held,
        Healthz::NotReady => Health::NotReady,
    })
}

/// Sends a query that is sent once per pod. A failure is not a problem of the sidecar: the query is repeated later.
pub(super) async fn query_once(connection: &impl Api, once: Once) -> CallResult {
    match once {
        Once::NodeId => CallResult::NodeId(connection.node_id().await.ok().flatten()),
        Once::TaskType(type_) => CallResult::TaskType(type_, connection.supports(type_).await.ok()),
        Once::PlainPort => CallResult::PlainPort(connection.plain_port_answers().await),
    }
}

/// Queries the height of seid. No response from seid is not a problem of the sidecar.
pub(super) async fn query_seid(connection: &impl Api) -> CallResult {
    CallResult::Seid(connection.seid().await.ok())
}

/// Queries the task of `order`, and submits it if the sidecar does not know it or a failed attempt must be retried.
pub(super) async fn follow(
    connection: &impl Api,
    shared: &Shared,
    order: &Order,
    was_submitted: bool,
) -> Result<CallResult, Error> {
    let found = connection.task(order.id).await?;
    let result = found.as_ref().and_then(|record| record.result.clone()).map(result);
    let record = found.map(record);
    let was_submitted = was_submitted || order.was_submitted;
    let followed: Followed = match judge(record.as_ref(), order.retries, was_submitted) {
        Verdict::Completed if order.marks_ready => {
            Followed { health: Some(probe(connection).await?), ..TaskProgress::Completed.into() }
        }
        Verdict::Completed => TaskProgress::Completed.into(),
        Verdict::Running => TaskProgress::Running.into(),
        Verdict::Failed(error) => TaskProgress::Failed(error).into(),
        Verdict::Submit if order.once && (was_submitted || record.is_some()) => TaskProgress::Lost.into(),
        Verdict::Submit => return submit(connection, shared, order).await,
    };
    Ok(CallResult::Task(Followed { result, ..followed }))
}

/// Submits the task of `order`.
pub(super) async fn submit(
    connection: &impl Api,
    shared: &Shared,
    order: &Order,
) -> Result<CallResult, Error> {
    let Some(request) = &order.request else { return Ok(CallResult::Task(TaskProgress::Unknown.into())) };
    if order.marks_ready && connection.is_held().await? {
        return Ok(CallResult::Task(TaskProgress::Held.into()));
    }
    if let Some(type_) = order.needs_type
        && !connection.supports(type_).await?
    {
        let refused = TaskProgress::Refused(
            Refusal::TaskUnknown,
            format!("its release is too old: it has no task type {type_}"),
        );
        return Ok(CallResult::Task(refused.into()));
    }
    if !shared.lock().begin_submission(order, Timestamp::now()) {
        return Ok(CallResult::Suspended);
    }
    match connection.submit(request).await {
        Ok(()) => Ok(CallResult::Task(TaskProgress::Submitted.into())),
        Err(Error::BadRequest { refusal, message }) => {
            let refusal = match refusal {
                RefusalKind::UnknownTask => Refusal::TaskUnknown,
                RefusalKind::Malformed | RefusalKind::BadId => Refusal::Malformed,
                RefusalKind::Other => Refusal::Other,
            };
            Ok(CallResult::Task(TaskProgress::Refused(refusal, message).into()))
        }
        Err(error) => Err(error),
    }
}

fn record(record: TaskRecord) -> Record {
    let state = match record.status {
        TaskState::Completed => State::Completed,
        TaskState::Running => State::Running,
        TaskState::Failed => State::Failed,
    };
    let is_endless = record.type_ == TaskKind::SnapshotUpload.as_str();
    Record { state, run: record.run, error: record.error, is_endless }
}

fn result(result: sei_sidecar::TaskResult) -> TaskResult {
    let sei_sidecar::TaskResult {
        outcome,
        noop_reason,
        height,
        key,
        tx_hash,
        inclusion_status,
        proposal_id,
        genesis_hash,
    } = result;
    TaskResult {
        outcome,
        reason: noop_reason,
        height,
        key,
        tx_hash,
        inclusion: inclusion_status,
        proposal_id,
        genesis_hash,
    }
}
