//! The images of the end-to-end cluster: stand-ins built here, or the real ones if their archives are given.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use serde_json::Value;

use super::{
    OPERATOR,
    archive::{self, Config, Image},
    build, operator,
    rootfs::Rootfs,
    tools,
};

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

/// An image of another project, or its stand-in.
#[derive(Serialize)]
pub(crate) struct Part {
    /// Name, as used by pods.
    pub(crate) name: String,
    /// Whether it is the real one.
    pub(crate) real: bool,
}

/// Names of the images, as used by pods.
#[derive(Serialize)]
pub(crate) struct Images {
    /// Used by the container runtime to hold a pod's namespaces.
    pub(crate) pause: &'static str,
    /// A shell with curl and openssl.
    pub(crate) tools: &'static str,
    /// The operator.
    pub(crate) operator: &'static str,
    /// Two versions of seid.
    pub(crate) seid: [&'static str; 2],
    /// seictl.
    pub(crate) sidecar: Part,
    /// kube-rbac-proxy.
    pub(crate) rbac_proxy: Part,
    /// cosmos-exporter.
    pub(crate) cosmos_exporter: &'static str,
    /// An object store.
    pub(crate) s3: &'static str,
}

impl Images {
    /// All names.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names = vec![self.pause, self.tools, self.operator, self.cosmos_exporter, self.s3];
        names.extend(self.seid);
        names.extend([self.sidecar.name.as_str(), self.rbac_proxy.name.as_str()]);
        names
    }
}

/// The cargo profile of the operator: that of the tests, which checks arithmetic and compiles in a fraction of the
/// time of an optimized one, unless `E2E_OPERATOR_PROFILE` names another.
pub(crate) fn operator_profile() -> String {
    std::env::var("E2E_OPERATOR_PROFILE").unwrap_or_else(|_| "dev".to_owned())
}

/// Writes the archives of all images to `folder`, one file `NAME.tar` each. `E2E_RBAC_PROXY_IMAGE` and
/// `E2E_SIDECAR_IMAGE` name archives of real images, as written by `docker save`, to use instead.
pub(crate) fn build_all(folder: &Path) -> anyhow::Result<Images> {
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let programs = build::stand_ins()?;
    let file = |name: &str| folder.join(format!("{name}.tar"));
    let single = |name: &str, program: &str, user: &str, variable: Option<String>| -> anyhow::Result<()> {
        let mut files = Rootfs::base();
        let place = format!("/usr/bin/{program}");
        files.program(&place, &programs.join(program))?;
        let config = Config {
            user: user.to_owned(),
            entrypoint: vec![place],
            env: ["PATH=/usr/bin:/bin".to_owned()].into_iter().chain(variable).collect(),
            ..Config::default()
        };
        archive::write(&file(program), &[Image { name, config, files: &files }])
    };
    let release = std::env::var("E2E_SIDECAR_RELEASE").unwrap_or_else(|_| RELEASE.to_owned());
    let sidecar = format!("e2e.local/seictl:{release}");
    let images = Images {
        pause: "e2e.local/pause:1",
        tools: "e2e.local/tools:1",
        operator: OPERATOR,
        seid: ["e2e.local/seid:a", "e2e.local/seid:b"],
        sidecar: part("E2E_SIDECAR_IMAGE", &sidecar, &file("seictl"))?,
        rbac_proxy: part("E2E_RBAC_PROXY_IMAGE", "e2e.local/kube-rbac-proxy:1", &file("kube-rbac-proxy"))?,
        cosmos_exporter: "e2e.local/cosmos-exporter:1",
        s3: "e2e.local/s3:1",
    };
    for part in [&images.sidecar, &images.rbac_proxy] {
        eprintln!("{}: {}", part.name, if part.real { "the real one, as given" } else { "a stand-in" });
    }
    single(images.pause, "pause", "65535:65535", None)?;
    single(images.cosmos_exporter, "cosmos-exporter", "65532:65532", None)?;
    if !images.sidecar.real {
        single(&sidecar, "seictl", "", Some(format!("SEICTL_RELEASE={release}")))?;
    }
    if !images.rbac_proxy.real {
        single("e2e.local/kube-rbac-proxy:1", "kube-rbac-proxy", "65532:65532", None)?;
    }
    object_store(&file("s3"), images.s3, &programs.join("s3"))?;
    seid(&file("seid"), images.seid, &programs.join("seid"))?;
    tools::write(&file("tools"), images.tools)?;
    operator::write(&file("sei-operator"), images.operator, &operator_profile())?;
    Ok(images)
}

