//! How long sent reports are kept, and what becomes of them then.
//!
//! A report that is let go is *carried forward*: what it says is added to the one sum of all reports
//! that went before, in the commit that deletes it, so that carried forward + reports + open windows
//! are the totals at every moment. Reports go in the order of their sequence, so that what is carried
//! forward is always reports 1 to n. This room must never let an unsent report go, nor one that was
//! sealed after it.
//!
//! The wall clock may be wrong. Three things keep a wrong one from doing harm: by age nothing goes
//! that is among the last [`KeepSent::at_least`] sent; a step of the clock starts a day of waiting,
//! in which nothing goes by age; and a report whose own window was placed by a clock that could not
//! be trusted is taken to be as old as the next one after it that could. The count, which no clock
//! can falsify, has the last word: over [`KeepSent::at_most`] the oldest go at any age.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};

use crate::error::LedgerError;
use crate::frame::{Clock, Now};
use crate::memo;
use crate::outbox;
use crate::report::Report;
use crate::seal::next_sequence;
use crate::sums::{self, Scope, number, stored};
use crate::window::seconds;

/// How long reports that the hub took are kept. Reports that were not sent are kept for ever.
///
/// A few are let go each time that a report is [marked](crate::Ledger::mark_sent); what they say
/// stays in the totals, and carried forward for [`verify`](crate::Ledger::verify).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepSent {
    /// How long after the end of its window a report is kept; at most 36 500 days. Default 90 days.
    /// Only a wall clock that can be trusted, and that has gone on for a day without a step or a
    /// gap of more than a day between two reports, lets reports go by age.
    pub age: Duration,
    /// So many of the last sent reports are kept at any age, 1 to `at_most`. Default 1000.
    pub at_least: usize,
    /// Of more sent reports than this the oldest go at any age and under any clock, up to
    /// 10 000 000. Default 150 000: 104 days of a report each minute. One of a few cameras takes
    /// about 1 KB on disk, the largest [`report_limit`](crate::LedgerOptions::report_limit).
    pub at_most: usize,
}

impl Default for KeepSent {
    fn default() -> Self {
        Self {
            age: Duration::from_secs(90 * 86_400),
            at_least: 1000,
            at_most: 150_000,
        }
    }
}

/// A rule that is known to be in range.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    /// Seconds.
    age: i64,
    at_least: u64,
    at_most: u64,
}

const LONGEST: Duration = Duration::from_secs(36_500 * 86_400);
const MOST: usize = 10_000_000;

impl KeepSent {
    pub(crate) fn check(&self) -> Result<Rule, LedgerError> {
        let refused = |name, seen, expected| LedgerError::Argument {
            name,
            seen,
            expected,
        };
        let age = i64::try_from(self.age.as_secs()).ok();
        let age = age.filter(|_| self.age <= LONGEST).ok_or_else(|| {
            refused(
                "keep_sent.age",
                format!("{:?}", self.age),
                "36500 days at most",
            )
        })?;
        if !(1..=MOST).contains(&self.at_most) {
            let seen = self.at_most.to_string();
            return Err(refused("keep_sent.at_most", seen, "1 to 10000000"));
        }
        if !(1..=self.at_most).contains(&self.at_least) {
            let seen = self.at_least.to_string();
            return Err(refused(
                "keep_sent.at_least",
                seen,
                "1 to keep_sent.at_most",
            ));
        }
        Ok(Rule {
            age,
            at_least: self.at_least as u64,
            at_most: self.at_most as u64,
        })
    }
}

/// Reports that one step lets go at most. A step is part of the commit that marks one report, so
/// this many times as fast as reports come in a backlog shrinks.
const STEP: usize = 16;

/// Lets some of the reports go whose time has come, in the caller's transaction. Gives their number.
pub(crate) fn step(connection: &Connection, rule: Rule, now: Now) -> rusqlite::Result<usize> {
    let ended_before = match now.clock {
        Clock::Plausible => clock_goes_on(connection, seconds(now.wall))?
            .then(|| seconds(now.wall).saturating_sub(rule.age)),
        Clock::Unsure => None,
    };
    let first_unsent = match outbox::oldest(connection)? {
        Some(oldest) => oldest.sequence,
        None => next_sequence(connection)?,
    };
    let mut carried = carried_through(connection)?;
    let mut let_go = 0;
    while let_go < STEP {
        let oldest = carried + 1;
        // All from the oldest to the first unsent one are sent. Others may be, behind that one.
        let sent = first_unsent.saturating_sub(oldest);
        let too_many = sent > rule.at_most;
        let old = match ended_before {
            Some(before) if sent > rule.at_least => {
                ended(connection, oldest)?.is_some_and(|ended| ended <= before)
            }
            Some(_) | None => false,
        };
        if !(too_many || old) || !carry_forward(connection, oldest)? {
            break;
        }
        carried = oldest;
        let_go += 1;
    }
    if let_go > 0 {
        connection
            .prepare_cached("UPDATE ledger SET carried_through = ?1")?
            .execute([stored(carried)?])?;
    }
    give_pages_back(connection)?;
    Ok(let_go)
}

/// The sequence of the last report that was carried forward; 0 before the first.
pub(crate) fn carried_through(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT carried_through FROM ledger")?
        .query_row([], |row| number(row, 0))
}

