//! Power cuts: the log torn at every byte that was written after the last flush.
//!
//! What a disk leaves of writes that were not flushed is unknown: a part of them, blanks or old
//! bytes in their place, or some later sectors without earlier ones. Each is made here of a ledger
//! whose commits so far were flushed and one commit that was not, and opened as after the cut: all
//! that was acknowledged is there, the torn commit wholly or not at all, and the sums are right.
//!
//! At each place the store is read with SQLite alone, which costs a fraction of a millisecond; at
//! some, and around every page, the ledger is opened, verified and goes on.

use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use ledger::{Ledger, Recorded};
use rusqlite::{Connection, OpenFlags};

use crate::stopped::{Act, LATER, next_frame, open};
use crate::support::{NEW, at, folder_in_memory, frame, model, software};

/// A store and its log, byte for byte.
#[derive(Clone)]
struct Image {
    store: Vec<u8>,
    log: Vec<u8>,
}

impl Image {
    fn of(dir: &Path) -> Self {
        let read = |name| fs::read(dir.join(name)).unwrap();
        Image {
            store: read("counts.db"),
            log: read("counts.db-wal"),
        }
    }
}

/// What can be told apart before and after a torn commit.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    received: i64,
    open_windows: i64,
    reports: i64,
    unsent: i64,
}

impl State {
    /// As the store has it, read by SQLite alone. Changes nothing, not even the log.
    fn of(dir: &Path) -> Self {
        let store =
            Connection::open_with_flags(dir.join("counts.db"), OpenFlags::SQLITE_OPEN_READ_ONLY);
        let read = "SELECT (SELECT sum(received) FROM frame_sum WHERE scope = 0),
                           (SELECT count(*) FROM open_window), (SELECT count(*) FROM report),
                           (SELECT count(*) FROM report WHERE sent_at IS NULL)";
        store
            .unwrap()
            .query_row(read, [], |row| {
                Ok(State {
                    received: row.get(0)?,
                    open_windows: row.get(1)?,
                    reports: row.get(2)?,
                    unsent: row.get(3)?,
                })
            })
            .unwrap()
    }
}

/// One commit that the power cut tears, between all that was flushed and what the commit wrote.
struct Torn {
    act: Act,
    before: Image,
    after: Image,
    states: [State; 2],
}

impl Torn {
    fn by(act: Act, prepare: impl FnOnce(&mut Ledger, &Path)) -> Self {
        let dir = folder_in_memory();
        let mut ledger = open(dir.path());
        for number in 0..3 {
            ledger.record(&frame("cam", number, 0), &model()).unwrap();
        }
        prepare(&mut ledger, dir.path());
        let (before, first) = (Image::of(dir.path()), State::of(dir.path()));
        act.run(&mut ledger, dir.path());
        let (after, second) = (Image::of(dir.path()), State::of(dir.path()));
        assert_ne!(first, second);
        assert_eq!(
            before.store, after.store,
            "the commit writes to its log only"
        );
        Torn {
            act,
            before,
            after,
            states: [first, second],
        }
    }

    /// The bytes that are not flushed yet: from the first that differs to the last.
    fn unflushed(&self) -> RangeInclusive<usize> {
        let before = |at: usize| self.before.log.get(at);
        let differs = |at: &usize| before(*at) != self.after.log.get(*at);
        let mut all = 0..self.after.log.len();
        let first = all.clone().find(differs).unwrap();
        let last = all.rfind(differs).unwrap();
        first..=last + 1
    }

    /// The log with what the commit wrote up to `at`, and `rest` for what comes behind that.
    fn cut(&self, at: usize, rest: Rest) -> Vec<u8> {
        let mut log = self.after.log[..at].to_vec();
        let end = self.after.log.len();
        match rest {
            Rest::Missing => log.extend_from_slice(self.before.log.get(at..).unwrap_or_default()),
            Rest::Blank => log.resize(end, 0),
            Rest::Garbage => {
                // A xorshift: any bytes will do, the same ones each time.
                let mut noise = at as u64 | 1;
                log.resize_with(end, || {
                    noise ^= noise << 13;
                    noise ^= noise >> 7;
                    noise ^= noise << 17;
                    noise.to_le_bytes()[3]
                });
            }
        }
        log
    }

    /// Puts the store and a log into an empty folder and looks at them.
    fn lay_out(&self, dir: &Path, log: &[u8], what: &str) -> State {
        for entry in fs::read_dir(dir).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        fs::write(dir.join("counts.db"), &self.before.store).unwrap();
        fs::write(dir.join("counts.db-wal"), log).unwrap();
        let state = State::of(dir);
        assert!(self.states.contains(&state), "{what}: {state:?}");
        state
    }

