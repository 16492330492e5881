//! The HTTP door: for cameras that speak nothing else, and for whoever asks how the module is.
//!
//! | request | answer |
//! |---|---|
//! | `POST /image`, and under the longer paths of container and cloud | what the model sees in the body's picture, as whose path it is says it; counted if the request names its camera, or all are by a setting, and never under `/nostore` |
//! | `GET /healthz` | 200 while the process lives |
//! | `GET /readyz` | 200 when pictures are taken and counted, else 503; the reasons as JSON |
//! | `GET /metrics` | what it counts, for Prometheus and the like; [`SideDoor`] serves these three elsewhere too |
//! | `GET /` | a page for people, or the container's line for programs |
//!
//! `docs/http.md` says all of it to those who use it. The way of a picture:
//!
//! ```text
//! head ─ask─► camera, key ─body─► bytes ─workers─► sight ─recorder─► durable ─► 200
//!                              └flights, look up: known already ─► recorder ─► the same reply
//! ```
//!
//! `image` alone knows that order. `route`, `ask` and `whose` read a request, `names` and `flights` keep
//! state, all without a socket or a clock; `server`, `body`, `workers` and `recorder` wait.
//!
//! What must never happen here: an answer of 200 to a picture that counts before its
//! outcome is durable; a part of a picture in an answer or a log; waiting without an end for
//! somebody outside.
//!
//! Everything is bounded: connections, pictures in hand (each with one body), threads, names of
//! cameras, the time of a head and of a body.

mod ask;
mod body;
mod body_room;
mod fetch;
mod flights;
mod health;
mod house;
mod image;
mod key;
mod multipart;
mod names;
mod recorder;
mod refusal;
mod reply;
mod route;
mod server;
mod side_door;
mod whose;
mod workers;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ledger::{AttemptLog, LedgerError, ModelInfo};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use vision::ModelPackage;

use crate::SharedLedger;
use crate::decode_room::DecodeRoom;
use crate::health::Health;
use crate::in_force::NowInForce;
use crate::judge::Gate;
use crate::metrics::Metrics;
use crate::settings::HttpSettings;
use crate::watchdog::Hands;

use house::House;
use server::Limits;

pub use side_door::{SideDoor, SideDoorError};

/// The door cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// The address is taken, not ours, or a port that only root may bind.
    #[error("HTTP cannot be served on {address}: {}", cure(*address, source.kind()))]
    Bind {
        /// The address as it was set.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The names of earlier cameras cannot be read.
    #[error("the cameras that the ledger knows cannot be read")]
    Ledger(#[source] LedgerError),
    /// The recorder's thread cannot be started.
    #[error("the thread that records cannot be started")]
    Thread(#[source] io::Error),
}

/// What to do about an address that cannot be bound.
fn cure(address: SocketAddr, kind: io::ErrorKind) -> &'static str {
    if kind == io::ErrorKind::PermissionDenied && address.port() < FIRST_FREE_PORT {
        "ports below 1024 are root's here; give the container the sysctl \
         net.ipv4.ip_unprivileged_port_start=0 (in createOptions, HostConfig: \
         \"Sysctls\": {\"net.ipv4.ip_unprivileged_port_start\": \"0\"}), or set FRUIT_COUNTER_HTTP to a \
         port from 1024 on, such as 8080, and bind the host's port to that one, or set it to off"
    } else {
        "set FRUIT_COUNTER_HTTP to an address that is free, such as 127.0.0.1:8080, or to off"
    }
}

/// The first port that needs no privilege, unless the kernel was told otherwise.
const FIRST_FREE_PORT: u16 = 1024;

/// What the door needs of the module.
#[derive(Debug, Clone)]
pub struct Supplies {
    /// How it is made.
    pub settings: HttpSettings,
    /// The model; each worker opens a session of its own on it.
    pub package: Arc<ModelPackage>,
    /// What the counts are attributed to.
    pub model: ModelInfo,
    /// How it behaves now.
    pub in_force: NowInForce,
    /// How many pictures are looked at side by side, beside edgeHub's one.
    pub workers: usize,
    /// The process's attempt notes.
    pub attempts: Arc<AttemptLog>,
    /// The process's gate.
    pub gate: Gate,
    /// What the watchdog looks at.
    pub hands: Hands,
    /// The process's memory for decoding.
    pub room: DecodeRoom,
    /// The ledger, shared.
    pub ledger: SharedLedger,
    /// How the module is.
    pub health: Arc<Health>,
    /// The module's numbers.
    pub metrics: Metrics,
}

/// The open door.
#[derive(Debug)]
pub struct Door {
    address: SocketAddr,
    house: Arc<House>,
    broken: watch::Receiver<bool>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Door {
    /// Binds, and serves from now on. Sessions are opened when pictures come.
    ///
    /// # Errors
    /// [`DoorError`].
    pub async fn open(supplies: Supplies) -> Result<Door, DoorError> {
        let settings = supplies.settings;
        let bind_failed = |source| DoorError::Bind {
            address: settings.address,
            source,
        };
        let listener = listen(settings.address).map_err(bind_failed)?;
        let address = listener.local_addr().map_err(bind_failed)?;
        let (broken, breaking) = watch::channel(false);
        let totals = supplies.ledger.blocking(|ledger| ledger.totals()).await;
        let known = totals.map_err(DoorError::Ledger)?.cameras;
        let house = Arc::new(House::new(supplies, known.keys(), broken)?);
        let (stop, stopping) = watch::channel(false);
        let limits = Limits {
            connections: settings.connections,
            timeout: settings.timeout,
        };
        let within = Arc::clone(&house);
        let answer = move |sender, request| house::answer(Arc::clone(&within), sender, request);
        let serving = tokio::spawn(server::serve(listener, limits, stopping, answer));
        Ok(Door {
            address,
            house,
            broken: breaking,
            stop,
            serving,
        })
    }

    /// Where it listens, with the port that the system chose if none was set.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// True when only a new process can go on: the ledger proved damaged, or a picture made a
    /// worker panic. Whoever waits for it should end this one. False when the door is closed first.
    pub fn broken(&self) -> impl Future<Output = bool> + use<> {
        let mut broken = self.broken.clone();
        async move { broken.wait_for(|broken| *broken).await.is_ok() }
    }

    /// Takes no more requests; [`Door::close`] waits for those in hand.
    pub fn begin_closing(&self) {
        self.stop.send_replace(true);
    }

    /// Takes no more requests, and waits until those in hand are answered and counted, at most
    /// so long. What is left then goes on by itself while the process does; where that ends it is
    /// abandoned, not answered, though perhaps counted.
    pub async fn close(self, grace: Duration) {
        self.begin_closing();
        let settled = async {
            let _ = self.serving.await;
            self.house.settled().await;
        };
        if tokio::time::timeout(grace, settled).await.is_err() {
            tracing::warn!("not every HTTP request was answered in time");
        }
        self.house.health.set_door(None);
    }
}

/// How many may wait to be taken as a connection. Beyond it the kernel takes no notice of them, and
/// they ask again after 1, 3, 7 seconds and so on: with the 128 that are usual, a crowd could keep a
/// camera out for a minute.
const BACKLOG: u32 = 1024;

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // So that a module that is started again need not wait for its last connections to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
mod tests;
