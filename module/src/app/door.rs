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
    /// Whether there is another address at which the module can be asked how it is.
    has_side_door: bool,
    place: Arc<Mutex<Place>>,
    broken: watch::Sender<bool>,
}

/// Where the door stands. Held locked while it moves, so that whoever closes it for good waits for
/// those who are still at it.
#[derive(Debug, Default)]
enum Place {
    #[default]
    Shut,
    Open(Door),
    /// The module ends.
    ForGood,
}

impl Doorkeeper {
    /// Of a door that is not open yet.
    pub(super) fn new(settings: &Settings, connection: &Connection, opened: &Opened) -> Self {
        Doorkeeper(Arc::new(Keeper {
            supplies: settings.http.map(|http| supplies(http, opened)),
            is_alone: matches!(connection, Connection::Standalone),
            has_side_door: settings.metrics.is_some(),
            place: Arc::default(),
            broken: watch::Sender::default(),
        }))
    }

    /// Opens the door at the start, if it is to be open. Gives whether it is as it should be.
    ///
    /// # Errors
    /// When there is no other way for a picture to come in; behind edgeHub a door that cannot be bound
    /// is a warning.
    pub(super) async fn start(&self, is_on: bool) -> anyhow::Result<bool> {
        let Some(supplies) = self.0.supplies.as_ref().filter(|_| is_on) else {
            info!("no HTTP: it is off");
            return Ok(true);
        };
        match self.open(supplies).await {
            Ok(()) => Ok(true),
            Err(error @ DoorError::Bind { .. }) if !self.0.is_alone => {
                warn!(
                    "no HTTP, pictures come through edgeHub only: {}",
                    error_chain(&error)
                );
                Ok(false)
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
    /// A sentence when that cannot be; it is then as it was.
    pub(super) async fn set(&self, is_on: bool) -> Result<(), String> {
        if is_on {
            let Some(supplies) = &self.0.supplies else {
                return Err(NO_ADDRESS.to_owned());
            };
            let opened = self.open(supplies).await;
            return opened.map_err(|error| error_chain(&error));
        }
        if !self.0.has_side_door {
            return Err(NO_OTHER_DOOR.to_owned());
        }
        let mut place = Arc::clone(&self.0.place).lock_owned().await;
        match std::mem::take(&mut *place) {
            Place::Open(door) => {
                door.begin_closing();
                info!("HTTP is not served any more");
                // Whoever wants to move the door next waits for those in hand; the twin does not.
                tokio::spawn(async move {
                    door.close(GRACE).await;
                    drop(place);
                });
            }
            as_it_was => *place = as_it_was,
        }
        Ok(())
    }

    async fn open(&self, supplies: &Supplies) -> Result<(), DoorError> {
        let mut place = self.0.place.lock().await;
        if !matches!(*place, Place::Shut) {
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
        *place = Place::Open(door);
        Ok(())
    }

    /// Ends when only a new process can go on, see [`Door::broken`].
    pub(super) async fn broken(&self) {
        // The sender lives as long as this does.
        let _ = self.0.broken.subscribe().wait_for(|broken| *broken).await;
    }

    /// Closes the door for good.
    pub(super) async fn close(&self, grace: Duration) {
        let mut place = self.0.place.lock().await;
        if let Place::Open(door) = std::mem::replace(&mut *place, Place::ForGood) {
            door.close(grace).await;
        }
    }
}

const NO_ADDRESS: &str = "FRUIT_COUNTER_HTTP is off in the environment, so there is no address to listen on; \
                          give it one in the deployment";

/// A health check that nobody answers has a healthy module started again for ever.
const NO_OTHER_DOOR: &str = "FRUIT_COUNTER_METRICS is off in the environment, so without HTTP nobody could ask \
                             whether the module is well; give it an address in the deployment";

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
