//! The license texts in the released image: ours, those of the crates in the binary, and glibc's.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::{
    packages::{Metadata, Package},
    workspace,
};

/// From Debian, whose glibc the binary is linked with.
const GLIBC: &str = "/usr/share/doc/libc6/copyright";
/// Prefixes of the names of license files.
const NAMES: &[&str] = &["LICENSE", "LICENCE", "COPYING", "NOTICE", "COPYRIGHT", "UNLICENSE"];

/// Arguments of the command.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Directory to write the texts to; it is created.
    #[arg(short, long, value_name = "FOLDER")]
    output: PathBuf,
}

/// Writes the texts.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    fs::create_dir_all(&args.output).with_context(|| format!("create {}", args.output.display()))?;
    for (name, text) in files()? {
        let path = args.output.join(name);
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

/// Each file by name.
pub(crate) fn files() -> anyhow::Result<BTreeMap<&'static str, String>> {
    let read = |path: &Path| fs::read_to_string(path).with_context(|| format!("read {}", path.display()));
    let root = workspace()?;
    Ok(BTreeMap::from([
        ("LICENSE", read(&root.join("LICENSE"))?),
        ("NOTICE", read(&root.join("NOTICE"))?),
        ("THIRD-PARTY", third_party()?),
        ("glibc", read(Path::new(GLIBC)).context("the notice of glibc: apt-get install -y libc6")?),
    ]))
}

/// The crates in the binary, then each text once with the crates that have it.
fn third_party() -> anyhow::Result<String> {
    let metadata = Metadata::read()?;
    let packages = metadata.release("sei-operator")?;
    let mut crates = BTreeSet::new();
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (package, _) in packages.values().filter(|(package, _)| package.source.is_some()) {
        let name = format!("{} {}", package.name, package.version);
        crates.insert(format!("{name} ({})", package.license.as_deref().unwrap_or("no license declared")));
        for text in license_texts(package)? {
            texts.entry(text).or_default().insert(name.clone());
        }
    }
    let mut page = String::from("Crates in sei-operator, with their licenses. The texts follow.\n\n");
    for line in crates {
        writeln!(page, "{line}")?;
    }
    for (text, crates) in texts {
        let crates: Vec<_> = crates.into_iter().collect();
        write!(page, "\n{}\n{}\n\n{}\n", "=".repeat(80), crates.join(", "), text.trim_end())?;
    }
    Ok(page)
}

fn license_texts(package: &Package) -> anyhow::Result<Vec<String>> {
    let folder = package.folder();
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        if path.is_file() && NAMES.iter().any(|prefix| name.starts_with(prefix)) {
            let bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
            texts.push(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_contains_the_license_texts_of_its_content() {
        let files = files().unwrap();
        assert!(files["LICENSE"].contains("Apache License"));
        assert!(files["glibc"].contains("LGPL"));
        let third_party = &files["THIRD-PARTY"];
        assert!(third_party.contains("\nrustls 0."), "a crate that is linked");
        assert!(third_party.contains("MIT License"), "a text");
        assert!(!third_party.contains("\ninsta "), "a crate of the tests");
    }
}
