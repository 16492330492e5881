//! The ledger: what is written, flushed and published, in which order.
//!
//! # Contract
//!
//! *Record.* (1) begin, (2) look for the same frame, (3) add to the totals and to the open window,
//! remember the frame, (4) commit: the log is appended and flushed, (5) `record` returns, (6) the
//! caller acknowledges the delivery. `record_all` does (2) and (3) for each frame of a group in turn
//! between one (1) and one (4), so that a crash leaves the whole group or none of it. A reply that
//! comes with a frame is kept in (3), so that whoever sends the frame again gets it.
//!
//! | crash | left behind | next time |
//! |---|---|---|
//! | before 4 is flushed | nothing (a torn log entry fails its checksum and is ignored) | the hub delivers again: new, counted once |
//! | between 4 and 6 | the frame, counted and remembered | the hub delivers again: `duplicate` |
//! | after 6 | the frame | nothing |
//!
//! *Seal.* For each window that is due: (1) begin, (2) fix sequence, id and bytes of its reports,
//! (3) add it to what sealed reports say and forget its own sums, (4) commit and flush, (5) the
//! caller publishes what [`Ledger::unsent`] gives, (6) the hub's PUBACK, (7) [`Ledger::mark_sent`]
//! commits.
//!
//! | crash | left behind | next time |
//! |---|---|---|
//! | before 4 is flushed | the open window | it is sealed then, with the same sequence |
//! | between 4 and 5 | the report, unsent | it is sent then |
//! | between 5 and 7 | the report, unsent, perhaps taken | the same bytes and id are sent again |
//!
//! *Join.* In a long outage of the hub windows that are due are not sealed but joined by the hour:
//! (1) begin, (2) add the sums of a window to another of its hour and forget its own, (3) commit. A
//! crash before the commit is flushed leaves both windows, one after it the whole; each is sealed
//! later. The order to the frames of [`Ledger::record`] does not matter: a frame of a window that is
//! gone opens it again.
//!
//! *Let go.* In the commit of 7, for each of the oldest sent reports whose time has come: (8) add it
//! to what is carried forward, (9) delete it. A crash before the commit is flushed leaves the report,
//! one after it what is carried forward; the sums agree in both.
//!
//! *Groups and levels.* (4) is flushed under [`Durability::Strict`]. Under
//! [`Durability::Relaxed`] the commit of frames is written and not flushed: it survives the process
//! at once, and the power from the next flush on, which is the next commit of any other kind or
//! [`Ledger::flush`], every 2 s. A power cut then takes the last commits, always from the end and
//! never one from between, and frames that were acknowledged in them are lost. Everything else is
//! flushed under both levels, sealing above all, and with it all that was recorded before: a
//! sequence that was published never comes again with other bytes, and a report never says more
//! than a power cut leaves. A process that was killed between writing and flushing leaves a commit
//! that can be read and that a power cut still takes: so opening makes a flushed commit where a log
//! was left, before anything of it is published.
//!
//! *Heartbeat.* A report without frames is sealed as any other, without (3).
//!
//! *Copies.* What the writer holds in memory of the store ([`crate::memo`]) is put down before (1)
//! and taken up again after (4): after any error it is read anew.
//!
//! *Errors.* An error from any call means "not known to be durable". Nothing half done is left, and
//! the same call may be made again. A commit whose flush failed can still turn out to be there
//! after a crash; the frame then comes again and is a `duplicate`.
//!
//! *Time.* The wall clock comes in with each call and decides only which window a frame belongs to,
//! when windows are sealed and, where it has gone on for a day without a step, which sent reports are
//! old. A clock that steps back makes further reports for windows that were
//! sealed before, which add up; it never opens a sealed report. A window that was opened under a
//! clock far ahead is sealed when, after the clock is back, a window of its own length ends. Its own,
//! since lengths may change while it is open: what is far for a second is near for a day.
//!
//! *In use.* Length of windows, lot and names of cameras are told to the ledger while it counts
//! ([`Ledger::set_window`], [`Ledger::set_lot`], [`Ledger::set_camera_names`]) and held in memory alone.
//! (3) takes length and lot as they are then and stores them with the window; (2) of *Seal* takes the
//! names. No change of theirs writes anything, so that there is no crash window in it.
//!
//! One process, one writer: the lock is held from [`Ledger::open`] until the value is dropped. All
//! calls block on the disk; give the ledger a thread of its own.
//!
//! Where to go next: frames in `recording`, windows at their end in `sealing` and before it in
//! `closing`, reports on their way in `sending`, and the one way in which anything is committed in
//! `commit`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::camera_names::CameraNames;
use crate::counting::Rules;
use crate::deadlines::Deadlines;
use crate::error::{LedgerError, store_failed};
use crate::flushing::{Durability, Flushing};
use crate::frame::Now;
use crate::lock::Lock;
use crate::lot::Lot;
use crate::memo::Memo;
use crate::options::{CheckedOptions, LedgerOptions};
use crate::retention;
use crate::seal;
use crate::store::{self, Beginning, STORE_FILE, SetAside};
use crate::totals::{self, Totals};
use crate::verify::{self, Verification};

use recording::check_name;

/// Durable counts. The contract at the top of this file says what each crash leaves behind.
///
/// Memory does not grow with what was counted: the store's page cache (2 MB) is kept, and copies of
/// what the next frames need: some 300 bytes for each camera, and 16 to 20 for each frame that is
/// remembered, 10 MB at most by default.
#[derive(Debug)]
pub struct Ledger {
    connection: Connection,
    path: PathBuf,
    id: String,
    rules: Rules,
    memo: Memo,
    durability: Durability,
    flushing: Flushing,
    report_limit: usize,
    keep_sent: retention::Rule,
    /// Of the open windows, as of the last commit.
    deadlines: Deadlines,
    /// That of the frames to come.
    lot: Option<Lot>,
    names: CameraNames,
    set_aside: Option<SetAside>,
    beginning: Beginning,
    /// Declared last, so that the store is closed before the lock is given back. `None` where
    /// nobody else can open it.
    _lock: Option<Lock>,
}