    /// Opens what was laid out as the ledger that it is, and goes on.
    fn go_on(&self, dir: &Path, state: &State, what: &str) {
        let mut ledger = open(dir);
        assert_eq!(ledger.set_aside(), None, "{what}");
        assert_eq!(&State::of(dir), state, "{what}");
        assert!(ledger.verify().unwrap().is_right(), "{what}");
        let whole = *state == self.states[1];
        match self.act {
            Act::Record => {
                let expected = if whole {
                    Recorded::Duplicate { reply: None }
                } else {
                    NEW
                };
                let again = ledger.record(&next_frame(), &model()).unwrap();
                assert_eq!(again, expected, "{what}");
            }
            // What is there already is not done again.
            Act::Seal => assert_eq!(
                ledger.seal_due(at(LATER), &software()).unwrap(),
                usize::from(!whole)
            ),
            Act::MarkSent => ledger.mark_sent(1, at(LATER)).unwrap(),
            _ => unreachable!("no such act is torn here"),
        }
        let frames = ledger.totals().unwrap().whole.frames;
        let distinct = frames.received - frames.duplicate;
        assert_eq!(i64::try_from(distinct).unwrap(), self.states[1].received);
        assert!(ledger.verify().unwrap().is_right(), "{what}");
    }

    /// Checks the log cut at every `step`-th byte, in two threads.
    fn check_all(&self, step: usize, rest: Rest) {
        let unflushed = self.unflushed();
        let end = *unflushed.end();
        let borders = unflushed.clone().filter(|at| (at + 4120 - 32) % 4120 < 2);
        let mut places: Vec<usize> = unflushed.step_by(step).chain(borders).collect();
        places.extend([end - 1, end]);
        let next = AtomicUsize::new(0);
        let check = || {
            let dir = folder_in_memory();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(&at) = places.get(number) else {
                    return;
                };
                let what = format!("{rest:?} from byte {at} of {end} on");
                let state = self.lay_out(dir.path(), &self.cut(at, rest), &what);
                assert!(at < end || state == self.states[1], "{what}");
                if number.is_multiple_of(97) || (at + 4120 - 32) % 4120 < 2 {
                    self.go_on(dir.path(), &state, &what);
                }
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(check);
            scope.spawn(check);
        });
    }
}

/// What lies behind the last byte that reached the disk.
#[derive(Debug, Clone, Copy)]
enum Rest {
    /// What lay there before: nothing, or the log of before it began anew.
    Missing,
    Blank,
    Garbage,
}

fn recording() -> Torn {
    Torn::by(Act::Record, |_, _| {})
}

fn sealing() -> Torn {
    Torn::by(Act::Seal, |_, _| {})
}

fn noting_as_sent() -> Torn {
    Torn::by(Act::MarkSent, |ledger, _| {
        ledger.seal_due(at(120), &software()).unwrap();
    })
}

/// The log is folded into the store and begins anew: the commit writes over older ones.
fn recording_into_a_log_that_begins_anew() -> Torn {
    Torn::by(Act::Record, |_, dir| {
        let store = Connection::open(dir.join("counts.db")).unwrap();
        let busy: i64 = store
            .query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| row.get(0))
            .unwrap();
        assert_eq!(busy, 0);
    })
}

/// Steps for what is not looked at byte by byte: no factor in common with the sizes of pages and
/// heads.
const SOME: usize = 29;

#[test]
fn a_log_cut_at_any_byte_of_a_recorded_frame_holds_all_that_was_acknowledged() {
    let torn = recording();
    torn.check_all(1, Rest::Missing);
}

#[test]
fn blanks_after_any_byte_of_a_recorded_frame_are_no_frame() {
    let torn = recording();
    torn.check_all(SOME, Rest::Blank);
}

#[test]
fn garbage_after_any_byte_of_a_recorded_frame_is_no_frame() {
    let torn = recording();
    torn.check_all(SOME, Rest::Garbage);
}

#[test]
fn a_log_cut_at_any_byte_of_a_sealed_window_holds_the_window_or_its_report() {
    let torn = sealing();
    torn.check_all(SOME, Rest::Missing);
}

#[test]
fn a_log_cut_at_any_byte_of_a_note_leaves_the_report_sent_or_to_be_sent() {
    let torn = noting_as_sent();
    torn.check_all(SOME, Rest::Missing);
}

#[test]
fn old_commits_behind_a_torn_one_are_not_taken_for_new_ones() {
    let torn = recording_into_a_log_that_begins_anew();
    torn.check_all(SOME, Rest::Missing);
}

#[test]
fn a_sector_that_is_missing_among_later_ones_makes_its_commit_void() {
    let torn = recording();
    let dir = folder_in_memory();
    let unflushed = torn.unflushed();
    for sector in unflushed.start() / 512..=unflushed.end() / 512 {
        let mut log = torn.after.log.clone();
        let flushed = torn.before.log.len();
        let hole = (sector * 512).max(flushed)..((sector + 1) * 512).min(log.len());
        log[hole].fill(0);
        let what = format!("no sector {sector}");
        let state = torn.lay_out(dir.path(), &log, &what);
        torn.go_on(dir.path(), &state, &what);
    }
}
