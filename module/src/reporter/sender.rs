//! Sends what the ledger has sealed, oldest first, until edgeHub confirms it.
//!
//! A report is fixed (sequence, id, bytes) when it is sealed and is published as
//! it is, again and again if need be, until its PUBACK; only then is it marked as
//! sent. A crash between PUBACK and mark sends it twice with the same `reportId`,
//! by which readers tell.

use std::sync::Arc;
use std::time::{Duration, Instant};

use edge_client::{Client, PublishError};
use edge_protocol::message::OutgoingMessage;
use edge_protocol::properties::Properties;
use ledger::{LedgerError, LedgerErrorKind, SealedReport};
use tokio::sync::{Notify, watch};
use tracing::{error, info, warn};

use super::PAUSE;
use super::outage::Trying;
use crate::{SharedLedger, clock, error_chain};

/// The module output that the template routes to `$upstream`.
pub const OUTPUT: &str = "counts";

/// So many sealed reports are read from the ledger at a time.
const BATCH: usize = 16;

/// The half that sends.
#[derive(Debug)]
pub(crate) struct Sender {
    client: Client,
    ledger: SharedLedger,
    trying: watch::Sender<Trying>,
    sealed: Arc<Notify>,
}

/// Why a round ended early.
enum Setback {
    /// The connection was lost before PUBACK: the same report goes again.
    Unconfirmed,
    /// The client was closed: the module is stopping.
    Closed,
    /// The ledger could not be read or written.
    Ledger(LedgerError),
    /// The client refused a message itself; the others of the round were sent.
    Refused(String),
}

impl Sender {
    pub(crate) fn new(
        client: Client,
        ledger: SharedLedger,
        trying: watch::Sender<Trying>,
        sealed: Arc<Notify>,
    ) -> Self {
        Sender {
            client,
            ledger,
            trying,
            sealed,
        }
    }

    /// Until `stop` turns true, or until the ledger proves damaged.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut trouble = None;
        loop {
            let round = self.send_batch().await;
            if *stop.borrow() {
                return;
            }
            let (pause, seen) = match round {
                Ok(0) => (PAUSE, None),
                Ok(_) => (Duration::ZERO, None),
                Err(Setback::Closed) => return,
                Err(Setback::Unconfirmed) => (
                    Duration::ZERO,
                    Some("the connection ended before a report was confirmed".into()),
                ),
                Err(Setback::Refused(why)) => (PAUSE, Some(why)),
                Err(Setback::Ledger(error)) => {
                    let why = error_chain(&error);
                    error!(why, "reports cannot be read or marked as sent");
                    if error.kind() == LedgerErrorKind::Damaged {
                        return;
                    }
                    (PAUSE, None)
                }
            };
            // What lasts is said once.
            if seen.is_some() && seen != trouble {
                warn!(
                    why = seen,
                    "a report is not sent yet; it stays in the ledger and goes again"
                );
            }
            trouble = seen;
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.sealed.notified() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Sends the oldest unsent reports; answers how many. One that the client refuses
    /// does not hold up those behind it.
    async fn send_batch(&self) -> Result<usize, Setback> {
        let batch = self
            .ledger
            .blocking(|ledger| ledger.unsent(BATCH))
            .await
            .map_err(Setback::Ledger)?;
        let mut sent = 0;
        let mut refused = None;
        for report in batch {
            let (sequence, id) = (report.sequence, report.report_id.clone());
            // Nobody needs to wake for a beginning: only its age tells something.
            self.trying.send_if_modified(|trying| {
                trying.begin(Instant::now());
                false
            });
            match self.client.publish(message(report)).await {
                Ok(()) => {}
                Err(PublishError::ConnectionLost) => return Err(Setback::Unconfirmed),
                Err(PublishError::Closed) => return Err(Setback::Closed),
                Err(error @ (PublishError::TooLarge(_) | PublishError::Invalid(_))) => {
                    self.trying.send_if_modified(Trying::end);
                    refused = Some(format!("report {id}: {}", error_chain(&error)));
                    continue;
                }
            }
            self.trying.send_if_modified(Trying::end);
            info!(report = id, "sent");
            self.ledger
                .blocking(move |ledger| ledger.mark_sent(sequence, clock::now()))
                .await
                .map_err(Setback::Ledger)?;
            sent += 1;
        }
        refused.map_or(Ok(sent), |why| Err(Setback::Refused(why)))
    }
}

fn message(report: SealedReport) -> OutgoingMessage {
    OutgoingMessage {
        output: Some(OUTPUT.to_owned()),
        message_id: report.report_id,
        content_type: Some("application/json".to_owned()),
        content_encoding: Some("utf-8".to_owned()),
        creation_time: None,
        properties: Properties::default(),
        payload: report.body.into(),
    }
}
