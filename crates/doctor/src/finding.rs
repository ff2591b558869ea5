//! A finding.

use serde::{Serialize, Serializer};

/// Its severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Correct.
    Ok,
    /// The check could not run; the message says why.
    Unknown,
    /// It works but needs attention.
    Warning,
    /// It does not work.
    Error,
}

/// What was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// The version of Kubernetes.
    Kubernetes,
    /// The clocks of this machine, the API server and the operator.
    Clock,
    /// The CustomResourceDefinitions.
    Crds,
    /// The Deployment of the operator, and that of the Go controller.
    Operator,
    /// The platform settings of the operator.
    Settings,
    /// The permissions of the operator's ServiceAccount.
    Permissions,
    /// The lease that decides which replica is active.
    Lease,
    /// The images of operator and nodes.
    Images,
    /// Whether the operator can reach the sidecars.
    Network,
    /// Nodes that require manual intervention.
    Nodes,
    /// cert-manager.
    CertManager,
}

impl Level {
    /// Its name in the output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Check {
    /// Its name in the output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Clock => "clock",
            Self::Crds => "crds",
            Self::Operator => "operator",
            Self::Settings => "settings",
            Self::Permissions => "permissions",
            Self::Lease => "lease",
            Self::Images => "images",
            Self::Network => "network",
            Self::Nodes => "nodes",
            Self::CertManager => "cert-manager",
        }
    }
}

impl Serialize for Level {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its severity.
    pub level: Level,
    /// What was checked.
    pub check: Check,
    /// What was found.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    pub(crate) fn ok(check: Check, message: impl Into<String>) -> Self {
        Self { level: Level::Ok, check, message: message.into(), fix: None }
    }

    pub(crate) fn unknown(check: Check, message: impl Into<String>) -> Self {
        Self { level: Level::Unknown, check, message: message.into(), fix: None }
    }

    pub(crate) fn warning(check: Check, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { level: Level::Warning, check, message: message.into(), fix: Some(fix.into()) }
    }

    pub(crate) fn error(check: Check, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { level: Level::Error, check, message: message.into(), fix: Some(fix.into()) }
    }
}
