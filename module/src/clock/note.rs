//! A note beside the ledger of where the clock stood when it was synchronised in this boot.
//!
//! The kernel forgets after some hours without a time server, though its clock is still good. A
//! module that is started again in a long outage of the internet would take a good clock for one
//! that was never set, and would not know of a step that came while it was away.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use time::OffsetDateTime;
use tracing::debug;

use super::watch::Line;

const FILE: &str = "clock-synchronised";

/// The note's place, the boot that it is true in, and what it says.
#[derive(Debug)]
pub(crate) struct SynchronisedNote {
    path: PathBuf,
    boot_id: String,
    left: Option<Line>,
}

impl SynchronisedNote {
    /// Reads the note of this boot. One of another boot, or half of one, is none.
    pub(crate) fn read(folder: &Path, boot_id: &str) -> Self {
        let path = folder.join(FILE);
        let left = fs::read_to_string(&path)
            .ok()
            .and_then(|text| parse(&text, boot_id));
        SynchronisedNote {
            path,
            boot_id: boot_id.to_owned(),
            left,
        }
    }

    pub(crate) fn line(&self) -> Option<Line> {
        self.left
    }

    /// Leaves another one, if it is another. Where it cannot be written, only the next start knows
    /// less.
    pub(crate) fn leave(&mut self, line: Option<Line>) {
        let Some(line) = line.filter(|line| self.left != Some(*line)) else {
            return;
        };
        self.left = Some(line);
        let text = format!(
            "{} {} {}\n",
            self.boot_id,
            line.wall.unix_timestamp(),
            line.monotonic.as_secs()
        );
        if let Err(error) = fs::write(&self.path, text) {
            debug!(%error, "no note is left that the clock is synchronised");
        }
    }
}

/// `BOOT-ID WALL-SECONDS SECONDS-SINCE-BOOT` and a line end, which half a note lacks.
fn parse(text: &str, boot_id: &str) -> Option<Line> {
    let mut words = text.strip_suffix('\n')?.split(' ');
    words.next().filter(|boot| *boot == boot_id)?;
    let wall = words.next()?.parse().ok()?;
    Some(Line {
        wall: OffsetDateTime::from_unix_timestamp(wall).ok()?,
        monotonic: Duration::from_secs(words.next()?.parse().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const LINE: Line = Line {
        wall: datetime!(2026-11-23 10:00 UTC),
        monotonic: Duration::from_secs(77),
    };

    #[test]
    fn a_note_holds_for_its_boot_only() {
        let folder = tempfile::tempdir().unwrap();
        let mut note = SynchronisedNote::read(folder.path(), "boot-1");
        assert_eq!(note.line(), None);
        note.leave(None);
        note.leave(Some(LINE));
        let read = |boot| SynchronisedNote::read(folder.path(), boot).line();
        assert_eq!(read("boot-1"), Some(LINE));
        assert_eq!(read("boot-2"), None);
    }

    #[test]
    fn half_a_note_is_none() {
        let whole = "boot-1 1795428000 77\n";
        assert_eq!(parse(whole, "boot-1"), Some(LINE));
        for end in 0..whole.len() {
            assert_eq!(parse(&whole[..end], "boot-1"), None, "{end}");
        }
    }

    #[test]
    fn a_note_is_written_again_only_when_it_says_something_else() {
        let folder = tempfile::tempdir().unwrap();
        let mut note = SynchronisedNote::read(folder.path(), "boot-1");
        note.leave(Some(LINE));
        fs::remove_file(folder.path().join(FILE)).unwrap();
        note.leave(Some(LINE));
        assert!(!folder.path().join(FILE).exists());
    }
}
