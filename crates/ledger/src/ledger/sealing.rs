//! Windows sealed at their end: the *Seal* of the contract. What else closes a window is in `closing`.

use std::time::Duration;

use time::OffsetDateTime;

use super::Ledger;
use crate::counting;
use crate::deadlines::Deadlines;
use crate::error::{LedgerError, store_failed};
use crate::frame::{Now, Software};
use crate::seal::{self, ClosedWindow, Sealing};
use crate::window::{due_again, seconds};

impl Ledger {
    /// Seals the windows that are closed at `now`, one commit each, oldest first. Gives the number
    /// of reports they became: none for a time without frames, several for a window that is too
    /// large for one.
    ///
    /// # Errors
    /// The store's. Windows that were sealed before the error stay sealed.
    pub fn seal_due(&mut self, now: Now, software: &Software) -> Result<usize, LedgerError> {
        self.bring_stranded_back(now.wall)?;
        self.seal_until(seconds(now.wall), now, software)
    }

    /// Seals every window that has frames, closed or not: at an orderly stop where the last counts
    /// are wanted at once. Later frames of the same windows make further reports.
    ///
    /// # Errors
    /// As [`Ledger::seal_due`].
    pub fn seal_all(&mut self, now: Now, software: &Software) -> Result<usize, LedgerError> {
        self.seal_until(i64::MAX, now, software)
    }

    /// How long until [`Ledger::seal_due`] has something to do, by the wall clock; `None` while no
    /// window is open. Zero right after the wall clock was set back far. Ask again after every
    /// `record` and `seal_due`, and at least once a minute, since the wall clock may step; after an
    /// error wait before the next try.
    #[must_use]
    pub fn next_closing(&self, now: Now) -> Option<Duration> {
        self.deadlines.next(self.rules.windows, now.wall)
    }

    /// A window opened under a clock that was far ahead would wait for that time to come again.
    pub(super) fn bring_stranded_back(&mut self, now: OffsetDateTime) -> Result<(), LedgerError> {
        let stranded = counting::stranded(&self.connection, self.rules.windows, now).map_err(
            store_failed(&self.path, "look for windows under a wrong clock"),
        )?;
        if stranded.is_empty() {
            return Ok(());
        }
        self.commit("bring windows back to the clock", |change| {
            stranded.iter().try_for_each(|(open_window, length)| {
                counting::make_due(change, *open_window, due_again(*length, now))
            })
        })?;
        self.refresh_deadlines()
    }

    pub(super) fn seal_until(
        &mut self,
        due_until: i64,
        now: Now,
        software: &Software,
    ) -> Result<usize, LedgerError> {
        let windows = self.due_windows(due_until)?;
        self.seal(&windows, now, software)
    }

    pub(super) fn due_windows(&self, due_until: i64) -> Result<Vec<ClosedWindow>, LedgerError> {
        seal::due_windows(&self.connection, due_until)
            .map_err(store_failed(&self.path, "look for closed windows"))
    }

    pub(super) fn seal(
        &mut self,
        windows: &[ClosedWindow],
        now: Now,
        software: &Software,
    ) -> Result<usize, LedgerError> {
        let sealing = self.sealing(now, software);
        let mut reports = 0;
        for window in windows {
            reports += self.commit("seal a window", |change| {
                seal::seal(change, window, &sealing)
            })?;
        }
        if !windows.is_empty() {
            self.refresh_deadlines()?;
        }
        Ok(reports)
    }

    pub(super) fn sealing<'a>(&self, now: Now, software: &'a Software) -> Sealing<'a> {
        Sealing {
            ledger: self.id.clone(),
            software,
            now,
            limit: self.report_limit,
            names: self.names.clone(),
        }
    }

    pub(super) fn refresh_deadlines(&mut self) -> Result<(), LedgerError> {
        self.deadlines = Deadlines::read(&self.connection)
            .map_err(store_failed(&self.path, "look for the next closing"))?;
        Ok(())
    }
}
