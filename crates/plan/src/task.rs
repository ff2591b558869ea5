//! Typed tasks, and their stored form.

use sei_api::{SeiNode, names, v1alpha1::PlannedTask};
use serde_json::{Value, json};

use crate::{SidecarTask, TaskError, TaskKind, params::Params};

/// One step of a plan.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// See [`TaskKind::EnsureDataPvc`].
    EnsureDataPvc,
    /// See [`TaskKind::ValidateSigningKey`].
    ValidateSigningKey {
        /// The Secret.
        secret_name: String,
    },
    /// See [`TaskKind::ValidateNodeKey`].
    ValidateNodeKey {
        /// The Secret.
        secret_name: String,
    },
    /// See [`TaskKind::ValidateOperatorKeyring`].
    ValidateOperatorKeyring {
        /// The Secret with the keyring's files.
        secret_name: String,
        /// The key in the keyring.
        key_name: String,
        /// The Secret with the passphrase.
        passphrase_secret_name: String,
        /// The data key of the passphrase.
        passphrase_secret_key: String,
    },
    /// See [`TaskKind::ApplyRbacProxyConfig`].
    ApplyRbacProxyConfig,
    /// See [`TaskKind::ApplyStatefulSet`].
    ApplyStatefulSet,
    /// See [`TaskKind::ApplyService`].
    ApplyService,
    /// See [`TaskKind::ReplacePod`].
    ReplacePod {
        /// UID of a pod to delete regardless of its revision.
        also: Option<String>,
    },
    /// See [`TaskKind::ObserveImage`].
    ObserveImage,
    /// See [`TaskKind::DeployBootstrapService`].
    DeployBootstrapService,
    /// See [`TaskKind::DeployBootstrapJob`].
    DeployBootstrapJob,
    /// See [`TaskKind::AwaitBootstrapComplete`].
    AwaitBootstrapComplete,
    /// See [`TaskKind::TeardownBootstrap`].
    TeardownBootstrap,
    /// A task that the sidecar runs.
    Sidecar(SidecarTask),
}

impl Task {
    /// Its type.
    pub fn kind(&self) -> TaskKind {
        match self {
            Self::EnsureDataPvc => TaskKind::EnsureDataPvc,
            Self::ValidateSigningKey { .. } => TaskKind::ValidateSigningKey,
            Self::ValidateNodeKey { .. } => TaskKind::ValidateNodeKey,
            Self::ValidateOperatorKeyring { .. } => TaskKind::ValidateOperatorKeyring,
            Self::ApplyRbacProxyConfig => TaskKind::ApplyRbacProxyConfig,
            Self::ApplyStatefulSet => TaskKind::ApplyStatefulSet,
            Self::ApplyService => TaskKind::ApplyService,
            Self::ReplacePod { .. } => TaskKind::ReplacePod,
            Self::ObserveImage => TaskKind::ObserveImage,
            Self::DeployBootstrapService => TaskKind::DeployBootstrapService,
            Self::DeployBootstrapJob => TaskKind::DeployBootstrapJob,
            Self::AwaitBootstrapComplete => TaskKind::AwaitBootstrapComplete,
            Self::TeardownBootstrap => TaskKind::TeardownBootstrap,
            Self::Sidecar(task) => task.kind(),
        }
    }

    /// Parses a stored task.
    ///
    /// # Errors
    /// [`TaskError::UnknownType`] and [`TaskError::WrongParam`]: no attempt can succeed.
    pub fn read(planned: &PlannedTask) -> Result<Self, TaskError> {
        let kind = TaskKind::from_wire(&planned.type_)
            .ok_or_else(|| TaskError::UnknownType(planned.type_.clone()))?;
        let params = Params { task: kind.as_str(), value: planned.params.as_ref() };
        Ok(match kind {
            TaskKind::EnsureDataPvc => Self::EnsureDataPvc,
            TaskKind::ValidateSigningKey => {
                Self::ValidateSigningKey { secret_name: params.text("secretName")? }
            }
            TaskKind::ValidateNodeKey => Self::ValidateNodeKey { secret_name: params.text("secretName")? },
            TaskKind::ValidateOperatorKeyring => Self::ValidateOperatorKeyring {
                secret_name: params.text("secretName")?,
                key_name: params.text("keyName")?,
                passphrase_secret_name: params.text("passphraseSecretName")?,
                passphrase_secret_key: params.text("passphraseSecretKey")?,
            },
            TaskKind::ApplyRbacProxyConfig => Self::ApplyRbacProxyConfig,
            TaskKind::ApplyStatefulSet => Self::ApplyStatefulSet,
            TaskKind::ApplyService => Self::ApplyService,
            TaskKind::ReplacePod => Self::ReplacePod { also: params.optional("podUID")? },
            TaskKind::ObserveImage => Self::ObserveImage,
            TaskKind::DeployBootstrapService => Self::DeployBootstrapService,
            TaskKind::DeployBootstrapJob => Self::DeployBootstrapJob,
            TaskKind::AwaitBootstrapComplete => Self::AwaitBootstrapComplete,
            TaskKind::TeardownBootstrap => Self::TeardownBootstrap,
            sidecar => Self::Sidecar(SidecarTask::read(sidecar, &params)?),
        })
    }

    /// Its parameters in stored form. Tasks of the operator work on the live node; their parameters only show readers
    /// which node.
    pub(crate) fn stored_params(&self, node: &SeiNode) -> Value {
        let namespace = names::namespace(node);
        let (service, job) = (names::stateful_set(node), names::bootstrap_job(node));
        match self {
            Self::ValidateSigningKey { secret_name } | Self::ValidateNodeKey { secret_name } => {
                json!({ "secretName": secret_name, "namespace": namespace })
            }
            Self::ValidateOperatorKeyring {
                secret_name,
                key_name,
                passphrase_secret_name,
                passphrase_secret_key,
            } => json!({
                "secretName": secret_name,
                "keyName": key_name,
                "passphraseSecretName": passphrase_secret_name,
                "passphraseSecretKey": passphrase_secret_key,
                "namespace": namespace,
            }),
            Self::DeployBootstrapService => json!({ "serviceName": service, "namespace": namespace }),
            Self::DeployBootstrapJob | Self::AwaitBootstrapComplete => {
                json!({ "jobName": job, "namespace": namespace })
            }
            Self::TeardownBootstrap => {
                json!({ "jobName": job, "serviceName": service, "namespace": namespace })
            }
            Self::Sidecar(task) => task.stored_params(),
            Self::ReplacePod { also: Some(uid) } => {
                json!({ "nodeName": names::node(node), "namespace": namespace, "podUID": uid })
            }
            Self::EnsureDataPvc
            | Self::ApplyRbacProxyConfig
            | Self::ApplyStatefulSet
            | Self::ApplyService
            | Self::ReplacePod { also: None }
            | Self::ObserveImage => json!({ "nodeName": names::node(node), "namespace": namespace }),
        }
    }
}