/// The two versions differ only in the version that they report.
fn seid(path: &Path, names: [&str; 2], program: &Path) -> anyhow::Result<()> {
    let mut files = Rootfs::base();
    for ((name, _), from) in SHELL.iter().zip(tools::find(SHELL)?) {
        let name = if *name == "sleep" { "sleep.real" } else { name };
        files.program(&format!("/bin/{name}"), &from)?;
    }
    files.file("/bin/sleep", 0o755, SLEEP);
    files.program("/usr/bin/seid", program)?;
    let images = names.map(|name| {
        let version = name.rsplit(':').next().unwrap_or_default();
        let config = Config {
            entrypoint: vec!["/usr/bin/seid".to_owned()],
            env: vec!["PATH=/usr/bin:/bin".to_owned(), format!("SEID_VERSION={version}")],
            ..Config::default()
        };
        Image { name, config, files: &files }
    });
    archive::write(path, &images)
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
    archive::write(path, &[Image { name, config, files: &files }])
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

/// The real image in `variable`, copied to `file`, or the stand-in's name.
fn part(variable: &str, stand_in: &str, file: &Path) -> anyhow::Result<Part> {
    let Some(given) = std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from) else {
        return Ok(Part { name: stand_in.to_owned(), real: false });
    };
    let name = saved_name(&given).with_context(|| format!("{variable}={}", given.display()))?;
    fs::copy(&given, file).with_context(|| format!("copy {} to {}", given.display(), file.display()))?;
    Ok(Part { name, real: true })
}

/// The name of an image saved with `docker save`.
fn saved_name(path: &Path) -> anyhow::Result<String> {
    let mut archive = tar::Archive::new(fs::File::open(path).context("open the archive")?);
    for entry in archive.entries().context("read the archive")? {
        let mut entry = entry.context("read the archive")?;
        if entry.path().context("read the archive")? != Path::new("manifest.json") {
            continue;
        }
        let mut text = String::new();
        entry.read_to_string(&mut text).context("read manifest.json")?;
        let manifest: Value = serde_json::from_str(&text).context("read manifest.json")?;
        let name = manifest[0]["RepoTags"][0].as_str();
        let name =
            name.context("manifest.json has no RepoTags: save the image by its name, not by its id")?;
        // The kubelet always pulls `latest`, and there is no registry to pull from.
        ensure!(!name.ends_with(":latest"), "{name}: save the image under a tag that is a version");
        return Ok(name.to_owned());
    }
    bail!("no manifest.json: this is no archive as `docker save` writes them")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(manifest: &str) -> anyhow::Result<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.tar");
        let mut archive = tar::Builder::new(fs::File::create(&path).unwrap());
        let mut header = tar::Header::new_gnu();
        header.set_size(manifest.len() as u64);
        archive.append_data(&mut header, "manifest.json", manifest.as_bytes()).unwrap();
        archive.into_inner().unwrap();
        saved_name(&path)
    }

    #[test]
    fn a_saved_image_has_the_name_in_its_archive() {
        let name = "quay.io/brancz/kube-rbac-proxy:v0.21.0";
        let manifest = format!(r#"[{{"Config":"c.json","RepoTags":["{name}"],"Layers":[]}}]"#);
        assert_eq!(saved(&manifest).unwrap(), name);
        assert!(saved(r#"[{"RepoTags":null}]"#).unwrap_err().to_string().contains("by its name"));
        assert!(saved(r#"[{"RepoTags":["a/b:latest"]}]"#).unwrap_err().to_string().contains("version"));
    }
}
