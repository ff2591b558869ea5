//! `tls`: enables or disables TLS on existing nodes and groups. `sei-tls-rollout` decides the next step; this
//! module reads the cluster, executes the step, and processes the nodes in order.

mod act;
mod cluster;
mod describe;
mod plan;
mod rollout;

use std::process::ExitCode;

use anyhow::bail;
use sei_tls_rollout::Target;

use self::{cluster::Cluster, plan::Plan};
use crate::{
    bad_input::bad,
    cli::tls::{Rollout, Subject, Subjects, TlsCommand},
    connect, print,
};

pub(crate) fn run(command: &TlsCommand) -> anyhow::Result<ExitCode> {
    connect::block_on(async {
        match command {
            TlsCommand::Plan(args) => {
                let (cluster, subjects) = open(&args.subjects).await?;
                plan::print(&cluster, &subjects, &args.certificate).await
            }
            TlsCommand::Enable(args) => roll_out(&args.rollout, &args.certificate.target()).await,
            TlsCommand::Disable(args) => roll_out(args, &Target::Disable).await,
        }
    })
}

/// Everything is checked first, so that nothing is deleted if any node has a problem.
async fn roll_out(args: &Rollout, target: &Target) -> anyhow::Result<ExitCode> {
    let (cluster, subjects) = open(&args.subjects).await?;
    let mut objections = Vec::new();
    for subject in &subjects {
        match Plan::of(&cluster, subject, target).await? {
            Ok(plan) if args.dry_run => plan.print()?,
            Ok(_) => {}
            Err(why) => objections.push(format!("{}: {}", subject.name(), print::printable(&why))),
        }
    }
    if !objections.is_empty() {
        bail!("nothing was changed:\n  {}", objections.join("\n  "));
    }
    if !args.dry_run {
        rollout::run(&cluster, &subjects, args, target).await?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn open(args: &Subjects) -> anyhow::Result<(Cluster, Vec<Subject>)> {
    let cluster = Cluster::open(&args.cluster).await?;
    let subjects = match (args.all, args.names.as_slice()) {
        (true, _) => cluster.all().await?,
        (false, []) => {
            return Err(bad(
                "specify SeiNodes or SeiNodeDeployments by name, or use --all for the whole namespace",
            ));
        }
        (false, names) => names.to_vec(),
    };
    Ok((cluster, subjects))
}
