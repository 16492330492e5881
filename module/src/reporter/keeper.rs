//! Without a hub: seals what is due, and keeps it here.
//!
//! A report that nobody will take is noted as sent in the same turn, so that it is let go when its
//! time has come, like those that were sent. Others may wait as well: from a time with a hub, or
//! because a crash or an error came between the two commits. As long as one waits, no later one is
//! let go, so they must not wait for ever. After [`PATIENCE`] alone, longer than a start without the
//! hub's variables that somebody made by mistake, they are noted too, and the log says how many.

use std::time::{Duration, Instant};

use ledger::{Ledger, LedgerError, LedgerErrorKind};
use tokio::sync::watch;
use tracing::{error, warn};

use super::outage::Trying;
use super::sealer::seal;
use super::sealing::{LEAST, Rhythm};
use super::{PAUSE, Reporting};
use crate::metrics::Metrics;
use crate::metrics::events::ReportsSealed;
use crate::{SharedLedger, clock, error_chain};

/// How long the module stands alone before reports that wait are taken to wait for nobody.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Of reports that wait so many are noted in one round at most: each is a commit, and pictures wait
/// for the ledger meanwhile.
const AT_ONCE: usize = 16;

/// Until `stop` turns true, or until the ledger proves damaged.
pub async fn keep(
    ledger: SharedLedger,
    reporting: Reporting,
    metrics: Metrics,
    mut stop: watch::Receiver<bool>,
) {
    // No hub waits for a sign of life, and none is away.
    let reporting = Reporting {
        heartbeat: None,
        merge_after: None,
        ..reporting
    };
    let begun = Instant::now();
    while !*stop.borrow() {
        let alone_for = begun.elapsed();
        let reporting = reporting.clone();
        let counting = metrics.clone();
        let round = ledger
            .blocking(move |ledger| round(ledger, &reporting, alone_for, &counting))
            .await;
        let pause = match round {
            Ok(pause) => pause,
            Err(failure) => {
                let why = error_chain(&failure);
                error!(why, "windows cannot be sealed");
                if failure.kind() == LedgerErrorKind::Damaged {
                    return;
                }
                PAUSE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Seals what is due; answers how long to wait.
fn round(
    ledger: &mut Ledger,
    reporting: &Reporting,
    alone_for: Duration,
    metrics: &Metrics,
) -> Result<Duration, LedgerError> {
    // Without heartbeats and joining, one round leaves nothing for the next to remember.
    let mut rhythm = Rhythm::new(reporting, Instant::now());
    let round = rhythm.begin(Trying::default(), Instant::now());
    let (round, closing) = seal(ledger, reporting, round)?;
    let (reports, now) = (round.reports(), clock::now());
    if reports > 0 {
        let last = ledger.totals()?.sealed_reports;
        let before = last.saturating_sub(reports as u64);
        for sequence in before + 1..=last {
            ledger.mark_sent(sequence, now)?;
        }
        ReportsSealed {
            reports,
            to_be_sent: false,
        }
        .tell(metrics);
    }
    if alone_for >= PATIENCE {
        let waiting = ledger.unsent(AT_ONCE)?;
        for report in &waiting {
            ledger.mark_sent(report.sequence, now)?;
        }
        if let (Some(first), Some(last)) = (waiting.first(), waiting.last()) {
            warn!(
                reports = waiting.len(),
                first = first.sequence,
                last = last.sequence,
                "reports waited for a hub and there is none: they are kept in the ledger and not \
                 sent any more; `fruit-counter ledger export` reads what they say"
            );
            // More may wait.
            return Ok(LEAST);
        }
    }
    Ok(rhythm.end(&round, closing))
}

#[cfg(test)]
mod tests;
