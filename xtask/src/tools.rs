//! Programs for tests, demo and cluster: built once from the Go modules that `tests/tools` pins.

mod build;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::workspace;

/// Programs that are built from one Go module of this repository into one directory.
pub(crate) struct Tools {
    /// Directory in `.cache`, with a subdirectory for the version.
    cache: &'static str,
    /// Directory of the Go module that pins them.
    module: &'static str,
    /// The requirement of that module whose version is the version of the programs.
    pinned: &'static str,
    /// Go variable that contains the version that they report.
    stamp: &'static str,
    /// Build tags that exclude what is not needed.
    tags: &'static str,
    programs: &'static [Program],
}

/// One program.
struct Program {
    name: &'static str,
    package: &'static str,
}

/// The module of programs that have most of their dependencies in common: these are compiled once.
const PROGRAMS: &str = "tests/tools/programs";

/// The programs of an API server with controllers.
pub(crate) const CONTROL_PLANE: Tools = Tools { programs: KUBERNETES.programs.split_at(4).0, ..KUBERNETES };

/// The programs of a whole node from Kubernetes itself; the control plane comes first.
pub(crate) const KUBERNETES: Tools = Tools {
    cache: "control-plane",
    module: "tests/tools",
    pinned: "k8s.io/kubernetes",
    // Without it the API server reports v0.0.0, and clients misbehave.
    stamp: "k8s.io/component-base/version.gitVersion",
    tags: "",
    programs: &[
        Program { name: "etcd", package: "go.etcd.io/etcd/server/v3" },
        Program { name: "kube-apiserver", package: "k8s.io/kubernetes/cmd/kube-apiserver" },
        Program { name: "kube-controller-manager", package: "k8s.io/kubernetes/cmd/kube-controller-manager" },
        Program { name: "kubectl", package: "k8s.io/kubernetes/cmd/kubectl" },
        Program { name: "kube-scheduler", package: "k8s.io/kubernetes/cmd/kube-scheduler" },
        Program { name: "kubelet", package: "k8s.io/kubernetes/cmd/kubelet" },
        Program { name: "kube-proxy", package: "k8s.io/kubernetes/cmd/kube-proxy" },
    ],
};

/// The cluster's DNS server.
pub(crate) const COREDNS: Tools = Tools {
    cache: "coredns",
    module: PROGRAMS,
    pinned: "github.com/coredns/coredns",
    stamp: "github.com/coredns/coredns/coremain.gitTag",
    tags: "",
    programs: &[Program { name: "coredns", package: "sei.io/operator/tests/tools/programs/coredns" }],
};

/// Issues certificates in the cluster.
pub(crate) const CERT_MANAGER: Tools = Tools {
    cache: "cert-manager",
    module: PROGRAMS,
    pinned: "github.com/cert-manager/cert-manager",
    stamp: "github.com/cert-manager/cert-manager/pkg/util.AppVersion",
    tags: "",
    programs: &[Program {
        name: "cert-manager",
        package: "sei.io/operator/tests/tools/programs/cert-manager",
    }],
};

/// Renders the chart.
pub(crate) const HELM: Tools = Tools {
    cache: "helm",
    module: PROGRAMS,
    pinned: "helm.sh/helm/v4",
    stamp: "helm.sh/helm/v4/internal/version.version",
    tags: "",
    programs: &[Program { name: "helm", package: "helm.sh/helm/v4/cmd/helm" }],
};

/// Runs the tests of the alerts.
pub(crate) const PROMTOOL: Tools = Tools {
    cache: "promtool",
    module: PROGRAMS,
    pinned: "github.com/prometheus/prometheus",
    stamp: "github.com/prometheus/common/version.Version",
    // The clients for service discovery in every cloud.
    tags: "remove_all_sd",
    programs: &[Program { name: "promtool", package: "github.com/prometheus/prometheus/cmd/promtool" }],
};

/// Evaluates the alerts and the queries of the dashboard on a running operator.
pub(crate) const PROMETHEUS: Tools = Tools {
    cache: "prometheus",
    programs: &[Program { name: "prometheus", package: "github.com/prometheus/prometheus/cmd/prometheus" }],
    ..PROMTOOL
};

