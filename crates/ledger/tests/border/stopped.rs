//! A process that is really stopped in the middle of a call.
//!
//! The child is this test binary again. It opens a copy of a ledger, does one [`Act`] and ends
//! without any clean-up, by abort, as soon as the call has returned. Or earlier: the kernel ends it
//! (`SIGXFSZ`) at the first byte of any file beyond a limit, and since a commit only ever appends to
//! the log, a limit between the log's lengths before and after the call is a place within the
//! commit's writes, to the byte.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use ledger::{FrameRecord, KeepSent, Ledger, LedgerOptions};
use rustix::process::{Resource, Rlimit, setrlimit};
use tempfile::TempDir;

use crate::support::{at, folder_in_memory, frame, model, software};

const DIR: &str = "LEDGER_TEST_STOPPED_DIR";
const ACT: &str = "LEDGER_TEST_STOPPED_ACT";
const LIMIT: &str = "LEDGER_TEST_STOPPED_LIMIT";

const SIGABRT: i32 = 6;
const SIGXFSZ: i32 = 25;

/// What a child publishes: the body of the oldest report that waits.
pub(crate) const PUBLISHED: &str = "published";

/// The one call that a child makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Opens the ledger and nothing else; the limit holds from the start.
    Open,
    Record,
    RecordAll,
    Seal,
    Heartbeat,
    Join,
    Publish,
    MarkSent,
}

const ACTS: [Act; 8] = [
    Act::Open,
    Act::Record,
    Act::RecordAll,
    Act::Seal,
    Act::Heartbeat,
    Act::Join,
    Act::Publish,
    Act::MarkSent,
];

/// The second at which acts happen.
pub(crate) const LATER: i64 = 600;

/// The frame that [`Act::Record`] records.
pub(crate) fn next_frame() -> FrameRecord {
    frame("cam-next", 9_000, LATER)
}

/// The frames that [`Act::RecordAll`] records, each with a reply of its own.
pub(crate) fn group() -> Vec<FrameRecord> {
    (0..5)
        .map(|number| FrameRecord {
            reply: Some(vec![u8::try_from(number).unwrap(); 40]),
            ..frame(&format!("cam-{}", number % 2), 9_100 + number, LATER)
        })
        .collect()
}

/// Lets reports go as soon as there is another one.
pub(crate) fn options() -> LedgerOptions {
    LedgerOptions {
        keep_sent: KeepSent {
            at_least: 1,
            at_most: 2,
            ..KeepSent::default()
        },
        ..LedgerOptions::default()
    }
}

pub(crate) fn open(dir: &Path) -> Ledger {
    Ledger::open(dir, options(), at(LATER)).unwrap()
}

impl Act {
    pub(crate) fn run(self, ledger: &mut Ledger, dir: &Path) {
        let now = at(LATER);
        match self {
            Act::Open => {}
            Act::Record => drop(ledger.record(&next_frame(), &model()).unwrap()),
            Act::RecordAll => drop(ledger.record_all(&group(), &model()).unwrap()),
            Act::Seal => assert_eq!(ledger.seal_due(now, &software()).unwrap(), 1),
            Act::Heartbeat => assert!(ledger.seal_heartbeat(&model(), now, &software()).unwrap()),
            Act::Join => drop(ledger.merge_due(now, &software()).unwrap()),
            Act::Publish => {
                let report = ledger.unsent(1).unwrap().remove(0);
                fs::write(dir.join(PUBLISHED), report.body).unwrap();
            }
            Act::MarkSent => {
                let report = ledger.unsent(1).unwrap().remove(0);
                ledger.mark_sent(report.sequence, now).unwrap();
            }
        }
    }
}

#[test]
#[ignore = "run as a child process by the tests of crash windows"]
fn child_that_is_stopped() {
    let told = |name| std::env::var(name).expect("the parent says it");
    let dir = told(DIR);
    let dir = Path::new(&dir);
    let act = told(ACT);
    let act = ACTS
        .into_iter()
        .find(|known| format!("{known:?}") == act)
        .unwrap();
    let limit = std::env::var(LIMIT).ok();
    let set_limit = || {
        let Some(limit) = &limit else { return };
        let both = |limit| Rlimit {
            current: Some(limit),
            maximum: Some(limit),
        };
        setrlimit(Resource::Core, both(0)).unwrap();
        setrlimit(Resource::Fsize, both(limit.parse().unwrap())).unwrap();
    };
    if act == Act::Open {
        set_limit();
    }
    let mut ledger = Ledger::open(dir, options(), at(LATER)).unwrap();
    set_limit();
    act.run(&mut ledger, dir);
    // Neither the ledger nor the store is closed.
    std::process::abort();
}

/// Where a child was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// In the middle of writing.
    Writing,
    /// After the call had returned.
    Returned,
}

/// Runs a child in a folder until it is stopped.
pub(crate) fn stop(dir: &Path, act: Act, limit: Option<u64>) -> Stopped {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["stopped::child_that_is_stopped", "--exact", "--ignored"])
        .args(["--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .env(ACT, format!("{act:?}"));
    if let Some(limit) = limit {
        child.env(LIMIT, limit.to_string());
    }
    let ended = child.output().unwrap();
    match ended.status.signal() {
        Some(SIGXFSZ) => Stopped::Writing,
        Some(SIGABRT) => Stopped::Returned,
        _ => panic!(
            "{act:?} with {limit:?} ended with {}: {}\n{}",
            ended.status,
            String::from_utf8_lossy(&ended.stdout),
            String::from_utf8_lossy(&ended.stderr),
        ),
    }
}

/// A copy of a ledger as a stopped process leaves it: the store and its log.
pub(crate) fn copy(from: &Path) -> TempDir {
    let to = folder_in_memory();
    for name in ["counts.db", "counts.db-wal"] {
        if from.join(name).exists() {
            fs::copy(from.join(name), to.path().join(name)).unwrap();
        }
    }
    to
}

pub(crate) fn log_length(dir: &Path) -> u64 {
    fs::metadata(dir.join("counts.db-wal")).unwrap().len()
}

/// Stops copies of a ledger in an act: within each page that the act's commit writes, between any two of
/// them, and when the call has returned. Gives each copy to `check`, and whether the call returned.
pub(crate) fn stop_everywhere(base: &Path, act: Act, check: impl Fn(&Path, Stopped)) {
    let whole = copy(base);
    let before = log_length(base);
    assert_eq!(stop(whole.path(), act, None), Stopped::Returned);
    let after = log_length(whole.path());
    check(whole.path(), Stopped::Returned);
    // Each page of 1024 bytes is written with a head of 24.
    let pages = (after - before) / 1048;
    assert!(
        pages > 1 && (after - before).is_multiple_of(1048),
        "{before} {after}"
    );
    let mut limits = Vec::new();
    for page in 0..pages {
        let start = before + page * 1048;
        limits.extend([start, start + 7, start + 24, start + 512]);
    }
    limits.extend([after - 1, after]);
    for limit in limits {
        let dir = copy(base);
        let stopped = stop(dir.path(), act, Some(limit));
        let expected = if limit < after {
            Stopped::Writing
        } else {
            Stopped::Returned
        };
        assert_eq!(
            stopped, expected,
            "{act:?} at {limit} of {before} to {after}"
        );
        check(dir.path(), stopped);
    }
}
