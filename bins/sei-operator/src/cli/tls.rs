//! Arguments of `tls`.

use std::{str::FromStr, time::Duration};

use clap::{Args, Subcommand};
use sei_tls_rollout::{Issuer, Target};

use super::ClusterArgs;

/// Actions on nodes and groups.
#[derive(Subcommand)]
pub(crate) enum TlsCommand {
    /// Print the steps to enable TLS, node by node, and what prevents it. Exit code 1 if anything does.
    /// Changes nothing.
    Plan(Plan),
    /// Enable TLS: each SeiNode is deleted and recreated with its volume, and must be Ready before the next
    /// one is changed. A SeiNodeDeployment is recreated first, without its SeiNodes.
    Enable(Enable),
    /// Disable TLS, in the same way.
    Disable(Rollout),
}

/// The nodes and groups.
#[derive(Args)]
pub(crate) struct Subjects {
    /// SeiNodes, and SeiNodeDeployments as snd/NAME. SeiNodes are processed first, each kind in the given
    /// order.
    #[arg(value_name = "NAME", conflicts_with = "all")]
    pub(crate) names: Vec<Subject>,
    /// All SeiNodes and SeiNodeDeployments of the namespace, by name.
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// An object to enable or disable TLS on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// A SeiNode.
    Node(String),
    /// A SeiNodeDeployment, with all of its SeiNodes.
    Group(String),
}

impl Subject {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Node(name) | Self::Group(name) => name,
        }
    }
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('/') {
            None if !text.is_empty() => Ok(Self::Node(text.to_owned())),
            Some(("seinode" | "seinodes" | "snode", name)) if !name.is_empty() => {
                Ok(Self::Node(name.to_owned()))
            }
            Some(("seinodedeployment" | "seinodedeployments" | "snd", name)) if !name.is_empty() => {
                Ok(Self::Group(name.to_owned()))
            }
            _ => Err("write NAME of a SeiNode, or snd/NAME of a SeiNodeDeployment".to_owned()),
        }
    }
}

/// The certificate.
#[derive(Args)]
pub(crate) struct Certificate {
    /// Name of the Secret of each node; $(name) is the name of the node.
    #[arg(long, default_value = "$(name)-tls", value_name = "NAME")]
    pub(crate) secret_name: String,
    /// cert-manager issuer, as NAME (an Issuer of the namespace) or ClusterIssuer/NAME: a Certificate is created for each
    /// Secret that is missing or not valid.
    #[arg(long, value_name = "ISSUER")]
    pub(crate) certificates: Option<IssuerName>,
}

impl Certificate {
    /// The target TLS setting.
    pub(crate) fn target(&self) -> Target {
        Target::Enable {
            secret: self.secret_name.clone(),
            issuer: self.certificates.clone().map(|IssuerName(issuer)| issuer),
        }
    }
}

/// Arguments of `tls plan`.
#[derive(Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) subjects: Subjects,
    #[command(flatten)]
    pub(crate) certificate: Certificate,
}

/// Arguments of `tls enable`.
#[derive(Args)]
pub(crate) struct Enable {
    #[command(flatten)]
    pub(crate) rollout: Rollout,
    #[command(flatten)]
    pub(crate) certificate: Certificate,
}

/// How nodes are processed.
#[derive(Args)]
pub(crate) struct Rollout {
    #[command(flatten)]
    pub(crate) subjects: Subjects,
    /// Number of nodes that are down at the same time; groups are processed one after the other.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) at_once: u16,
    /// Seconds to wait for a node to become Ready again.
    #[arg(long, default_value = "1800", value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Duration,
    /// Print every step and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_secs)
}

/// An issuer, as given on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IssuerName(pub(crate) Issuer);

impl FromStr for IssuerName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, name) = text.split_once('/').unwrap_or(("Issuer", text));
        if name.is_empty() || !["Issuer", "ClusterIssuer"].contains(&kind) {
            return Err("write NAME, Issuer/NAME or ClusterIssuer/NAME".to_owned());
        }
        Ok(Self(Issuer { kind: kind.to_owned(), name: name.to_owned() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_with_their_kind() {
        let issuer = |kind: &str| Ok(IssuerName(Issuer { kind: kind.to_owned(), name: "ca".to_owned() }));
        assert_eq!("ca".parse(), issuer("Issuer"));
        assert_eq!("ClusterIssuer/ca".parse(), issuer("ClusterIssuer"));
        let (node, group) = (Subject::Node("a".to_owned()), Subject::Group("a".to_owned()));
        assert_eq!(("a".parse(), "snd/a".parse()), (Ok(node), Ok(group)));
        assert!("pod/a".parse::<Subject>().is_err() && "snd/".parse::<Subject>().is_err());
        assert!("Vault/ca".parse::<IssuerName>().is_err() && "Issuer/".parse::<IssuerName>().is_err());
    }
}
