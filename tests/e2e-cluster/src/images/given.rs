//! Images of other projects that are given as archives.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use super::Part;

/// The image in the archive that `variable` names, copied to `file`, or else the stand-in.
pub(super) fn part(variable: &str, stand_in: &str, file: &Path) -> anyhow::Result<Part> {
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
    bail!("no manifest.json: this is not an archive of `docker save`")
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
