//! Commands and flags. Names and defaults of `run` are those of the Go controller if it has them.

mod cluster;
#[cfg(test)]
mod examples;
mod offline;
#[cfg(test)]
mod page;
mod run;
pub(crate) mod tls;

use clap::{Parser, Subcommand};

pub(crate) use self::{
    cluster::{
        AccessArgs, ClusterArgs, DoctorArgs, FindingsOutput, MigrateArgs, MigrateCommand, StatusArgs,
        StatusOutput,
    },
    offline::{CheckSecretArgs, Manifest, OutputArgs, PlanArgs, PlanOutput, RenderArgs, VerdictOutput},
    run::{Bind, LogFormat, RunArgs, SecretAccess},
};

/// The Kubernetes operator for Sei nodes.
#[derive(Parser)]
#[command(name = "sei-operator", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
#[allow(clippy::large_enum_variant, reason = "made once a process")]
pub(crate) enum Command {
    /// Run the operator.
    Run(RunArgs),
    /// Print the CustomResourceDefinition.
    Crd(OutputArgs),
    /// Print every object that the operator would create for SeiNodes and SeiNodeDeployments.
    Render(RenderArgs),
    /// Print the plan that the operator would create for a SeiNode and the requests it would send to the sidecar, or
    /// what it would do next with a SeiNodeDeployment.
    Plan(PlanArgs),
    /// Check the TLS Secret of a SeiNode: exit code 0 if it is valid, 1 if not.
    CheckSecret(CheckSecretArgs),
    /// Show nodes and groups: their state, what they are waiting for, and what to do. Exit code 3 if any is
    /// not Ready.
    Status(StatusArgs),
    /// Enable or disable TLS on existing nodes, one by one, while keeping their volumes.
    #[command(subcommand)]
    Tls(tls::TlsCommand),
    /// Check an installation: rights, CRDs, lease, settings, images, network, clocks. Exit code 3 if anything is wrong.
    Doctor(DoctorArgs),
    /// Prepare the change over from the Go controller.
    #[command(subcommand)]
    Migrate(MigrateCommand),
    /// Print shell completions.
    Completions {
        /// Shell to generate completions for.
        shell: clap_complete::Shell,
    },
    /// Print the manual page.
    Man,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_of_the_go_controllers_deployment_are_accepted() {
        let flags = ["--metrics-bind-address=:8080", "--leader-elect", "--health-probe-bind-address=:8081"];
        let cli = Cli::try_parse_from(["sei-operator", "run"].into_iter().chain(flags)).unwrap();
        assert!(matches!(cli.command, Command::Run(args) if args.leader_elect));
    }
}
