//! A camera: it names its pictures, keeps each until the hub has confirmed it, and sends it
//! again when it cannot know.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use edge_protocol::properties::PropertiesError;
use edge_protocol::session::PublishId;
use edge_protocol::{OutgoingMessage, Properties};

/// A property that every picture carries, with all that could break on the way.
pub(crate) const PLACE: (&str, &str) = ("place", "Hälle 3/+ %&=$ #?");

/// One camera's state; a camera of this world never crashes.
#[derive(Debug, Default)]
pub(crate) struct Camera {
    number: usize,
    /// Pictures taken, by name.
    pub(crate) taken: Vec<String>,
    outbox: VecDeque<String>,
    sent: BTreeMap<PublishId, String>,
    /// Pictures that the hub has confirmed.
    pub(crate) confirmed: BTreeSet<String>,
}

impl Camera {
    pub(crate) fn new(number: usize) -> Self {
        Camera {
            number,
            ..Camera::default()
        }
    }

    pub(crate) fn takes_a_picture(&mut self) {
        let name = format!("{}/{}", device(self.number), self.taken.len() + 1);
        self.taken.push(name.clone());
        self.outbox.push_back(name);
    }

    /// The oldest picture that is not on its way.
    pub(crate) fn next(&self) -> Option<Result<OutgoingMessage, PropertiesError>> {
        self.outbox.front().map(|name| picture(name))
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

    pub(crate) fn is_done(&self) -> bool {
        self.outbox.is_empty() && self.sent.is_empty()
    }
}

/// The device id of a camera.
pub(crate) fn device(number: usize) -> String {
    format!("cam-{number}")
}

fn picture(name: &str) -> Result<OutgoingMessage, PropertiesError> {
    let mut properties = Properties::new();
    properties.insert(PLACE.0, PLACE.1)?;
    Ok(OutgoingMessage {
        properties,
        ..OutgoingMessage::new(name, Bytes::from(name.to_owned()))
    })
}
