//! Commands and flags. Names and defaults of `run` are those of the Go controller if it has them.

#[cfg(test)]
mod examples;
#[cfg(test)]
mod page;
pub(crate) mod tls;

use std::{net::SocketAddr, path::PathBuf, str::FromStr};

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;
use sei_sidecar::ConnectTo;
use uuid::Uuid;

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

/// Arguments to connect to the cluster as a user.
#[derive(Args)]
pub(crate) struct ClusterArgs {
    /// Namespace; that of the kubeconfig's context by default.
    #[arg(short, long)]
    pub(crate) namespace: Option<String>,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
}

/// How the cluster is reached.
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

/// How findings are made and printed.
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

/// Listen address: `HOST:PORT`, `:PORT` for every address, `0` to disable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bind(pub(crate) Option<SocketAddr>);

impl FromStr for Bind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "0" {
            return Ok(Self(None));
        }
        let full = if text.starts_with(':') { format!("[::]{text}") } else { text.to_owned() };
        full.parse().map(|address| Self(Some(address))).map_err(|_| {
            format!("{text:?} is not ADDRESS:PORT; write :8080 for every address, or 0 to disable it")
        })
    }
}

/// How Secrets are watched.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SecretAccess {
    /// One metadata-only watch of all kubernetes.io/tls Secrets.
    Watch,
    /// One metadata-only watch per referenced Secret: a Role with resourceNames is sufficient.
    Named,
}

/// Log format.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Json,
    Text,
}

#[derive(Args)]
pub(crate) struct RunArgs {
    /// Kubeconfig file; by default KUBECONFIG, then the in-cluster configuration, then ~/.kube/config.
    #[arg(long)]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Namespace to watch; may be repeated. All by default.
    #[arg(long = "watch-namespace", value_name = "NAMESPACE")]
    pub(crate) watch_namespaces: Vec<String>,
    /// How Secrets are watched.
    #[arg(long, value_enum, default_value = "watch")]
    pub(crate) secret_access: SecretAccess,
    /// Number of nodes that are reconciled concurrently.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) workers: u16,
    /// Address of the metrics endpoint.
    #[arg(long, default_value = ":8080")]
    pub(crate) metrics_bind_address: Bind,
    /// Address of /healthz and /readyz.
    #[arg(long, default_value = ":8081")]
    pub(crate) health_probe_bind_address: Bind,
    /// Reconcile only while holding the lease, so that several replicas can run.
    #[arg(long, default_value = "true", num_args = 0..=1, default_missing_value = "true", require_equals = true, action = clap::ArgAction::Set)]
    pub(crate) leader_elect: bool,
    /// Serve metrics only to clients whose bearer token the API server accepts (TokenReview) and that may
    /// `get` the non-resource URL /metrics (SubjectAccessReview).
    #[arg(long)]
    pub(crate) metrics_auth: bool,
    /// Name of the lease. Operators that may reconcile the same nodes must share it; the default is that of the Go
    /// controller.
    #[arg(long, value_name = "NAME", default_value = sei_controller::rbac::LEASE)]
    pub(crate) leader_election_id: String,
    /// Namespace of the lease; the pod's namespace by default.
    #[arg(long)]
    pub(crate) leader_election_namespace: Option<String>,
    /// Address of a sidecar, as with curl's --connect-to: HOST:PORT:ADDRESS:PORT. Certificates are still
    /// verified against HOST.
    #[arg(long, value_name = "RULE")]
    pub(crate) sidecar_connect_to: Vec<ConnectTo>,
    /// File with the token for sidecars behind TLS, sent to all of them. Without it tokens are requested for the
    /// ServiceAccount that the operator runs as, each for one node.
    #[arg(long, value_name = "FILE")]
    pub(crate) sidecar_token_file: Option<PathBuf>,
    /// Log format, on standard error.
    #[arg(long, value_enum, default_value = "json")]
    pub(crate) log_format: LogFormat,
    /// Log level: error, warn, info, debug, or directives as in RUST_LOG.
    #[arg(long, default_value = "info", env = "RUST_LOG")]
    pub(crate) log_level: String,
    /// Address of the collector to which traces are sent, as OTLP over unencrypted HTTP. Only in builds with
    /// feature otlp.
    #[arg(long, value_name = "URL")]
    pub(crate) otlp_endpoint: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bind_addresses_have_the_syntax_of_the_go_controller() {
        assert_eq!("0".parse(), Ok(Bind(None)));
        assert_eq!(":8080".parse(), Ok(Bind("[::]:8080".parse().ok())));
        assert_eq!("127.0.0.1:0".parse(), Ok(Bind("127.0.0.1:0".parse().ok())));
        assert!("8080".parse::<Bind>().unwrap_err().contains(":8080 for every address"));
    }

    #[test]
    fn the_flags_of_the_go_controllers_deployment_are_accepted() {
        let flags = ["--metrics-bind-address=:8080", "--leader-elect", "--health-probe-bind-address=:8081"];
        let cli = Cli::try_parse_from(["sei-operator", "run"].into_iter().chain(flags)).unwrap();
        assert!(matches!(cli.command, Command::Run(args) if args.leader_elect));
    }
}
