//! The plan of a ceremony in its stored form, which is that of the Go controller.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use sei_api::{
    SeiNodeDeployment,
    labels::retry_request,
    v1alpha1::{PlanPhase, PlannedTask, TaskPlan, TaskStatus, deployment::DeploymentGenesis},
};
use sei_plan::{TaskKind, retry_delay, task_id_of};
use serde_json::{Map, Value, json};

use crate::seat::{child_name, group_name};

/// Type of the sidecar task that assembles the genesis.
const ASSEMBLE: &str = "assemble-and-upload-genesis";
/// Type of the step that ends the ceremony.
const AWAIT: &str = "await-nodes-running";
/// How often the assembly is retried.
const RETRIES: i64 = 180;
/// Part of the error of every sidecar when an account is already in its genesis.
const COLLISION: &str = "collides with an existing genesis account";

/// The stored plan of the group.
pub(super) fn stored(group: &SeiNodeDeployment) -> Option<&TaskPlan> {
    group.status.as_ref()?.plan.as_ref().filter(|plan| assembly(plan).is_some())
}

/// The task of `plan` that assembles the genesis.
pub(super) fn assembly(plan: &TaskPlan) -> Option<&PlannedTask> {
    plan.tasks.iter().find(|task| task.type_ == ASSEMBLE)
}

fn assembly_mut(plan: &mut TaskPlan) -> Option<&mut PlannedTask> {
    plan.tasks.iter_mut().find(|task| task.type_ == ASSEMBLE)
}

/// Whether the task may have been submitted to the sidecar.
pub(super) fn is_submitted(task: &PlannedTask) -> bool {
    task.submitted_at.is_some() || task.retry_count.is_some_and(|count| count > 0)
}

/// Whether the sidecar may be assembling the genesis now: the task was submitted, and the attempt is not known to have
/// failed.
pub(super) fn is_under_way(task: &PlannedTask, now: Timestamp) -> bool {
    let is_next = task.next_attempt_at.as_ref().is_none_or(|next| next.0 <= now);
    task.status == TaskStatus::Pending && is_submitted(task) && is_next
}

/// The plan of a group whose ceremony starts now. A group has one ceremony, so its UID identifies the plan: the sidecar
/// recognizes the task again regardless of what was stored.
pub(super) fn propose(group: &SeiNodeDeployment, genesis: &DeploymentGenesis, now: Timestamp) -> TaskPlan {
    let id = group.uid().unwrap_or_default();
    let task = |index: usize, type_: &str, max_retries: Option<i64>, params: Value| PlannedTask {
        type_: type_.to_owned(),
        id: task_id_of(&id, type_, index).to_string(),
        status: TaskStatus::Pending,
        params: Some(params),
        submitted_at: None,
        error: None,
        max_retries,
        retry_count: None,
        next_attempt_at: None,
        waiting_since: None,
        object_uid: None,
    };
    let tasks = vec![
        task(0, ASSEMBLE, Some(RETRIES), assembly_params(group, genesis)),
        task(1, AWAIT, None, await_params(group)),
    ];
    TaskPlan {
        id: id.clone(),
        phase: PlanPhase::Active,
        tasks,
        target_phase: None,
        failed_phase: None,
        failed_task_index: None,
        failed_task_detail: None,
        target_image: None,
        generation: None,
        retry: retry_request(group).map(str::to_owned),
        created_at: Some(Time(now)),
        claim_uid: None,
        sidecar_image: None,
        reissues: None,
    }
}

fn names(group: &SeiNodeDeployment) -> Vec<String> {
    (0..group.spec.replicas()).map(|ordinal| child_name(group, ordinal)).collect()
}

fn assembly_params(group: &SeiNodeDeployment, genesis: &DeploymentGenesis) -> Value {
    let nodes: Vec<_> = names(group).into_iter().map(|name| json!({ "name": name })).collect();
    let mut params = json!({
        "AccountBalance": genesis.account_balance,
        "Accounts": genesis.accounts.clone().unwrap_or_default(),
        "Namespace": group.metadata.namespace,
        "Nodes": nodes,
    });
    let overrides = genesis.overrides.iter().flatten().map(|(key, text)| (key.clone(), typed(text)));
    let overrides: BTreeMap<_, _> = overrides.collect();
    if !overrides.is_empty() {
        params["Overrides"] = json!(overrides);
    }
    params
}

fn await_params(group: &SeiNodeDeployment) -> Value {
    json!({
        "expected": group.spec.replicas(),
        "groupName": group_name(group),
        "namespace": group.metadata.namespace,
        "nodeNames": names(group),
    })
}

/// The typed value of the text of an override. A genesis stores decimal fractions as text.
fn typed(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Number(number)) if number.is_f64() => json!(text),
        Ok(value) => value,
        Err(_) => json!(text),
    }
}

