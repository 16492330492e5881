//! Closings other than a window's end: a new model, a silence, a long outage of the hub.

use super::Ledger;
use crate::counting;
use crate::error::{LedgerError, store_failed};
use crate::frame::{ModelInfo, Now, Software};
use crate::merge;
use crate::seal::{self, Heading};
use crate::window::{hour, seconds};

impl Ledger {
    /// Seals the windows of other models than this one, closed or not: call it when a model comes
    /// into use, before its first frame, so that a change of model closes the window. Cheap where
    /// there are none.
    ///
    /// # Errors
    /// As [`Ledger::seal_due`].
    pub fn seal_other_models(
        &mut self,
        model: &ModelInfo,
        now: Now,
        software: &Software,
    ) -> Result<usize, LedgerError> {
        let others = counting::has_other_model(&self.connection, model)
            .map_err(store_failed(&self.path, "look for windows of other models"))?;
        if !others {
            return Ok(0);
        }
        let mut windows = self.due_windows(i64::MAX)?;
        windows.retain(|window| window.heading.model != *model);
        self.seal(&windows, now, software)
    }

    /// Seals a report without cameras, whose counts are zero and whose totals stand as they are: a
    /// sign of life for a time without frames. Gives whether it did: not while another report waits
    /// to be sent, so that heartbeats never pile up. Its window is the one that ended last.
    ///
    /// # Errors
    /// As [`Ledger::seal_due`].
    pub fn seal_heartbeat(
        &mut self,
        model: &ModelInfo,
        now: Now,
        software: &Software,
    ) -> Result<bool, LedgerError> {
        let heading = Heading {
            window: self.rules.windows.before(now.wall),
            clock: now.clock,
            lot: None,
            model: model.clone(),
        };
        let sealing = self.sealing(now, software);
        self.commit("seal a heartbeat", |change| {
            seal::heartbeat(change, &heading, &sealing)
        })
    }

    /// Instead of [`Ledger::seal_due`] in a long outage of the hub: joins the windows that are
    /// closed at `now` by the hour, one commit an hour, and seals what closed before the running
    /// hour of the wall clock. Gives the number of reports. `seal_due` seals the rest as soon as the
    /// hub is back; until then [`Ledger::next_closing`] is zero.
    ///
    /// # Errors
    /// As [`Ledger::seal_due`].
    pub fn merge_due(&mut self, now: Now, software: &Software) -> Result<usize, LedgerError> {
        self.bring_stranded_back(now.wall)?;
        let now_seconds = seconds(now.wall);
        let groups = merge::groups(&self.connection, now_seconds)
            .map_err(store_failed(&self.path, "look for windows to join"))?;
        for group in &groups {
            self.commit("join the windows of an hour", |change| {
                merge::join(change, group)
            })?;
        }
        // A window that is due within an hour waits for the end of that hour.
        self.seal_until(hour(now_seconds), now, software)
    }
}
