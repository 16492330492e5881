//! The end of the module: what tells it to stop, and what is still done then.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ledger::{AttemptLog, LedgerError};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tracing::{debug, error, warn};

use super::GRACE;
use super::door::Doorkeeper;
use crate::SharedLedger;

/// After so long the process ends whatever is left. Docker kills after 10 s; the
/// promise is 8 s.
const LAST_CALL: Duration = Duration::from_secs(7);

/// What an orderly stop still has to do, as far as the last call lets it.
pub(super) async fn within_last_call(rest: impl Future<Output = ()>) {
    if tokio::time::timeout(LAST_CALL, rest).await.is_err() {
        warn!("a picture was still being worked on; it was not acknowledged");
    }
}

/// What an orderly stop has to do where pictures come through the door alone: `sealing` ends after
/// it is shut, and `note` is the note of the stop.
pub(super) async fn shut_door(
    door: Doorkeeper,
    sealing: impl Future<Output = ()>,
    ledger: &SharedLedger,
    note: JoinHandle<()>,
) {
    within_last_call(async {
        door.close(GRACE).await;
        sealing.await;
        flush(ledger).await;
        // It panics with what it does.
        let _ = note.await;
    })
    .await;
}

/// Puts the last pictures on the disk where that is done later than their commit, and all into the one
/// file: the process ends without closing the ledger.
pub(super) async fn flush(ledger: &SharedLedger) {
    let flushed = ledger.blocking(|ledger| {
        ledger.flush()?;
        if let Err(error) = ledger.fold() {
            // The next opening does it.
            debug!(
                why = crate::error_chain(&error),
                "the ledger's log stays beside it"
            );
        }
        Ok::<_, LedgerError>(())
    });
    if let Err(error) = flushed.await {
        error!(
            why = crate::error_chain(&error),
            "the last pictures are not known to survive a power cut"
        );
    }
}

/// However the process ends now, that is no picture's fault.
pub(super) fn note_the_stop(attempts: Arc<AttemptLog>) -> JoinHandle<()> {
    tokio::task::spawn_blocking(move || {
        if let Err(error) = attempts.stopping() {
            warn!(
                why = crate::error_chain(&error),
                "the stop could not be noted beside the ledger"
            );
        }
    })
}

/// SIGTERM from the runtime or SIGINT from a terminal.
pub(super) struct StopSignal {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl StopSignal {
    pub(super) fn listen() -> anyhow::Result<Self> {
        Ok(StopSignal {
            terminate: signal(SignalKind::terminate()).context("listening for SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("listening for SIGINT")?,
        })
    }

    pub(super) async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
