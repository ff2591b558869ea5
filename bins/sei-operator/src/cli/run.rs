//! `run`: the operator itself.

use std::{net::SocketAddr, path::PathBuf, str::FromStr};

use clap::{Args, ValueEnum};
use sei_node::is_namespace;
use sei_sidecar::ConnectTo;

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

/// A namespace in which something can be. With any other text the operator would wait for it forever.
fn namespace(text: &str) -> Result<String, String> {
    is_namespace(text).then(|| text.to_owned()).ok_or_else(|| {
        "write the name of one namespace: at most 63 lower-case letters, digits and '-'; repeat the flag for more".to_owned()
    })
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
    #[arg(long = "watch-namespace", value_name = "NAMESPACE", value_parser = namespace)]
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
    #[arg(long, value_parser = namespace)]
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
    fn only_names_of_namespaces_are_watched() {
        for name in ["default", "sei-1", "1", &"a".repeat(63)] {
            assert_eq!(namespace(name).as_deref(), Ok(name));
        }
        for text in ["", "a,b", "A", "a b", "$(POD_NAMESPACE)", "-a", "a-", "a.b", &"a".repeat(64)] {
            assert!(namespace(text).unwrap_err().contains("one namespace"), "{text}");
        }
    }

    #[test]
    fn bind_addresses_have_the_syntax_of_the_go_controller() {
        assert_eq!("0".parse(), Ok(Bind(None)));
        assert_eq!(":8080".parse(), Ok(Bind("[::]:8080".parse().ok())));
        assert_eq!("127.0.0.1:0".parse(), Ok(Bind("127.0.0.1:0".parse().ok())));
        assert!("8080".parse::<Bind>().unwrap_err().contains(":8080 for every address"));
    }
}
