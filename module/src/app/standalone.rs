//! The module without a hub: pictures come by HTTP, counts stay in the ledger.

use anyhow::{Context as _, bail};
use std::sync::Arc;
use tokio::sync::watch;
use tracing::{error, info};

use super::BROKEN_DOOR;
use super::door::Doorkeeper;
use super::stop::{StopSignal, note_the_stop, shut_door};
use crate::health::Hub;
use crate::pipeline::Pipeline;
use crate::reporter::{self, Reporting};

/// Runs until it is told to stop.
pub(super) async fn run(
    pipeline: Pipeline,
    reporting: Reporting,
    door: Doorkeeper,
    mut stop_signal: StopSignal,
) -> anyhow::Result<()> {
    info!(
        "standalone: no IOTEDGE_* variable and no EdgeHubConnectionString is set, so pictures come \
         by HTTP only and the counts stay in the ledger"
    );
    // The door's workers have sessions of their own; edgeHub's is not needed.
    let Pipeline {
        judge,
        ledger,
        health,
        metrics,
        ..
    } = pipeline;
    health.set_hub(Hub::Standalone);
    let attempts = Arc::clone(&judge.attempts);
    drop(judge);
    let (stop, stopping) = watch::channel(false);
    let mut keeper = tokio::spawn(reporter::keep(ledger.clone(), reporting, metrics, stopping));
    tokio::select! {
        () = stop_signal.received() => {}
        () = door.broken() => bail!(BROKEN_DOOR),
        ended = &mut keeper => {
            ended.context("sealing broke off")?;
            bail!("sealing ended without being told to");
        }
    }
    info!("stopping: finishing the pictures in hand");
    let note = note_the_stop(attempts);
    stop.send_replace(true);
    let sealing = async {
        if let Err(failure) = keeper.await {
            error!(%failure, "sealing ended badly");
        }
    };
    shut_door(door, sealing, &ledger, note).await;
    info!("stopped");
    Ok(())
}
