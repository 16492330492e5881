//! A session on a bench: it keeps the clock, answers dials, and collects what comes out.

use std::time::Duration;

use bytes::Bytes;

use crate::identity::Identity;
use crate::message::{OutgoingMessage, PreparedMessage};
use crate::moment::Moment;
use crate::sas::{SharedKey, TokenRequest};
use crate::session::{
    Cause, DELIVERY_CAPACITY, Delivery, DeliveryId, Event, Inbound, LinkId, Outbound,
    PUBLISH_WINDOW, Pass, PublishId, Refusal, Session, SessionConfig, Timings,
};

mod requests;

pub(super) const HOUR: Duration = Duration::from_secs(3600);

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn identity() -> Identity {
    Identity::new("hub1", "edge", Some("counter".into())).unwrap()
}

pub(super) fn config() -> SessionConfig {
    SessionConfig {
        identity: identity(),
        product: "test/1".into(),
        model_id: None,
        receives_inputs: true,
        follows_twin: false,
        takes_methods: false,
        publish_window: PUBLISH_WINDOW,
        delivery_capacity: DELIVERY_CAPACITY,
        timings: Timings::default(),
    }
}

/// A module that wants everything.
pub(super) fn whole_config() -> SessionConfig {
    SessionConfig::new(identity(), "test/1")
}

pub(super) fn message(id: &str) -> PreparedMessage {
    OutgoingMessage::new(id, Bytes::from_static(b"{}"))
        .prepare(&identity())
        .unwrap()
}

pub(super) const GET: &str = "$iothub/twin/GET/?$rid=";
pub(super) const REPORT: &str = "$iothub/twin/PATCH/properties/reported/?$rid=";

pub(super) struct Rig {
    pub(super) session: Session,
    pub(super) now: Moment,
    pub(super) events: Vec<Event>,
    pub(super) packets: Vec<Outbound>,
    /// The link of the last dial.
    pub(super) link: Option<LinkId>,
    /// When each dial was asked for.
    pub(super) dials: Vec<Moment>,
    pub(super) lifetime: Duration,
}

impl Rig {
    pub(super) fn new() -> Self {
        Rig::with(config(), 7)
    }

    pub(super) fn with(config: SessionConfig, seed: u64) -> Self {
        let mut rig = Rig {
            session: Session::new(config, seed, Moment::ORIGIN),
            now: Moment::ORIGIN,
            events: Vec::new(),
            packets: Vec::new(),
            link: None,
            dials: Vec::new(),
            lifetime: HOUR,
        };
        rig.collect();
        rig
    }

    /// A session right after an accepted CONNECT and SUBACK, with nothing collected.
    pub(super) fn connected() -> Self {
        let mut rig = Rig::new();
        rig.dialled();
        rig.connack(false);
        rig.suback();
        rig.clear();
        rig
    }

    /// A session that wants everything, right after SUBACK: the twin is asked for.
    pub(super) fn asking() -> Self {
        let mut rig = Rig::with(whole_config(), 7);
        rig.dialled();
        rig.connack(false);
        rig.suback();
        rig
    }

