//! The operator to measure.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use anyhow::Context;
use k8s_openapi::api::rbac::v1::PolicyRule;
use sei_controller::rbac;
use sei_testkit::{
    cluster::{Cluster, OPERATOR},
    operator::Operator,
};

use crate::names::Names;

/// The measured operator.
pub(crate) enum Candidate {
    /// The program sei-operator.
    Ours(PathBuf),
    /// A shell command that runs any operator for SeiNodes.
    Command(String),
}

impl Candidate {
    /// Its permissions in the cluster; ours has the permissions of an installation.
    pub(crate) fn rules(&self) -> Vec<PolicyRule> {
        let every = || Some(vec!["*".to_owned()]);
        match self {
            Self::Ours(_) => rbac::all_rules(OPERATOR),
            Self::Command(_) => vec![PolicyRule {
                api_groups: every(),
                resources: every(),
                verbs: vec!["*".to_owned()],
                ..PolicyRule::default()
            }],
        }
    }

    /// Size of the program in megabytes, if known.
    pub(crate) fn size(&self) -> Option<f64> {
        match self {
            Self::Ours(binary) => Some(fs::metadata(binary).ok()?.len() as f64 / f64::from(1 << 20)),
            Self::Command(_) => None,
        }
    }

    /// Starts it. The process with its ID is the operator itself.
    pub(crate) fn start(&self, cluster: &Cluster, names: &Names) -> anyhow::Result<Operator> {
        match self {
            Self::Ours(binary) => {
                let arguments = [
                    "--leader-election-namespace",
                    OPERATOR,
                    "--metrics-bind-address=0",
                    "--health-probe-bind-address=0",
                ];
                // As in the chart: a restarted container of a pod retakes its lease.
                let pod = format!("bench-{}", std::process::id());
                Operator::start_with(
                    cluster,
                    binary,
                    &arguments,
                    &[("POD_NAME", pod.clone()), ("POD_UID", pod)],
                )
            }
            Self::Command(command) => {
                let script = cluster.plane.folder().join("operator.sh");
                // Our arguments are not passed on.
                let text = format!(
                    "#!/bin/sh\nexec unshare --mount --map-root-user sh -c 'mount --bind {} /etc/hosts && exec \"$@\"' sh sh -c 'exec {}'\n",
                    names.hosts().display(),
                    command.replace('\'', "'\\''"),
                );
                fs::write(&script, text).with_context(|| format!("write {}", script.display()))?;
                fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
                let kubeconfig = cluster.operator_kubeconfig().display().to_string();
                Operator::start_with(cluster, &script, &[], &[("KUBECONFIG", kubeconfig)])
            }
        }
    }
}
