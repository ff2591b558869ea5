//! CPU time and memory of a process, from the kernel.

use std::{fs, time::Duration};

use anyhow::Context;

/// Clock ticks per second in `/proc/PID/stat`: the same on every Linux.
const TICKS: f64 = 100.0;

/// CPU seconds that a process has used, in user and kernel mode.
pub(crate) fn cpu(pid: u32) -> anyhow::Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    // The name of the program, in parentheses, may contain blanks.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|it| it.parse::<u64>().ok()).sum();
    Ok(Duration::from_secs_f64(ticks as f64 / TICKS))
}

/// Megabytes (2^20 bytes) of memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Current resident memory.
    pub(crate) resident: f64,
    /// Peak resident memory since the process started.
    pub(crate) peak: f64,
    /// Current resident memory that is not backed by a file: heap and stacks.
    pub(crate) anonymous: f64,
}

/// Memory of a process.
pub(crate) fn memory(pid: u32) -> anyhow::Result<Memory> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    let value = |name: &str| -> anyhow::Result<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
        Ok(kilobytes.with_context(|| format!("{path} has no {name}"))? / 1024.0)
    };
    Ok(Memory { resident: value("VmRSS")?, peak: value("VmHWM")?, anonymous: value("RssAnon")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory_and_cpu() {
        let pid = std::process::id();
        let memory = memory(pid).unwrap();
        assert!(
            memory.resident > 1.0 && memory.peak >= memory.resident && memory.anonymous < memory.resident
        );
        // On a busy machine it may be a while before this process has used one tick.
        let began = std::time::Instant::now();
        while cpu(pid).unwrap().is_zero() {
            assert!(began.elapsed() < Duration::from_secs(60), "no CPU time is counted");
        }
    }
}
