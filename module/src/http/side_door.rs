//! A door for whoever watches the module: `/metrics`, `/healthz` and `/readyz`, and no pictures.
//!
//! It has a port of its own (9600 by convention), so that it can be there where HTTP is off, and so that
//! a crowd of cameras does not keep the watchers out. Nobody needs it to count, so it closes with the
//! process and is not waited for.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::sync::watch;

use super::refusal::Refusal;
use super::route::{self, Route, Unrouted};
use super::server::{self, Limits};
use super::{health, listen};
use crate::health::Health;
use crate::metrics::Metrics;

const LIMITS: Limits = Limits {
    connections: 8,
    timeout: Duration::from_secs(10),
};

/// The side door cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error(
    "metrics cannot be served on {address}: set FRUIT_COUNTER_METRICS to an address that is free, such \
     as 127.0.0.1:9601, or to off"
)]
pub struct SideDoorError {
    /// The address as it was set.
    address: SocketAddr,
    /// What the operating system said.
    source: io::Error,
}

/// Open until it is dropped.
#[derive(Debug)]
pub struct SideDoor {
    address: SocketAddr,
    /// Dropping it ends the serving.
    _stop: watch::Sender<bool>,
}

impl SideDoor {
    /// Binds, and serves from now on.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn open(
        address: SocketAddr,
        health: Arc<Health>,
        metrics: Metrics,
    ) -> Result<SideDoor, SideDoorError> {
        let failed = |source| SideDoorError { address, source };
        let listener = listen(address).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stop, stopping) = watch::channel(false);
        let answer = move |_sender, request| answer(Arc::clone(&health), metrics.clone(), request);
        tokio::spawn(server::serve(listener, LIMITS, stopping, answer));
        Ok(SideDoor {
            address,
            _stop: stop,
        })
    }

    /// Where it listens, with the port that the system chose if none was set.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn answer(
    health: Arc<Health>,
    metrics: Metrics,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    match route::find(request.method(), request.uri().path()) {
        Ok(Route::Alive) => health::alive(),
        Ok(Route::Ready) => health::ready(&health),
        Ok(Route::Metrics) => health::metrics(&metrics).await,
        // Pictures have their own door.
        Ok(Route::Picture(_) | Route::Front) => Refusal::from(Unrouted::Path).into_response(),
        Err(unrouted) => Refusal::from(unrouted).into_response(),
    }
}
