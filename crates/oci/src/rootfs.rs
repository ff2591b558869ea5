//! The files of an image, and their tar layer: the same files give the same bytes.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

/// The users of the distroless images.
const PASSWD: &str = "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n";
/// Both are built into glibc, even a static one.
const NSSWITCH: &str = "hosts: files dns\n";

enum Entry {
    Folder { mode: u32 },
    File { mode: u32, bytes: Vec<u8> },
    Link { target: String },
}

/// Files by their path in the image, without a leading slash.
pub struct Rootfs {
    entries: BTreeMap<String, Entry>,
}

impl Rootfs {
    /// The content of every image: a /tmp, users, and name resolution.
    pub fn base() -> Self {
        let mut files = Self { entries: BTreeMap::new() };
        files.folder("/tmp", 0o1777);
        files.folder("/home/nonroot", 0o755);
        files.file("/etc/passwd", 0o644, PASSWD);
        files.file("/etc/group", 0o644, GROUP);
        files.file("/etc/nsswitch.conf", 0o644, NSSWITCH);
        files
    }

    /// Adds a directory.
    pub fn folder(&mut self, path: &str, mode: u32) {
        self.put(path, Entry::Folder { mode });
    }

    /// Adds a file.
    pub fn file(&mut self, path: &str, mode: u32, bytes: impl Into<Vec<u8>>) {
        self.put(path, Entry::File { mode, bytes: bytes.into() });
    }

    /// Adds a symbolic link.
    pub fn link(&mut self, path: &str, target: &str) {
        self.put(path, Entry::Link { target: target.to_owned() });
    }

    /// Adds a program of this machine as `path`, with its shared libraries where its loader expects them.
    ///
    /// # Errors
    /// If the program or one of its libraries cannot be read.
    pub fn program(&mut self, path: &str, from: &Path) -> anyhow::Result<()> {
        self.file(path, 0o755, read(from)?);
        for library in libraries(from)? {
            self.file(&library.display().to_string(), 0o755, read(&library)?);
        }
        Ok(())
    }

    fn put(&mut self, path: &str, entry: Entry) {
        let path = path.trim_start_matches('/');
        for (end, _) in path.match_indices('/') {
            self.entries.entry(path[..end].to_owned()).or_insert(Entry::Folder { mode: 0o755 });
        }
        self.entries.insert(path.to_owned(), entry);
    }

    /// The files as an uncompressed layer. Everything belongs to root and has timestamp zero.
    pub(crate) fn layer(&self) -> io::Result<Vec<u8>> {
        let mut layer = tar::Builder::new(Vec::new());
        for (path, entry) in &self.entries {
            let mut header = header();
            match entry {
                Entry::Folder { mode } => {
                    header.set_entry_type(tar::EntryType::Directory);
                    header.set_mode(*mode);
                    layer.append_data(&mut header, format!("{path}/"), io::empty())?;
                }
                Entry::File { mode, bytes } => {
                    header.set_mode(*mode);
                    header.set_size(bytes.len() as u64);
                    layer.append_data(&mut header, path, bytes.as_slice())?;
                }
                Entry::Link { target } => {
                    header.set_entry_type(tar::EntryType::Symlink);
                    header.set_mode(0o777);
                    layer.append_link(&mut header, path, target)?;
                }
            }
        }
        layer.into_inner()
    }
}

/// A header without time and user of the build.
pub(crate) fn header() -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(0);
    header
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("read {}", path.display()))
}

/// What the dynamic loader loads for `program`, including the loader; nothing for a static one.
fn libraries(program: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let ldd = Command::new("ldd").arg(program).env("LC_ALL", "C").output();
    let ldd = ldd.with_context(|| format!("run ldd on {}", program.display()))?;
    let output = String::from_utf8_lossy(&ldd.stdout).into_owned() + &String::from_utf8_lossy(&ldd.stderr);
    if output.contains("not a dynamic executable") || output.contains("statically linked") {
        return Ok(Vec::new());
    }
    if !ldd.status.success() {
        bail!("ldd {} failed: {}", program.display(), output.trim());
    }
    let mut found = Vec::new();
    for line in output.lines().map(str::trim) {
        // `libc.so.6 => /lib/…/libc.so.6 (0x…)`, `/lib64/ld-linux-x86-64.so.2 (0x…)`, `linux-vdso.so.1 (0x…)`
        let place = line.split_once("=> ").map_or(line, |(_, place)| place);
        if place.starts_with("not found") {
            bail!("{} is linked to a library that is not installed: {line}", program.display());
        }
        if let Some(path) = place.split_whitespace().next().filter(|path| path.starts_with('/')) {
            found.push(PathBuf::from(path));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_list_parents_before_files_and_have_no_timestamps() {
        let mut files = Rootfs::base();
        files.file("/a/b/c", 0o600, "text");
        files.link("/a/link", "b/c");
        let layer = files.layer().unwrap();
        assert_eq!(layer, files.layer().unwrap());
        let mut archive = tar::Archive::new(layer.as_slice());
        let mut seen = Vec::new();
        for entry in archive.entries().unwrap() {
            let header = entry.as_ref().unwrap().header().clone();
            assert_eq!((header.mtime().unwrap(), header.uid().unwrap(), header.gid().unwrap()), (0, 0, 0));
            seen.push(entry.unwrap().path().unwrap().display().to_string());
        }
        let ours: Vec<_> = seen.iter().filter(|path| path.starts_with('a')).collect();
        assert_eq!(ours, ["a/", "a/b/", "a/b/c", "a/link"]);
        assert!(seen.contains(&"tmp/".to_owned()));
    }

    #[test]
    fn a_program_is_added_with_its_libraries_and_loader() {
        let mut files = Rootfs::base();
        files.program("/bin/cargo-of-tests", &std::env::current_exe().unwrap()).unwrap();
        let libraries: Vec<_> = files.entries.keys().filter(|path| path.contains(".so")).collect();
        assert!(libraries.iter().any(|path| path.contains("ld-linux")), "{libraries:?}");
        assert!(libraries.iter().any(|path| path.ends_with("libc.so.6")), "{libraries:?}");
    }
}
