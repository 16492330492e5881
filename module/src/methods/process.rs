//! What the process takes of the machine, as the kernel says.

use std::fs;

use serde::Serialize;

/// Memory and threads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct ProcessPage {
    /// Cores that the process may use.
    pub(super) cores: usize,
    /// Threads now; null where the kernel does not say.
    threads: Option<u64>,
    /// Bytes of memory in use now.
    resident_bytes: Option<u64>,
    /// The most that was in use since the start.
    peak_resident_bytes: Option<u64>,
}

/// Asks the kernel.
pub(super) fn page() -> ProcessPage {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    ProcessPage {
        cores,
        ..read(&status)
    }
}

/// Reads `/proc/self/status`, whose memory is in kB.
fn read(status: &str) -> ProcessPage {
    let number = |key: &str| -> Option<u64> {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse().ok()
    };
    ProcessPage {
        cores: 0,
        threads: number("Threads"),
        resident_bytes: number("VmRSS").map(|kb| kb * 1024),
        peak_resident_bytes: number("VmHWM").map(|kb| kb * 1024),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_page_is_read_and_a_missing_line_is_null() {
        let seen = read("Name:\tfruit\nVmHWM:\t   90 kB\nVmRSS:\t   64 kB\nThreads:\t7\n");
        assert_eq!(seen.threads, Some(7));
        assert_eq!(seen.resident_bytes, Some(64 << 10));
        assert_eq!(seen.peak_resident_bytes, Some(90 << 10));
        assert_eq!(read("Name:\tfruit\n"), ProcessPage::default());
    }

    #[test]
    fn this_process_has_memory_and_threads() {
        let seen = page();
        assert!(seen.cores > 0 && seen.threads > Some(0), "{seen:?}");
        assert!(seen.resident_bytes > Some(1 << 20), "{seen:?}");
    }
}
