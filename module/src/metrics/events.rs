//! What happens, as values: each writes its log line and counts, so that the two cannot disagree.

use std::time::Duration;

use ledger::{LedgerError, Outcome, Recorded};
use tracing::{debug, error, warn};

use super::ways::Ending;
use super::{Metrics, Way};
use crate::error_chain;

/// A picture's outcome is durable.
#[derive(Debug)]
pub struct FrameRecorded<'a> {
    /// How it came.
    pub way: Way,
    /// Whose it is, where the log does not say it anyway.
    pub camera: Option<&'a str>,
    /// What it would count as.
    pub outcome: &'a Outcome,
    /// What the ledger made of it.
    pub recorded: &'a Recorded,
}

impl FrameRecorded<'_> {
    /// Writes and counts it.
    pub fn tell(&self, metrics: &Metrics) {
        let FrameRecorded {
            way,
            camera,
            outcome,
            recorded,
        } = self;
        match way {
            // `cargo xtask chaos` reads this line.
            Way::EdgeHub => debug!(?outcome, ?recorded, "recorded"),
            // What is kept for a repeat is the sender's.
            Way::Http => debug!(
                camera,
                ?outcome,
                new = matches!(recorded, Recorded::Counted { .. }),
                "counted"
            ),
        }
        if let Recorded::Counted { reused_id: true } = recorded {
            warn!("the camera used a message id again for another picture; both are counted");
        }
        if let Some(ending) = ending(outcome, recorded) {
            metrics.way(*way).count(ending);
        }
    }
}

/// `None` where nothing was counted.
fn ending<'a>(outcome: &'a Outcome, recorded: &Recorded) -> Option<Ending<'a>> {
    match (recorded, outcome) {
        (Recorded::Conflict, _) => None,
        (Recorded::Duplicate { .. }, _) => Some(Ending::Duplicate),
        (Recorded::Counted { .. }, Outcome::Classified { label }) => {
            Some(Ending::Classified { label })
        }
        (Recorded::Counted { .. }, Outcome::Unsure) => Some(Ending::Unsure),
        (Recorded::Counted { .. }, Outcome::Ignored) => Some(Ending::Ignored),
        (Recorded::Counted { .. }, Outcome::Rejected(reason)) => Some(Ending::Rejected(*reason)),
    }
}

/// Pictures were committed together.
#[derive(Debug)]
pub struct Committed {
    /// How many.
    pub frames: usize,
    /// How long the ledger took.
    pub took: Duration,
}

impl Committed {
    /// Writes and counts it.
    pub fn tell(&self, metrics: &Metrics) {
        let Committed { frames, took } = self;
        debug!(frames, ?took, "committed");
        metrics.0.commits.observe(took.as_secs_f64());
    }
}

/// The ledger could not be read or written for a picture.
#[derive(Debug)]
pub struct LedgerFailed<'a> {
    /// How it came.
    pub way: Way,
    /// Why not.
    pub error: &'a LedgerError,
}

impl LedgerFailed<'_> {
    /// Writes and counts it.
    pub fn tell(&self, metrics: &Metrics) {
        let why = error_chain(self.error);
        match self.way {
            Way::EdgeHub => error!(
                why,
                "an outcome cannot be made durable; its picture stays with edgeHub"
            ),
            Way::Http => error!(why, "outcomes of pictures by HTTP cannot be made durable"),
        }
        metrics.0.ledger_failures.inc();
    }
}

/// Reports were sealed.
#[derive(Debug)]
pub struct ReportsSealed {
    /// How many.
    pub reports: usize,
    /// Whether a hub takes them.
    pub to_be_sent: bool,
}

impl ReportsSealed {
    /// Writes and counts it.
    pub fn tell(&self, metrics: &Metrics) {
        let ReportsSealed {
            reports,
            to_be_sent,
        } = self;
        if *to_be_sent {
            debug!(reports, "sealed");
        } else {
            debug!(reports, "sealed, kept in the ledger");
        }
        metrics.0.reports_sealed.inc_by(*reports as u64);
    }
}

/// edgeHub has confirmed a report.
#[derive(Debug)]
pub struct ReportSent<'a> {
    /// Its id.
    pub report_id: &'a str,
}

impl ReportSent<'_> {
    /// Writes and counts it.
    pub fn tell(&self, metrics: &Metrics) {
        debug!(report = self.report_id, "sent");
        metrics.0.reports_sent.inc();
    }
}
