//! The program as a process.

use super::*;

#[test]
fn run_reports_all_invalid_settings_at_once() {
    let output = Command::new(env!("CARGO_BIN_EXE_sei-operator")).arg("run").env_clear().output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    for name in ["SEI_SIDECAR_IMAGE", "SEI_NODEPOOL_NAME", "SEI_GENESIS_BUCKET"] {
        assert!(said.contains(name), "{said}");
    }
}

#[test]
fn crd_manual_and_completions_are_printed() {
    let crd = json_of(&call(&["crd", "-o", "json"], ""));
    assert_eq!(crd["metadata"]["name"], "seinodes.sei.io");
    for arguments in [&["man"][..], &["completions", "bash"]] {
        let output = call(arguments, "");
        assert!(output.status.success() && output.stdout.len() > 500, "{arguments:?}");
    }
}

#[test]
fn a_reader_that_closes_the_pipe_ends_the_command_without_a_panic() {
    for command in ["crd", "render -f tests/conformance/full-tls/seinode.yaml", "plan -f - -o json", "man"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut child = Command::new(env!("CARGO_BIN_EXE_sei-operator"))
            .args(command.split(' '))
            .current_dir(root())
            .env_clear()
            .envs(builders::platform())
            .stdin(std::fs::File::open(root().join(NODE)).unwrap())
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        std::io::Read::read_to_string(child.stderr.as_mut().unwrap(), &mut said).unwrap();
        assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(141), ""), "{command}");
    }
}