    /// A session that wants everything and holds version 5 of its desired properties,
    /// with nothing collected.
    pub(super) fn in_step() -> Self {
        let mut rig = Rig::asking();
        rig.answer_get(5, r#"{"a":5}"#);
        rig.clear();
        rig
    }

    /// From a lost connection to the SUBACK of the next.
    pub(super) fn come_back(&mut self) {
        self.advance_to_dial();
        self.dialled();
        self.connack(true);
        self.suback();
    }

    pub(super) fn collect(&mut self) {
        while let Some(event) = self.session.poll_event() {
            if let Event::Dial { link, .. } = event {
                self.link = Some(link);
                self.dials.push(self.now);
            }
            self.events.push(event);
        }
        while let Some(packet) = self.session.poll_packet() {
            self.packets.push(packet);
        }
    }

    pub(super) fn clear(&mut self) {
        self.events.clear();
        self.packets.clear();
    }

    pub(super) fn take_packets(&mut self) -> Vec<Outbound> {
        std::mem::take(&mut self.packets)
    }

    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Lets `duration` pass, firing each deadline at its own moment.
    pub(super) fn advance(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(deadline) = self.session.next_deadline().filter(|at| *at <= end) {
            self.now = self.now.max(deadline);
            self.session.handle_timeout(self.now);
            self.collect();
        }
        self.now = end;
    }

    /// Lets `duration` pass while the hub answers every ping in time.
    pub(super) fn idle(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.now < end {
            self.advance(secs(20).min(end.since(self.now)));
            self.packet(Inbound::PingResp);
        }
    }

    /// Lets time pass until the next dial.
    pub(super) fn advance_to_dial(&mut self) -> Duration {
        let (start, dials) = (self.now, self.dials.len());
        while self.dials.len() == dials {
            let deadline = self
                .session
                .next_deadline()
                .expect("a session that will dial again");
            self.advance(deadline.since(self.now));
        }
        self.now.since(start)
    }

    pub(super) fn the_link(&self) -> LinkId {
        self.link.expect("a dial was asked for")
    }

    pub(super) fn pass(&self) -> Pass {
        let key = SharedKey::from_base64("a2V5").unwrap();
        Pass {
            token: key.token(TokenRequest::new(&identity(), 1)),
            lifetime: self.lifetime,
        }
    }

    pub(super) fn dialled(&mut self) {
        let (link, pass) = (self.the_link(), self.pass());
        self.session.handle_dialled(self.now, link, pass);
        self.collect();
    }

    pub(super) fn packet(&mut self, packet: Inbound) {
        let link = self.the_link();
        self.session.handle_packet(self.now, link, packet);
        self.collect();
    }

    pub(super) fn connack(&mut self, session_present: bool) {
        self.packet(Inbound::ConnAck {
            session_present,
            code: Ok(()),
        });
    }

    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.packet(Inbound::ConnAck {
            session_present: false,
            code: Err(refusal),
        });
    }

    pub(super) fn suback(&mut self) {
        let (packet_id, granted) = self
            .packets
            .iter()
            .rev()
            .find_map(|packet| match packet {
                Outbound::Subscribe { packet_id, filters } => {
                    let granted = filters.iter().map(|filter| Some(filter.qos));
                    Some((*packet_id, granted.collect()))
                }
                _ => None,
            })
            .expect("a SUBSCRIBE was sent");
        self.packet(Inbound::SubAck { packet_id, granted });
    }

    pub(super) fn closed(&mut self) {
        let link = self.the_link();
        self.session.handle_closed(self.now, link);
        self.collect();
    }

    /// A delivery to input `images`; gives its id.
    pub(super) fn deliver(&mut self, packet_id: u16) -> DeliveryId {
        self.deliver_to(
            "devices/edge/modules/counter/inputs/images/%24.cdid=cam",
            1,
            packet_id,
        )
        .expect("a delivery")
        .id
    }

    pub(super) fn deliver_to(&mut self, topic: &str, qos: u8, packet_id: u16) -> Option<Delivery> {
        let payload = Bytes::from_static(b"picture");
        let before = self.events.len();
        self.packet(Inbound::Publish {
            topic: topic.into(),
            qos,
            packet_id,
            payload,
        });
        self.events[before..].iter().find_map(|event| match event {
            Event::Delivery(delivery) => Some(delivery.clone()),
            _ => None,
        })
    }

    pub(super) fn acknowledge(&mut self, id: DeliveryId) -> bool {
        let known = self.session.acknowledge(self.now, id);
        self.collect();
        known
    }

    pub(super) fn abandon(&mut self, id: DeliveryId) {
        self.session.abandon(self.now, id);
        self.collect();
    }

    /// Publishes and gives the name and the packet id.
    pub(super) fn publish(&mut self, id: &str) -> (PublishId, u16) {
        let publish = self
            .session
            .publish(self.now, message(id))
            .expect("room to publish");
        self.collect();
        match self.packets.last() {
            Some(Outbound::Publish { packet_id, .. }) => (publish, *packet_id),
            other => panic!("expected a PUBLISH, got {other:?}"),
        }
    }

    /// The cause of the last loss and the wait after it.
    pub(super) fn last_loss(&self) -> Option<(Cause, Option<Duration>)> {
        self.events.iter().rev().find_map(|event| match event {
            Event::Lost {
                cause, retry_in, ..
            } => Some((*cause, *retry_in)),
            _ => None,
        })
    }

    pub(super) fn pubacks(&self) -> Vec<u16> {
        let ids = self.packets.iter().filter_map(|packet| match packet {
            Outbound::PubAck { packet_id } => Some(*packet_id),
            _ => None,
        });
        ids.collect()
    }
}
