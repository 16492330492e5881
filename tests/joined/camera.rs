//! A camera: it names its pictures, keeps each until the hub has confirmed it, and sends it
//! again when it cannot know.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use edge_protocol::properties::PropertiesError;
use edge_protocol::session::PublishId;
use edge_protocol::{OutgoingMessage, Properties};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A property that every picture carries, with all that could break on the way.
pub(crate) const PLACE: (&str, &str) = ("place", "Hälle 3/+ %&=$ #?");

/// Stands for no message id until it is taken out.
const NO_ID: &str = "-";

/// The property that carries a creation stamp.
const STAMP: &str = "iothub-creation-time-utc";

/// What a camera says of its pictures.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Labels {
    pub(crate) ids: Ids,
    pub(crate) stamps: Stamps,
}

/// The message ids that a camera gives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Ids {
    /// One of its own for each picture.
    #[default]
    Unique,
    /// Numbers from 1, which begin again after every second picture.
    Reused,
    /// None.
    None,
}

/// The creation stamps that a camera gives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Stamps {
    /// None.
    #[default]
    None,
    /// So many seconds before the time of taking, by a clock that is right.
    Late(i64),
    /// Of a clock that knows nothing.
    Epoch,
    /// Text that is no time.
    Nonsense,
}

/// One camera's state; a camera of this world never crashes.
#[derive(Debug, Default)]
pub(crate) struct Camera {
    number: usize,
    labels: Labels,
    /// Unix seconds at which each picture was taken.
    times: Vec<i64>,
    /// Pictures taken, by name.
    pub(crate) taken: Vec<String>,
    outbox: VecDeque<String>,
    sent: BTreeMap<PublishId, String>,
    /// Pictures that the hub has confirmed.
    pub(crate) confirmed: BTreeSet<String>,
}

impl Camera {
    pub(crate) fn new(number: usize, labels: Labels) -> Self {
        Camera {
            number,
            labels,
            ..Camera::default()
        }
    }

    /// Whether a further delivery of a picture can be told from another picture.
    pub(crate) fn has_ids(&self) -> bool {
        self.labels.ids != Ids::None
    }

    /// At a time in Unix seconds.
    pub(crate) fn takes_a_picture(&mut self, unix: i64) {
        self.times.push(unix);
        let name = format!("{}/{}", device(self.number), self.taken.len() + 1);
        self.taken.push(name.clone());
        self.outbox.push_back(name);
    }

    /// The oldest picture that is not on its way.
    pub(crate) fn next(&self) -> Option<Result<OutgoingMessage, PropertiesError>> {
        self.outbox.front().map(|name| self.picture(name))
    }

    /// That picture is on its way.
    pub(crate) fn sent(&mut self, publish: PublishId) {
        if let Some(name) = self.outbox.pop_front() {
            self.sent.insert(publish, name);
        }
    }

    /// Whether the hub has it, or nobody knows. Gives its name, if there was such a one.
    pub(crate) fn told(&mut self, publish: PublishId, confirmed: bool) -> Option<String> {
        let name = self.sent.remove(&publish)?;
        if confirmed {
            self.confirmed.insert(name.clone());
        } else {
            self.outbox.push_front(name.clone());
        }
        Some(name)
    }

    /// Our client sends no message without an id, others do.
    pub(crate) fn strip_id(&self, topic: &mut String) {
        if self.labels.ids == Ids::None {
            *topic = topic.replace(&format!("%24.mid={NO_ID}&"), "");
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.outbox.is_empty() && self.sent.is_empty()
    }

    fn picture(&self, name: &str) -> Result<OutgoingMessage, PropertiesError> {
        let place = self.taken.iter().position(|taken| taken == name);
        let place = place.unwrap_or_default();
        let mut properties = Properties::new();
        properties.insert(PLACE.0, PLACE.1)?;
        let stamp = match self.labels.stamps {
            Stamps::None => None,
            Stamps::Late(by) => self.times.get(place).map(|taken| stamp(taken - by)),
            Stamps::Epoch => Some(stamp(0)),
            Stamps::Nonsense => Some(format!("boot+{place}s")),
        };
        if let Some(stamp) = stamp {
            properties.insert(STAMP, &stamp)?;
        }
        let id = match self.labels.ids {
            Ids::Unique => name.to_owned(),
            Ids::Reused => (place % 2 + 1).to_string(),
            Ids::None => NO_ID.to_owned(),
        };
        Ok(OutgoingMessage {
            properties,
            ..OutgoingMessage::new(id, Bytes::from(name.to_owned()))
        })
    }
}

/// The device id of a camera.
pub(crate) fn device(number: usize) -> String {
    format!("cam-{number}")
}

fn stamp(unix: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp(unix).expect("a date");
    at.format(&Rfc3339).expect("a year of four digits")
}
