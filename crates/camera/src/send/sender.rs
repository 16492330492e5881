//! The sender: takes pictures when they are due and keeps each until the hub has acknowledged it.
//!
//! What it promises: a frame that was taken is sent, with the same bytes, the same id and the same
//! stamp, until the hub acknowledges it, the hub can never take it, or the time to stop has come
//! and the grace is over; and each frame ends in exactly one line of the report. At most
//! [`Plan::in_flight`] frames are on their way at once, and the source makes no more than
//! [`super::source::READY_PICTURES`] ahead.
//!
//! It knows no hub: it speaks to a [`Publisher`], so that loss and retry can be tried without one.

use super::picture::Picture;
use super::report::{FrameLine, Tally};
use super::source::{Item, Skipped};
use edge_protocol::properties::PropertiesError;
use edge_protocol::{OutgoingMessage, Properties};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

/// Most frames on their way at once, whatever was asked for.
pub const MOST_IN_FLIGHT: usize = 4;

/// Pause before a frame is sent again after its connection was lost. The publisher itself waits
/// for the next connection; this only keeps a hub that takes connections and drops them at once
/// from being asked in a tight loop.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// Sends messages to a hub.
pub trait Publisher: Clone + Send + Sync + 'static {
    /// Sends one message; done when the hub has acknowledged it. May wait as long as there is no
    /// connection.
    fn publish(
        &self,
        message: OutgoingMessage,
    ) -> impl Future<Output = Result<(), PublishFailure>> + Send;
}

/// Why a message was not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishFailure {
    /// The connection ended first: it may have arrived. Send it again.
    #[error("the connection was lost before the hub acknowledged it")]
    ConnectionLost,
    /// The hub can never take it; sending it again would fail again.
    #[error("it cannot be sent: {0}")]
    Refused(String),
}

/// How to send.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The camera's id, `DEVICE` or `DEVICE/MODULE`: first part of the message ids, and named in
    /// the report.
    pub device_id: String,
    /// The output that a module sends on; absent for a leaf device, which has none.
    pub output: Option<String>,
    /// Second part of the message ids: another random number at each start, so that a camera that
    /// starts again does not repeat an id.
    pub start: u32,
    /// Least time from one frame to the next; zero: as fast as the hub acknowledges.
    pub pause: Duration,
    /// Frames to take; absent: until the source ends.
    pub count: Option<u64>,
    /// Frames on their way at once, 1 to [`MOST_IN_FLIGHT`].
    pub in_flight: usize,
    /// How long frames on their way may still be acknowledged after the stop.
    pub grace: Duration,
    /// The wall clock, for the frames' stamps.
    pub clock: fn() -> OffsetDateTime,
}

/// What happens while sending, for the report and for people.
#[derive(Debug)]
pub enum Event {
    /// Something in the source was left out.
    Skipped(Skipped),
    /// A frame was encoded again to fit (see its picture) and is now on its way.
    Reencoded(Picture),
    /// A frame is being sent again.
    SentAgain {
        /// Its id.
        message_id: String,
    },
    /// A frame was acknowledged.
    Confirmed(FrameLine),
    /// A frame was given up.
    GivenUp {
        /// Its line, `confirmed` false.
        line: FrameLine,
        /// Why; absent: the grace was over.
        reason: Option<PublishFailure>,
    },
    /// No more frames are taken, because of the stop.
    Stopping {
        /// Frames still on their way.
        in_flight: usize,
    },
}

/// Events that may wait for the loop; each task waits for room, so none is lost.
const RETRY_NOTES: usize = 16;

/// Sends what comes from `items` until they end or `stop` is done, and says what became of it.
///
/// After `stop` no frame is taken any more; those on their way have [`Plan::grace`]. Without a
/// stop it waits for the hub as long as it takes. `tell` hears every event in order.
pub async fn send_all<P: Publisher>(
    publisher: P,
    mut items: mpsc::Receiver<Item>,
    plan: &Plan,
    stop: impl Future<Output = ()>,
    mut tell: impl FnMut(Event),
) -> Tally {
    let mut tally = Tally::default();
    let mut stop = pin!(stop);
    // Frames on their way, by their number: a task that is aborted cannot say which it was.
    let mut lines: BTreeMap<u64, FrameLine> = BTreeMap::new();
    let mut tasks: JoinSet<(u64, Result<(), PublishFailure>)> = JoinSet::new();
    let (again, mut sent_again) = mpsc::channel::<String>(RETRY_NOTES);
    let in_flight = plan.in_flight.clamp(1, MOST_IN_FLIGHT);
    let mut due = Instant::now();
    let mut source_open = true;
    let mut deadline: Option<Instant> = None;
    loop {
        source_open &= plan.count.is_none_or(|count| tally.sent < count);
        let taking = source_open && deadline.is_none();
        if !taking && tasks.is_empty() {
            break;
        }
        let next = async {
            sleep_until(due).await;
            items.recv().await
        };
        tokio::select! {
            biased;
            Some(message_id) = sent_again.recv() => tell(Event::SentAgain { message_id }),
            Some(done) = tasks.join_next() => {
                // A task that panicked has no number; its frame is given up at the end.
                if let Ok((number, result)) = done
                    && let Some(line) = lines.remove(&number)
                {
                    settle(line, result, &mut tally, &mut tell);
                }
            }
            () = &mut stop, if deadline.is_none() => {
                deadline = Some(Instant::now() + plan.grace);
                tell(Event::Stopping { in_flight: lines.len() });
            }
            () = sleep_until(deadline.unwrap_or(due)), if deadline.is_some() => break,
            item = next, if taking && tasks.len() < in_flight => match item {
                None => source_open = false,
                Some(Item::Skipped(what)) => {
                    tally.skipped += 1;
                    tell(Event::Skipped(what));
                }
                Some(Item::Picture(picture)) => {
                    // Frames that were held up are not made up for: a camera does not hurry.
                    due = (due + plan.pause).max(Instant::now());
                    tally.sent += 1;
                    let number = tally.sent;
                    if picture.reencoded.is_some() {
                        tally.reencoded += 1;
                        tell(Event::Reencoded(picture.clone()));
                    }
                    let line = line(plan, number, &picture);
                    match message(plan, &line.message_id, &picture) {
                        Ok(message) => {
                            let publisher = publisher.clone();
                            let again = again.clone();
                            tasks.spawn(async move {
                                (number, deliver(&publisher, message, &again).await)
                            });
                            lines.insert(number, line);
                        }
                        Err(error) => {
                            let refused = Err(PublishFailure::Refused(error.to_string()));
                            settle(line, refused, &mut tally, &mut tell);
                        }
                    }
                }
            },
        }
    }
    tasks.shutdown().await;
    for (_, line) in lines {
        tell(Event::GivenUp { line, reason: None });
    }
    tally
}

