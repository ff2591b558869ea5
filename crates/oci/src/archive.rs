//! OCI archives: a tar of `oci-layout`, `index.json` and blobs by digest, in the format that `ctr images
//! import`, skopeo and podman read. The same images give the same bytes.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::Path,
};

use anyhow::Context;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::rootfs::{Rootfs, header};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Uncompressed: its digest is that of its content, independent of a compressor.
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// How containers of an image are started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// User and group, by name or number.
    pub user: String,
    /// The program, and its first arguments.
    pub entrypoint: Vec<String>,
    /// Arguments that follow unless others are given.
    pub cmd: Vec<String>,
    /// Environment variables: `NAME=value`.
    pub env: Vec<String>,
    /// Labels by name.
    pub labels: BTreeMap<String, String>,
}

/// One image.
pub struct Image<'a> {
    /// Full name with its tag.
    pub name: &'a str,
    /// How its containers are started.
    pub config: Config,
    /// Its files.
    pub files: &'a Rootfs,
}

/// Blobs by their digest.
#[derive(Default)]
struct Blobs(BTreeMap<String, Vec<u8>>);

impl Blobs {
    /// Stores `bytes`, and returns their descriptor.
    fn add(&mut self, media_type: &str, bytes: Vec<u8>) -> Value {
        let digest = hex(&Sha256::digest(&bytes));
        let descriptor =
            json!({ "mediaType": media_type, "digest": format!("sha256:{digest}"), "size": bytes.len() });
        self.0.insert(digest, bytes);
        descriptor
    }
}

/// Writes `images` as one archive. Shared blobs are stored once.
///
/// # Errors
/// If the archive cannot be written.
pub fn write(path: &Path, images: &[Image<'_>]) -> anyhow::Result<()> {
    let mut blobs = Blobs::default();
    let mut manifests = Vec::new();
    for image in images {
        let layer = image.files.layer().with_context(|| format!("create the layer of {}", image.name))?;
        manifests.push(manifest(image, layer, &mut blobs));
    }
    let index = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests });
    pack(path, &index, &blobs).with_context(|| format!("write {}", path.display()))
}

/// Descriptor of the manifest of `image`, for the index.
fn manifest(image: &Image<'_>, layer: Vec<u8>, blobs: &mut Blobs) -> Value {
    let layer = blobs.add(LAYER, layer);
    let config = json!({
        "architecture": architecture(),
        "os": "linux",
        "config": {
            "User": image.config.user,
            "Entrypoint": image.config.entrypoint,
            "Cmd": image.config.cmd,
            "Env": image.config.env,
            "Labels": image.config.labels,
            "WorkingDir": "/",
        },
        // The digests of an uncompressed layer are the same.
        "rootfs": { "type": "layers", "diff_ids": [layer["digest"]] },
    });
    let config = blobs.add(CONFIG, config.to_string().into_bytes());
    let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer] });
    let mut descriptor = blobs.add(MANIFEST, manifest.to_string().into_bytes());
    descriptor["annotations"] = json!({ "io.containerd.image.name": image.name });
    descriptor["platform"] = json!({ "architecture": architecture(), "os": "linux" });
    descriptor
}

fn pack(path: &Path, index: &Value, blobs: &Blobs) -> io::Result<()> {
    let mut archive = tar::Builder::new(io::BufWriter::new(fs::File::create(path)?));
    let mut append = |path: &str, bytes: &[u8]| {
        let mut header = header();
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, path, bytes)
    };
    append("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    append("index.json", index.to_string().as_bytes())?;
    for (digest, bytes) in &blobs.0 {
        append(&format!("blobs/sha256/{digest}"), bytes)?;
    }
    archive.into_inner()?.flush()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The architecture of this machine, as named by Go.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    /// Files of an archive by name.
    fn unpack(path: &Path) -> BTreeMap<String, Vec<u8>> {
        let mut archive = tar::Archive::new(fs::File::open(path).unwrap());
        let mut files = BTreeMap::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            files.insert(entry.path().unwrap().display().to_string(), bytes);
        }
        files
    }

    fn blob<'a>(files: &'a BTreeMap<String, Vec<u8>>, descriptor: &Value) -> &'a [u8] {
        let digest = descriptor["digest"].as_str().unwrap();
        let bytes = &files[&format!("blobs/{}", digest.replace(':', "/"))];
        assert_eq!(digest, format!("sha256:{}", hex(&Sha256::digest(bytes))));
        assert_eq!(descriptor["size"], bytes.len());
        bytes
    }

    fn two_tags(path: &Path) {
        let mut rootfs = Rootfs::base();
        rootfs.file("/program", 0o755, "bytes");
        let config = |version: &str| Config {
            user: "65532:65532".into(),
            entrypoint: vec!["/program".into()],
            env: vec![format!("VERSION={version}")],
            labels: (0..9).map(|n| (format!("label.{n}"), n.to_string())).collect(),
            ..Config::default()
        };
        let image = |name, version| Image { name, config: config(version), files: &rootfs };
        write(path, &[image("e2e.local/x:a", "a"), image("e2e.local/x:b", "b")]).unwrap();
    }

    #[test]
    fn an_archive_resolves_from_its_index_to_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.tar");
        two_tags(&path);
        let files = unpack(&path);
        assert_eq!(files["oci-layout"], br#"{"imageLayoutVersion":"1.0.0"}"#);
        let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
        let names: Vec<_> = index["manifests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|manifest| {
                let name = manifest["annotations"]["io.containerd.image.name"].as_str().unwrap();
                let manifest: Value = serde_json::from_slice(blob(&files, manifest)).unwrap();
                let config: Value = serde_json::from_slice(blob(&files, &manifest["config"])).unwrap();
                let layer = &manifest["layers"][0];
                assert_eq!(config["rootfs"]["diff_ids"][0], layer["digest"]);
                assert_eq!(config["config"]["User"], "65532:65532");
                let mut layer = tar::Archive::new(blob(&files, layer));
                assert!(
                    layer.entries().unwrap().any(|entry| entry.unwrap().path().unwrap().ends_with("program"))
                );
                format!("{name} {}", config["config"]["Env"][0].as_str().unwrap())
            })
            .collect();
        assert_eq!(names, ["e2e.local/x:a VERSION=a", "e2e.local/x:b VERSION=b"]);
        assert_eq!(files.len(), 2 + 5, "the layer that two images share is stored once");
    }

    #[test]
    fn the_same_images_give_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["one.tar", "two.tar"].map(|name| folder.path().join(name));
        paths.iter().for_each(|path| two_tags(path));
        assert_eq!(fs::read(&paths[0]).unwrap(), fs::read(&paths[1]).unwrap());
    }
}
