//! The module's real ledger in memory, with a disk under it that fails on request, and the
//! world's own notes of what was committed. It is kept while the module's process dies and starts
//! again, as a disk would be.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use fruit_counter::reporter::Reporting;
use fruit_counter::reporter::sealing::Seal;
use ledger::{
    Clock, FrameRecord, Ledger, LedgerError, LedgerErrorKind, LedgerOptions, Lot, Now, Outcome,
    Recorded, SealedReport,
};
use tempfile::TempDir;
use time::OffsetDateTime;

/// What the disk does with the next calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Disk {
    /// It works.
    #[default]
    Works,
    /// Every write fails, as when it is full.
    Full,
    /// Every call fails.
    Dead,
    /// So many calls fail, then it works.
    Fails(u32),
    /// So many writes are done and said to have failed, then it works: their flush has failed.
    Doubts(u32),
}

/// One commit of a frame, as the world saw it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) camera: String,
    pub(crate) outcome: Outcome,
    pub(crate) is_duplicate: bool,
    pub(crate) stamp: Option<OffsetDateTime>,
    pub(crate) arrival: OffsetDateTime,
    pub(crate) clock: Clock,
    /// Seconds of a window, as it was set then.
    pub(crate) length: i64,
    /// The lot that was set then.
    pub(crate) lot: Option<Lot>,
}

/// Something that the operator sets while the module counts, and the module again when it starts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    /// Windows get another length.
    Window(Duration),
    /// Another lot, or none.
    Lot(Option<&'static str>),
}

/// The durable part of the module, and the notes.
#[derive(Debug)]
pub(crate) struct Books {
    pub(crate) ledger: Ledger,
    /// Where the real notes of attempts lie.
    pub(crate) folder: TempDir,
    pub(crate) disk: Disk,
    pub(crate) reporting: Reporting,
    options: LedgerOptions,
    /// Length of windows, as it is set.
    window: Duration,
    lot: Option<Lot>,
    /// Whether windows have been joined.
    pub(crate) joins: bool,
    pub(crate) entries: Vec<Entry>,
    /// How often each picture was committed.
    commits: BTreeMap<String, u32>,
    /// How often each was counted in an outcome other than `duplicate`.
    pub(crate) counted: BTreeMap<String, u32>,
    /// How often a process ended while it was being looked at.
    pub(crate) kills: BTreeMap<String, u32>,
    /// Every report as it was first seen after its sealing.
    pub(crate) sealed: BTreeMap<u64, SealedReport>,
    /// Calls that failed on request.
    pub(crate) failures: u64,
}

thread_local! {
    /// The ledger of the last schedule of this thread, to be begun again: what SQLite has prepared
    /// is worth more than a schedule.
    static SPARE: Cell<Option<Ledger>> = const { Cell::new(None) };
}

impl Books {
    /// Nothing more is asked of them.
    pub(crate) fn close(self) {
        SPARE.set(Some(self.ledger));
    }

    pub(crate) fn new(seed: u64, reporting: Reporting, now: Now) -> Self {
        let options = LedgerOptions {
            window: reporting.window,
            ..LedgerOptions::default()
        };
        let ledger = match SPARE.take() {
            Some(mut spare) => spare.begin_again(seed, options, now).map(|()| spare),
            None => Ledger::in_memory(seed, options, now),
        };
        Books {
            ledger: ledger.expect("options in range"),
            folder: tempfile::tempdir().expect("a folder"),
            disk: Disk::Works,
            window: reporting.window,
            reporting,
            options,
            lot: None,
            joins: false,
            entries: Vec::new(),
            commits: BTreeMap::new(),
            counted: BTreeMap::new(),
            kills: BTreeMap::new(),
            sealed: BTreeMap::new(),
            failures: 0,
        }
    }

    /// The process that held the ledger is killed; the next one opens it.
    pub(crate) fn reopen(&mut self) {
        let opened = self.ledger.open_again(self.options);
        opened.expect("a ledger in memory");
    }

    /// The operator sets something. A process that does not run finds it when it starts.
    pub(crate) fn change(&mut self, change: Change, runs: bool) {
        match change {
            Change::Window(length) => self.window = length,
            Change::Lot(lot) => self.lot = lot.map(|lot| lot.parse().expect("a lot")),
        }
        if runs {
            self.apply_settings();
        }
    }

    /// What the module does before its first frame, and at each change.
    pub(crate) fn apply_settings(&mut self) {
        let set = self.ledger.set_window(self.window);
        set.expect("a length in range");
        self.ledger.set_lot(self.lot.clone());
    }

