//! `plan`: the plan that a node with this status would get, and the requests to its sidecar; for a group, the next
//! steps.

use std::{iter, process::ExitCode};

use sei_api::{SeiNode, v1alpha1::TaskPlan};
use sei_deployment::Routes;
use serde_json::{Value, json};

use crate::{
    bad_input::bad,
    cli::{PlanArgs, PlanOutput},
    group::{self, Next},
    input::{self, Subject},
    print,
};

pub(crate) fn run(args: &PlanArgs) -> anyhow::Result<ExitCode> {
    match input::subject(&args.filename)? {
        (Subject::Node(node), _) => of_node(&node, args)?,
        (Subject::Group(group), existing) => {
            let routes = match group.spec.networking {
                Some(_) => group::routes(&input::platform()?),
                None => Routes::NoGateway,
            };
            let next = Next::of(&group, id(args), existing, routes, input::cluster_domain()?)?;
            match args.output {
                PlanOutput::Json => print::json(&next)?,
                PlanOutput::Table => {
                    let ceremony = next.plan.as_ref().map(|plan| table(Some(plan))).unwrap_or_default();
                    print::text(&(next.table() + &ceremony))?;
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn id(args: &PlanArgs) -> String {
    args.plan_id.unwrap_or_else(uuid::Uuid::new_v4).to_string()
}

fn of_node(node: &SeiNode, args: &PlanArgs) -> anyhow::Result<()> {
    let servers = input::rpc_servers()?;
    let plan = sei_plan::build::next(&servers.node(node), &id(args)).map(|plan| sei_plan::build::bare(&plan));
    match args.output {
        PlanOutput::Json => print::json(&as_json(plan.as_ref(), node)?)?,
        PlanOutput::Table => print::text(&table(plan.as_ref()))?,
    }
    Ok(())
}

fn as_json(plan: Option<&TaskPlan>, node: &SeiNode) -> anyhow::Result<Value> {
    let Some(plan) = plan else { return Ok(json!({ "plan": null, "sidecarRequests": [] })) };
    // Offline, peers are not resolved: those that the operator last resolved are in the status.
    let peers = node.status.as_ref().and_then(|status| status.resolved_peers.clone()).unwrap_or_default();
    let requests = sei_plan::sidecar_requests(plan, &peers).map_err(|error| bad(error.to_string()))?;
    let requests: Vec<_> =
        requests.into_iter().map(|(index, body)| json!({ "taskIndex": index, "body": body })).collect();
    Ok(json!({ "plan": plan, "sidecarRequests": requests }))
}

fn table(plan: Option<&TaskPlan>) -> String {
    let Some(plan) = plan else { return "no plan is needed\n".to_owned() };
    let phase = plan.target_phase.map_or_else(String::new, |phase| format!(" -> {phase:?}"));
    let head = format!("plan {}{phase}\n{:>3}  {:<28} {:<7} ID\n", plan.id, "#", "TASK", "RETRIES");
    let tasks = plan.tasks.iter().enumerate().map(|(index, task)| {
        let retries = task.max_retries.unwrap_or(0);
        format!("{:>3}  {:<28} {:<7} {}\n", index + 1, task.type_, retries, task.id)
    });
    iter::once(head).chain(tasks).collect()
}
