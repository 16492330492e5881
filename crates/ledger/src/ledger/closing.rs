//! Closings other than a window's end: a new model or lot, a silence, a long outage of the hub.

use super::Ledger;
use crate::counting;
use crate::error::{LedgerError, store_failed};
use crate::frame::{ModelInfo, Now, Software};
use crate::lot::Lot;
use crate::merge;
use crate::seal::{self, Heading};
use crate::window::{hour, seconds};

impl Ledger {
    /// Seals the windows of other models than this one, and of other lots than [`Ledger::lot`], closed
    /// or not: call it when a model or a lot comes into use, so that the change closes the window.
    /// Nothing depends on when: a frame is in the window of its own model and lot, whatever is
    /// sealed when. Cheap where there are none.
    ///
    /// # Errors
    /// As [`Ledger::seal_due`].
    pub fn seal_others(
        &mut self,
        model: &ModelInfo,
        now: Now,
        software: &Software,
    ) -> Result<usize, LedgerError> {
        let lot = self.lot.clone();
        let lot = lot.as_ref().map(Lot::as_str);
        let others =
            counting::has_others(&self.connection, model, lot.unwrap_or_default()).map_err(
                store_failed(&self.path, "look for windows of other models and lots"),
            )?;
        if !others {
            return Ok(0);
        }
        let mut windows = self.due_windows(i64::MAX)?;
        windows.retain(|window| {
            let heading = &window.heading;
            (&heading.model, heading.lot.as_deref()) != (model, lot)
        });
        self.seal(&windows, now, software)
    }

    /// Seals a report without cameras, whose counts are zero and whose totals stand as they are: a
    /// sign of life for a time without frames, with the lot in use. Gives whether it did: not while another report waits
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
            lot: self.lot.as_ref().map(Lot::to_string),
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
        if !groups.is_empty() {
            self.refresh_deadlines()?;
        }
        // A window that is due within an hour waits for the end of that hour.
        self.seal_until(hour(now_seconds), now, software)
    }
}
