//! The way of one picture that comes by HTTP, in order: head → in hand → body (or what is fetched from
//! the address in it) → looked up → looked at → recorded → answered.
//!
//! From the moment its body is complete, a picture that counts goes its way to the end even if its
//! sender does not wait: dropping the answer's future loses no count.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::EXPECT;
use hyper::{Request, Response};
use ledger::{
    AttemptKey, FrameKey, FrameRecord, Now, Outcome, Recorded, RejectReason, Repeat, ReusedId, Seen,
};
use tokio::time::Instant;
use tracing::{Instrument as _, debug, error, info_span};

use super::ask::{self, Ask};
use super::body::{self, Body};
use super::body_room::Share;
use super::fetch::FetchLimits;
use super::house::{House, InHand};
use super::names::{Name, Names};
use super::refusal::Refusal;
use super::reply::Reply;
use super::route::{Asked, Family, Source};
use super::{fetch, key, multipart, whose};
use crate::eyes::Sight;
use crate::metrics::Way;
use crate::{clock, error_chain};

/// The input that these frames are said to have come through. No input of edgeHub's can be called
/// so: the last frames of an input are remembered together, and these are none of its redeliveries.
const INPUT: &str = "/http";

/// What a request for a picture says before its body.
struct Head {
    ask: Ask,
    body: Kind,
    family: Family,
}

/// What the body is.
enum Kind {
    Picture,
    /// With the boundary between its parts.
    Form(String),
    Address,
}

/// A reply, and whether it was given before.
struct Answered {
    reply: Reply,
    replayed: bool,
}

/// A picture to be counted.
struct Counted {
    camera: Name,
    key: Option<String>,
    body: Body,
    arrival: Now,
    family: Family,
}

/// Answers `POST /image` and `POST /url` under any of their paths.
pub(super) async fn post(
    house: &Arc<House>,
    sender: IpAddr,
    request: Request<Incoming>,
    route: Asked,
) -> Response<Full<Bytes>> {
    let (head, incoming) = request.into_parts();
    let deadline = Instant::now() + house.settings.timeout;
    let asked = || -> Result<Head, Refusal> {
        key::check(house.settings.key, &head.headers)?;
        let body = match route.source {
            Source::Address => Kind::Address,
            Source::Body => multipart::boundary(&head.headers)?.map_or(Kind::Picture, Kind::Form),
        };
        let otherwise = whose::camera(house.count_mode(), route.project.as_deref(), sender);
        let ask = ask::read(head.uri.query(), &head.headers, otherwise)?;
        Ok(Head {
            ask: if route.may_count { ask } else { Ask::Answer },
            body,
            family: route.family,
        })
    };
    let admitted = asked().and_then(|asked| Ok((asked, house.take_in_hand()?)));
    let (asked, in_hand) = match admitted {
        Ok(admitted) => admitted,
        Err(refusal) => {
            // Who waits for our word before the body need not send it at all.
            if head.headers.contains_key(EXPECT) {
                return refusal.into_response();
            }
            body::throw_away(incoming, house.settings.max_body, deadline).await;
            return refusal.into_response();
        }
    };
    match answered(house, asked, in_hand, incoming, deadline).await {
        Ok(answered) => answered.reply.into_response(answered.replayed),
        Err(refusal) => {
            debug!(%refusal, "refused");
            refusal.into_response()
        }
    }
}

async fn answered(
    house: &Arc<House>,
    asked: Head,
    in_hand: InHand,
    incoming: Incoming,
    deadline: Instant,
) -> Result<Answered, Refusal> {
    let Head { ask, body, family } = asked;
    let body = read(house, incoming, body, in_hand.share(), deadline).await?;
    let arrival = clock::now();
    match ask {
        Ask::Answer => {
            let sight = look(house, &body).await?;
            drop(in_hand);
            Ok(Answered {
                reply: Reply::to(&sight, arrival.wall, house.voice(family)),
                replayed: false,
            })
        }
        Ask::Count { camera, key } => {
            let house = Arc::clone(house);
            let counted = Counted {
                camera,
                key,
                body,
                arrival,
                family,
            };
            let counting = tokio::spawn(async move {
                let answered = count(&house, counted).await;
                drop(in_hand);
                answered
            });
            counting.await.unwrap_or(Err(Refusal::Stopping))
        }
    }
}

/// Longest body that has an address, in bytes.
const LONGEST_ADDRESS: usize = 16 << 10;

