//! Programs that tests, demo and cluster run: built once from the Go modules that `tests/tools` pins.

mod build;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::workspace;

/// Programs that are built from one Go module of ours and lie together in one folder.
pub(crate) struct Tools {
    /// Folder below `.cache`; the version comes below it.
    cache: &'static str,
    /// Folder of the Go module that pins them.
    module: &'static str,
    /// What that module requires: its version is the version of the programs.
    pinned: &'static str,
    /// Go variable in which they keep what they call their version.
    stamp: &'static str,
    programs: &'static [Program],
}

/// One program.
struct Program {
    name: &'static str,
    package: &'static str,
}

/// What an API server with controllers needs.
pub(crate) const CONTROL_PLANE: Tools = Tools { programs: KUBERNETES.programs.split_at(4).0, ..KUBERNETES };

/// What a whole node needs of Kubernetes itself; the control plane comes first.
pub(crate) const KUBERNETES: Tools = Tools {
    cache: "control-plane",
    module: "tests/tools",
    pinned: "k8s.io/kubernetes",
    // Without it the API server calls itself v0.0.0, and clients misbehave.
    stamp: "k8s.io/component-base/version.gitVersion",
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
    module: "tests/tools/coredns",
    pinned: "github.com/coredns/coredns",
    stamp: "github.com/coredns/coredns/coremain.gitTag",
    programs: &[Program { name: "coredns", package: "sei.io/operator/tests/tools/coredns" }],
};

/// What issues certificates in the cluster.
pub(crate) const CERT_MANAGER: Tools = Tools {
    cache: "cert-manager",
    module: "tests/tools/cert-manager",
    pinned: "github.com/cert-manager/cert-manager",
    stamp: "github.com/cert-manager/cert-manager/pkg/util.AppVersion",
    programs: &[Program {
        name: "cert-manager-controller",
        package: "github.com/cert-manager/cert-manager/cmd/controller",
    }],
};

/// Everything.
const ALL: &[&Tools] = &[&KUBERNETES, &COREDNS, &CERT_MANAGER];

/// Arguments of the chore.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Build every program that any chore runs, not the control plane alone.
    #[arg(long)]
    all: bool,
}

/// Builds what is missing and prints the folders.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    for tools in if args.all { ALL } else { &[&CONTROL_PLANE] } {
        println!("{}", tools.ensure()?.display());
    }
    Ok(())
}

impl Tools {
    /// The folder with every one of them: taken from `KUBEBUILDER_ASSETS` where they are there, built where missing.
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
            build::programs(&module, &missing, &format!("{}={version}", self.stamp), &folder)?;
        }
        Ok(folder)
    }

    fn link(&self, given: &Path, folder: &Path) -> anyhow::Result<()> {
        for name in self.programs.iter().map(|program| program.name) {
            let Ok(tool) = given.join(name).canonicalize() else { continue };
            let place = folder.join(name);
            // Left by an earlier run that was given another folder.
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
