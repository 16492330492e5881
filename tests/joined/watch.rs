//! What must hold on the wire and in the hub's queues at every single step. It sees packets
//! as values at both ends of each socket, before encoding and after decoding, and changes of
//! the store; the first thing that breaks a promise is kept.

mod queues;
mod requests;
mod seen;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use devhub::hub::PacketIds;
use edge_protocol::session::{DeliveryId, Inbound, Outbound};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Packet, Publish};

use crate::agenda::Instant;
use crate::ledger::Ledger;
use crate::network::SocketId;
use requests::{Requests, is_message};

pub(crate) use seen::{Seen, Sent};

/// All that is watched.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    broken: Option<String>,
    packet_ids: PacketIds,
    sockets: BTreeMap<SocketId, Both>,
    requests: Requests,
    /// How often the store has taken each body.
    pub(crate) stored: BTreeMap<String, u32>,
    /// Bodies that have left a queue because their time was over.
    pub(crate) expired: BTreeSet<String>,
    /// Totals, to know that a run has shown something.
    pub(crate) seen: Seen,
    /// Bodies that the hub has given a socket, alive or not.
    tried: BTreeSet<String>,
    /// Every delivery as the hub sent it.
    pub(crate) sent: Vec<Sent>,
}

/// A QoS 1 packet that a client has read and not acknowledged.
#[derive(Debug)]
struct Read {
    packet_id: u16,
    /// The body, if it is for an input.
    body: Option<String>,
    /// The name that the session gave the delivery.
    delivery: Option<DeliveryId>,
    /// The application has said that it may be acknowledged.
    settled: bool,
}

/// The two ends of one socket.
#[derive(Debug, Default)]
struct Both {
    /// In the order of reading.
    read: VecDeque<Read>,
    /// Packet ids of the client's publishes without PUBACK.
    published: Vec<u16>,
    connected: bool,
    subscribed: bool,
    parted: bool,
    /// When the hub sent each delivery that it has no PUBACK for.
    out: VecDeque<Option<Instant>>,
    /// Publishes the hub has read and will acknowledge; with the body, if it is a message.
    owed: VecDeque<(u16, Option<String>)>,
}

impl Watch {
    pub(crate) fn new(packet_ids: PacketIds) -> Self {
        Watch {
            packet_ids,
            ..Watch::default()
        }
    }

    /// Notes the first broken promise.
    pub(crate) fn fail(&mut self, what: impl Into<String>) {
        self.broken.get_or_insert(what.into());
    }

    fn hold(&mut self, what: &str, promise: bool) {
        if !promise {
            self.fail(what);
        }
    }

    fn keep(&mut self, told: Result<(), String>) {
        if let Err(what) = told {
            self.fail(what);
        }
    }

    pub(crate) fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// The client writes a packet.
    pub(crate) fn client_wrote(&mut self, socket: SocketId, packet: &Outbound, ledger: &Ledger) {
        let both = self.sockets.entry(socket).or_default();
        let orderly = both.connected != matches!(packet, Outbound::Connect(_)) && !both.parted;
        match packet {
            Outbound::Connect(_) => both.connected = true,
            Outbound::Subscribe { .. } => both.subscribed = true,
            Outbound::Disconnect => both.parted = true,
            Outbound::PingReq => {}
            Outbound::Publish {
                packet_id, topic, ..
            } => {
                let fresh = *packet_id != 0 && !both.published.contains(packet_id);
                both.published.push(*packet_id);
                let told = self.requests.client_wrote(socket, topic);
                self.hold("a publish has an id that is in use", fresh);
                self.keep(told);
            }
            Outbound::PubAck { packet_id } => {
                self.seen.pubacks += 1;
                let Some(oldest) = both.read.pop_front() else {
                    self.fail("a PUBACK for nothing that came on its connection");
                    return;
                };
                if oldest.packet_id != *packet_id {
                    self.fail(format!("PUBACK {packet_id}, but the oldest is {oldest:?}"));
                }
                if let Some(body) = &oldest.body
                    && !(oldest.settled && ledger.has(body))
                {
                    self.fail(format!(
                        "a PUBACK for {oldest:?} before its result is durable"
                    ));
                }
            }
        }
        self.hold(
            "CONNECT is first, comes once, and nothing follows DISCONNECT",
            orderly,
        );
    }

    /// The client reads a packet.
    pub(crate) fn client_read(&mut self, socket: SocketId, packet: &Inbound) {
        let both = self.sockets.entry(socket).or_default();
        match packet {
            Inbound::Publish {
                topic,
                qos: 1,
                packet_id,
                payload,
            } => {
                let input = topic.contains("/inputs/");
                let body = input.then(|| String::from_utf8_lossy(payload).into_owned());
                both.read.push_back(Read {
                    packet_id: *packet_id,
                    body,
                    delivery: None,
                    settled: false,
                });
                self.seen.deliveries += u64::from(input);
            }
            Inbound::PubAck { packet_id } => both.published.retain(|id| id != packet_id),
            Inbound::Publish { topic, .. } => self.requests.client_read(topic),
            Inbound::ConnAck { .. }
            | Inbound::SubAck { .. }
            | Inbound::PingResp
            | Inbound::Unexpected(_) => {}
        }
    }

