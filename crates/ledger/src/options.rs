//! How a ledger behaves.

use std::time::Duration;

use crate::counting::Rules;
use crate::error::LedgerError;
use crate::flushing::Durability;
use crate::retention::{KeepSent, Rule};
use crate::window::{StampLimits, Windows};

/// Settings of a [`Ledger`](crate::Ledger). All may change from one opening to the next; windows
/// that are open then keep their length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerOptions {
    /// Length of a window: whole seconds, 1 s to 1 day, aligned to the Unix epoch. Default 60 s. May
    /// change later, see [`Ledger::set_window`](crate::Ledger::set_window).
    pub window: Duration,
    /// What a recorded frame survives. Default [`Durability::Strict`].
    pub durability: Durability,
    /// How many frames are remembered for each camera, with a message id or without, 1 to
    /// 1 000 000; of all cameras together up to an eighth of it more, at least 16 and at most 8192,
    /// wait to be let go. About 50 bytes each on disk and 16 to 20 in memory, and some
    /// tenths of a nanosecond for each that the camera has when a frame of it is looked up. Default 1000.
    pub dedupe_per_camera: usize,
    /// How much is remembered of all cameras together, in bytes, replies included: 1 MiB to
    /// 64 GiB. A frame is reckoned at 128 bytes and its reply, more than it takes in file and memory
    /// together. Over it the oldest frames go, but not the last ten of a camera, see
    /// `docs/ledger.md`. Default 64 MiB: half a million frames without replies, of which 10 MB at
    /// most are in memory.
    pub dedupe_bytes: u64,
    /// How many cameras are counted apart, 1 to 1 000 000; frames of further ones are counted as
    /// one camera, [`OTHER_CAMERAS`](crate::OTHER_CAMERAS). Some 200 bytes each and some 150 for
    /// each label on disk, for ever, since totals are. Default 10 000.
    pub max_cameras: usize,
    /// When a camera's own stamp is believed.
    pub stamp_limits: StampLimits,
    /// The largest body of a report in bytes, 1024 to 262 144; larger windows become several
    /// reports. Default 240 000, which leaves room for topic and properties below the hub's gate
    /// of 262 144. Every report names all labels in its totals: L labels of B bytes take up to
    /// L·(B + 23) bytes of it, so that only a model of thousands of labels exceeds the default,
    /// see [`Ledger::fits`](crate::Ledger::fits).
    pub report_limit: usize,
    /// How long reports are kept that were sent.
    pub keep_sent: KeepSent,
}

impl Default for LedgerOptions {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(60),
            durability: Durability::Strict,
            dedupe_per_camera: 1000,
            dedupe_bytes: 64 << 20,
            max_cameras: 10_000,
            stamp_limits: StampLimits::default(),
            report_limit: 240_000,
            keep_sent: KeepSent::default(),
        }
    }
}

/// Options that are known to be in range.
#[derive(Debug)]
pub(crate) struct CheckedOptions {
    pub(crate) rules: Rules,
    pub(crate) durability: Durability,
    pub(crate) report_limit: usize,
    pub(crate) keep_sent: Rule,
}

impl LedgerOptions {
    pub(crate) fn check(&self) -> Result<CheckedOptions, LedgerError> {
        if !(1..=1_000_000).contains(&self.dedupe_per_camera) {
            return Err(LedgerError::Argument {
                name: "dedupe_per_camera",
                seen: self.dedupe_per_camera.to_string(),
                expected: "1 to 1000000",
            });
        }
        if !(1024..=262_144).contains(&self.report_limit) {
            return Err(LedgerError::Argument {
                name: "report_limit",
                seen: self.report_limit.to_string(),
                expected: "1024 to 262144 bytes",
            });
        }
        let dedupe_bytes = i64::try_from(self.dedupe_bytes).ok();
        let dedupe_bytes = dedupe_bytes.filter(|bytes| (1 << 20..=64 << 30).contains(bytes));
        let max_cameras = u64::try_from(self.max_cameras).ok();
        let max_cameras = max_cameras.filter(|cameras| (1..=1_000_000).contains(cameras));
        let rules = Rules {
            windows: Windows::new(self.window, self.stamp_limits)?,
            dedupe_per_camera: self.dedupe_per_camera,
            dedupe_bytes: dedupe_bytes.ok_or_else(|| LedgerError::Argument {
                name: "dedupe_bytes",
                seen: self.dedupe_bytes.to_string(),
                expected: "1 MiB to 64 GiB",
            })?,
            max_cameras: max_cameras.ok_or_else(|| LedgerError::Argument {
                name: "max_cameras",
                seen: self.max_cameras.to_string(),
                expected: "1 to 1000000",
            })?,
        };
        Ok(CheckedOptions {
            rules,
            durability: self.durability,
            report_limit: self.report_limit,
            keep_sent: self.keep_sent.check()?,
        })
    }
}
