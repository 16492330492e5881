//! Sends what the ledger has sealed, oldest first, until edgeHub confirms it.
//!
//! A report is fixed (sequence, id, bytes) when it is sealed and is published as
//! it is, again and again if need be, until its PUBACK; only then is it marked as
//! sent. A crash between PUBACK and mark sends it twice with the same `reportId`,
//! by which readers tell. Waiting is all that happens here: what is due is the
//! ledger's decision.

use std::time::Duration;

use edge_client::{Client, PublishError};
use edge_protocol::message::OutgoingMessage;
use edge_protocol::properties::Properties;
use ledger::{LedgerError, SealedReport, Software};
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::SharedLedger;
use crate::clock;

/// The module output that the template routes to `$upstream`.
pub const OUTPUT: &str = "counts";

/// So many sealed reports are read from the ledger at a time.
const BATCH: usize = 16;

/// Pause after a fault before the same thing is tried again.
const PAUSE: Duration = Duration::from_secs(2);

/// Seals and sends until `stop` turns true.
pub async fn run(
    client: Client,
    ledger: SharedLedger,
    software: Software,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let pause = match send_due(&client, &ledger, &software).await {
            Ok(until_next) => until_next,
            Err(Setback::Unconfirmed) => Duration::ZERO,
            Err(Setback::Closed) => return,
            Err(Setback::Ledger(error)) => {
                error!(%error, "reports cannot be sealed or marked");
                PAUSE
            }
            Err(Setback::Refused(error)) => {
                error!(%error, "a report cannot be sent as it is; it stays in the ledger");
                PAUSE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Why a round ended early.
enum Setback {
    /// The connection was lost before PUBACK: the same report goes again.
    Unconfirmed,
    /// The client was closed: the module is stopping.
    Closed,
    /// The ledger could not be read or written.
    Ledger(LedgerError),
    /// The client refused the message itself.
    Refused(PublishError),
}

/// One round; answers how long until the next window closes.
async fn send_due(
    client: &Client,
    ledger: &SharedLedger,
    software: &Software,
) -> Result<Duration, Setback> {
    let sealed = ledger
        .blocking({
            let software = software.clone();
            move |ledger| ledger.seal_due(clock::now(), &software)
        })
        .await
        .map_err(Setback::Ledger)?;
    if sealed > 0 {
        info!(reports = sealed, "sealed");
    }
    loop {
        let batch = ledger
            .blocking(|ledger| ledger.unsent(BATCH))
            .await
            .map_err(Setback::Ledger)?;
        if batch.is_empty() {
            break;
        }
        for report in batch {
            let sequence = report.sequence;
            send(client, report).await?;
            ledger
                .blocking(move |ledger| ledger.mark_sent(sequence, clock::now()))
                .await
                .map_err(Setback::Ledger)?;
        }
    }
    let until_next = ledger.lock().next_closing(clock::now());
    Ok(until_next
        .unwrap_or(PAUSE)
        .clamp(Duration::from_millis(50), PAUSE))
}

async fn send(client: &Client, report: SealedReport) -> Result<(), Setback> {
    let id = report.report_id.clone();
    match client.publish(message(report)).await {
        Ok(()) => {
            info!(report = id, "sent");
            Ok(())
        }
        Err(PublishError::ConnectionLost) => {
            warn!(
                report = id,
                "no confirmation before the connection ended; sending again"
            );
            Err(Setback::Unconfirmed)
        }
        Err(PublishError::Closed) => Err(Setback::Closed),
        Err(error) => Err(Setback::Refused(error)),
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