    pub(crate) fn read<T>(
        &mut self,
        call: impl FnOnce(&Ledger) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerErrorKind> {
        match self.disk {
            Disk::Dead => self.failed(LedgerErrorKind::Io),
            Disk::Fails(left) => {
                self.disk = one_less(left, Disk::Fails);
                self.failed(LedgerErrorKind::Io)
            }
            Disk::Works | Disk::Full | Disk::Doubts(_) => {
                call(&self.ledger).map_err(|error| error.kind())
            }
        }
    }

    /// A call that writes; gives, besides what the caller is told, what was done.
    fn write<T: Clone>(
        &mut self,
        call: impl FnOnce(&mut Ledger) -> Result<T, LedgerError>,
    ) -> (Result<T, LedgerErrorKind>, Option<T>) {
        match self.disk {
            Disk::Full => (self.failed(LedgerErrorKind::Full), None),
            Disk::Dead => (self.failed(LedgerErrorKind::Io), None),
            Disk::Fails(left) => {
                self.disk = one_less(left, Disk::Fails);
                (self.failed(LedgerErrorKind::Io), None)
            }
            Disk::Doubts(left) => {
                self.disk = one_less(left, Disk::Doubts);
                let done = call(&mut self.ledger).ok();
                (self.failed(LedgerErrorKind::Io), done)
            }
            Disk::Works => {
                let done = call(&mut self.ledger).map_err(|error| error.kind());
                (done.clone(), done.ok())
            }
        }
    }

    fn failed<T>(&mut self, kind: LedgerErrorKind) -> Result<T, LedgerErrorKind> {
        self.failures += 1;
        Err(kind)
    }

    /// Commits a frame. `is_sure` says that a further delivery of this picture can be told from a
    /// new picture. The `Err` inside says what is wrong with the answer.
    pub(crate) fn record(
        &mut self,
        picture: &str,
        frame: &FrameRecord,
        is_sure: bool,
    ) -> Result<Result<Recorded, LedgerErrorKind>, String> {
        let model = self.reporting.model.clone();
        let (told, done) = self.write(|ledger| ledger.record(frame, &model));
        let Some(recorded) = done else {
            return Ok(told);
        };
        let commits = self.commits.entry(picture.to_owned()).or_default();
        *commits += 1;
        let is_duplicate = matches!(recorded, Recorded::Duplicate { .. });
        if is_duplicate != (*commits > 1) && (is_sure || is_duplicate) {
            return Err(format!(
                "commit {commits} of {picture} came to {recorded:?}"
            ));
        }
        *self.counted.entry(picture.to_owned()).or_default() += u32::from(!is_duplicate);
        self.entries.push(Entry {
            camera: frame.key.camera.clone(),
            outcome: frame.outcome.clone(),
            is_duplicate,
            stamp: frame.stamp,
            arrival: frame.arrival,
            clock: frame.clock,
            length: i64::try_from(self.window.as_secs()).expect("a day at most"),
            lot: self.lot.clone(),
        });
        Ok(told)
    }

    pub(crate) fn has(&self, picture: &str) -> bool {
        self.commits.contains_key(picture)
    }

    /// Does one step of a round of sealing. The reports that it sealed come second.
    pub(crate) fn seal(
        &mut self,
        step: Seal,
        now: Now,
    ) -> (Result<usize, LedgerErrorKind>, Vec<SealedReport>) {
        let reporting = self.reporting.clone();
        let before = self.open_windows();
        let (told, done) = self.write(|ledger| step.on(ledger, &reporting, now));
        if step == Seal::Joined
            && let Some(reports) = done
        {
            // Few cameras: each window that is sealed is one report.
            self.joins |= before - self.open_windows() > reports as u64;
        }
        let sealed = if told == Ok(0) {
            Vec::new()
        } else {
            self.look()
        };
        (told, sealed)
    }

    fn open_windows(&self) -> u64 {
        let totals = self.ledger.totals().expect("memory that works");
        totals.open_windows
    }

    /// Reports that were not seen before.
    fn look(&mut self) -> Vec<SealedReport> {
        let unsent = self.ledger.unsent(usize::MAX).expect("memory that works");
        let mut new = Vec::new();
        for report in unsent {
            if let std::collections::btree_map::Entry::Vacant(free) =
                self.sealed.entry(report.sequence)
            {
                new.push(free.insert(report).clone());
            }
        }
        new
    }

    pub(crate) fn mark_sent(&mut self, sequence: u64, now: Now) -> Result<(), LedgerErrorKind> {
        self.write(|ledger| ledger.mark_sent(sequence, now)).0
    }

    pub(crate) fn probe(&mut self) -> Result<(), LedgerErrorKind> {
        self.write(Ledger::probe).0
    }
}

fn one_less(left: u32, disk: impl Fn(u32) -> Disk) -> Disk {
    match left {
        0 | 1 => Disk::Works,
        left => disk(left - 1),
    }
}
