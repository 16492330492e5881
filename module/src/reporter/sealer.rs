//! Has the ledger seal what is due, again and again.
//!
//! A window is sealed at its end, those of another model at once, a heartbeat when nothing was
//! sealed for long. What was recorded is flushed in each round, where the ledger flushes frames
//! later. In an outage that outlasts its age, windows are joined by the hour instead;
//! the first confirmation ends that at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ledger::{LedgerError, LedgerErrorKind};
use tokio::sync::{Notify, watch};
use tracing::{error, info};

use super::outage::Trying;
use super::pulse::Pulse;
use super::{PAUSE, Reporting};
use crate::{SharedLedger, clock, error_chain};

/// Shortest wait, so that a window which is due in no time does not keep a core busy.
const LEAST: Duration = Duration::from_millis(50);

/// The half that seals.
#[derive(Debug)]
pub(crate) struct Sealer {
    ledger: SharedLedger,
    reporting: Reporting,
    trying: watch::Receiver<Trying>,
    sealed: Arc<Notify>,
    pulse: Pulse,
    merges: bool,
}

/// What one round came to.
struct Round {
    reports: usize,
    until_next: Option<Duration>,
}

impl Sealer {
    pub(crate) fn new(
        ledger: SharedLedger,
        reporting: Reporting,
        trying: watch::Receiver<Trying>,
        sealed: Arc<Notify>,
    ) -> Self {
        let pulse = Pulse::new(reporting.heartbeat, reporting.window, Instant::now());
        Sealer {
            ledger,
            reporting,
            trying,
            sealed,
            pulse,
            merges: false,
        }
    }

    /// Until `stop` turns true, or until the ledger proves damaged.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let pause = match self.round().await {
                Ok(pause) => pause,
                Err(error) => {
                    let why = error_chain(&error);
                    error!(why, "reports cannot be sealed");
                    if error.kind() == LedgerErrorKind::Damaged {
                        return;
                    }
                    PAUSE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // The sender lives as long as this half.
                _ = self.trying.changed() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Seals what is due; answers how long to wait.
    async fn round(&mut self) -> Result<Duration, LedgerError> {
        let now = Instant::now();
        let merges = self
            .trying
            .borrow_and_update()
            .outlasts(self.reporting.merge_after, now);
        if merges != self.merges {
            self.merges = merges;
            if merges {
                info!("a long outage of the hub: windows are joined by the hour from now on");
            } else {
                info!("the hub is back: windows are sealed one by one again");
            }
        }
        let beats = self.pulse.is_due(now);
        let reporting = self.reporting.clone();
        let round = self
            .ledger
            .blocking(move |ledger| seal(ledger, &reporting, merges, beats))
            .await?;
        if round.reports > 0 {
            info!(reports = round.reports, "sealed");
            self.sealed.notify_one();
        }
        if round.reports > 0 || beats {
            self.pulse.beat(now);
        }
        // Joined windows are due already.
        let closing = round.until_next.filter(|_| !merges).unwrap_or(PAUSE);
        let beat = self.pulse.until_due(now).unwrap_or(PAUSE);
        Ok(closing.min(beat).clamp(LEAST, PAUSE))
    }
}

fn seal(
    ledger: &mut ledger::Ledger,
    reporting: &Reporting,
    merges: bool,
    beats: bool,
) -> Result<Round, LedgerError> {
    let Reporting {
        software, model, ..
    } = reporting;
    // At most `PAUSE` after the round before, which bounds what a power cut can take.
    ledger.flush()?;
    let now = clock::now();
    let mut reports = ledger.seal_other_models(model, now, software)?;
    reports += if merges {
        ledger.merge_due(now, software)?
    } else {
        ledger.seal_due(now, software)?
    };
    if reports == 0 && beats {
        reports += usize::from(ledger.seal_heartbeat(model, now, software)?);
    }
    Ok(Round {
        reports,
        until_next: ledger.next_closing(now),
    })
}

#[cfg(test)]
mod tests;
