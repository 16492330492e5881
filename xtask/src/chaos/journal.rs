//! What the hub's journal says (`devhub hub --journal`): which picture was handed to the module how
//! often, which of these deliveries it acknowledged, and which messages wait for a PUBACK.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use serde::Deserialize;

/// The module, as the journal names it.
const MODULE: &str = "edge-dev/FruitCounter";

#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase")]
enum Line {
    Started {},
    Took {
        client: String,
        connection: u64,
        packet: u16,
        id: Option<String>,
    },
    Confirmed {
        connection: u64,
        packet: u16,
    },
    Handed {
        delivery: u64,
        connection: u64,
        from: String,
        id: Option<String>,
    },
    Acknowledged {
        delivery: u64,
    },
    Closed {
        connection: u64,
    },
}

/// One picture: its camera and its message id.
pub(super) type Frame = (String, String);

/// The deliveries of one picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Deliveries {
    /// Handed to the module; it may not have arrived.
    pub(super) handed: u64,
    /// Acknowledged by the module: certainly arrived.
    pub(super) acknowledged: u64,
}

/// The journal up to now.
#[derive(Debug, Default)]
pub(super) struct Journal {
    pub(super) frames: BTreeMap<Frame, Deliveries>,
    /// Deliveries by the present hub that were not acknowledged, by number.
    open: BTreeMap<u64, Frame>,
    /// The one that is out: its number and connection.
    last: Option<(u64, u64)>,
    /// What the present hub queued and did not confirm: by connection and packet.
    unconfirmed: BTreeMap<(u64, u16), String>,
    /// By camera: the id of the picture that was handed over last.
    pub(super) handed_last: BTreeMap<String, String>,
    /// The picture that was handed over last of all.
    pub(super) latest: Option<Frame>,
    /// The cameras' pictures that a hub has queued.
    pub(super) pictures: BTreeSet<Frame>,
    /// The ids of the module's messages that a hub has queued.
    pub(super) reports: BTreeSet<String>,
    /// PUBACKs of the module so far.
    pub(super) acknowledged: u64,
}

impl Journal {
    /// Takes one line.
    pub(super) fn take(&mut self, line: &str) -> anyhow::Result<()> {
        let parsed = serde_json::from_str(line)
            .with_context(|| format!("a line of the hub's journal is broken: {line}"))?;
        match parsed {
            Line::Started {} => {
                self.open.clear();
                self.last = None;
                self.unconfirmed.clear();
            }
            Line::Took {
                client,
                connection,
                packet,
                id,
            } => {
                if client == MODULE {
                    self.reports.extend(id);
                } else if let Some(id) = id {
                    self.pictures.insert((client.clone(), id));
                }
                self.unconfirmed.insert((connection, packet), client);
            }
            Line::Confirmed { connection, packet } => {
                self.unconfirmed.remove(&(connection, packet));
            }
            Line::Handed {
                delivery,
                connection,
                from,
                id,
            } => {
                let frame = (from, id.context("a picture without an id was handed over")?);
                self.frames.entry(frame.clone()).or_default().handed += 1;
                self.latest = Some(frame.clone());
                self.handed_last.insert(frame.0.clone(), frame.1.clone());
                self.open.insert(delivery, frame);
                self.last = Some((delivery, connection));
            }
            Line::Acknowledged { delivery } => {
                let frame = self.open.remove(&delivery).with_context(|| {
                    format!("delivery {delivery} was acknowledged and never handed over")
                })?;
                self.frames.entry(frame).or_default().acknowledged += 1;
                self.acknowledged += 1;
            }
            Line::Closed { connection } => {
                self.last = self.last.filter(|(_, on)| *on != connection);
                self.unconfirmed.retain(|(on, _), _| *on != connection);
            }
        }
        Ok(())
    }

    /// The delivery that is out on a connection that lives.
    pub(super) fn out(&self) -> Option<(u64, &Frame)> {
        let (number, _) = self.last?;
        self.open.get(&number).map(|frame| (number, frame))
    }

    /// Whether a delivery of the present hub was not acknowledged.
    pub(super) fn is_open(&self, delivery: u64) -> bool {
        self.open.contains_key(&delivery)
    }

    /// Whether a camera's picture is queued and not confirmed.
    pub(super) fn camera_waits(&self) -> bool {
        self.unconfirmed.values().any(|client| client != MODULE)
    }

    /// Whether a report is queued and not confirmed.
    pub(super) fn report_waits(&self) -> bool {
        self.unconfirmed.values().any(|client| client == MODULE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(lines: &[&str]) -> Journal {
        let mut journal = Journal::default();
        for line in lines {
            journal.take(line).unwrap();
        }
        journal
    }

    const HANDED: &str = r#"{"event":"handed","delivery":1,"client":"edge-dev/FruitCounter","connection":2,"from":"cam-01","id":"a"}"#;

    #[test]
    fn deliveries_are_counted_by_picture_and_numbers_begin_anew_with_a_hub() {
        let started = r#"{"event":"started","pid":1}"#;
        let acknowledged = r#"{"event":"acknowledged","delivery":1}"#;
        let journal = journal(&[started, HANDED, started, HANDED, acknowledged]);
        let frame = ("cam-01".to_owned(), "a".to_owned());
        let deliveries = Deliveries {
            handed: 2,
            acknowledged: 1,
        };
        assert_eq!(journal.frames, BTreeMap::from([(frame, deliveries)]));
        assert_eq!(journal.out(), None);
    }

    #[test]
    fn an_acknowledgement_of_nothing_is_an_error() {
        let mut journal = Journal::default();
        let error = journal.take(r#"{"event":"acknowledged","delivery":3}"#);
        assert!(error.unwrap_err().to_string().contains("delivery 3"));
    }

    #[test]
    fn what_waits_for_a_puback_is_known_by_its_sender() {
        let took = r#"{"event":"took","client":"edge-dev/FruitCounter","connection":2,"packet":7,"id":"L-1"}"#;
        let mut journal = journal(&[took]);
        assert!(journal.report_waits() && !journal.camera_waits());
        assert!(journal.reports.contains("L-1"));
        journal
            .take(r#"{"event":"confirmed","connection":2,"packet":7}"#)
            .unwrap();
        assert!(!journal.report_waits());
    }
}
