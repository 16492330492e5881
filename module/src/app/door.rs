//! The HTTP door as a part of the module: there or not, and closed and opened while it works.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tracing::{info, warn};

use super::open::Opened;
use super::{GRACE, NeedsAnotherSetup, handles};
use crate::error_chain;
use crate::http::{Door, DoorError, SideDoor, Supplies};
use crate::pipeline::Pipeline;
use crate::settings::{Connection, HttpSettings, Settings};

/// Opens the door and closes it; clones are of the same door.
#[derive(Debug, Clone)]
pub(super) struct Doorkeeper(Arc<Keeper>);

#[derive(Debug)]
struct Keeper {
    /// `None` where the environment has no address for it.
    supplies: Option<Supplies>,
    /// Whether pictures can come by HTTP only.
    is_alone: bool,
    door: Mutex<Option<Door>>,
    broken: watch::Sender<bool>,
}

impl Doorkeeper {
    /// Of a door that is not open yet.
    pub(super) fn new(settings: &Settings, connection: &Connection, opened: &Opened) -> Self {
        Doorkeeper(Arc::new(Keeper {
            supplies: settings.http.map(|http| supplies(http, opened)),
            is_alone: matches!(connection, Connection::Standalone),
            door: Mutex::default(),
            broken: watch::Sender::default(),
        }))
    }

    /// Opens the door at the start, if it is to be open.
    ///
    /// # Errors
    /// When there is no other way for a picture to come in; behind edgeHub a door that cannot be bound
    /// is a warning.
    pub(super) async fn start(&self, is_on: bool) -> anyhow::Result<()> {
        let Some(supplies) = self.0.supplies.as_ref().filter(|_| is_on) else {
            info!("no HTTP: it is off");
            return Ok(());
        };
        match self.open(supplies).await {
            Ok(()) => Ok(()),
            Err(error @ DoorError::Bind { .. }) if !self.0.is_alone => {
                warn!(
                    "no HTTP, pictures come through edgeHub only: {}",
                    error_chain(&error)
                );
                Ok(())
            }
            Err(error @ DoorError::Bind { .. }) => {
                let doing = "pictures can come by HTTP only here".to_owned();
                Err(anyhow::Error::new(error).context(NeedsAnotherSetup(doing)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the door or closes it, as the twin has it: pictures in hand are finished first.
    ///
    /// # Errors
    /// A sentence when it cannot be opened; it is then as it was.
    pub(super) async fn set(&self, is_on: bool) -> Result<(), String> {
        if !is_on {
            self.close(GRACE).await;
            info!("no HTTP any more: it is off");
            return Ok(());
        }
        let Some(supplies) = &self.0.supplies else {
            return Err(
                "FRUIT_COUNTER_HTTP is off in the environment, so there is no address to listen on; \
                 give it one in the deployment"
                    .to_owned(),
            );
        };
        self.open(supplies)
            .await
            .map_err(|error| error_chain(&error))
    }

    async fn open(&self, supplies: &Supplies) -> Result<(), DoorError> {
        let mut place = self.0.door.lock().await;
        if place.is_some() {
            return Ok(());
        }
        let door = Door::open(supplies.clone()).await?;
        info!(address = %door.address(), "HTTP is served");
        let (breaks, broken) = (door.broken(), self.0.broken.clone());
        tokio::spawn(async move {
            if breaks.await {
                broken.send_replace(true);
            }
        });
        *place = Some(door);
        Ok(())
    }

    /// Ends when only a new process can go on, see [`Door::broken`].
    pub(super) async fn broken(&self) {
        // The sender lives as long as this does.
        let _ = self.0.broken.subscribe().wait_for(|broken| *broken).await;
    }

    /// Closes the door, if it is open.
    pub(super) async fn close(&self, grace: Duration) {
        let door = self.0.door.lock().await.take();
        if let Some(door) = door {
            door.close(grace).await;
        }
    }
}

fn supplies(http: HttpSettings, opened: &Opened) -> Supplies {
    let pipeline = &opened.pipeline;
    Supplies {
        settings: HttpSettings {
            connections: handles::for_connections(http.connections, http.queue),
            ..http
        },
        package: Arc::clone(&opened.package),
        model: pipeline.model.clone(),
        in_force: pipeline.judge.in_force.clone(),
        workers: std::thread::available_parallelism().map_or(1, usize::from),
        attempts: Arc::clone(&pipeline.judge.attempts),
        gate: pipeline.judge.gate.clone(),
        hands: pipeline.judge.hands.clone(),
        room: pipeline.judge.eyes.room.clone(),
        ledger: pipeline.ledger.clone(),
        health: Arc::clone(&pipeline.health),
        metrics: pipeline.metrics.clone(),
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
