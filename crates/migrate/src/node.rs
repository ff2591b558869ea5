//! The forecast of a SeiNode: one reconcile of the operator, without effects.

use std::sync::Arc;

use jiff::Timestamp;
use sei_api::{
    SeiNode, SeiNodeStatus,
    conditions::{ConditionType, is_true},
    v1alpha1::{NodePhase, PlanPhase, TaskPlan, TaskStatus},
};
use sei_decide::{Pass, Repair, Repaired, Request, Requeue};
use sei_plan::{OfKind, TaskKind};
use sei_render::Platform;
use serde_json::Value;

use crate::{
    cluster::Cluster,
    forecast::{Effect, Forecast},
    observe::observe,
};

/// ID of a plan that is never stored.
const PLAN_ID: &str = "00000000-0000-4000-8000-000000000000";

pub(crate) fn forecast(cluster: &Cluster, object: &Value, platform: &Platform, now: Timestamp) -> Forecast {
    let forecast = Forecast::of("SeiNode", object);
    let node: SeiNode = match serde_path_to_error::deserialize(object) {
        Ok(node) => node,
        Err(error) => return forecast.unreadable(&error.to_string()),
    };
    let plan = node.status.as_ref().and_then(|status| status.plan.as_ref());
    let is_failed = node.status.as_ref().and_then(|status| status.phase) == Some(NodePhase::Failed);
    let forecast = Forecast {
        wedged: is_failed || plan.is_some_and(|plan| plan.phase == PlanPhase::Failed),
        now: plan
            .map_or_else(|| forecast.now.clone(), |plan| format!("{}, {}", forecast.now, progress(plan))),
        ..forecast
    };
    if node.metadata.deletion_timestamp.is_some() {
        let steps = vec!["its deletion continues".to_owned()];
        return Forecast { effect: Effect::Continues, steps, ..forecast };
    }
    one_pass(cluster, Arc::new(node), platform, now, forecast)
}

fn one_pass(
    cluster: &Cluster,
    node: Arc<SeiNode>,
    platform: &Platform,
    now: Timestamp,
    mut forecast: Forecast,
) -> Forecast {
    let observed = observe(cluster, node, now);
    let mut pass = Pass::begin(&observed, platform, PLAN_ID);
    let continued = loop {
        match pass.next_request() {
            Request::Repair(repair) => {
                forecast.steps.push(describe(&repair));
                forecast.effect = Effect::Continues;
                pass.repaired(Repaired::Done);
            }
            Request::Step { plan, .. } => break Some(plan.stored().clone()),
            Request::WriteStatus => break None,
        }
    };
    let (status, then) = pass.end();
    if let Some(plan) = &continued {
        forecast.steps.push(format!("continues: {}", progress(plan)));
        forecast.effect = if replaces_pod(plan) { Effect::ReplacesPod } else { Effect::Continues };
    } else if let (Requeue::PlanStored, Some(plan)) = (then, &status.plan) {
        let left = plan.tasks.iter().filter(|task| task.status != TaskStatus::Complete);
        let left: Vec<_> = left.map(|task| task.type_.as_str()).collect();
        forecast.steps.push(format!("a plan starts: {}", left.join(", ")));
        forecast.effect = if replaces_pod(plan) { Effect::ReplacesPod } else { Effect::Starts };
    }
    conclude(forecast, &status)
}

/// Completes the forecast with the conditions after the reconcile.
fn conclude(forecast: Forecast, status: &SeiNodeStatus) -> Forecast {
    if let Some(stalled) = status.condition(ConditionType::Stalled).filter(|stalled| is_true(Some(stalled))) {
        return forecast.stalls(&stalled.reason, &stalled.message);
    }
    let ready = status.condition(ConditionType::Ready).filter(|ready| !is_true(Some(ready)));
    match ready {
        // The state of the sidecar of a Running node is unknown here.
        Some(ready) if forecast.steps.is_empty() && status.phase != Some(NodePhase::Running) => {
            let steps = vec![format!("waits: {}", ready.message)];
            Forecast { effect: Effect::Waits, steps, ..forecast }
        }
        _ => forecast,
    }
}

fn progress(plan: &TaskPlan) -> String {
    let count = plan.tasks.len();
    let current = plan.tasks.iter().enumerate().find(|(_, task)| task.status != TaskStatus::Complete);
    match (plan.phase, current) {
        (PlanPhase::Active | PlanPhase::Failed, Some((index, task))) => {
            let error = task.error.as_ref().filter(|error| !error.is_empty());
            let error = error.map(|error| format!(": {error}")).unwrap_or_default();
            let verb = if plan.phase == PlanPhase::Failed { "failed at task" } else { "task" };
            format!("{verb} {} ({} of {count}){error}", task.type_, index + 1)
        }
        _ => format!("all {count} tasks are complete"),
    }
}

fn replaces_pod(plan: &TaskPlan) -> bool {
    plan.tasks.iter().any(|task| task.is(TaskKind::ReplacePod) && task.status != TaskStatus::Complete)
}

fn describe(repair: &Repair) -> String {
    match repair {
        Repair::StatefulSet(_) => "the StatefulSet is reapplied".to_owned(),
        Repair::Service(_) => "the Service is reapplied".to_owned(),
        Repair::ConfigMap(_) => "the ConfigMap of the proxy is reapplied".to_owned(),
        Repair::ClaimRetention(claim) => {
            format!("the retention of claim {} changes as the spec requests", claim.name)
        }
        Repair::ClaimMark(claim) => {
            format!("claim {} is marked as initialized", claim.name)
        }
    }
}
