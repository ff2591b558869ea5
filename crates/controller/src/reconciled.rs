//! The kinds that the operator reconciles.

use std::fmt::Debug;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Resource, ResourceExt, core::NamespaceResourceScope};
use sei_api::{
    SeiNode, SeiNodeDeployment, SeiNodeTask,
    conditions::{self, Reason, Statement},
    deployment_conditions, task_conditions,
};
use serde::de::DeserializeOwned;

use crate::metrics::Controller;

/// A kind that the operator reconciles.
pub(crate) trait Reconciled:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + Debug
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// Its controller, in metrics.
    const CONTROLLER: Controller;

    /// Reports in `conditions` that the object cannot be decoded.
    fn unreadable(
        conditions: &mut Option<Vec<Condition>>,
        message: &str,
        generation: Option<i64>,
        now: Timestamp,
    );
}

impl Reconciled for SeiNode {
    const CONTROLLER: Controller = Controller::Nodes;

    fn unreadable(
        conditions: &mut Option<Vec<Condition>>,
        message: &str,
        generation: Option<i64>,
        now: Timestamp,
    ) {
        let stalled = conditions::StalledReason::Unreadable;
        let ready = Reason::ReadyWhileStalled(stalled);
        for statement in [Statement::new(false, ready, message), Statement::new(true, stalled, message)] {
            conditions::set(conditions, statement, generation, now);
        }
    }
}

impl Reconciled for SeiNodeDeployment {
    const CONTROLLER: Controller = Controller::Groups;

    fn unreadable(
        conditions: &mut Option<Vec<Condition>>,
        message: &str,
        generation: Option<i64>,
        now: Timestamp,
    ) {
        let stalled = deployment_conditions::StalledReason::Unreadable;
        let ready = deployment_conditions::Reason::ReadyWhileStalled(stalled);
        deployment_conditions::set(conditions, false, ready, message, generation, now);
        deployment_conditions::set(conditions, true, stalled, message, generation, now);
    }
}

impl Reconciled for SeiNodeTask {
    const CONTROLLER: Controller = Controller::Tasks;

    fn unreadable(
        conditions: &mut Option<Vec<Condition>>,
        message: &str,
        generation: Option<i64>,
        now: Timestamp,
    ) {
        let stalled = task_conditions::StalledReason::Unreadable;
        let ready = task_conditions::Reason::ReadyWhileStalled(stalled);
        task_conditions::set(conditions, false, ready, message, generation, now);
        task_conditions::set(conditions, true, stalled, message, generation, now);
    }
}

/// Kind, namespace and name, the form in which errors name an object.
pub(crate) fn described<K: Reconciled>(object: &K) -> String {
    let namespace = object.namespace().unwrap_or_default();
    format!("{} {namespace}/{}", K::kind(&()), object.name_any())
}
