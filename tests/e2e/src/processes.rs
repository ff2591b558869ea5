//! Processes of the node, as seen by its administrator.

use std::{fs, process::Command};

use anyhow::{Context, ensure};

/// ID of the process that runs `program` in a pod.
pub(crate) fn of_pod(program: &str, pod: &str) -> anyhow::Result<String> {
    let host = format!("HOSTNAME={pod}");
    for entry in fs::read_dir("/proc").context("list processes")? {
        let number = entry?.file_name().to_string_lossy().into_owned();
        // A process that has exited in the meantime is not the one.
        let Ok(command) = fs::read(format!("/proc/{number}/cmdline")) else { continue };
        let first = command.split(|byte| *byte == 0).next().unwrap_or_default();
        let environment = fs::read(format!("/proc/{number}/environ")).unwrap_or_default();
        let runs_there = environment.split(|byte| *byte == 0).any(|variable| variable == host.as_bytes());
        if runs_there && String::from_utf8_lossy(first).ends_with(program) {
            return Ok(number);
        }
    }
    anyhow::bail!("no process of pod {pod} runs {program}")
}

/// Sends a signal.
pub(crate) fn signal(number: &str, name: &str) -> anyhow::Result<()> {
    let status = Command::new("kill").args(["-s", name, number]).status().context("run kill")?;
    ensure!(status.success(), "kill -s {name} {number}: {status}");
    Ok(())
}