/// The latest that a report's window can have ended, in seconds since the epoch: the end of the
/// first window from there on whose clock could be trusted. `None` is "not known", and must not be
/// taken for long ago.
fn ended(connection: &Connection, sequence: u64) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached(
            "SELECT ends_at FROM report WHERE clock = 'plausible' AND sequence >= ?1
             ORDER BY sequence LIMIT 1",
        )?
        .query_row([stored(sequence)?], |row| row.get(0))
        .optional()
}

/// False when the report cannot be read. It is kept then, for people, and all after it.
fn carry_forward(connection: &Connection, sequence: u64) -> rusqlite::Result<bool> {
    let body: Option<Vec<u8>> = connection
        .prepare_cached("SELECT body FROM report WHERE sequence = ?1")?
        .query_row([stored(sequence)?], |row| row.get(0))
        .optional()?;
    let Some(body) = body else {
        tracing::error!(sequence, "a sent report is missing: no more are let go");
        return Ok(false);
    };
    let report: Report = match serde_json::from_slice(&body) {
        Ok(report) => report,
        Err(cause) => {
            tracing::error!(sequence, %cause, "a sent report is damaged: no more are let go");
            return Ok(false);
        }
    };
    for (id, camera) in &report.cameras {
        let number = memo::camera_number(connection, id)?;
        sums::add(connection, Scope::Carried.number(), number, &camera.sums)?;
    }
    connection
        .prepare_cached("DELETE FROM report WHERE sequence = ?1")?
        .execute([stored(sequence)?])?;
    Ok(true)
}

/// The run of a wall clock without a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    /// Where it began, in seconds since the epoch.
    began: i64,
    /// The latest reading.
    seen: i64,
}

const DAY: i64 = 86_400;
/// Steps back up to here are a clock being held to the right time.
const JITTER: i64 = 60;

impl Run {
    /// The run as it is after another reading: a new one when the clock stepped, or when so much
    /// time passed that nobody can tell.
    fn after(run: Option<Run>, now: i64) -> Run {
        match run {
            Some(Run { began, seen }) if (seen - JITTER..=seen + DAY).contains(&now) => Run {
                began,
                seen: seen.max(now),
            },
            Some(_) | None => Run {
                began: now,
                seen: now,
            },
        }
    }

    fn is_long_enough(self) -> bool {
        self.seen - self.began >= DAY
    }
}

/// Whether the wall clock has gone on without a step for long enough to let reports go by age.
fn clock_goes_on(connection: &Connection, now: i64) -> rusqlite::Result<bool> {
    let before = connection
        .prepare_cached("SELECT clock_began, clock_seen FROM ledger")?
        .query_row([], |row| {
            let run: (Option<i64>, Option<i64>) = (row.get(0)?, row.get(1)?);
            Ok(match run {
                (Some(began), Some(seen)) => Some(Run { began, seen }),
                (_, None) | (None, _) => None,
            })
        })?;
    let run = Run::after(before, now);
    connection
        .prepare_cached("UPDATE ledger SET clock_began = ?1, clock_seen = ?2")?
        .execute([run.began, run.seen])?;
    Ok(run.is_long_enough())
}

/// Bytes of free pages that the file keeps for the reports to come.
const SPARE_BYTES: i64 = 1 << 20;
/// Bytes that one step gives back to the file system at most.
const STEP_BYTES: i64 = 256 << 10;

fn give_pages_back(connection: &Connection) -> rusqlite::Result<()> {
    let read = |pragma| -> rusqlite::Result<i64> {
        connection
            .prepare_cached(pragma)?
            .query_row([], |row| row.get(0))
    };
    let (free, page) = (read("PRAGMA freelist_count")?, read("PRAGMA page_size")?);
    let surplus = (free - SPARE_BYTES / page).min(STEP_BYTES / page);
    if surplus > 0 {
        // Each row that is asked for gives one page back.
        let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({surplus})"))?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(readings: &[i64]) -> Run {
        let run = readings
            .iter()
            .fold(None, |run, reading| Some(Run::after(run, *reading)));
        run.unwrap()
    }

    #[test]
    fn a_run_is_long_enough_after_a_day_of_readings() {
        let hourly: Vec<i64> = (0..=24).map(|hour| hour * 3600).collect();
        assert!(!run(&hourly[..24]).is_long_enough());
        assert!(run(&hourly).is_long_enough());
        assert!(run(&[0, DAY]).is_long_enough(), "a gap of a day is none");
    }

    #[test]
    fn a_step_or_a_gap_begins_a_new_run() {
        let check = |readings: &[i64]| {
            let last = readings[readings.len() - 1];
            assert_eq!(
                run(readings),
                Run {
                    began: last,
                    seen: last
                },
                "{readings:?}"
            );
        };
        check(&[0, DAY, 2 * DAY + 1]);
        check(&[0, DAY, 400 * DAY]);
        check(&[0, DAY, DAY - JITTER - 1]);
        check(&[0, DAY, 400 * DAY, DAY + 60]);
    }

    #[test]
    fn small_steps_back_are_none_and_do_not_add_up() {
        let small = run(&[0, DAY, DAY - JITTER, DAY - 1]);
        assert_eq!(
            small,
            Run {
                began: 0,
                seen: DAY
            }
        );
        assert_eq!(run(&[0, DAY, DAY - 50, DAY - 100]).began, DAY - 100);
    }
}
