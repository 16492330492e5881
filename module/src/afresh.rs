//! Begins the process afresh, once, with what the libraries below read from their environment.
//!
//! Some of what a library does can be set only there, before it is loaded, and a running process
//! cannot change its own environment safely. So the program replaces itself by itself: the same
//! process, a few milliseconds later.
//!
//! - ONNX Runtime for Linux (1.32) keeps a device identifier and a queue of events for Microsoft in
//!   `~/.cache/Microsoft`, among them the program's path, and sends them when it can; switching that
//!   off by its API comes too late for the first of them. Nothing but counts leaves a box of ours,
//!   so whoever starts the module cannot switch it on either.
//! - glibc gives each thread memory of its own and keeps what is freed there. A few threads that
//!   open sessions, decode and infer then hold a multiple of what they need.

use std::env;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// A variable that must be so.
const ALWAYS: &[(&str, &str)] = &[("ORT_DISABLE_TELEMETRY", "1")];

/// Variables that are set where nobody else did (mallopt(3)). One heap for all threads. What takes
/// 256 KiB or more, as models, pixels and the largest messages do, is never part of it and goes back
/// to the system when it is freed; so does what is free at the heap's end, from 1 MiB on. Between
/// small things that stay, a heap of larger ones keeps holes, and hostile pictures take the process
/// beyond its memory (`tests/end_to_end/hostile.rs`). What each picture of a usual size needs is kept by whoever looks at it (`vision::Scratch`), or its pages would come new.
const UNLESS_SET: &[(&str, &str)] = &[
    ("MALLOC_ARENA_MAX", "1"),
    ("MALLOC_MMAP_THRESHOLD_", "262144"),
    ("MALLOC_TRIM_THRESHOLD_", "1048576"),
];

/// Set at the second start, so that there is no third: a program with capabilities of its own loses
/// the variables of malloc on its way (glibc from 2.39 on), each time anew.
const BEGUN: &str = "FRUIT-COUNTER-BEGUN-AFRESH";

/// Where a program finds itself even if its file was moved or removed.
const ITSELF: &str = "/proc/self/exe";

/// ONNX Runtime cannot be kept from sending events.
#[derive(Debug, thiserror::Error)]
#[error(
    "the program cannot be started again with ORT_DISABLE_TELEMETRY=1, without which ONNX Runtime keeps \
     and sends events of its own; set that variable where the program is started"
)]
pub struct NotAfresh(#[source] io::Error);

/// Returns at once where the environment is as it should be; else it does not return.
///
/// # Errors
/// [`NotAfresh`]. Without the variables of malloc alone it goes on as it is.
pub fn with_environment() -> Result<(), NotAfresh> {
    let missing: Vec<_> = missing(|name| env::var(name).ok()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let failed = if env::var_os(BEGUN).is_some() {
        io::Error::other("the environment was changed on the way")
    } else {
        again(&missing)
    };
    let is_needed = |(name, _): &(&str, &str)| ALWAYS.iter().any(|(always, _)| always == name);
    if missing.iter().any(is_needed) {
        Err(NotAfresh(failed))
    } else {
        Ok(())
    }
}

/// Comes back only with an error.
fn again(missing: &[(&str, &str)]) -> io::Error {
    let start = |program: &std::ffi::OsStr| {
        let mut words = env::args_os();
        let mut again = Command::new(program);
        if let Some(name) = words.next() {
            again.arg0(name);
        }
        again
            .args(words)
            .envs(missing.iter().copied())
            .env(BEGUN, "1")
            .exec()
    };
    // By its own name first, which then shows in lists of processes.
    match env::current_exe() {
        Ok(program) => {
            let failed = start(program.as_os_str());
            if failed.kind() != io::ErrorKind::NotFound {
                return failed;
            }
        }
        Err(failed) if failed.kind() != io::ErrorKind::NotFound => return failed,
        Err(_not_there) => {}
    }
    start(ITSELF.as_ref())
}

/// What has to be set, by the present values.
fn missing(
    value: impl Fn(&str) -> Option<String>,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    let always = ALWAYS.iter().copied().filter(|(name, wanted)| {
        let is = value(name);
        is.as_deref() != Some(*wanted)
    });
    let always: Vec<_> = always.collect();
    let unless_set = UNLESS_SET
        .iter()
        .copied()
        .filter(move |(name, _)| value(name).is_none());
    always.into_iter().chain(unless_set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_set_and_then_nothing_is_missing() {
        let all: Vec<_> = missing(|_| None).collect();
        assert_eq!(all.len(), ALWAYS.len() + UNLESS_SET.len());
        let set = |name: &str| {
            let found = all.iter().find(|(n, _)| *n == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        assert_eq!(missing(set).count(), 0);
    }

    #[test]
    fn the_images_environment_needs_no_second_start() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docker/Dockerfile");
        let text = std::fs::read_to_string(file).unwrap();
        let set = |name: &str| {
            let words = text.split([' ', '\n']);
            let mut value = words.filter_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            value.next_back().map(str::to_owned)
        };
        let missing: Vec<_> = missing(set).collect();
        assert!(missing.is_empty(), "{file} does not set {missing:?}");
        for (name, value) in UNLESS_SET {
            assert_eq!(set(name).as_deref(), Some(*value), "{name} in {file}");
        }
    }

    #[test]
    fn the_runtimes_events_cannot_be_switched_on_from_outside() {
        let all: Vec<_> = missing(|_| Some("0".to_owned())).collect();
        assert_eq!(all, [("ORT_DISABLE_TELEMETRY", "1")]);
    }
}
