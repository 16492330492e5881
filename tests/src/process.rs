//! What the kernel tells of a process.

use anyhow::Context as _;
use rustix::process::Pid;

/// The most memory that a process had so far, in bytes.
///
/// # Errors
/// When there is no such process.
pub fn peak_memory(process: Pid) -> anyhow::Result<u64> {
    memory(process, "VmHWM:")
}

/// The memory that a process has in use, in bytes.
///
/// # Errors
/// When there is no such process.
pub fn resident_memory(process: Pid) -> anyhow::Result<u64> {
    memory(process, "VmRSS:")
}

fn memory(process: Pid, field: &str) -> anyhow::Result<u64> {
    let path = format!("/proc/{}/status", process.as_raw_nonzero());
    let status = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|rest| rest.split_whitespace().next());
    let kib: u64 = kib
        .with_context(|| format!("no {field} in {path}"))?
        .parse()?;
    Ok(kib * 1024)
}
