//! The Deployments of the operator and of the Go controller, and the operator's settings.

use std::collections::BTreeMap;

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Container, PodSpec},
};
use kube::ResourceExt;
use sei_render::Platform;

use crate::{
    facts::Facts,
    finding::{Check, Finding},
};

/// Value of label `app.kubernetes.io/name` of the operator's Deployment.
const NAME: &str = "sei-operator";
/// Part of the image name of the Go controller.
const GO: &str = "sei-k8s-controller";

/// The settings of an operator's Deployment that decide what else is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// Its namespace.
    pub namespace: String,
    /// ServiceAccount that it runs as.
    pub account: String,
    /// Name of its lease.
    pub lease: Option<String>,
    /// Namespaces that it is limited to; all if empty.
    pub watched: Vec<String>,
    /// Whether it reads only listed Secrets (`--secret-access=named`).
    pub named_secrets: bool,
}

/// The operator among `deployments`.
pub fn installation(deployments: &[Deployment]) -> Option<Installation> {
    let operator = deployments.iter().find(|it| is_operator(it))?;
    let flags: Vec<_> = container(operator)?.args.iter().flatten().map(String::as_str).collect();
    let values = |flag: &str| {
        flags.iter().filter_map(|it| it.strip_prefix(flag)?.strip_prefix('=')).map(str::to_owned).collect()
    };
    let value = |flag: &str| -> Option<String> { Vec::<String>::into_iter(values(flag)).next() };
    Some(Installation {
        namespace: operator.namespace().unwrap_or_default(),
        account: pod(operator)?.service_account_name.clone().unwrap_or_else(|| "default".to_owned()),
        lease: value("--leader-election-id"),
        watched: values("--watch-namespace"),
        named_secrets: value("--secret-access").as_deref() == Some("named"),
    })
}

pub(crate) fn findings(facts: &Facts) -> Vec<Finding> {
    let deployments = match &facts.deployments {
        Err(why) => {
            let message = format!("failed to read the Deployments: {why}");
            return vec![Finding::unknown(Check::Operator, message)];
        }
        Ok(deployments) => deployments,
    };
    let operators: Vec<_> = deployments.iter().filter(|it| is_operator(it)).collect();
    let active_go = deployments.iter().find(|it| is_go(it) && wanted(it) > 0);
    let mut findings: Vec<_> = operators.iter().map(|it| replicas(it)).collect();
    findings.extend(operators.iter().map(|it| settings(it)));
    match (operators.as_slice(), active_go) {
        ([], None) => findings.push(Finding::error(
            Check::Operator,
            format!("there is no Deployment with label app.kubernetes.io/name={NAME}"),
            "install the operator, see docs/install.md",
        )),
        ([], Some(go)) => findings.push(Finding::warning(
            Check::Operator,
            format!("Deployment {} is the Go controller, and the operator is not installed", full_name(go)),
            "follow docs/migration.md to replace it",
        )),
        (_, Some(go)) => findings.push(Finding::error(
            Check::Operator,
            format!(
                "Deployment {} is the Go controller and is running at the same time as the operator",
                full_name(go)
            ),
            "scale it to 0, and remove it once the operator has taken over (docs/migration.md)",
        )),
        ([_, second, ..], None) => findings.push(Finding::warning(
            Check::Operator,
            format!("there is a second operator, Deployment {}", full_name(second)),
            "remove one, or limit them to different namespaces with watchNamespaces",
        )),
        ([_], None) => {}
    }
    findings
}

fn replicas(operator: &Deployment) -> Finding {
    let (name, wanted) = (full_name(operator), wanted(operator));
    let ready = operator.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0);
    let message = format!("Deployment {name}: {ready} of {wanted} replicas are ready");
    let fix = || {
        let namespace = operator.namespace().unwrap_or_default();
        format!("kubectl describe deployment,pods -n {namespace} -l app.kubernetes.io/name={NAME}")
    };
    match ready {
        0 => Finding::error(Check::Operator, message, fix()),
        ready if ready < wanted => Finding::warning(Check::Operator, message, fix()),
        _ => Finding::ok(Check::Operator, message),
    }
}

fn settings(operator: &Deployment) -> Finding {
    let name = full_name(operator);
    let unknown = |why: &str| Finding::unknown(Check::Settings, format!("settings of {name}: {why}"));
    let Some(container) = container(operator) else { return unknown("it has no container") };
    if container.env_from.iter().flatten().next().is_some() {
        return unknown("they come from other objects (envFrom)");
    }
    let mut settings = BTreeMap::new();
    for variable in container.env.iter().flatten().filter(|variable| variable.name.starts_with("SEI_")) {
        if variable.value_from.is_some() {
            return unknown("they come from other objects (valueFrom)");
        }
        settings.insert(variable.name.clone(), variable.value.clone().unwrap_or_default());
    }
    match Platform::from_settings(&settings) {
        Ok(_) => Finding::ok(Check::Settings, format!("settings of {name} are complete")),
        Err(wrong) => Finding::error(
            Check::Settings,
            format!("settings of {name}: {}", wrong.lines().join("; ")),
            "correct the values under platform of the chart",
        ),
    }
}

fn is_operator(deployment: &Deployment) -> bool {
    deployment.labels().get("app.kubernetes.io/name").is_some_and(|name| name == NAME)
}

fn is_go(deployment: &Deployment) -> bool {
    let containers = pod(deployment).map(|pod| pod.containers.as_slice()).unwrap_or_default();
    containers.iter().any(|container| container.image.as_deref().is_some_and(|image| image.contains(GO)))
}

fn wanted(deployment: &Deployment) -> i32 {
    deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
}

fn pod(deployment: &Deployment) -> Option<&PodSpec> {
    deployment.spec.as_ref()?.template.spec.as_ref()
}

fn container(deployment: &Deployment) -> Option<&Container> {
    pod(deployment)?.containers.first()
}

fn full_name(deployment: &Deployment) -> String {
    format!("{}/{}", deployment.namespace().unwrap_or_default(), deployment.name_any())
}
