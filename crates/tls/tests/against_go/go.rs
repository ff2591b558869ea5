//! The Go program that validates a Secret.

use std::{
    io::{BufRead, BufReader, ErrorKind, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde::de::DeserializeOwned;
use serde_json::json;

use crate::secret::{GoVerdict, NAMES, Secret};

pub struct Go {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Go {
    /// Builds and starts it; `None`, with a message, if Go is not installed.
    pub fn start() -> Option<Self> {
        let program = build()?;
        let child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        Some(Self { child, input, output: BufReader::new(output) })
    }

    pub fn judge(&mut self, secret: &Secret) -> GoVerdict {
        self.ask(secret, false)
    }

    /// Serves TLS with the Secret to one client; returns the address.
    pub fn serve(&mut self, secret: &Secret) -> String {
        self.ask(secret, true)
    }

    fn ask<T: DeserializeOwned>(&mut self, secret: &Secret, serve: bool) -> T {
        let data = serde_json::to_value(secret).unwrap()["data"].take();
        let question = json!({ "at": secret.at, "names": NAMES, "data": data, "serve": serve });
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{question}").and_then(|()| input.flush()).unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error} in {answer:?} on {question}"))
    }
}

impl Drop for Go {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

fn build() -> Option<PathBuf> {
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/tools/tls-judge");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tls-judge");
    let status = Command::new("go")
        .args(["build", "-trimpath", "-o"])
        .args([&program, Path::new(".")])
        .env("CGO_ENABLED", "0")
        .current_dir(module)
        .status();
    match status {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            println!("skipped: Go is not installed, so nothing says what Go makes of a Secret");
            None
        }
        status => {
            assert!(status.unwrap().success(), "go build failed: its output is above");
            Some(program)
        }
    }
}
