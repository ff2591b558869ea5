//! Commands that read a cluster as a user.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Arguments to connect to the cluster as a user.
#[derive(Args)]
pub(crate) struct ClusterArgs {
    /// Namespace; that of the kubeconfig's context by default.
    #[arg(short, long)]
    pub(crate) namespace: Option<String>,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
}

/// How to reach the cluster.
#[derive(Args)]
pub(crate) struct AccessArgs {
    /// Kubeconfig file; by default KUBECONFIG, then ~/.kube/config, then the in-cluster configuration.
    #[arg(long)]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig.
    #[arg(long)]
    pub(crate) context: Option<String>,
}

/// Output format of `status`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusOutput {
    Wide,
    Json,
    Yaml,
}

#[derive(Args)]
pub(crate) struct StatusArgs {
    /// SeiNodes or SeiNodeDeployments to show; all by default. A single SeiNode is shown in full.
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Show all namespaces.
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub(crate) all_namespaces: bool,
    /// Output format; a table by default, with more columns if wide.
    #[arg(short, long, value_enum)]
    pub(crate) output: Option<StatusOutput>,
    /// Keep the screen up to date until interrupted.
    #[arg(short, long)]
    pub(crate) watch: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// Output format of findings.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum FindingsOutput {
    Text,
    Json,
}

/// How findings are collected and printed.
#[derive(Args)]
pub(crate) struct FindingsArgs {
    /// Output format.
    #[arg(short, long, value_enum, default_value = "text")]
    pub(crate) output: FindingsOutput,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
}

#[derive(Args)]
pub(crate) struct DoctorArgs {
    /// Namespace of the operator; it is looked for in all namespaces by default.
    #[arg(short, long)]
    pub(crate) namespace: Option<String>,
    #[command(flatten)]
    pub(crate) findings: FindingsArgs,
}

/// What is done about the Go controller.
#[derive(Subcommand)]
pub(crate) enum MigrateCommand {
    /// Print what the operator will do with each SeiNode and SeiNodeDeployment, with the platform settings of the SEI_*
    /// variables. Changes nothing. Exit code 3 if any will be stalled.
    Check(MigrateArgs),
}

#[derive(Args)]
pub(crate) struct MigrateArgs {
    /// Namespace; all by default.
    #[arg(short, long)]
    pub(crate) namespace: Option<String>,
    #[command(flatten)]
    pub(crate) findings: FindingsArgs,
}