/// The parameters of the request to the sidecar.
pub(super) fn request(task: &PlannedTask) -> Value {
    let stored = task.params.as_ref();
    let wire = [
        ("AccountBalance", "accountBalance"),
        ("Accounts", "accounts"),
        ("Namespace", "namespace"),
        ("Nodes", "nodes"),
        ("Overrides", "overrides"),
    ];
    let params = wire.into_iter().filter_map(|(name, wire)| {
        let value = stored?.get(name).filter(|value| **value != json!([]) && !value.is_null())?;
        Some((wire.to_owned(), value.clone()))
    });
    Value::Object(params.collect::<Map<_, _>>())
}

/// Updates `plan`, of which nothing was submitted, to the current spec.
pub(super) fn refresh(plan: &mut TaskPlan, group: &SeiNodeDeployment, genesis: &DeploymentGenesis) {
    for task in &mut plan.tasks {
        match task.type_.as_str() {
            ASSEMBLE => task.params = Some(assembly_params(group, genesis)),
            AWAIT => task.params = Some(await_params(group)),
            _ => {}
        }
    }
}

/// Records that the genesis is about to be assembled on the volume of this claim. After that, the parameters no longer
/// change.
pub(super) fn submit(plan: &mut TaskPlan, claim_uid: Option<String>, now: Timestamp) {
    plan.claim_uid = claim_uid;
    let task = assembly_mut(plan);
    task.into_iter().for_each(|task| task.submitted_at = Some(Time(now)));
}

/// Drops the record of a submission for a lost volume.
pub(super) fn withdraw(plan: &mut TaskPlan) {
    plan.claim_uid = None;
    if let Some(task) = assembly_mut(plan) {
        task.submitted_at = None;
        task.retry_count = None;
        task.next_attempt_at = None;
        task.error = None;
    }
}

/// The genesis is uploaded.
pub(super) fn complete(plan: &mut TaskPlan) {
    if let Some(task) = assembly_mut(plan) {
        task.status = TaskStatus::Complete;
        task.error = None;
        task.next_attempt_at = None;
    }
}

/// An attempt failed. Accounts that an earlier attempt has left in the genesis of the sidecar would make every other
/// attempt fail, so the next one does not send them.
pub(super) fn attempt_failed(plan: &mut TaskPlan, error: String, now: Timestamp) {
    let Some(task) = assembly_mut(plan) else { return };
    let retries = task.retry_count.unwrap_or(0);
    if retries >= task.max_retries.unwrap_or(RETRIES) {
        return fail(plan, error);
    }
    let delay = retry_delay(Some(TaskKind::ConfigureGenesis), retries + 1, 0.0);
    if error.contains(COLLISION)
        && let Some(Value::Object(params)) = &mut task.params
    {
        params.insert("Accounts".to_owned(), json!([]));
    }
    task.retry_count = Some(retries + 1);
    task.error = Some(error);
    task.next_attempt_at = SignedDuration::try_from(delay).ok().map(|delay| Time(now + delay));
}

/// No other attempt is made.
pub(super) fn fail(plan: &mut TaskPlan, error: String) {
    plan.phase = PlanPhase::Failed;
    if let Some(task) = assembly_mut(plan) {
        task.status = TaskStatus::Failed;
        task.error = Some(error);
        task.next_attempt_at = None;
    }
}

/// Restarts the attempts and the time limit if annotation `sei.io/retry` has a new value. The submitted task is kept:
/// the sidecar runs a failed task again under the same ID.
pub(super) fn retry(plan: &mut TaskPlan, group: &SeiNodeDeployment, now: Timestamp) {
    let Some(asked) = retry_request(group).filter(|asked| plan.retry.as_deref() != Some(*asked)) else {
        return;
    };
    plan.retry = Some(asked.to_owned());
    plan.created_at = Some(Time(now));
    plan.phase = PlanPhase::Active;
    if let Some(task) = assembly_mut(plan).filter(|task| task.status == TaskStatus::Failed) {
        let retries = task.retry_count.unwrap_or(0) + 1;
        task.status = TaskStatus::Pending;
        task.retry_count = Some(retries);
        task.max_retries = Some(retries + RETRIES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_have_the_types_of_a_genesis() {
        for (text, value) in [
            ("600s", json!("600s")),
            ("100", json!(100)),
            (r#""100""#, json!("100")),
            ("0.05", json!("0.05")),
            ("true", json!(true)),
            (r#"[{"denom":"usei","amount":"1"}]"#, json!([{ "denom": "usei", "amount": "1" }])),
            ("", json!("")),
        ] {
            assert_eq!(typed(text), value, "{text}");
        }
    }
}
