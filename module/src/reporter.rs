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
use ledger::{LedgerError, LedgerErrorKind, SealedReport, Software};
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::clock;
use crate::{SharedLedger, error_chain};

/// The module output that the template routes to `$upstream`.
pub const OUTPUT: &str = "counts";

/// So many sealed reports are read from the ledger at a time.
const BATCH: usize = 16;

/// Pause after a fault before the same thing is tried again.
const PAUSE: Duration = Duration::from_secs(2);

/// Seals and sends until `stop` turns true, or until the ledger proves damaged, which
/// only a new start can mend.
pub async fn run(
    client: Client,
    ledger: SharedLedger,
    software: Software,
    mut stop: watch::Receiver<bool>,
) {
    let mut trouble = None;
    loop {
        let round = send_due(&client, &ledger, &software).await;
        if *stop.borrow() {
            return;
        }
        let (pause, seen) = match round {
            Ok(until_next) => (until_next, None),
            Err(Setback::Closed) => return,
            Err(Setback::Unconfirmed) => (
                Duration::ZERO,
                Some("the connection ended before a report was confirmed".into()),
            ),
            Err(Setback::Refused(why)) => (PAUSE, Some(why)),
            Err(Setback::Ledger(error)) => {
                error!(
                    why = error_chain(&error),
                    "reports cannot be sealed or marked"
                );
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
    /// The client refused a message itself; the others of the round were sent.
    Refused(String),
}

/// One round; answers how long until the next window closes.
async fn send_due(
    client: &Client,
    ledger: &SharedLedger,
    software: &Software,
) -> Result<Duration, Setback> {
    let software = software.clone();
    let sealed = ledger
        .blocking(move |ledger| ledger.seal_due(clock::now(), &software))
        .await
        .map_err(Setback::Ledger)?;
    if sealed > 0 {
        info!(reports = sealed, "sealed");
    }
    while send_batch(client, ledger).await? > 0 {}
    let until_next = ledger
        .blocking(|ledger| ledger.next_closing(clock::now()))
        .await;
    Ok(until_next
        .unwrap_or(PAUSE)
        .clamp(Duration::from_millis(50), PAUSE))
}

/// Sends the oldest unsent reports; answers how many. One that the client refuses
/// does not hold up those behind it.
async fn send_batch(client: &Client, ledger: &SharedLedger) -> Result<usize, Setback> {
    let batch = ledger
        .blocking(|ledger| ledger.unsent(BATCH))
        .await
        .map_err(Setback::Ledger)?;
    let mut sent = 0;
    let mut refused = None;
    for report in batch {
        let (sequence, id) = (report.sequence, report.report_id.clone());
        match client.publish(message(report)).await {
            Ok(()) => {}
            Err(PublishError::ConnectionLost) => return Err(Setback::Unconfirmed),
            Err(PublishError::Closed) => return Err(Setback::Closed),
            Err(error @ (PublishError::TooLarge(_) | PublishError::Invalid(_))) => {
                refused = Some(format!("report {id}: {}", error_chain(&error)));
                continue;
            }
        }
        info!(report = id, "sent");
        ledger
            .blocking(move |ledger| ledger.mark_sent(sequence, clock::now()))
            .await
            .map_err(Setback::Ledger)?;
        sent += 1;
    }
    refused.map_or(Ok(sent), |why| Err(Setback::Refused(why)))
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
