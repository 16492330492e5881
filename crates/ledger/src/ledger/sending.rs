//! What waits to be sent, and what was: the publishing that *Seal* and *Let go* of the contract frame.

use super::Ledger;
use crate::error::{LedgerError, store_failed};
use crate::frame::Now;
use crate::outbox::{self, Waiting};
use crate::report::SealedReport;
use crate::retention;
use crate::window::seconds;

impl Ledger {
    /// The oldest reports that were not sent yet, at most `limit` of them, exactly as sealed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn unsent(&self, limit: usize) -> Result<Vec<SealedReport>, LedgerError> {
        outbox::unsent(&self.connection, limit)
            .map_err(store_failed(&self.path, "read the reports that wait"))
    }

    /// How many reports were not sent yet, and since when the oldest waits. Costs a look at the
    /// index of those that wait.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn waiting(&self) -> Result<Waiting, LedgerError> {
        outbox::summary(&self.connection)
            .map_err(store_failed(&self.path, "count the reports that wait"))
    }

    /// Notes that the hub took a report: call it after the PUBACK. Again for the same report, it
    /// changes nothing of it. The same commit lets up to 16 reports go whose time has come, see
    /// [`KeepSent`](crate::KeepSent).
    ///
    /// # Errors
    /// `Argument` when no such report was sealed; otherwise the store's: the report is sent again.
    pub fn mark_sent(&mut self, sequence: u64, now: Now) -> Result<(), LedgerError> {
        let keep_sent = self.keep_sent;
        let known = self.commit("note a report as sent", |change| {
            if outbox::mark_sent(change, sequence, seconds(now.wall))? {
                retention::step(change, keep_sent, now)?;
                return Ok(true);
            }
            Ok((1..=retention::carried_through(change)?).contains(&sequence))
        })?;
        if known {
            return Ok(());
        }
        Err(LedgerError::Argument {
            name: "sequence",
            seen: sequence.to_string(),
            expected: "the sequence of a sealed report",
        })
    }
}
