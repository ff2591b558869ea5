//! The image for queries of the scenarios in the cluster: busybox, curl and openssl of this machine.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};
use sei_oci::{Config, Image, Rootfs};

/// Programs, and the Debian packages that contain them.
const PROGRAMS: &[(&str, &str)] = &[("busybox", "busybox-static"), ("curl", "curl"), ("openssl", "openssl")];

pub(super) fn write(path: &Path, name: &str) -> anyhow::Result<()> {
    let mut files = Rootfs::base();
    let programs = find(PROGRAMS)?;
    for applet in applets(&programs[0])? {
        files.link(&format!("/bin/{applet}"), "/bin/busybox");
    }
    for ((program, _), from) in PROGRAMS.iter().zip(&programs) {
        files.program(&format!("/bin/{program}"), from)?;
    }
    let config = Config {
        user: "65532:65532".to_owned(),
        // Exits on SIGTERM, which a bare sleep as the first process of its container ignores.
        entrypoint: ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done"]
            .map(str::to_owned)
            .into(),
        env: vec!["PATH=/bin".to_owned()],
        ..Config::default()
    };
    sei_oci::write(path, &[Image { name, config, files: &files }])
}

/// The paths of `programs` on this machine; all missing ones are reported together.
pub(super) fn find(programs: &[(&str, &str)]) -> anyhow::Result<Vec<PathBuf>> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> =
        std::env::split_paths(&path).chain(["/bin", "/usr/bin"].map(PathBuf::from)).collect();
    let mut found = Vec::new();
    let mut packages = Vec::new();
    for (program, package) in programs {
        match folders.iter().map(|folder| folder.join(program)).find(|place| place.is_file()) {
            Some(place) => found.push(place),
            None => packages.push(*package),
        }
    }
    if !packages.is_empty() {
        bail!("programs for the images are missing: apt-get install -y {}", packages.join(" "));
    }
    Ok(found)
}

fn applets(busybox: &Path) -> anyhow::Result<Vec<String>> {
    let output = Command::new(busybox).arg("--list").output().context("run busybox --list")?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_programs_are_reported_with_the_command_that_installs_them() {
        let missing = [("sh", "dash"), ("no-such-program", "package-a"), ("nor-this", "package-b")];
        let error = find(&missing).unwrap_err().to_string();
        assert!(error.ends_with("apt-get install -y package-a package-b"), "{error}");
    }
}
