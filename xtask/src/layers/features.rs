//! A pure crate must not depend on crates with effects, neither transitively nor through enabled features.

use std::path::Path;

use anyhow::{Context, bail};

/// Crates with effects: runtimes, clients, servers, logs, randomness.
const IMPURE: &[&str] = &[
    "async-std",
    "axum",
    "fastrand",
    "getrandom",
    "hyper",
    "hyper-util",
    "kube-client",
    "kube-runtime",
    "mio",
    "rand",
    "reqwest",
    "socket2",
    "tokio",
    "tower",
    "tracing",
];
/// Cryptography needs a source of randomness for keys; clippy's bans ensure that sei-tls does not use it.
const EXCEPTIONS: &[(&str, &str)] = &[("sei-tls", "getrandom")];

/// Every path by which `name`, built alone, reaches an impure crate.
pub(super) fn faults(name: &str, workspace: &Path) -> anyhow::Result<Vec<String>> {
    let output =
        super::cargo(&["tree", "--offline", "--edges=normal,features", "--prefix=depth", "--package", name])
            .current_dir(workspace)
            .output()
            .context("run cargo tree")?;
    if !output.status.success() {
        bail!("cargo tree --package {name}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(impure(name, &String::from_utf8_lossy(&output.stdout)))
}

/// Paths to impure crates in a tree whose lines start with their depth, one per crate.
fn impure(name: &str, tree: &str) -> Vec<String> {
    let mut path: Vec<&str> = Vec::new();
    let mut found: Vec<(&str, String)> = Vec::new();
    for line in tree.lines() {
        let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (depth, entry) = line.split_at(digits);
        path.truncate(depth.parse().unwrap_or_default());
        path.push(entry.trim_end_matches(" (*)"));
        // `kube-client v5.0.0`, or `kube feature "client"`.
        let used = entry.split(' ').next().unwrap_or_default();
        if IMPURE.contains(&used)
            && !EXCEPTIONS.contains(&(name, used))
            && !found.iter().any(|(known, _)| *known == used)
        {
            found.push((used, format!("{name} must not reach {used}: {}", path.join(" -> "))));
        }
    }
    found.into_iter().map(|(_, fault)| fault).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace in which `pure` uses `kube` with these features; its feature `client` adds `kube-client`.
    fn workspace(features: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let krate = |name: &str, rest: &str| {
            let manifest =
                format!("[package]\nname = \"{name}\"\nversion = \"5.0.0\"\nedition = \"2024\"\n{rest}");
            std::fs::create_dir_all(folder.path().join(name).join("src")).unwrap();
            std::fs::write(folder.path().join(name).join("Cargo.toml"), manifest).unwrap();
            std::fs::write(folder.path().join(name).join("src/lib.rs"), "").unwrap();
        };
        krate("kube-client", "");
        let kube = "[features]\nclient = [\"dep:kube-client\"]\n\
                    [dependencies]\nkube-client = { path = \"../kube-client\", optional = true }\n";
        krate("kube", kube);
        krate("pure", &format!("[dependencies]\nkube = {{ path = \"../kube\", features = [{features}] }}\n"));
        // Another crate of the workspace may use the client.
        krate("acts", "[dependencies]\nkube = { path = \"../kube\", features = [\"client\"] }\n");
        std::fs::write(
            folder.path().join("Cargo.toml"),
            "[workspace]\nresolver = \"3\"\nmembers = [\"*\"]\n",
        )
        .unwrap();
        folder
    }

    #[test]
    fn a_feature_that_adds_a_client_is_reported_with_the_path_to_it() {
        let folder = workspace("\"client\"");
        let found = faults("pure", folder.path()).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("pure must not reach kube-client: pure v5.0.0"), "{found:?}");
        assert!(found[0].contains("kube feature \"client\""), "{found:?}");
    }

    #[test]
    fn features_that_another_crate_of_the_workspace_enables_do_not_count() {
        assert_eq!(faults("pure", workspace("").path()).unwrap(), [""; 0]);
    }
}
