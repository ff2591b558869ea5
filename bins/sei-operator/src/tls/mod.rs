//! `tls`: enables or disables TLS on nodes that exist. What the next step is, `sei-tls-rollout` says; here the cluster is
//! read, the step carried out, and every node taken in its turn.

mod act;
mod cluster;
mod describe;
mod rollout;

use std::process::ExitCode;

use anyhow::bail;
use sei_tls_rollout::{Step, Target, steps};

use self::{cluster::Cluster, describe::describe};
use crate::{
    bad_input::bad,
    cli::tls::{Nodes, Plan, Rollout, TlsCommand},
    connect, print,
};

pub(crate) fn run(command: &TlsCommand) -> anyhow::Result<ExitCode> {
    connect::block_on(async {
        match command {
            TlsCommand::Plan(args) => plan(args).await,
            TlsCommand::Enable(args) => {
                roll_out(&args.rollout.nodes, &args.rollout, |name| args.certificate.target(name)).await
            }
            TlsCommand::Disable(rollout) => roll_out(&rollout.nodes, rollout, |_| Target::Disable).await,
        }
    })
}

/// What is needed of each node and in its way; with an issuer, the Certificates instead.
async fn plan(args: &Plan) -> anyhow::Result<ExitCode> {
    let cluster = Cluster::open(&args.nodes.cluster).await?;
    let mut ready = true;
    for name in names(&cluster, &args.nodes).await? {
        let target = args.certificate.target(&name);
        let observed = cluster.observe(&name, &target).await?;
        if args.certificate.certificates.is_some() {
            let steps = steps(&observed, &target).unwrap_or_default();
            for step in steps {
                if let Step::Issue(certificate) = step {
                    print!("---\n{}", serde_saphyr::to_string(&certificate)?);
                }
            }
            continue;
        }
        match steps(&observed, &target) {
            Ok(steps) if steps.is_empty() => println!("{name}: has TLS and is Ready"),
            Ok(steps) => say_steps(&name, &steps),
            Err(why) => {
                ready = false;
                println!("{name}: not possible now: {}", print::printable(&why));
            }
        }
    }
    Ok(if ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything is checked first, so that nothing is deleted if any node is not in order.
async fn roll_out(
    nodes: &Nodes,
    args: &Rollout,
    target: impl Fn(&str) -> Target,
) -> anyhow::Result<ExitCode> {
    let cluster = Cluster::open(&nodes.cluster).await?;
    let names = names(&cluster, nodes).await?;
    let mut objections = Vec::new();
    for name in &names {
        let target = target(name);
        match steps(&cluster.observe(name, &target).await?, &target) {
            Ok(steps) if args.dry_run => say_steps(name, &steps),
            Ok(_) => {}
            Err(why) => objections.push(format!("{name}: {}", print::printable(&why))),
        }
    }
    if !objections.is_empty() {
        bail!("nothing was changed:\n  {}", objections.join("\n  "));
    }
    if args.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    rollout::run(&cluster, &names, args, target).await?;
    Ok(ExitCode::SUCCESS)
}

async fn names(cluster: &Cluster, nodes: &Nodes) -> anyhow::Result<Vec<String>> {
    if !nodes.all {
        return match nodes.names.as_slice() {
            [] => Err(bad("give the names of SeiNodes, or --all for those of the namespace")),
            names => Ok(names.to_vec()),
        };
    }
    cluster.all().await
}

fn say_steps(name: &str, steps: &[Step]) {
    for (index, step) in steps.iter().enumerate() {
        println!("{name}: {}. {}", index + 1, describe(name, step));
    }
}
