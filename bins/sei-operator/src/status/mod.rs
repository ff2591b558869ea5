//! `status`: an overview of nodes and groups, from their status. Reads as the calling user, and never writes.

mod cluster;
mod fleet_screen;
mod live;
mod node_screen;
mod screen;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, process::ExitCode};

use anyhow::bail;
use jiff::Timestamp;
use sei_report::{Fleet, Health, NodeReport};
use serde_json::{Value, json};

use self::{cluster::Cluster, screen::Look};
use crate::{
    bad_input::bad,
    cli::{Manifest, StatusArgs, StatusOutput},
    connect, print,
};

/// Exit code if a requested object is not Ready.
const NOT_READY: u8 = 3;

/// The requested objects.
enum Found {
    Fleet(Fleet),
    Node(Box<NodeReport>),
}

pub(crate) fn run(args: &StatusArgs) -> anyhow::Result<ExitCode> {
    if args.all_namespaces && !args.names.is_empty() {
        return Err(bad("a name needs its namespace: give --namespace instead of --all-namespaces"));
    }
    if args.watch && matches!(args.output, Some(StatusOutput::Json | StatusOutput::Yaml)) {
        return Err(bad("--watch cannot be combined with --output json or yaml"));
    }
    connect::block_on(show(args))
}

async fn show(args: &StatusArgs) -> anyhow::Result<ExitCode> {
    let cluster = Cluster::open(args).await?;
    if args.watch {
        return live::run(&cluster, args).await.map(|()| ExitCode::SUCCESS);
    }
    let found = find(&cluster, &args.names).await?;
    match args.output {
        Some(StatusOutput::Json) => print::manifest(&found.as_json()?, Manifest::Json)?,
        Some(StatusOutput::Yaml) => print::manifest(&found.as_json()?, Manifest::Yaml)?,
        Some(StatusOutput::Wide) | None => {
            print::line(&found.screen(&Look::of_terminal(args), Timestamp::now()))?;
        }
    }
    Ok(if found.is_ready() { ExitCode::SUCCESS } else { ExitCode::from(NOT_READY) })
}

/// The objects with these names, or all. A single SeiNode is shown in full; a group with its nodes.
async fn find(cluster: &Cluster, names: &[String]) -> anyhow::Result<Found> {
    let (nodes, groups) = cluster.fleet().await?;
    let named = |object: &Value, name: &str| object["metadata"]["name"] == name;
    if let [name] = names
        && let Some(node) = nodes.iter().find(|node| named(node, name))
        && !groups.iter().any(|group| named(group, name))
    {
        return Ok(Found::Node(Box::new(cluster.report(node).await?)));
    }
    let fleet = Fleet::of(&nodes, &groups);
    if names.is_empty() { Ok(Found::Fleet(fleet)) } else { select(fleet, names).map(Found::Fleet) }
}

fn select(mut fleet: Fleet, names: &[String]) -> anyhow::Result<Fleet> {
    let wanted: BTreeSet<_> = names.iter().map(String::as_str).collect();
    fleet.groups.retain(|group| wanted.contains(group.name.as_str()));
    let groups: BTreeSet<_> = fleet.groups.iter().map(|group| group.name.clone()).collect();
    fleet.nodes.retain(|node| {
        wanted.contains(node.name.as_str()) || node.group.as_ref().is_some_and(|group| groups.contains(group))
    });
    let found = |name: &&str| groups.contains(*name) || fleet.nodes.iter().any(|node| node.name == **name);
    let missing: Vec<_> = wanted.iter().copied().filter(|name| !found(name)).collect();
    if missing.is_empty() {
        return Ok(fleet);
    }
    bail!("no SeiNode or SeiNodeDeployment of this name: {}", missing.join(", "))
}

impl Found {
    fn as_json(&self) -> anyhow::Result<Value> {
        Ok(match self {
            Self::Fleet(fleet) => serde_json::to_value(fleet)?,
            Self::Node(report) => json!({ "groups": [], "nodes": [serde_json::to_value(report)?] }),
        })
    }

    fn screen(&self, look: &Look, now: Timestamp) -> String {
        let text = match self {
            Self::Fleet(fleet) => fleet_screen::fleet(fleet, look, now),
            Self::Node(report) => node_screen::node(report, look, now),
        };
        text.trim_end().to_owned()
    }

    fn is_ready(&self) -> bool {
        match self {
            Self::Fleet(fleet) => fleet.is_ready(),
            Self::Node(report) => report.line.health == Health::Ready,
        }
    }
}

/// `text` from an object, as one line without control characters.
fn line(text: &str) -> String {
    print::printable(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}
