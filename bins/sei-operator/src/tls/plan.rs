//! The planned steps, as text.

use std::{io::Write, process::ExitCode};

use sei_tls_rollout::{GroupStep, Step, Target, group_steps, steps};
use serde_json::Value;

use super::{
    cluster::Cluster,
    describe::{group_lines, node_lines},
};
use crate::{
    cli::{
        Manifest,
        tls::{Certificate, Subject},
    },
    print,
};

/// The steps of a node or a group.
pub(super) struct Plan {
    name: String,
    lines: Vec<String>,
    certificates: Vec<Value>,
}

impl Plan {
    /// The steps of `subject`, or why it is refused.
    pub(super) async fn of(
        cluster: &Cluster,
        subject: &Subject,
        target: &Target,
    ) -> anyhow::Result<Result<Self, String>> {
        let name = subject.name().to_owned();
        Ok(match subject {
            Subject::Node(_) => {
                let target = target.of(&name);
                steps(&cluster.observe(&name, &target).await?, &target).map(|steps| Self {
                    lines: node_lines(&name, &steps),
                    certificates: steps.into_iter().filter_map(of_node).collect(),
                    name,
                })
            }
            Subject::Group(_) => {
                group_steps(&cluster.observe_group(&name, target).await?, target).map(|steps| Self {
                    lines: group_lines(&name, &steps),
                    certificates: steps.before.into_iter().filter_map(of_group).collect(),
                    name,
                })
            }
        })
    }

    pub(super) fn print(&self) -> anyhow::Result<()> {
        for (index, line) in self.lines.iter().enumerate() {
            print::line(&format!("{}: {}. {line}", self.name, index + 1))?;
        }
        Ok(())
    }
}

fn of_node(step: Step) -> Option<Value> {
    match step {
        Step::Issue(certificate) => Some(certificate),
        _ => None,
    }
}

fn of_group(step: GroupStep) -> Option<Value> {
    match step {
        GroupStep::Issue { certificate, .. } => Some(certificate),
        _ => None,
    }
}

/// Prints the steps to enable TLS and what prevents it; with an issuer, the missing Certificates on standard
/// output and what prevents it on standard error.
pub(super) async fn print(
    cluster: &Cluster,
    subjects: &[Subject],
    certificate: &Certificate,
) -> anyhow::Result<ExitCode> {
    let is_manifest = certificate.certificates.is_some();
    let mut code = ExitCode::SUCCESS;
    for subject in subjects {
        match Plan::of(cluster, subject, &certificate.target()).await? {
            Ok(plan) if is_manifest => {
                for certificate in &plan.certificates {
                    print::line("---")?;
                    print::manifest(certificate, Manifest::Yaml)?;
                }
            }
            Ok(plan) if plan.lines.is_empty() => {
                print::line(&format!("{}: has TLS and is Ready", plan.name))?;
            }
            Ok(plan) => plan.print()?,
            Err(why) => {
                code = ExitCode::FAILURE;
                let line = format!("{}: not possible now: {}", subject.name(), print::printable(&why));
                if is_manifest {
                    // Without standard error the exit code has to do.
                    let _ = writeln!(std::io::stderr(), "{line}");
                } else {
                    print::line(&line)?;
                }
            }
        }
    }
    Ok(code)
}