/// The picture: alone, out of its form, or from its address. By its own bytes it is known again: what
/// is around it is new with each retry.
async fn read(
    house: &House,
    incoming: Incoming,
    kind: Kind,
    share: &Share,
    deadline: Instant,
) -> Result<Body, Refusal> {
    let limit = house.settings.max_body;
    match kind {
        Kind::Picture => body::read(incoming, limit, share, deadline).await,
        Kind::Form(boundary) => {
            let form = body::read(incoming, limit + multipart::AROUND, share, deadline).await?;
            match form.picture {
                Some(whole) => Ok(Body::of(multipart::picture(whole, boundary).await?, limit)),
                None => Ok(form),
            }
        }
        Kind::Address => {
            let named = body::read(incoming, LONGEST_ADDRESS, share, deadline).await?;
            let named = fetch::named_in(&named.picture.unwrap_or_default())?;
            let limits = FetchLimits {
                access: house.settings.url,
                max_body: limit,
                share: Some(share.clone()),
            };
            // As long again as the body may have taken.
            let deadline = Instant::now() + house.settings.timeout;
            let fetched = fetch::fetch(&named, &limits, deadline).await?;
            Ok(Body::of(fetched.bytes, limit))
        }
    }
}

/// Finds out what a picture is, counts it once, and only then has a reply.
async fn count(house: &House, counted: Counted) -> Result<Answered, Refusal> {
    // Looking would be in vain; the retry comes through here again.
    if !house.recorder.is_writable() {
        return Err(Refusal::Ledger);
    }
    let Counted {
        camera,
        key,
        body,
        arrival,
        family,
    } = counted;
    let name = camera;
    let camera = house.names.camera(&name);
    let key = key.map(|key| Names::key(&camera, &name, key));
    let frame = FrameKey {
        camera,
        input: INPUT.to_owned(),
        message_id: key,
        created: None,
        digest: body.digest,
        // Without a key nothing says that an equal picture is the same one.
        repeat: Repeat::No,
        reused_id: ReusedId::IsConflict,
    };
    let span = info_span!("frame", camera = frame.camera);
    once(house, frame, &body, arrival, family)
        .instrument(span)
        .await
}

async fn once(
    house: &House,
    frame: FrameKey,
    body: &Body,
    arrival: Now,
    family: Family,
) -> Result<Answered, Refusal> {
    let _flight = match &frame.message_id {
        Some(key) => Some(house.flights.enter(&frame.camera, key).await),
        None => None,
    };
    let (reply, outcome) = match look_up(house, &frame).await? {
        Seen::Conflict => return Err(Refusal::KeyReused),
        // The ledger finds it a duplicate again in the commit, whatever outcome comes with it.
        Seen::Counted { reply: Some(kept) } => (restored(&kept)?, Outcome::Ignored),
        // One without a reply had one that is too long to be kept.
        Seen::Counted { reply: None } | Seen::No => {
            let sight = look(house, body).await?;
            (
                Reply::to(&sight, arrival.wall, house.voice(family)),
                sight.outcome,
            )
        }
    };
    let record = FrameRecord {
        reply: frame.message_id.is_some().then(|| reply.kept()).flatten(),
        key: frame,
        stamp: None,
        arrival: arrival.wall,
        clock: arrival.clock,
        outcome,
    };
    let began = Instant::now();
    let recorded = house
        .recorder
        .record(record)
        .await
        .map_err(|_logged| Refusal::Ledger)?;
    let times = house.metrics.way(Way::Http);
    times.record.observe(began.elapsed().as_secs_f64());
    match recorded {
        Recorded::Counted { .. } => Ok(Answered {
            reply,
            replayed: false,
        }),
        Recorded::Duplicate { reply: kept } => Ok(Answered {
            reply: kept.map_or(Ok(reply), |kept| restored(&kept))?,
            replayed: true,
        }),
        Recorded::Conflict => Err(Refusal::KeyReused),
    }
}

/// What is known of a frame. Without a key nothing can be.
async fn look_up(house: &House, frame: &FrameKey) -> Result<Seen, Refusal> {
    if frame.message_id.is_none() {
        return Ok(Seen::No);
    }
    let frame = frame.clone();
    let began = Instant::now();
    let seen = house
        .ledger
        .blocking(move |ledger| ledger.look_up(&frame))
        .await;
    let times = house.metrics.way(Way::Http);
    times.look_up.observe(began.elapsed().as_secs_f64());
    seen.map_err(|failure| {
        let why = error_chain(&failure);
        error!(why, "a frame that came by HTTP cannot be looked up");
        house.recorder.doubt(failure.kind());
        Refusal::Ledger
    })
}

async fn look(house: &House, body: &Body) -> Result<Sight, Refusal> {
    let Some(picture) = body.picture.clone() else {
        return Ok(Sight {
            outcome: Outcome::Rejected(RejectReason::TooLarge),
            scores: None,
            refusal: Some(format!(
                "the body has more than {} bytes",
                house.settings.max_body
            )),
        });
    };
    // By its bytes alone: whoever sends a picture again that ended the process may give it another
    // key or camera, or none.
    let attempt = AttemptKey::new(INPUT, None, &body.digest);
    house
        .workers
        .judge(attempt, picture)
        .await
        .ok_or(Refusal::Stopping)
}

fn restored(kept: &[u8]) -> Result<Reply, Refusal> {
    Reply::restored(kept).ok_or_else(|| {
        error!("a reply in the ledger is none");
        Refusal::Ledger
    })
}
