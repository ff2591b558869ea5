//! The measurements, one stage after the other on the same fleet.

mod creation;
mod foreign_secrets;
mod hung;
mod image;
mod rest;
mod restart;
mod secret;

use std::time::Duration;

use sei_api::{SeiNode, v1alpha1::NodePhase};

use crate::{Args, bed::Bed, fleet::Fleet, report::Run};

/// Time limit for each node in a stage.
const PATIENCE: Duration = Duration::from_secs(900);

/// Stages that can be selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Stage {
    /// Idle time.
    Rest,
    /// The operator is terminated, and started again.
    Terminate,
    /// The operator is killed, and started again.
    Kill,
    /// Invalid certificates are replaced with valid ones.
    Secret,
    /// Images are changed.
    Image,
    /// Nodes are created while the sidecars of others hang.
    Hung,
    /// Thousands of unrelated Secrets exist. Only if selected.
    ForeignSecrets,
}

/// The stages that run by default, in this order.
const STANDARD: [Stage; 6] =
    [Stage::Rest, Stage::Terminate, Stage::Kill, Stage::Secret, Stage::Image, Stage::Hung];

/// Runs the selected stages.
pub(crate) async fn all(
    args: &Args,
    mut bed: Bed<'_>,
    mut fleet: Fleet,
    run: &mut Run,
) -> anyhow::Result<()> {
    creation::measure(&mut bed, &mut fleet, run).await?;
    let stages = if args.only.is_empty() { &STANDARD[..] } else { &args.only };
    for stage in stages {
        match stage {
            Stage::Rest => rest::measure(&mut bed, &fleet, Duration::from_secs(args.rest), run).await?,
            Stage::Terminate => restart::terminate(&mut bed, &fleet, "SIGTERM", run).await?,
            Stage::Kill => restart::kill(&mut bed, &fleet, run).await?,
            Stage::Secret => secret::measure(&bed, &fleet, run).await?,
            Stage::Image => image::measure(&bed, &fleet, run).await?,
            Stage::Hung => hung::measure(&mut bed, &fleet, args.hung, run).await?,
            Stage::ForeignSecrets => {
                foreign_secrets::measure(&mut bed, &fleet, args.foreign_secrets, run).await?;
            }
        }
    }
    Ok(())
}

fn is_running(node: &SeiNode) -> bool {
    node.status.as_ref().is_some_and(|status| status.phase == Some(NodePhase::Running))
}
