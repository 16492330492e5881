//! Has the ledger seal what is due, again and again.
//!
//! A window is sealed at its end, those of another model at once, a heartbeat when nothing was
//! sealed for long. What was recorded is flushed in each round, where the ledger flushes frames
//! later. In an outage that outlasts its age, windows are joined by the hour instead; the first
//! confirmation ends that at once. What a round does is decided in `sealing`; here it is carried
//! out and waited for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ledger::{Ledger, LedgerError, LedgerErrorKind};
use tokio::sync::{Notify, watch};
use tracing::{error, info};

use super::outage::Trying;
use super::sealing::{Rhythm, Round};
use super::{PAUSE, Reporting};
use crate::in_force::NowInForce;
use crate::metrics::Metrics;
use crate::metrics::events::ReportsSealed;
use crate::{SharedLedger, clock, error_chain};

/// The half that seals.
#[derive(Debug)]
pub(crate) struct Sealer {
    ledger: SharedLedger,
    reporting: Reporting,
    trying: watch::Receiver<Trying>,
    sealed: Arc<Notify>,
    metrics: Metrics,
    in_force: NowInForce,
    rhythm: Rhythm,
}

impl Sealer {
    pub(crate) fn new(
        ledger: SharedLedger,
        reporting: Reporting,
        trying: watch::Receiver<Trying>,
        sealed: Arc<Notify>,
        metrics: Metrics,
        in_force: NowInForce,
    ) -> Self {
        let rhythm = Rhythm::new(&reporting, Instant::now());
        Sealer {
            ledger,
            reporting,
            trying,
            sealed,
            metrics,
            in_force,
            rhythm,
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
                // A change may close a window.
                Ok(()) = self.in_force.changed() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Seals what is due; answers how long to wait.
    async fn round(&mut self) -> Result<Duration, LedgerError> {
        let trying = *self.trying.borrow_and_update();
        let heartbeat = self.in_force.borrow_and_update().behaviour.heartbeat;
        self.rhythm.set_heartbeat(heartbeat, Instant::now());
        let round = self.rhythm.begin(trying, Instant::now());
        match round.turned() {
            Some(true) => {
                info!("a long outage of the hub: windows are joined by the hour from now on");
            }
            Some(false) => info!("the hub is back: windows are sealed one by one again"),
            None => {}
        }
        let reporting = self.reporting.clone();
        let (round, closing) = self
            .ledger
            .blocking(move |ledger| seal(ledger, &reporting, round))
            .await?;
        if round.reports() > 0 {
            ReportsSealed {
                reports: round.reports(),
                to_be_sent: true,
            }
            .tell(&self.metrics);
            self.sealed.notify_one();
        }
        Ok(self.rhythm.end(&round, closing))
    }
}

/// Carries a round out; also gives how long until the next window is due.
pub(super) fn seal(
    ledger: &mut Ledger,
    reporting: &Reporting,
    mut round: Round,
) -> Result<(Round, Option<Duration>), LedgerError> {
    // At most `PAUSE` after the round before, which bounds what a power cut can take.
    ledger.flush()?;
    let now = clock::now();
    while let Some(step) = round.next() {
        round.sealed(step.on(ledger, reporting, now)?);
    }
    Ok((round, ledger.next_closing(now)))
}

#[cfg(test)]
mod tests;
