//! Sends what the ledger has sealed, oldest first, until edgeHub confirms it.
//!
//! A report is fixed (sequence, id, bytes) when it is sealed and is published as
//! it is, again and again if need be, until its PUBACK; only then is it marked as
//! sent. A crash between PUBACK and mark sends it twice with the same `reportId`,
//! by which readers tell. What comes after what is decided in `sending`; here it is
//! carried out and waited for.

use std::sync::Arc;
use std::time::Instant;

use edge_client::{Client, PublishError};
use edge_protocol::message::OutgoingMessage;
use edge_protocol::properties::Properties;
use ledger::{LedgerError, SealedReport};
use tokio::sync::{Notify, watch};
use tracing::{error, warn};

use super::outage::Trying;
use super::sending::{BATCH, End, Publish, Published, Step};
use crate::metrics::Metrics;
use crate::metrics::events::ReportSent;
use crate::{SharedLedger, clock, error_chain};

/// The module output that the template routes to `$upstream`.
pub const OUTPUT: &str = "counts";

/// The half that sends.
#[derive(Debug)]
pub(crate) struct Sender {
    client: Client,
    ledger: SharedLedger,
    trying: watch::Sender<Trying>,
    sealed: Arc<Notify>,
    metrics: Metrics,
}

impl Sender {
    pub(crate) fn new(
        client: Client,
        ledger: SharedLedger,
        trying: watch::Sender<Trying>,
        sealed: Arc<Notify>,
        metrics: Metrics,
    ) -> Self {
        Sender {
            client,
            ledger,
            trying,
            sealed,
            metrics,
        }
    }

    /// Until `stop` turns true, or until the ledger proves damaged.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut trouble = None;
        loop {
            let end = self.round().await.unwrap_or_else(|error| {
                let why = error_chain(&error);
                error!(why, "reports cannot be read or marked as sent");
                End::Ledger(error.kind())
            });
            if *stop.borrow() {
                return;
            }
            let Some(pause) = end.pause() else { return };
            let seen = end.trouble();
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

    /// Sends the oldest unsent reports.
    async fn round(&self) -> Result<End, LedgerError> {
        let read = self.ledger.blocking(|ledger| ledger.unsent(BATCH));
        let mut step = Step::of(read.await?);
        loop {
            step = match step {
                Step::Publish(publish) => {
                    let published = self.publish(&publish).await;
                    publish.answer(published)
                }
                Step::Mark(mark) => {
                    let sequence = mark.sequence();
                    self.ledger
                        .blocking(move |ledger| ledger.mark_sent(sequence, clock::now()))
                        .await?;
                    mark.marked()
                }
                Step::Over(end) => return Ok(end),
            }
        }
    }

    async fn publish(&self, publish: &Publish) -> Published {
        // Nobody needs to wake for a beginning: only its age tells something.
        self.trying.send_if_modified(|trying| {
            trying.begin(Instant::now());
            false
        });
        let report = publish.report();
        let published = match self.client.publish(message(report.clone())).await {
            Ok(()) => Published::Confirmed,
            Err(PublishError::ConnectionLost) => Published::Lost,
            Err(PublishError::Closed) => Published::Closed,
            Err(error @ (PublishError::TooLarge(_) | PublishError::Invalid(_))) => {
                Published::Refused(error_chain(&error))
            }
        };
        if published.ends_the_trying() {
            self.trying.send_if_modified(Trying::end);
        }
        if published == Published::Confirmed {
            ReportSent {
                report_id: &report.report_id,
            }
            .tell(&self.metrics);
        }
        published
    }
}

/// A sealed report as it goes out.
#[must_use]
pub fn message(report: SealedReport) -> OutgoingMessage {
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
