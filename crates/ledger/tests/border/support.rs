//! What the tests share: a ledger in a folder of its own, frames by number, a clock that is told.

use std::time::Duration;

use ledger::{
    Clock, FrameKey, FrameRecord, Ledger, LedgerOptions, ModelInfo, Now, Outcome, Recorded, Repeat,
    Report, ReusedId, Software,
};
use tempfile::TempDir;
use time::OffsetDateTime;
use time::macros::datetime;

pub(crate) const START: OffsetDateTime = datetime!(2026-11-23 10:00:00 UTC);

pub(crate) fn at(seconds: i64) -> Now {
    Now {
        wall: START + time::Duration::seconds(seconds),
        clock: Clock::Plausible,
    }
}

pub(crate) fn model() -> ModelInfo {
    ModelInfo {
        name: "bundled".into(),
        version: "1".into(),
        sha256: "ab".repeat(32),
    }
}

pub(crate) fn software() -> Software {
    Software {
        version: "0.1.0".into(),
    }
}

/// A frame with a message id, whose bytes follow from `number`, that arrives at second `arrival`.
pub(crate) fn frame(camera: &str, number: u32, arrival: i64) -> FrameRecord {
    let mut digest = [0; 32];
    digest[..4].copy_from_slice(&number.to_be_bytes());
    FrameRecord {
        key: FrameKey {
            camera: camera.into(),
            input: "images".into(),
            message_id: Some(format!("m-{number}")),
            created: None,
            digest,
            repeat: Repeat::No,
            reused_id: ReusedId::CountsAsNew,
        },
        stamp: None,
        arrival: at(arrival).wall,
        clock: Clock::Plausible,
        outcome: classified("ripe"),
        reply: None,
    }
}

pub(crate) fn classified(label: &str) -> Outcome {
    Outcome::Classified {
        label: label.into(),
    }
}

/// In memory where the machine has such a folder: what a kill leaves is the same there.
pub(crate) fn folder_in_memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

pub(crate) const NEW: Recorded = Recorded::Counted { reused_id: false };

pub(crate) struct Fixture {
    pub(crate) dir: TempDir,
    pub(crate) ledger: Ledger,
    options: LedgerOptions,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(LedgerOptions::default())
    }

    pub(crate) fn with(options: LedgerOptions) -> Self {
        Self::in_folder(tempfile::tempdir().unwrap(), options)
    }

    /// For tests that are about thousands of commits and not about the disk.
    pub(crate) fn in_memory(options: LedgerOptions) -> Self {
        Self::in_folder(folder_in_memory(), options)
    }

    fn in_folder(dir: TempDir, options: LedgerOptions) -> Self {
        let ledger = Ledger::open(dir.path(), options, at(0)).unwrap();
        Self {
            dir,
            ledger,
            options,
        }
    }

    pub(crate) fn record(&mut self, frame: &FrameRecord) -> Recorded {
        self.ledger.record(frame, &model()).unwrap()
    }

    /// Seals what is due at a second and gives the reports that wait.
    pub(crate) fn seal(&mut self, second: i64) -> Vec<Report> {
        self.ledger.seal_due(at(second), &software()).unwrap();
        self.unsent()
    }

    pub(crate) fn unsent(&self) -> Vec<Report> {
        let sealed = self.ledger.unsent(usize::MAX).unwrap();
        sealed
            .iter()
            .map(|report| serde_json::from_slice(&report.body).unwrap())
            .collect()
    }

    /// The hub takes all that waits.
    pub(crate) fn send_all(&mut self, now: Now) {
        while let Some(report) = self.ledger.unsent(1).unwrap().first() {
            self.ledger.mark_sent(report.sequence, now).unwrap();
        }
    }

    pub(crate) fn reopen(self) -> Self {
        let options = self.options;
        self.reopen_with(options)
    }

    pub(crate) fn reopen_with(self, options: LedgerOptions) -> Self {
        let Self { dir, ledger, .. } = self;
        drop(ledger);
        Self::in_folder(dir, options)
    }

    pub(crate) fn assert_right(&self) {
        let verification = self.ledger.verify().unwrap();
        assert!(verification.is_right(), "{:#?}", verification.findings);
    }

    pub(crate) fn next_closing(&self, second: i64) -> Option<Duration> {
        self.ledger.next_closing(at(second))
    }
}