/// Checks the workflows in `.github`.
pub(crate) const ACTIONLINT: Tools = Tools {
    cache: "actionlint",
    module: "tests/tools/actionlint",
    pinned: "github.com/rhysd/actionlint",
    stamp: "github.com/rhysd/actionlint.version",
    tags: "",
    programs: &[Program { name: "actionlint", package: "github.com/rhysd/actionlint/cmd/actionlint" }],
};

/// All tools.
const ALL: &[&Tools] = &[&KUBERNETES, &COREDNS, &CERT_MANAGER, &HELM, &PROMTOOL, &ACTIONLINT];

/// Arguments of the command.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Tools to build: control-plane, coredns, cert-manager, helm, promtool, actionlint.
    #[arg(default_value = CONTROL_PLANE.cache)]
    name: String,
    /// Build all tools.
    #[arg(long, conflicts_with = "name")]
    all: bool,
}

/// Builds missing tools and prints their directories.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if args.all {
        return ALL.iter().try_for_each(print);
    }
    // The control plane is a part of the directory with that name.
    let mut known = [&CONTROL_PLANE].into_iter().chain(ALL.iter().copied());
    match known.find(|tools| tools.cache == args.name) {
        Some(tools) => print(&tools),
        None => bail!("unknown tools {}; see `cargo xtask tools --help`", args.name),
    }
}

fn print(tools: &&Tools) -> anyhow::Result<()> {
    println!("{}", tools.ensure()?.display());
    Ok(())
}

impl Tools {
    /// The directory with all of them: from `KUBEBUILDER_ASSETS` if it has them, otherwise built.
    pub(crate) fn ensure(&self) -> anyhow::Result<PathBuf> {
        let module = workspace()?.join(self.module);
        let version = required(&module, self.pinned)?;
        let given = std::env::var_os("KUBEBUILDER_ASSETS").filter(|folder| !folder.is_empty());
        let given = given.map(PathBuf::from);
        let given =
            given.filter(|given| self.programs.iter().any(|program| given.join(program.name).is_file()));
        let folder = workspace()?.join(".cache").join(self.cache);
        let folder = folder.join(if given.is_some() { "given" } else { &version });
        std::fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        if let Some(given) = given {
            self.link(&given, &folder)?;
        }
        let missing = self.programs.iter().filter(|program| !folder.join(program.name).is_file());
        let missing: Vec<_> = missing.collect();
        if !missing.is_empty() {
            let stamp = format!("{}={version}", self.stamp);
            build::programs(&module, &missing, &stamp, self.tags, &folder)?;
        }
        Ok(folder)
    }

    /// The directory with the source of the module that pins their version.
    pub(crate) fn source(&self) -> anyhow::Result<PathBuf> {
        build::source(&workspace()?.join(self.module), self.pinned)
    }

    fn link(&self, given: &Path, folder: &Path) -> anyhow::Result<()> {
        for name in self.programs.iter().map(|program| program.name) {
            let Ok(tool) = given.join(name).canonicalize() else { continue };
            let place = folder.join(name);
            // Left by an earlier run with another directory.
            let _ = std::fs::remove_file(&place);
            std::os::unix::fs::symlink(&tool, &place).with_context(|| format!("link {}", tool.display()))?;
        }
        Ok(())
    }
}

/// The version of `pinned` that the module in `folder` requires.
fn required(folder: &Path, pinned: &str) -> anyhow::Result<String> {
    let path = folder.join("go.mod");
    let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    for line in text.lines() {
        let mut words = line.split_whitespace().skip_while(|word| *word == "require");
        if let (Some(name), Some(version)) = (words.next(), words.next())
            && name == pinned
            && version.starts_with('v')
        {
            return Ok(version.to_owned());
        }
    }
    bail!("{} requires no {pinned}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_requires_the_dependency_that_defines_its_version() {
        for tools in ALL {
            let module = workspace().unwrap().join(tools.module);
            assert!(required(&module, tools.pinned).unwrap().starts_with('v'), "{}", tools.cache);
        }
        assert!(required(&workspace().unwrap().join("tests/tools"), "example.com/none").is_err());
    }
}
