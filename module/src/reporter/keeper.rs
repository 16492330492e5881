//! Without a hub: seals what is due, and keeps it here.
//!
//! A report that nobody will take is noted as sent in the same turn, so that it is let go when its
//! time has come, like those that were sent. Reports that wait from a time with a hub are left
//! waiting; so is one that a crash leaves between the two commits.

use std::time::Duration;

use ledger::{Ledger, LedgerError, LedgerErrorKind};
use tokio::sync::watch;
use tracing::{error, info};

use super::sealing::LEAST;
use super::{PAUSE, Reporting};
use crate::{SharedLedger, clock, error_chain};

/// Until `stop` turns true, or until the ledger proves damaged.
pub async fn keep(ledger: SharedLedger, reporting: Reporting, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let reporting = reporting.clone();
        let round = ledger
            .blocking(move |ledger| round(ledger, &reporting))
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
fn round(ledger: &mut Ledger, reporting: &Reporting) -> Result<Duration, LedgerError> {
    let Reporting {
        software, model, ..
    } = reporting;
    // At most `PAUSE` after the round before, which bounds what a power cut can take.
    ledger.flush()?;
    let now = clock::now();
    let mut reports = ledger.seal_other_models(model, now, software)?;
    reports += ledger.seal_due(now, software)?;
    if reports > 0 {
        let last = ledger.totals()?.sealed_reports;
        let before = last.saturating_sub(reports as u64);
        for sequence in before + 1..=last {
            ledger.mark_sent(sequence, now)?;
        }
        info!(reports, "sealed, kept in the ledger");
    }
    let closing = ledger.next_closing(now).unwrap_or(PAUSE);
    Ok(closing.clamp(LEAST, PAUSE))
}

#[cfg(test)]
mod tests;