    /// The session has named the delivery that it has read last.
    pub(crate) fn named(&mut self, socket: SocketId, delivery: DeliveryId) {
        let read = self.sockets.entry(socket).or_default().read.iter_mut();
        if let Some(last) = read.rev().find(|read| read.body.is_some()) {
            let twice = last.delivery.replace(delivery).is_some();
            self.hold("a delivery is handed out once", !twice);
        }
    }

    /// The application allows the acknowledgement of a delivery.
    pub(crate) fn settled(&mut self, socket: SocketId, delivery: DeliveryId) {
        let mut read = self.sockets.entry(socket).or_default().read.iter_mut();
        if let Some(known) = read.find(|read| read.delivery == Some(delivery)) {
            known.settled = true;
        }
    }

    /// The hub reads a packet.
    pub(crate) fn hub_read(&mut self, socket: SocketId, packet: &Packet, withheld: bool) {
        let both = self.sockets.entry(socket).or_default();
        match packet {
            Packet::Publish(publish) => {
                let plain = publish.qos == QoS::AtLeastOnce && !publish.retain && !publish.dup;
                if !withheld {
                    let message = is_message(&publish.topic).then(|| body(publish));
                    both.owed.push_back((publish.pkid, message));
                }
                self.hold("a client publishes at QoS 1 without RETAIN or DUP", plain);
            }
            Packet::PubAck(_) => {
                both.out.pop_front();
            }
            Packet::Connect(connect) => {
                let kept = !connect.clean_session && connect.last_will.is_none();
                self.hold("a client connects to a kept session without a will", kept);
            }
            _ => {}
        }
    }

    /// The hub writes a packet.
    pub(crate) fn hub_wrote(
        &mut self,
        socket: SocketId,
        packet: &Packet,
        now: Instant,
        patience: Duration,
    ) {
        let both = self.sockets.entry(socket).or_default();
        if let Packet::Publish(publish) = packet {
            let topic = String::from_utf8_lossy(&publish.topic);
            let told = self.requests.hub_wrote(socket, &topic, publish.qos as u8);
            if let Err(what) = told {
                self.broken.get_or_insert(what);
            }
        }
        match packet {
            Packet::Publish(publish) if publish.qos == QoS::AtLeastOnce => {
                let again = !self.tried.insert(body(publish));
                let usual = match self.packet_ids {
                    PacketIds::One => publish.pkid == 1 && !publish.dup,
                    PacketIds::Rising => publish.pkid > 0 && publish.dup <= again,
                };
                let plain = usual && !publish.retain;
                let is_input = publish.topic.windows(8).any(|part| part == b"/inputs/");
                let last = both.out.iter().rev().find_map(|sent| *sent);
                let in_turn = !is_input || last.is_none_or(|sent| sent + patience <= now);
                self.seen.overlapping += u64::from(is_input && last.is_some());
                self.seen.before_subscribe += u64::from(is_input && !both.subscribed);
                both.out.push_back(is_input.then_some(now));
                if is_input {
                    self.sent.push(Sent {
                        at: now,
                        socket,
                        body: body(publish),
                    });
                }
                self.hold(
                    "the hub's packets have the ids and flags of its habit",
                    plain,
                );
                self.hold("one unacknowledged delivery is out at a time", in_turn);
            }
            Packet::PubAck(ack) => match both.owed.pop_front() {
                Some((id, body)) if id == ack.pkid => {
                    let stored = body.is_none_or(|body| self.stored.contains_key(&body));
                    self.hold("the hub acknowledges what is in its queues", stored);
                }
                other => self.fail(format!("the hub acknowledges {}, owed {other:?}", ack.pkid)),
            },
            _ => {}
        }
    }

    /// The hub writes a packet to a connection of whose end it does not know yet.
    pub(crate) fn hub_wrote_in_vain(&mut self, packet: &Packet) {
        if let Packet::Publish(publish) = packet {
            self.tried.insert(body(publish));
        }
    }

    /// How often a hub on demand sent a picture again on one connection, beyond its first ten
    /// deliveries there and before its time-out: edgeHub never does, and without an id nothing tells
    /// it from an equal picture.
    pub(crate) fn sent_again_for_no_reason(&self, picture: &str) -> u32 {
        const BATCH: usize = 10;
        const TIMEOUT: Duration = Duration::from_secs(25);
        let mut on_socket: BTreeMap<SocketId, (usize, Option<&Sent>)> = BTreeMap::new();
        let mut again = 0;
        for sent in &self.sent {
            let (before, last) = on_socket.entry(sent.socket).or_default();
            let is_again =
                last.is_some_and(|last| last.body == sent.body && sent.at < last.at + TIMEOUT);
            again += u32::from(is_again && sent.body == picture && *before >= BATCH);
            *before += 1;
            *last = Some(sent);
        }
        again
    }

    /// Packets on a socket that the client has read and not acknowledged.
    pub(crate) fn owed_by_client(&self, socket: SocketId) -> usize {
        self.sockets.get(&socket).map_or(0, |both| both.read.len())
    }
}

fn body(publish: &Publish) -> String {
    String::from_utf8_lossy(&publish.payload).into_owned()
}
