//! Tasks that a pass requests, followed in the sidecar like by the actor of its node.

use axum::body::{Body, to_bytes};
use http::{Method, Request, StatusCode};
use jiff::Timestamp;
use sei_decide::{
    Answer, Health, Refusal, TaskProgress, TaskReport, TaskResult,
    attempt::{Verdict, judge},
};
use sei_testkit::sidecar::{Authn, answer};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::records::{read, repeats};

use super::{TASK, Volume};

/// The task that a pass requests: queried first, and submitted with its parameters if there are any.
#[derive(Clone)]
pub struct Order {
    pub id: String,
    pub type_: String,
    pub retries: i64,
    pub was_submitted: bool,
    /// It is not submitted again once the sidecar had it.
    pub once: bool,
    /// Another type that the sidecar must support.
    pub needs_type: Option<&'static str>,
    pub params: Option<Option<Value>>,
}

impl Volume {
    /// Queries the sidecar of `pod`, like the actor of its node.
    pub async fn ask(&mut self, order: Option<&Order>, now: Timestamp) {
        if self.is_gone {
            return;
        }
        let (healthz, _) = self.request(Method::GET, "/v0/healthz", Value::Null).await;
        let health = if healthz == StatusCode::OK { Health::Ready } else { Health::NotReady };
        self.known.health = Some(Answer { at: now, value: health });
        if let Some(order) = order {
            self.known.task = Some(Answer { at: now, value: self.follow(order).await });
        }
    }

    /// Queries it for a task, and submits the task if the order says so.
    pub async fn follow(&mut self, order: &Order) -> TaskReport {
        let (_, record) = self.request(Method::GET, &format!("/v0/tasks/{}", order.id), Value::Null).await;
        let found = read(&record);
        let result = record["result"].as_object().map(|result| {
            let text = |name: &str| result.get(name).and_then(Value::as_str).map(str::to_owned);
            let (tx_hash, genesis_hash) = (text("txHash"), text("genesisHash"));
            TaskResult { tx_hash, genesis_hash, ..TaskResult::default() }
        });
        let had = order.was_submitted || found.is_some();
        let progress = match (judge(found.as_ref(), order.retries, order.was_submitted), &order.params) {
            (Verdict::Completed, _) => TaskProgress::Completed,
            (Verdict::Running, _) => TaskProgress::Running,
            (Verdict::Failed(error), _) => TaskProgress::Failed(error),
            (Verdict::Submit, _) if order.once && had => TaskProgress::Lost,
            (Verdict::Submit, None) => TaskProgress::Unknown,
            (Verdict::Submit, Some(params)) => self.submit(order, params.clone()).await,
        };
        if self.waits {
            sleep(2 * TASK).await;
        }
        TaskReport { id: order.id.clone(), retries: order.retries, progress, result }
    }

    async fn submit(&mut self, order: &Order, params: Option<Value>) -> TaskProgress {
        if let Some(type_) = order.needs_type {
            let probe = json!({ "id": "probe", "type": type_ });
            let (_, answer) = self.request(Method::POST, "/v0/tasks", probe).await;
            let error = answer["error"].as_str().unwrap();
            if error.starts_with("unknown task type") {
                return TaskProgress::Refused(Refusal::TaskUnknown, error.to_owned());
            }
        }
        self.repeated.extend(repeats(&self.records(), order, params.as_ref()));
        let body = json!({ "id": order.id, "type": order.type_, "params": params });
        match self.request(Method::POST, "/v0/tasks", body).await {
            (StatusCode::CREATED, _) => {
                if self.accepted.insert(order.id.clone()) && self.restarts {
                    self.restart();
                }
                TaskProgress::Submitted
            }
            (_, answer) => {
                let error = answer["error"].as_str().unwrap().to_owned();
                assert!(error.starts_with("unknown task type"), "{error}");
                TaskProgress::Refused(Refusal::TaskUnknown, error)
            }
        }
    }

    async fn request(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path).body(Body::from(body.to_string())).unwrap();
        let (parts, body) = answer(&self.sidecar, Authn::Open, request).await.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (parts.status, serde_json::from_slice(&body).unwrap_or_default())
    }
}
