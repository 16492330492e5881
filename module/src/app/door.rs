//! The HTTP door as a part of the module: there or not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use super::open::Opened;
use super::{NeedsAnotherSetup, handles};
use crate::error_chain;
use crate::http::{Door, DoorError, SideDoor, Supplies};
use crate::pipeline::Pipeline;
use crate::settings::{Connection, HttpSettings, Settings};

/// The door, where it is set and could be opened.
#[derive(Debug)]
pub(super) struct MaybeDoor(Option<Door>);

/// Opens the door as the settings say.
///
/// # Errors
/// When there is no other way for a picture to come in; behind edgeHub a door that cannot be bound
/// is a warning.
pub(super) async fn open(
    settings: &Settings,
    connection: &Connection,
    opened: &Opened,
) -> anyhow::Result<MaybeDoor> {
    let Some(http) = settings.http else {
        info!("no HTTP: it is off");
        return Ok(MaybeDoor(None));
    };
    let http = HttpSettings {
        connections: handles::for_connections(http.connections, http.queue),
        ..http
    };
    let pipeline = &opened.pipeline;
    let supplies = Supplies {
        settings: http,
        package: Arc::clone(&opened.package),
        model: pipeline.model.clone(),
        labels: Arc::clone(&pipeline.judge.eyes.labels),
        workers: std::thread::available_parallelism().map_or(1, usize::from),
        attempts: Arc::clone(&pipeline.judge.attempts),
        gate: pipeline.judge.gate.clone(),
        hands: pipeline.judge.hands.clone(),
        room: pipeline.judge.eyes.room.clone(),
        ledger: pipeline.ledger.clone(),
        health: Arc::clone(&pipeline.health),
        metrics: pipeline.metrics.clone(),
    };
    let is_alone = matches!(connection, Connection::Standalone);
    match Door::open(supplies).await {
        Ok(door) => {
            info!(address = %door.address(), "HTTP is served");
            Ok(MaybeDoor(Some(door)))
        }
        Err(error @ DoorError::Bind { .. }) if !is_alone => {
            warn!(
                "no HTTP, pictures come through edgeHub only: {}",
                error_chain(&error)
            );
            Ok(MaybeDoor(None))
        }
        Err(error @ DoorError::Bind { .. }) => {
            let doing = "pictures can come by HTTP only here".to_owned();
            Err(anyhow::Error::new(error).context(NeedsAnotherSetup(doing)))
        }
        Err(error) => Err(error.into()),
    }
}

/// Opens the side door as the settings say. Nobody needs it to count, so where it cannot be bound that is
/// a warning.
pub(super) fn open_side(address: Option<SocketAddr>, opened: &Opened) -> Option<SideDoor> {
    let Some(address) = address else {
        info!("no metrics beside the HTTP door: they are off");
        return None;
    };
    let Pipeline {
        health, metrics, ..
    } = &opened.pipeline;
    match SideDoor::open(address, Arc::clone(health), metrics.clone()) {
        Ok(door) => {
            info!(address = %door.address(), "metrics are served");
            Some(door)
        }
        Err(error) => {
            warn!("no metrics beside the HTTP door: {}", error_chain(&error));
            None
        }
    }
}

impl MaybeDoor {
    /// As [`Door::broken`]; never, where there is none.
    pub(super) async fn broken(&mut self) {
        match &mut self.0 {
            Some(door) => door.broken().await,
            None => std::future::pending().await,
        }
    }

    pub(super) async fn close(self, grace: Duration) {
        if let Some(door) = self.0 {
            door.close(grace).await;
        }
    }
}
