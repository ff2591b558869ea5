//! One node on one screen.

use comfy_table::Cell;
use jiff::Timestamp;
use sei_report::{Health, NodeReport, PlanProgress, PodLine, TaskState, TlsLine};

use super::{
    fleet_screen::image,
    line,
    screen::{Look, age, tinted},
};

/// The next step comes first, then the details.
pub(super) fn node(report: &NodeReport, look: &Look, now: Timestamp) -> String {
    let parts = [
        summary(report, look),
        facts(report, look, now),
        report.line.plan.as_ref().map(|it| plan(it, look, now)).unwrap_or_default(),
        report.line.tls.as_ref().map(|it| tls(it, now)).unwrap_or_default(),
        report.pod.as_ref().map(|it| pod(it, look, now)).unwrap_or_default(),
        conditions(report, look, now),
        events(report, look, now),
        hidden(report),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

fn summary(report: &NodeReport, look: &Look) -> String {
    let it = &report.line;
    let head = vec![vec![
        Cell::new(format!("{}/{}", line(&it.namespace), line(&it.name))),
        tinted(format!("{:?}", it.health), it.health),
        Cell::new(line(&it.reason)),
    ]];
    let next = report.next_step().map(|step| format!("next: {}\n", line(&step))).unwrap_or_default();
    format!("{}\n{}\n{next}", look.table(&["NODE", "STATUS", "REASON"], head), line(&it.message))
}

fn facts(report: &NodeReport, look: &Look, now: Timestamp) -> String {
    let it = &report.line;
    let claim = report.claim.as_ref().map(|claim| {
        let volume = claim.volume.as_deref().map_or_else(String::new, |volume| format!(", volume {volume}"));
        let capacity = claim.capacity.as_deref().map_or_else(String::new, |capacity| format!(", {capacity}"));
        format!("{} ({}{volume}{capacity})", claim.name, claim.phase)
    });
    let known = [
        ("chain", it.chain.clone()),
        ("mode", it.mode.map(str::to_owned)),
        ("phase", it.phase.map(|phase| phase.as_str().to_owned())),
        ("age", it.created_at.map(|at| age(now, Some(at)))),
        ("group", it.group.clone()),
        ("image", it.image.is_some().then(|| image(it))),
        ("claim", claim),
        ("task", it.node_task.clone()),
        ("sync", report.sync().map(str::to_owned)),
        ("peers", (!report.peers.is_empty()).then(|| report.peers.len().to_string())),
    ];
    let (header, row): (Vec<_>, Vec<_>) = known
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_uppercase(), Cell::new(line(&value?)))))
        .unzip();
    let header: Vec<_> = header.iter().map(String::as_str).collect();
    look.table(&header, if row.is_empty() { vec![] } else { vec![row] })
}

fn plan(plan: &PlanProgress, look: &Look, now: Timestamp) -> String {
    let rows = plan.tasks.iter().map(|task| {
        let health = match task.state {
            TaskState::Complete => Health::Ready,
            TaskState::Failed | TaskState::Unknown => Health::Stalled,
            TaskState::Pending | TaskState::Running | TaskState::Waiting | TaskState::Retrying => {
                Health::Waiting
            }
        };
        let state = format!("{:?}", task.state);
        vec![
            Cell::new(line(&task.type_)),
            if task.state == TaskState::Pending { Cell::new(state) } else { tinted(state, health) },
            Cell::new(age(now, task.started_at)),
            Cell::new(format!("{}/{}", task.retries, task.max_retries)),
            Cell::new(task.error.as_deref().map(line).unwrap_or_default()),
        ]
    });
    let table = look.table(&["TASK", "STATE", "STARTED", "RETRIES", "ERROR"], rows.collect());
    let created =
        plan.created_at.map(|at| format!(", created {} ago", age(now, Some(at)))).unwrap_or_default();
    format!(
        "Plan {} ({:?}): {} of {} tasks complete{created}\n{table}",
        plan.purpose,
        plan.phase,
        plan.done,
        plan.tasks.len()
    )
}

/// Not a table: names are copied from here, and must not be wrapped.
fn tls(tls: &TlsLine, now: Timestamp) -> String {
    let certificate = tls.issuer.as_deref().zip(tls.not_after).map(|(issuer, at)| {
        let expiry = match at >= now {
            true => format!("expires in {}", age(at, Some(now))),
            false => format!("expired {} ago", age(now, Some(at))),
        };
        format!("  certificate: issued by {}, {expiry} ({at})\n", line(issuer))
    });
    let names: String = tls.required_dns_names.iter().map(|name| format!("    {}\n", line(name))).collect();
    format!(
        "TLS Secret {} ({})\n{}  required DNS names:\n{names}",
        line(&tls.secret_name),
        line(&tls.reason),
        certificate.unwrap_or_default()
    )
}

fn pod(pod: &PodLine, look: &Look, now: Timestamp) -> String {
    let rows = pod.containers.iter().map(|container| {
        vec![
            Cell::new(line(&container.name)),
            Cell::new(container.ready),
            Cell::new(line(&container.state)),
            Cell::new(container.restarts),
        ]
    });
    let table = look.table(&["CONTAINER", "READY", "STATE", "RESTARTS"], rows.collect());
    let machine =
        pod.machine.as_deref().map_or_else(|| "not scheduled".to_owned(), |it| format!("on {}", line(it)));
    format!(
        "Pod {} ({}), {machine}, age {}\n{table}",
        line(&pod.name),
        line(&pod.phase),
        age(now, pod.created_at)
    )
}

fn conditions(report: &NodeReport, look: &Look, now: Timestamp) -> String {
    let rows = report.conditions.iter().map(|condition| {
        vec![
            Cell::new(line(&condition.type_)),
            Cell::new(line(&condition.status)),
            Cell::new(line(&condition.reason)),
            Cell::new(age(now, Some(condition.since))),
            Cell::new(line(&condition.message)),
        ]
    });
    look.table(&["CONDITION", "STATUS", "REASON", "SINCE", "MESSAGE"], rows.collect())
}

fn events(report: &NodeReport, look: &Look, now: Timestamp) -> String {
    let rows = report.events.iter().map(|event| {
        let health = if event.type_ == "Warning" { Health::Waiting } else { Health::Ready };
        vec![
            Cell::new(age(now, event.at)),
            tinted(line(&event.type_), health),
            Cell::new(line(&event.reason)),
            Cell::new(line(&event.object)),
            Cell::new(event.count),
            Cell::new(line(&event.message)),
        ]
    });
    look.table(&["LAST SEEN", "TYPE", "EVENT", "OBJECT", "COUNT", "MESSAGE"], rows.collect())
}

fn hidden(report: &NodeReport) -> String {
    if report.hidden.is_empty() {
        return String::new();
    }
    format!("not shown, because you are not allowed to read them: {}\n", report.hidden.join(", "))
}
