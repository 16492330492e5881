//! How a ledger behaves.

use std::time::Duration;

use crate::error::LedgerError;
use crate::retention::{KeepSent, Rule};
use crate::window::{StampLimits, Windows};

/// Settings of a [`Ledger`](crate::Ledger). All may change from one opening to the next; windows
/// that are open then keep their length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerOptions {
    /// Length of a window: whole seconds, 1 s to 1 day, aligned to the Unix epoch. Default 60 s.
    pub window: Duration,
    /// How many frames are remembered for each camera, with a message id or without, 1 to
    /// 1 000 000; up to 16 more are. About 110 bytes each on disk, none in memory. Default 1000.
    pub dedupe_per_camera: usize,
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
            dedupe_per_camera: 1000,
            stamp_limits: StampLimits::default(),
            report_limit: 240_000,
            keep_sent: KeepSent::default(),
        }
    }
}

/// Options that are known to be in range.
#[derive(Debug)]
pub(crate) struct CheckedOptions {
    pub(crate) windows: Windows,
    pub(crate) dedupe_per_camera: u32,
    pub(crate) report_limit: usize,
    pub(crate) keep_sent: Rule,
}

impl LedgerOptions {
    pub(crate) fn check(&self) -> Result<CheckedOptions, LedgerError> {
        let dedupe = u32::try_from(self.dedupe_per_camera).ok();
        let dedupe = dedupe.filter(|dedupe| (1..=1_000_000).contains(dedupe));
        let dedupe_per_camera = dedupe.ok_or_else(|| LedgerError::Argument {
            name: "dedupe_per_camera",
            seen: self.dedupe_per_camera.to_string(),
            expected: "1 to 1000000",
        })?;
        if !(1024..=262_144).contains(&self.report_limit) {
            return Err(LedgerError::Argument {
                name: "report_limit",
                seen: self.report_limit.to_string(),
                expected: "1024 to 262144 bytes",
            });
        }
        let windows = Windows::new(self.window, self.stamp_limits)?;
        Ok(CheckedOptions {
            windows,
            dedupe_per_camera,
            report_limit: self.report_limit,
            keep_sent: self.keep_sent.check()?,
        })
    }
}