impl Ledger {
    /// Opens the ledger of a folder, making both if they are missing, and holds its lock.
    ///
    /// A damaged file is set aside and a new ledger with a new id begins, see
    /// [`Ledger::set_aside`]. Every page of the file is read once: milliseconds per megabyte.
    ///
    /// # Errors
    /// `Argument` for options out of range, `HeldByAnother`, `NewerFormat`, and `Full`, `ReadOnly`,
    /// `Io` or `Busy` when the folder cannot be used.
    pub fn open(dir: &Path, options: LedgerOptions, now: Now) -> Result<Self, LedgerError> {
        let checked = options.check()?;
        store::make_folder(dir)?;
        let lock = Lock::take(dir)?;
        let path = dir.join(STORE_FILE);
        let (connection, set_aside) = store::open(dir, now.wall, checked.durability)?;
        // What the opening folded into the store is flushed; what lies in the log may not be.
        let is_log_left = store::is_log_left(&path)?;
        let mut ledger = Self::over(connection, path, &checked, set_aside, Some(lock))?;
        if is_log_left {
            ledger.flush_what_was_left()?;
        }
        Ok(ledger)
    }

    /// Takes over a store whose tables are there.
    fn over(
        connection: Connection,
        path: PathBuf,
        options: &CheckedOptions,
        set_aside: Option<SetAside>,
        lock: Option<Lock>,
    ) -> Result<Self, LedgerError> {
        let read = || {
            Ok((
                totals::ledger_id(&connection)?,
                Deadlines::read(&connection)?,
                store::beginning(&connection, &path)?,
            ))
        };
        let (id, deadlines, beginning) =
            read().map_err(store_failed(&path, "read the ledger's id"))?;
        let mut memo = Memo::default();
        memo.memory(&connection, options.rules.dedupe_per_camera)
            .map_err(store_failed(&path, "read which frames are known"))?;
        Ok(Self {
            connection,
            path,
            id,
            rules: options.rules,
            memo,
            durability: options.durability,
            flushing: Flushing::at_opening(),
            report_limit: options.report_limit,
            keep_sent: options.keep_sent,
            deadlines,
            lot: None,
            names: CameraNames::default(),
            set_aside,
            beginning,
            _lock: lock,
        })
    }

    /// The ledger's id: 16 hexadecimal digits, drawn when it began.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The damaged file that opening this ledger moved out of the way, if there was one. Its
    /// counts are not in this ledger, so the operator must hear of it.
    #[must_use]
    pub fn set_aside(&self) -> Option<&SetAside> {
        self.set_aside.as_ref()
    }

    /// When this ledger began, and in place of which damaged file, if there was one: unlike
    /// [`Ledger::set_aside`], this is told at every opening. Of a long finding the first 300
    /// characters are kept.
    #[must_use]
    pub fn beginning(&self) -> &Beginning {
        &self.beginning
    }

    /// Whether every report stays within
    /// [`report_limit`](crate::LedgerOptions::report_limit) under a model with these labels,
    /// however much is counted: call it at start, and refuse a model for which it fails. Such a
    /// model's reports would be sealed, but the hub would never take them. Labels that this ledger
    /// counted under earlier models are in every report's totals, so they are taken along. Of the
    /// names of model and software up to [`MAX_NAME_BYTES`](crate::MAX_NAME_BYTES) bytes each are
    /// provided for, and any lot and any [names of cameras](crate::CameraNames).
    ///
    /// # Errors
    /// `Labels` when there are too many, `Argument` when one is over
    /// [`MAX_NAME_BYTES`](crate::MAX_NAME_BYTES), both of kind `Argument`; otherwise when the store
    /// cannot be read.
    pub fn fits(&self, labels: &[String]) -> Result<(), LedgerError> {
        for label in labels {
            check_name("label", label)?;
        }
        let own: BTreeSet<&String> = labels.iter().collect();
        let mut all = totals::labels(&self.connection)
            .map_err(store_failed(&self.path, "read the labels"))?;
        let earlier = all.iter().filter(|label| !own.contains(label)).count();
        all.extend(labels.iter().cloned());
        let bytes = seal::needed(&all).map_err(store_failed(&self.path, "measure a report"))?;
        if bytes <= self.report_limit {
            return Ok(());
        }
        Err(LedgerError::Labels {
            labels: all.len(),
            earlier,
            bytes,
            limit: self.report_limit,
        })
    }

    /// Everything since the ledger began, open windows included, by camera.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn totals(&self) -> Result<Totals, LedgerError> {
        totals::read(&self.connection).map_err(store_failed(&self.path, "read the totals"))
    }

    /// Proves the sums: in every row and report `received = Σ outcomes`, and for each camera
    /// `carried forward + Σ reports + open windows = totals`. Reads everything, so its time grows with the reports.
    ///
    /// # Errors
    /// When the store cannot be read. Sums that do not agree are no error but a
    /// [finding](Verification::findings).
    pub fn verify(&self) -> Result<Verification, LedgerError> {
        verify::verify(&self.connection, &self.path)
    }
}

mod closing;
mod commit;
mod in_memory;
mod in_use;
mod recording;
mod sealing;
mod sending;
#[cfg(test)]
mod tests;
