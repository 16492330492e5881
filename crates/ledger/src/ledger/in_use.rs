//! What is in use while a ledger is open, and may change under it: the length of windows, the lot, and
//! the names of cameras.
//!
//! All of it is held in memory alone. A ledger that is opened has the window of its options, no lot
//! and no names; whoever opens it sets them before the first frame. What is recorded is stored with
//! its window and lot, and what is sealed with its names, so that no change touches anything that is
//! counted already.

use std::time::Duration;

use super::Ledger;
use crate::camera_names::CameraNames;
use crate::error::LedgerError;
use crate::lot::Lot;

impl Ledger {
    /// Makes windows of another length for the frames that are recorded from now on: whole seconds,
    /// 1 s to 1 day. Windows that are open keep theirs and are sealed when they are due, so that for
    /// a while windows of both lengths are open and their times may overlap; no frame is in two.
    /// Costs nothing.
    ///
    /// Not stored: it holds until this value is dropped. The next opening has the window of its
    /// [options](crate::LedgerOptions::window).
    ///
    /// # Errors
    /// `Argument` for a length out of range; the one before stays.
    pub fn set_window(&mut self, length: Duration) -> Result<(), LedgerError> {
        self.rules.windows = self.rules.windows.with_length(length)?;
        Ok(())
    }

    /// Puts the frames that are recorded from now on into this lot, or into none. A frame belongs to
    /// the lot that is set when it is recorded, whatever its stamp; one that comes again is a
    /// duplicate in the lot of then. Costs nothing: the windows of the lot before stay open until
    /// [`Ledger::seal_others`] or their time.
    ///
    /// Not stored: it holds until this value is dropped, and the next opening has none. Set it again
    /// before the first frame. Windows that are open keep their lot.
    pub fn set_lot(&mut self, lot: Option<Lot>) {
        self.lot = lot;
    }

    /// The lot that frames are recorded in; none at first.
    #[must_use]
    pub fn lot(&self) -> Option<&Lot> {
        self.lot.as_ref()
    }

    /// What people call cameras, in place of all names before. A report that is sealed from now on
    /// shows the name of each of its cameras that has one; the counts, and what they are counted
    /// under, are not touched. Costs nothing.
    ///
    /// Not stored, but for what reports show: it holds until this value is dropped, and the next
    /// opening has none.
    pub fn set_camera_names(&mut self, names: CameraNames) {
        self.names = names;
    }
}
