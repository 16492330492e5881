//! Makes reports of what was counted, and sends them until edgeHub confirms each.
//!
//! Two halves of one task: the `sealer` has the ledger fix reports when they are due, the
//! `sender` publishes what is sealed, oldest first. They tell each other two things: that there
//! is something to send, and since when sending is tried in vain, by which a long outage is known.
//! What is due is the ledger's decision, what follows what is decided in [`sealing`] and
//! [`sending`], pure; waiting is all that the two halves do. Without a hub the `keeper` seals
//! alone.

mod keeper;
mod outage;
mod pulse;
mod sealer;
pub mod sealing;
mod sender;
pub mod sending;

use std::sync::Arc;
use std::time::Duration;

use edge_client::Client;
use ledger::{ModelInfo, Software};
use tokio::sync::{Notify, watch};

use crate::SharedLedger;
use crate::in_force::NowInForce;
use crate::metrics::Metrics;
use sealer::Sealer;
use sender::Sender;

pub use keeper::keep;
pub use outage::Trying;
pub use sender::{OUTPUT, message};

/// Longest wait of either half, and the pause after a fault before the same thing is tried again.
pub const PAUSE: Duration = Duration::from_secs(2);

/// What reports say of their origin, and when there are any.
#[derive(Debug, Clone)]
pub struct Reporting {
    /// The program that seals.
    pub software: Software,
    /// The model in use; windows of another are closed.
    pub model: ModelInfo,
    /// Length of a window; after so long without a report the first heartbeat follows the start.
    pub window: Duration,
    /// How long nothing is sealed before a heartbeat is, at the start; `None`: there are none.
    pub heartbeat: Option<Duration>,
    /// How long sending is tried in vain before windows are joined by the hour; `None`: never.
    pub merge_after: Option<Duration>,
}

/// Seals while there is no client yet to send with: until it is dropped, or until the ledger proves
/// damaged. What was recorded is flushed every [`PAUSE`] as well; reports wait for [`run`].
pub async fn seal_only(
    ledger: SharedLedger,
    reporting: Reporting,
    metrics: Metrics,
    in_force: NowInForce,
) {
    // Both live as long as this does: nothing is tried, and nobody says stop.
    let (_trying, tried) = watch::channel(Trying::default());
    let (_stop, stopping) = watch::channel(false);
    let sealer = Sealer::new(ledger, reporting, tried, Arc::default(), metrics, in_force);
    sealer.run(stopping).await;
}

/// Seals and sends until `stop` turns true, or until the ledger proves damaged, which
/// only a new start can mend.
pub async fn run(
    client: Client,
    ledger: SharedLedger,
    reporting: Reporting,
    metrics: Metrics,
    in_force: NowInForce,
    stop: watch::Receiver<bool>,
) {
    let (trying, tried) = watch::channel(Trying::default());
    let sealed = Arc::new(Notify::new());
    let sealer = Sealer::new(
        ledger.clone(),
        reporting,
        tried,
        Arc::clone(&sealed),
        metrics.clone(),
        in_force,
    );
    let sender = Sender::new(client, ledger, trying, sealed, metrics);
    let sending = sender.run(stop.clone());
    tokio::pin!(sending);
    tokio::select! {
        () = sealer.run(stop.clone()) => {}
        () = &mut sending => return,
    }
    // A report that is on its way when the module stops is waited for; the client's closing
    // bounds that. A damaged ledger could not even note it.
    if *stop.borrow() {
        sending.await;
    }
}
