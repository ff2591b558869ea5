//! Groups and nodes, one line each.

use comfy_table::Cell;
use jiff::Timestamp;
use sei_report::{Fleet, GroupLine, Health, NodeLine};

use super::{
    line,
    screen::{Look, age, tinted},
};

/// Groups, nodes, their counts by health, and what needs manual intervention.
pub(super) fn fleet(fleet: &Fleet, look: &Look, now: Timestamp) -> String {
    if fleet.nodes.is_empty() && fleet.groups.is_empty() {
        return "no SeiNodes found; --all-namespaces shows those of every namespace\n".to_owned();
    }
    // As in kubectl, these tables are not wrapped at the width of the terminal: one line is one object.
    let look = &Look { width: None, ..look.clone() };
    let mut lines: Vec<_> = fleet.nodes.iter().collect();
    if look.urgent_first {
        lines.sort_by_key(|node| node.health);
    }
    let (groups, nodes) = (groups(&fleet.groups, look, now), nodes(&lines, look, now));
    let parts = if look.urgent_first {
        [counts(fleet), attention(fleet), groups, nodes]
    } else {
        [groups, nodes, counts(fleet), attention(fleet)]
    };
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

fn groups(groups: &[GroupLine], look: &Look, now: Timestamp) -> String {
    let header = [
        "NAMESPACE",
        "GROUP",
        "STATUS",
        "AVAILABLE",
        "UPDATED",
        "PHASE",
        "REASON",
        "AGE",
        "IMAGE",
        "MESSAGE",
    ];
    let rows = groups.iter().map(|group| {
        let of = |count: i64| format!("{count}/{}", group.replicas);
        vec![
            Cell::new(line(&group.namespace)),
            Cell::new(line(&group.name)),
            tinted(format!("{:?}", group.health), group.health),
            Cell::new(of(group.available)),
            Cell::new(of(group.updated)),
            Cell::new(group.phase.map_or_else(dash, |phase| format!("{phase:?}"))),
            Cell::new(line(&group.reason)),
            Cell::new(age(now, group.created_at)),
            Cell::new(group.image.as_deref().map_or_else(dash, line)),
            Cell::new(line(&group.message)),
        ]
    });
    columns(look, &header, rows.collect(), 8)
}

fn nodes(nodes: &[&NodeLine], look: &Look, now: Timestamp) -> String {
    let header = [
        "NAMESPACE",
        "NODE",
        "STATUS",
        "PHASE",
        "REASON",
        "PLAN",
        "TLS",
        "AGE",
        "CHAIN",
        "MODE",
        "GROUP",
        "IMAGE",
        "MESSAGE",
    ];
    let rows = nodes.iter().map(|node| {
        vec![
            Cell::new(line(&node.namespace)),
            Cell::new(line(&node.name)),
            tinted(format!("{:?}", node.health), node.health),
            Cell::new(node.phase.map_or("-", |phase| phase.as_str())),
            Cell::new(line(&node.reason)),
            Cell::new(plan(node, now)),
            tls(node),
            Cell::new(age(now, node.created_at)),
            Cell::new(node.chain.as_deref().map_or_else(dash, line)),
            Cell::new(node.mode.unwrap_or("-")),
            Cell::new(node.group.as_deref().map_or_else(dash, line)),
            Cell::new(image(node)),
            Cell::new(line(&node.message)),
        ]
    });
    columns(look, &header, rows.collect(), 8)
}

/// The table with the requested columns: the first is the namespace, those from `wide` on are for `-o wide`.
fn columns(look: &Look, header: &[&str], rows: Vec<Vec<Cell>>, wide: usize) -> String {
    let first = usize::from(!look.namespaces);
    let end = if look.wide { header.len() } else { wide };
    let rows = rows.into_iter().map(|row| row.into_iter().take(end).skip(first).collect());
    look.table(&header[first..end], rows.collect())
}

fn plan(node: &NodeLine, now: Timestamp) -> String {
    let Some(plan) = node.active_plan() else { return dash() };
    let progress = format!("{} {}/{}", plan.purpose, plan.done, plan.tasks.len());
    match plan.current() {
        Some(task) if task.started_at.is_some() => {
            format!("{progress} {} {}", line(&task.type_), age(now, task.started_at))
        }
        Some(task) => format!("{progress} {}", line(&task.type_)),
        None => progress,
    }
}

fn tls(node: &NodeLine) -> Cell {
    match &node.tls {
        None => Cell::new("-"),
        Some(tls) if tls.ready == Some(true) => tinted("Valid", Health::Ready),
        Some(tls) => tinted(line(tls.reason.trim_start_matches("TLSSecret")), Health::Stalled),
    }
}

pub(super) fn image(node: &NodeLine) -> String {
    let current = node.image.as_deref().map_or_else(dash, line);
    match &node.next_image {
        Some(next) => format!("{current} -> {}", line(next)),
        None => current,
    }
}

fn counts(fleet: &Fleet) -> String {
    let counts = fleet.counts();
    let noun = if fleet.nodes.len() == 1 { "node" } else { "nodes" };
    format!(
        "{} {noun}: {} ready, {} waiting, {} stalled\n",
        fleet.nodes.len(),
        counts.ready,
        counts.waiting,
        counts.stalled
    )
}

/// What needs manual intervention, and which TLS Secrets must be repaired, each with its message, for which the tables
/// have no room.
fn attention(fleet: &Fleet) -> String {
    let groups = fleet.groups.iter().filter(|it| it.health == Health::Stalled);
    let (stalled, others): (Vec<_>, Vec<_>) = fleet.nodes.iter().partition(|it| it.health == Health::Stalled);
    let groups = groups.map(|it| entry("SeiNodeDeployment", &it.namespace, &it.name, &it.message));
    let stalled: String = groups
        .chain(stalled.iter().map(|it| entry("SeiNode", &it.namespace, &it.name, &it.message)))
        .collect();
    let broken = others.iter().filter(|it| it.unusable_secret().is_some());
    let secrets: String = broken.map(|it| entry("SeiNode", &it.namespace, &it.name, &it.message)).collect();
    let part = |title: &str, entries: String| match entries.is_empty() {
        true => entries,
        false => format!("{title}\n{entries}"),
    };
    part("Manual intervention is required:", stalled) + &part("TLS Secrets that cannot be used:", secrets)
}

fn entry(kind: &str, namespace: &str, name: &str, message: &str) -> String {
    format!("  {kind} {}/{}: {}\n", line(namespace), line(name), line(message))
}

fn dash() -> String {
    "-".to_owned()
}
