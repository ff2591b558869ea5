//! The archives of the images: stand-ins built here, or the real ones if their archives are given.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use anyhow::{Context, ensure};
use sei_oci::{Config, Image, Rootfs};
use sei_testkit::sidecar::Generation;

use super::{Images, given, tools};

/// Programs in seid's image besides seid, and the Debian packages that contain them: the pods' scripts need a
/// shell with coreutils.
const SHELL: &[(&str, &str)] = &[
    ("bash", "bash"),
    ("sh", "dash"),
    ("cat", "coreutils"),
    ("head", "coreutils"),
    ("ls", "coreutils"),
    ("mkdir", "coreutils"),
    ("rm", "coreutils"),
    ("sleep", "coreutils"),
    ("touch", "coreutils"),
    ("grep", "grep"),
];

/// The release of the sidecar's stand-in unless `E2E_SIDECAR_RELEASE` names another.
const RELEASE: &str = "v0.0.50";
/// Shortens the waits of the pods' scripts: seid waits for its sidecar with sleep.
const SLEEP: &str = "#!/bin/sh\nexec /bin/sleep.real 0.5\n";
/// Buckets of the object store, the chart's defaults, and the snapshot in the first.
const BUCKETS: [&str; 2] = ["dev-sei-snapshots", "dev-sei-k8s-genesis-artifacts"];
const SNAPSHOT: (&str, u64) = ("pacific-1", 200);

/// Writes the archives of all images except the operator's to `folder`, one file `NAME.tar` each. `programs` is the
/// directory of the stand-ins, `operator` the name of the operator's image. `E2E_RBAC_PROXY_IMAGE` and
/// `E2E_SIDECAR_IMAGE` name archives of real images, as written by `docker save`, to use instead of stand-ins.
///
/// # Errors
/// If a program of this machine is missing, or an archive cannot be read or written.
pub fn write(folder: &Path, programs: &Path, operator: &str) -> anyhow::Result<Images> {
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let file = |name: &str| folder.join(format!("{name}.tar"));
    let single = |name: &str, program: &str, user: &str| -> anyhow::Result<()> {
        let mut files = Rootfs::base();
        let place = format!("/usr/bin/{program}");
        files.program(&place, &programs.join(program))?;
        let config = Config {
            user: user.to_owned(),
            entrypoint: vec![place],
            env: vec!["PATH=/usr/bin:/bin".to_owned()],
            ..Config::default()
        };
        sei_oci::write(&file(program), &[Image { name, config, files: &files }])
    };
    let release = std::env::var("E2E_SIDECAR_RELEASE").unwrap_or_else(|_| RELEASE.to_owned());
    let sidecar = format!("e2e.local/seictl:{release}");
    let newest = format!("e2e.local/seictl:{}", Generation::NEWEST);
    let given = given::part("E2E_SIDECAR_IMAGE", &sidecar, &file("seictl"))?;
    let images = Images {
        pause: "e2e.local/pause:1".to_owned(),
        tools: "e2e.local/tools:1".to_owned(),
        operator: operator.to_owned(),
        seid: ["e2e.local/seid:a", "e2e.local/seid:b"].map(str::to_owned),
        newest_sidecar: if given.real { given.name.clone() } else { newest.clone() },
        sidecar: given,
        rbac_proxy: given::part(
            "E2E_RBAC_PROXY_IMAGE",
            "e2e.local/kube-rbac-proxy:1",
            &file("kube-rbac-proxy"),
        )?,
        cosmos_exporter: "e2e.local/cosmos-exporter:1".to_owned(),
        s3: "e2e.local/s3:1".to_owned(),
    };
    for part in [&images.sidecar, &images.rbac_proxy] {
        eprintln!("{}: {}", part.name, if part.real { "the real one, as given" } else { "a stand-in" });
    }
    single(&images.pause, "pause", "65535:65535")?;
    single(&images.cosmos_exporter, "cosmos-exporter", "65532:65532")?;
    if !images.sidecar.real {
        seictl(&file("seictl"), &BTreeSet::from([sidecar, newest]), &programs.join("seictl"))?;
    }
    if !images.rbac_proxy.real {
        single(&images.rbac_proxy.name, "kube-rbac-proxy", "65532:65532")?;
    }
    object_store(&file("s3"), &images.s3, &programs.join("s3"))?;
    seid(&file("seid"), &images.seid, &programs.join("seid"))?;
    tools::write(&file("tools"), &images.tools)?;
    Ok(images)
}

fn seictl(path: &Path, names: &BTreeSet<String>, program: &Path) -> anyhow::Result<()> {
    let mut files = Rootfs::base();
    files.program("/usr/bin/seictl", program)?;
    versions(path, names, &files, "seictl", "SEICTL_RELEASE")
}

fn seid(path: &Path, names: &[String; 2], program: &Path) -> anyhow::Result<()> {
    let mut files = Rootfs::base();
    for ((name, _), from) in SHELL.iter().zip(tools::find(SHELL)?) {
        let name = if *name == "sleep" { "sleep.real" } else { name };
        files.program(&format!("/bin/{name}"), &from)?;
    }
    files.file("/bin/sleep", 0o755, SLEEP);
    files.program("/usr/bin/seid", program)?;
    versions(path, names, &files, "seid", "SEID_VERSION")
}

/// Images that differ only in their tags. The program of each gets its tag in environment variable `variable`.
fn versions<'a>(
    path: &Path,
    names: impl IntoIterator<Item = &'a String>,
    files: &Rootfs,
    program: &str,
    variable: &str,
) -> anyhow::Result<()> {
    let images = names.into_iter().map(|name| {
        let version = name.rsplit(':').next().unwrap_or_default();
        let config = Config {
            entrypoint: vec![format!("/usr/bin/{program}")],
            env: vec!["PATH=/usr/bin:/bin".to_owned(), format!("{variable}={version}")],
            ..Config::default()
        };
        Image { name, config, files }
    });
    sei_oci::write(path, &images.collect::<Vec<_>>())
}

/// An object store with existing buckets, and a snapshot to restore.
fn object_store(path: &Path, name: &str, program: &Path) -> anyhow::Result<()> {
    let mut files = Rootfs::base();
    files.program("/usr/bin/s3", program)?;
    for bucket in BUCKETS {
        files.folder(&format!("/buckets/{bucket}"), 0o755);
    }
    let (chain, height) = SNAPSHOT;
    let place = format!("/buckets/{}/{chain}/state-sync/{height}.tar.gz", BUCKETS[0]);
    files.file(&place, 0o644, snapshot(height)?);
    let config = Config {
        entrypoint: vec!["/usr/bin/s3".to_owned(), "/buckets".to_owned()],
        env: vec!["PATH=/usr/bin:/bin".to_owned()],
        ..Config::default()
    };
    sei_oci::write(path, &[Image { name, config, files: &files }])
}

/// An archive of a snapshot in the format of seid: a directory for the height, and one for the format in it.
fn snapshot(height: u64) -> anyhow::Result<Vec<u8>> {
    let folder = tempfile::tempdir().context("create a folder for the snapshot")?;
    let format = folder.path().join(height.to_string()).join("1");
    fs::create_dir_all(&format)
        .and_then(|()| fs::write(format.join("0"), "chunk"))
        .context("write the snapshot")?;
    let mut tar = Command::new("tar");
    let output =
        tar.args(["--create", "--gzip", "--directory"]).arg(folder.path()).arg(height.to_string()).output();
    let output = output.context("run tar")?;
    ensure!(output.status.success(), "tar: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(output.stdout)
}