/// Sends one message until the hub acknowledges it or can never take it.
async fn deliver<P: Publisher>(
    publisher: &P,
    message: OutgoingMessage,
    again: &mpsc::Sender<String>,
) -> Result<(), PublishFailure> {
    loop {
        match publisher.publish(message.clone()).await {
            Err(PublishFailure::ConnectionLost) => {
                sleep(RETRY_PAUSE).await;
                // The receiver lives as long as the loop that owns this task.
                let _ = again.send(message.message_id.clone()).await;
            }
            settled @ (Ok(()) | Err(PublishFailure::Refused(_))) => return settled,
        }
    }
}

/// Tells what became of a frame.
fn settle(
    mut line: FrameLine,
    result: Result<(), PublishFailure>,
    tally: &mut Tally,
    tell: &mut impl FnMut(Event),
) {
    match result {
        Ok(()) => {
            tally.confirmed += 1;
            line.confirmed = true;
            tell(Event::Confirmed(line));
        }
        Err(reason) => tell(Event::GivenUp {
            line,
            reason: Some(reason),
        }),
    }
}

/// The line of a frame that is on its way.
fn line(plan: &Plan, number: u64, picture: &Picture) -> FrameLine {
    FrameLine {
        device_id: plan.device_id.clone(),
        message_id: message_id(&plan.device_id, plan.start, number),
        truth: picture.truth.clone(),
        origin: picture.origin.clone(),
        bytes: picture.bytes.len(),
        width: picture.size.map(|(width, _)| width),
        height: picture.size.map(|(_, height)| height),
        means: picture.means,
        confirmed: false,
    }
}

/// `$.mid` of a camera's frame: device, eight hex digits of this start, number from 1.
fn message_id(device_id: &str, start: u32, number: u64) -> String {
    format!("{device_id}-{start:08x}-{number}")
}

/// The application property that carries when a picture was taken. It has no place among the
/// system properties of edgeHub and travels as it is.
const CREATION_TIME: &str = "iothub-creation-time-utc";

/// RFC 3339 in UTC with milliseconds.
const STAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// The message of a frame that is taken now.
fn message(
    plan: &Plan,
    message_id: &str,
    picture: &Picture,
) -> Result<OutgoingMessage, MessageError> {
    let mut properties = Properties::new();
    let now = (plan.clock)().to_offset(time::UtcOffset::UTC);
    properties.insert(CREATION_TIME, now.format(STAMP)?)?;
    let mut message = OutgoingMessage::new(message_id, picture.bytes.clone());
    message.content_type = Some(picture.content.media_type().to_owned());
    message.output.clone_from(&plan.output);
    message.properties = properties;
    Ok(message)
}

/// A message that cannot be written.
#[derive(Debug, thiserror::Error)]
enum MessageError {
    #[error("the time of the clock cannot be written")]
    Stamp(#[from] time::error::Format),
    #[error(transparent)]
    Properties(#[from] PropertiesError),
}

/// Bytes of picture that fit into one message of this camera, both gates of edgeHub and
/// [`crate::encode::MOST_BYTES`] considered.
#[must_use]
pub fn most_picture_bytes(plan: &Plan, identity: &edge_protocol::Identity) -> usize {
    // The longest id, the longest stamp, the longest content type and no picture.
    let empty = Picture {
        bytes: bytes::Bytes::new(),
        content: super::picture::Content::Other,
        truth: None,
        origin: super::picture::Origin::Rendered { seed: 0, index: 0 },
        size: None,
        means: None,
        reencoded: None,
    };
    let id = message_id(&plan.device_id, plan.start, u64::MAX);
    let overhead = message(plan, &id, &empty).map_or(0, |message| {
        // A packet's length field grows by up to three bytes with the picture in it.
        let gate_1 = message.packet_size(identity) + 3;
        gate_1.max(message.hub_size(identity))
    });
    let gate = edge_protocol::message::PACKET_LIMIT.min(edge_protocol::message::MESSAGE_LIMIT);
    crate::encode::MOST_BYTES.min(gate.saturating_sub(overhead))
}

#[cfg(test)]
mod tests;
