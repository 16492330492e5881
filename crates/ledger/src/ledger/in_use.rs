//! What is in use while a ledger is open, and may change under it: the names of cameras.
//!
//! Held in memory alone. A ledger that is opened has no names; whoever opens it sets them. What is
//! sealed is stored with its names, so that no change touches anything that is counted already.

use super::Ledger;
use crate::camera_names::CameraNames;

impl Ledger {
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
