//! A note beside the ledger that the clock was synchronised in this boot.
//!
//! The kernel forgets after some hours without a time server, though its clock is still good. A
//! module that is started again in a long outage of the internet would take a good clock for one
//! that was never set.

use std::fs;
use std::path::{Path, PathBuf};

use tracing::debug;

const FILE: &str = "clock-synchronised";

/// The note's place and what makes it true.
#[derive(Debug)]
pub(crate) struct SynchronisedNote {
    path: PathBuf,
    boot_id: String,
}

impl SynchronisedNote {
    pub(crate) fn new(folder: &Path, boot_id: &str) -> Self {
        SynchronisedNote {
            path: folder.join(FILE),
            boot_id: boot_id.to_owned(),
        }
    }

    /// Whether one was left in this boot. One of another boot, or half of one, is none.
    pub(crate) fn is_there(&self) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|text| text == self.boot_id)
    }

    /// Leaves it. Where it cannot be written, only the next start knows less.
    pub(crate) fn leave(&self) {
        if !self.is_there()
            && let Err(error) = fs::write(&self.path, &self.boot_id)
        {
            debug!(%error, "no note is left that the clock is synchronised");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_holds_for_its_boot_only() {
        let folder = tempfile::tempdir().unwrap();
        let note = SynchronisedNote::new(folder.path(), "boot 1");
        assert!(!note.is_there());
        note.leave();
        assert!(SynchronisedNote::new(folder.path(), "boot 1").is_there());
        assert!(!SynchronisedNote::new(folder.path(), "boot 2").is_there());
    }
}
