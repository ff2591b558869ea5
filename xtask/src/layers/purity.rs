//! Pure crates forbid effects with clippy's bans, which apply to resolved names.

use std::path::Path;

use anyhow::Context;

/// The lints whose lists are in clippy.toml.
const LINTS: &[&str] = &["clippy::disallowed_methods", "clippy::disallowed_types"];

/// What prevents the bans from applying to the pure crate in `folder`.
pub(super) fn faults(folder: &Path) -> anyhow::Result<Vec<String>> {
    let root = folder.join("src/lib.rs");
    let text = std::fs::read_to_string(&root).with_context(|| format!("read {}", root.display()))?;
    let file = syn::parse_file(&text).with_context(|| format!("parse {}", root.display()))?;
    let forbidden: Vec<String> = file
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("forbid"))
        .filter_map(|attribute| attribute.meta.require_list().ok())
        .flat_map(|list| {
            let lints = list.tokens.to_string().replace(' ', "");
            lints.split(',').map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    let missing = LINTS.iter().filter(|lint| !forbidden.iter().any(|found| found == *lint));
    let mut faults: Vec<String> =
        missing.map(|lint| format!("{}: a pure crate forbids {lint}", root.display())).collect();
    for name in ["clippy.toml", ".clippy.toml"] {
        let file = folder.join(name);
        if file.exists() {
            faults.push(format!(
                "{} takes the place of the bans in the workspace's clippy.toml",
                file.display()
            ));
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// A crate with this library, next to stand-ins for the crates with banned items.
    fn krate(lib: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let manifest =
            |name: &str| format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
        file(
            "Cargo.toml",
            &format!(
                "{}[dependencies]\njiff = {{ path = \"jiff\" }}\nring = {{ path = \"ring\" }}\n[workspace]\n",
                manifest("pure")
            ),
        );
        file("src/lib.rs", lib);
        file("jiff/Cargo.toml", &manifest("jiff"));
        let now =
            "impl Timestamp { pub fn now() -> Self { Self } } impl Zoned { pub fn now() -> Self { Self } }";
        file("jiff/src/lib.rs", &format!("pub struct Timestamp; pub struct Zoned; {now}"));
        file("ring/Cargo.toml", &manifest("ring"));
        file(
            "ring/src/lib.rs",
            "pub mod rand { pub fn generate() {} pub trait SecureRandom { fn fill(&self) {} } }",
        );
        folder
    }

    /// The output of clippy with the workspace's list of bans.
    fn clippy(lib: &str) -> String {
        let folder = krate(lib);
        let output = Command::new(env!("CARGO"))
            .args(["clippy", "--quiet", "--offline"])
            .current_dir(folder.path())
            .env("CLIPPY_CONF_DIR", crate::workspace().unwrap())
            .env("CARGO_TARGET_DIR", folder.path().join("target"))
            .output()
            .unwrap();
        String::from_utf8(output.stderr).unwrap()
    }

    const FORBID: &str = "#![forbid(clippy::disallowed_methods, clippy::disallowed_types)]\n";

    #[test]
    fn each_kind_of_effect_is_banned() {
        let effects = [
            ("clock", "jiff::Timestamp::now();"),
            ("clock", "std::time::Instant::now();"),
            ("environment", "let _ = std::env::var(\"HOME\");"),
            ("file", "let _ = std::fs::read(\"file\");"),
            ("randomness", "let _ = std::collections::HashMap::<u8, u8>::new();"),
            ("randomness", "ring::rand::generate();"),
            ("thread", "std::thread::spawn(|| ());"),
            ("network", "let _ = std::net::TcpStream::connect(\"host:1\");"),
            ("process", "let _ = std::process::Command::new(\"ls\");"),
        ];
        let functions = effects.iter().enumerate();
        let lib: String = functions.map(|(n, (_, code))| format!("pub fn f{n}() {{ {code} }}\n")).collect();
        let said = clippy(&format!("{FORBID}{lib}"));
        for (line, (kind, code)) in effects.iter().enumerate() {
            // One line for the attribute, and line numbers start at one.
            assert!(
                said.contains(&format!("src/lib.rs:{}:", line + 2)),
                "{kind}: {code} is not refused:\n{said}"
            );
        }
    }

    #[test]
    fn a_ban_cannot_be_lifted_inside_a_pure_crate() {
        let lifted = "#[allow(clippy::disallowed_methods)]\npub fn f() { jiff::Timestamp::now(); }\n";
        let said = clippy(&format!("{FORBID}{lifted}"));
        assert!(said.contains("incompatible with previous forbid"), "{said}");
    }

    #[test]
    fn a_crate_that_does_not_forbid_the_lints_or_has_its_own_list_is_rejected() {
        let folder = krate("#![forbid(clippy::disallowed_types)]\n");
        std::fs::write(folder.path().join("clippy.toml"), "").unwrap();
        let found = faults(folder.path()).unwrap();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].ends_with("a pure crate forbids clippy::disallowed_methods"), "{found:?}");
        assert!(faults(krate(FORBID).path()).unwrap().is_empty());
    }
}
