//! Commands that need no cluster.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use uuid::Uuid;

/// Output format of manifests.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Manifest {
    Yaml,
    Json,
}

#[derive(Args)]
pub(crate) struct OutputArgs {
    /// Output format.
    #[arg(short, long, value_enum, default_value = "yaml")]
    pub(crate) output: Manifest,
}

#[derive(Args)]
pub(crate) struct RenderArgs {
    /// File with one or more SeiNodes and SeiNodeDeployments; - is standard input.
    #[arg(short = 'f', long, value_name = "FILE")]
    pub(crate) filename: PathBuf,
    /// Output format.
    #[arg(short, long, value_enum, default_value = "yaml")]
    pub(crate) output: Manifest,
}

/// Output format of a plan.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum PlanOutput {
    Table,
    Json,
}

#[derive(Args)]
pub(crate) struct PlanArgs {
    /// File with the SeiNode, its status included, or with a SeiNodeDeployment and the SeiNodes and objects that it has
    /// already; - is standard input.
    #[arg(short = 'f', long, value_name = "FILE")]
    pub(crate) filename: PathBuf,
    /// ID of the plan, from which the IDs of its tasks are derived; random by default. That of a SeiNodeDeployment is its UID
    /// if it has one.
    #[arg(long)]
    pub(crate) plan_id: Option<Uuid>,
    /// Output format.
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) output: PlanOutput,
}

/// Output format of a verdict.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum VerdictOutput {
    Text,
    Json,
}

#[derive(Args)]
pub(crate) struct CheckSecretArgs {
    /// File with the SeiNode; - is standard input.
    #[arg(short = 'f', long, value_name = "SEINODE.yaml")]
    pub(crate) filename: PathBuf,
    /// File with the Secret.
    #[arg(long, value_name = "SECRET.yaml")]
    pub(crate) secret: PathBuf,
    /// Time to check validity at, as RFC 3339; now by default.
    #[arg(long)]
    pub(crate) at: Option<Timestamp>,
    /// Output format.
    #[arg(short, long, value_enum, default_value = "text")]
    pub(crate) output: VerdictOutput,
}
