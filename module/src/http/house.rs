//! What every request shares.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use vision::{DecodeLimits, Formats};

use super::body_room::{BodyRoom, Share};
use super::flights::Flights;
use super::names::Names;
use super::recorder::Recorder;
use super::refusal::Refusal;
use super::reply::{Listed, Voice};
use super::route::{self, Family, Route};
use super::workers::{Origin, Workers};
use super::{DoorError, Supplies, health, image};
use crate::SharedLedger;
use crate::health::Health;
use crate::in_force::NowInForce;
use crate::metrics::{InFlight, Metrics, Way};
use crate::settings::{CountMode, HttpSettings};

/// Hands a request to whom it is for.
pub(super) async fn answer(
    house: Arc<House>,
    sender: IpAddr,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let response = match route::find(request.method(), request.uri().path()) {
        Ok(Route::Picture(asked)) => image::post(&house, sender, request, asked).await,
        Ok(Route::Alive) => health::alive(),
        Ok(Route::Ready) => health::ready(&house.health),
        Ok(Route::Metrics) => health::metrics(&house.metrics).await,
        Ok(Route::Front) => health::front(request.headers()),
        Err(unrouted) => Refusal::from(unrouted).into_response(),
    };
    house.metrics.responded(response.status().as_u16());
    response
}

/// The door's rooms behind it.
#[derive(Debug)]
pub(super) struct House {
    pub(super) settings: HttpSettings,
    pub(super) ledger: SharedLedger,
    pub(super) workers: Workers,
    pub(super) recorder: Recorder,
    pub(super) names: Names,
    /// Which labels the container lists whose place this takes.
    listed: Listed,
    pub(super) flights: Flights,
    in_hand: Arc<Semaphore>,
    /// For the bodies of those in hand.
    bodies: BodyRoom,
    pub(super) health: Arc<Health>,
    pub(super) metrics: Metrics,
    in_force: NowInForce,
}

/// A picture is in hand until this is dropped.
#[derive(Debug)]
pub(super) struct InHand {
    #[expect(dead_code, reason = "held, not read")]
    place: OwnedSemaphorePermit,
    share: Share,
    #[expect(dead_code, reason = "held, not read")]
    flight: InFlight,
}

impl InHand {
    /// What its body may have of the room.
    pub(super) fn share(&self) -> &Share {
        &self.share
    }
}

impl House {
    /// `known` are the cameras that the ledger knows.
    pub(super) fn new<'a>(
        supplies: Supplies,
        known: impl Iterator<Item = &'a String>,
        broken: watch::Sender<bool>,
    ) -> Result<Self, DoorError> {
        let Supplies {
            settings,
            package,
            model,
            in_force,
            workers,
            attempts,
            gate,
            hands,
            room,
            ledger,
            health,
            metrics,
        } = supplies;
        let names = Names::new(known, settings.cameras);
        let listed = Listed::by(package.preprocess().origin);
        let origin = Origin {
            package,
            in_force: in_force.clone(),
            limits: DecodeLimits {
                // As the container does whose place this takes.
                formats: Formats::ALL,
                max_bytes: settings.max_body,
                ..DecodeLimits::default()
            },
            attempts,
            gate,
            hands,
            room,
            times: metrics.way(Way::Http).eyes.clone(),
            most: workers,
        };
        let recorder = Recorder::start(
            ledger.clone(),
            model,
            settings.queue,
            broken.clone(),
            metrics.clone(),
        )
        .map_err(DoorError::Thread)?;
        health.set_door(Some(recorder.writable()));
        Ok(House {
            settings,
            ledger,
            workers: Workers::new(origin, broken),
            recorder,
            names,
            listed,
            flights: Flights::default(),
            in_hand: Arc::new(Semaphore::new(settings.queue)),
            bodies: BodyRoom::new(settings.max_body),
            health,
            metrics,
            in_force,
        })
    }

    /// Which pictures count, as of now; asked once for each request.
    pub(super) fn count_mode(&self) -> CountMode {
        self.in_force.borrow().behaviour.http_count
    }

    /// How a picture is answered under paths of this family.
    pub(super) fn voice(&self, family: Family) -> Voice {
        Voice {
            family,
            listed: self.listed,
        }
    }

    /// Takes a picture in hand, if there is a place.
    pub(super) fn take_in_hand(&self) -> Result<InHand, Refusal> {
        let place = Arc::clone(&self.in_hand)
            .try_acquire_owned()
            .map_err(|_full| Refusal::Busy)?;
        Ok(InHand {
            place,
            share: self.bodies.share(),
            flight: self.metrics.way(Way::Http).begin(Instant::now()),
        })
    }

    /// How many more pictures could be taken in hand.
    #[cfg(test)]
    pub(super) fn hands_free(&self) -> usize {
        self.in_hand.available_permits()
    }

    /// Kilobytes that are left for bodies.
    #[cfg(test)]
    pub(super) fn bodies_free(&self) -> usize {
        self.bodies.free()
    }

    /// Waits until no picture is in hand; then none is taken any more.
    pub(super) async fn settled(&self) {
        let all = u32::try_from(self.settings.queue).unwrap_or(u32::MAX);
        if let Ok(all) = self.in_hand.acquire_many(all).await {
            all.forget();
        }
    }
}
