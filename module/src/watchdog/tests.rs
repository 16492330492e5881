//! The decision in virtual time, and a process that is really ended.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

use ledger::{AttemptKey, AttemptLog};

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(100);

/// Looks every ten seconds from `start` on at what `in_hand` says; gives when it found one stuck.
fn found(start: Instant, in_hand: impl Fn(u32) -> Vec<u64>) -> Option<(u32, Stuck)> {
    let mut watch = Watch::new(LIMIT);
    (0..100).find_map(|at| {
        let now = start + at * watch.interval();
        watch.look(now, &in_hand(at)).map(|stuck| (at, stuck))
    })
}

#[test]
fn a_picture_that_stays_is_found_when_the_limit_is_over() {
    let stays = found(Instant::now(), |at| if at < 3 { vec![] } else { vec![7] });
    let (at, stuck) = stays.unwrap();
    assert_eq!((at, stuck.ticket, stuck.held), (13, 7, LIMIT));
}

#[test]
fn pictures_that_go_are_never_found_however_many_there_are() {
    // Each stays for nine looks, three at a time.
    let busy = |at: u32| {
        (0..3)
            .map(|one| u64::from((at + 3 * one) / 9 * 3 + one))
            .collect()
    };
    assert_eq!(found(Instant::now(), busy), None);
    assert_eq!(found(Instant::now(), |_| vec![]), None);
}

#[test]
fn the_time_that_a_stopped_process_did_not_have_is_no_picture_s() {
    let mut watch = Watch::new(LIMIT);
    let mut now = Instant::now();
    assert_eq!(watch.look(now, &[1]), None);
    for _ in 0..4 {
        now += 3600 * SECOND;
        assert_eq!(watch.look(now, &[1]), None, "frozen, and frozen again");
    }
    let stuck = (0..10).find_map(|_| {
        now += 10 * SECOND;
        watch.look(now, &[1])
    });
    assert!(stuck.is_some(), "but it still is in hand");
}

#[test]
fn a_picture_is_in_hand_until_it_is_dropped() {
    let hands = Hands::default();
    let first = hands.take("first".into());
    let second = hands.take("second".into());
    assert_eq!(hands.tickets().len(), 2);
    drop(first);
    assert_eq!(hands.tickets(), [second.ticket]);
    assert_eq!(hands.name(second.ticket).unwrap(), "second");
    drop(second);
    assert!(hands.tickets().is_empty());
}

/// Makes the test below play the process that stands still, with its notes in this folder.
const STANDS_STILL: &str = "FRUIT_COUNTER_TEST_STANDS_STILL";

#[test]
fn a_process_is_ended_over_a_picture_and_its_note_counts_as_a_crash() {
    let attempt = AttemptKey::new("cam", Some("1"), &[7; 32]);
    if let Some(folder) = std::env::var_os(STANDS_STILL) {
        let attempts = AttemptLog::open(folder.as_ref(), "a boot").unwrap();
        attempts.begin(&attempt).unwrap();
        let hands = Hands::default();
        start(Duration::from_millis(200), hands.clone(), process::abort).unwrap();
        let _held = hands.take("a picture without an end".into());
        loop {
            thread::park();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--test-threads=1"])
        .arg(
            "watchdog::tests::\
             a_process_is_ended_over_a_picture_and_its_note_counts_as_a_crash",
        )
        .env(STANDS_STILL, folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    // SIGABRT.
    assert_eq!(status.signal(), Some(6), "{status}");
    let attempts = AttemptLog::open(folder.path(), "a boot").unwrap();
    assert_eq!(attempts.crashes(&attempt), 1);
}
