//! The hub under virtual time: no socket, no sleep. Numbers in brackets are lines of the
//! conformance checklist (sheet 11).

use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rumqttc::mqttbytes::v4::{Connect, ConnectAuth, LastWill, PubAck, Subscribe, Unsubscribe};
use serde_json::{Value, json};

mod connecting;
mod delivering;
mod failing_store;
mod faults;
mod habits;
mod keeping;
mod methods;
mod publishing;
mod recording;
mod upstream_and_twin;
mod waiting;

use super::*;
use crate::identities::{Hosts, Wanted};
use crate::message::Message;
use crate::store::{Document, Entry, MemoryStore, StoreError};
use routes::{RouteSet, RouteSpec};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Publish, SubscribeReasonCode, UnsubAck};

const CAMERAS: &str = "FROM /messages/* WHERE NOT IS_DEFINED($connectionModuleId) \
     INTO BrokeredEndpoint(\"/modules/counter/inputs/images\")";
const COUNTS: &str = "FROM /messages/modules/counter/outputs/counts INTO $upstream";
/// Wall time at which every test starts, in Unix seconds.
const START: u64 = 1_800_000_000;
const ACK_TIMEOUT: Duration = Duration::from_secs(30);

/// A hub, its clock, and what it wrote to each connection.
struct Bench {
    hub: Hub,
    elapsed: Duration,
    next: ConnectionId,
    sent: HashMap<ConnectionId, VecDeque<Packet>>,
    written: HashMap<ConnectionId, Vec<u64>>,
    closed: HashMap<ConnectionId, CloseReason>,
    upstream: VecDeque<Entry>,
    finished: Vec<(CallId, MethodOutcome)>,
    recorded: Vec<journal::Event>,
}

impl Bench {
    fn new(routes: &[&str]) -> Self {
        Self::with(
            routes.iter().map(|text| RouteSpec::new(*text)).collect(),
            None,
        )
    }

    fn with(routes: Vec<RouteSpec>, time_to_live: Option<Duration>) -> Self {
        Self::over(
            routes,
            time_to_live,
            Box::new(MemoryStore::new()),
            identities(),
        )
    }

    fn over(
        routes: Vec<RouteSpec>,
        time_to_live: Option<Duration>,
        store: Box<dyn Store>,
        identities: Identities,
    ) -> Self {
        let named = routes
            .into_iter()
            .enumerate()
            .map(|(i, route)| (i.to_string(), route));
        let routing = Routing::new(RouteSet::parse(named).unwrap(), time_to_live, "edge");
        Self::under(
            Settings {
                ack_timeout: ACK_TIMEOUT,
                ..Settings::default()
            },
            routing,
            store,
            identities,
        )
    }

    /// A bench whose hub has other settings or habits.
    fn with_settings(routes: &[&str], settings: Settings) -> Self {
        let named = routes
            .iter()
            .enumerate()
            .map(|(i, route)| (i.to_string(), RouteSpec::new(*route)));
        let routing = Routing::new(RouteSet::parse(named).unwrap(), None, "edge");
        Self::under(
            settings,
            routing,
            Box::new(MemoryStore::new()),
            identities(),
        )
    }

    fn under(
        settings: Settings,
        routing: Routing,
        store: Box<dyn Store>,
        identities: Identities,
    ) -> Self {
        let desired = BTreeMap::from([("counter".to_owned(), json!({"limit": 3}))]);
        let now = Now {
            elapsed: Duration::ZERO,
            wall: UNIX_EPOCH + Duration::from_secs(START),
        };
        Self {
            hub: Hub::new(settings, identities, routing, store, &desired, now).unwrap(),
            elapsed: Duration::ZERO,
            next: 1,
            sent: HashMap::new(),
            written: HashMap::new(),
            closed: HashMap::new(),
            upstream: VecDeque::new(),
            finished: Vec::new(),
            recorded: Vec::new(),
        }
    }

    fn now(&self) -> Now {
        let wall = UNIX_EPOCH + Duration::from_secs(START) + self.elapsed;
        Now {
            elapsed: self.elapsed,
            wall,
        }
    }

    fn drain(&mut self) {
        while let Some(action) = self.hub.poll_action() {
            match action {
                Action::Send {
                    connection,
                    packet,
                    report_written,
                } => {
                    assert!(
                        !self.closed.contains_key(&connection),
                        "sent after the close"
                    );
                    self.sent.entry(connection).or_default().push_back(packet);
                    self.written
                        .entry(connection)
                        .or_default()
                        .extend(report_written);
                }
                Action::Close { connection, reason } => {
                    self.closed.insert(connection, reason);
                }
                Action::Upstream(entry) => self.upstream.push_back(entry),
                Action::Record(event) => self.recorded.push(event),
                Action::MethodFinished { call, outcome } => self.finished.push((call, outcome)),
            }
        }
    }

    fn open(&mut self) -> ConnectionId {
        let connection = self.next;
        self.next += 1;
        self.hub.accepted(connection, self.now());
        connection
    }

    fn send(&mut self, connection: ConnectionId, packet: Packet) {
        self.hub.received(connection, packet, self.now());
        self.drain();
    }

    /// Lets time pass, stopping at every deadline on the way.
    fn pass(&mut self, time: Duration) {
        let end = self.elapsed + time;
        while let Some(due) = self.hub.next_deadline().filter(|due| *due <= end) {
            self.elapsed = self.elapsed.max(due);
            self.hub.tick(self.now());
            self.drain();
        }
        self.elapsed = end;
        self.hub.tick(self.now());
        self.drain();
    }

    fn token(&self, id: &IdentityId, lifetime: u64) -> String {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let resource = match id.module_id() {
            None => format!("hub.test/devices/{}", id.device_id()),
            Some(module) => format!("hub.test/devices/{}/modules/{module}", id.device_id()),
        };
        let (sr, se) = (encode(&resource), START + self.elapsed.as_secs() + lifetime);
        let key = self.hub.identities.keys(id)[0];
        let mac = key.sign(format!("{sr}\n{se}").as_bytes());
        let sig = encode(&base64::Engine::encode(
            &base64::engine::general_purpose::STANDARD,
            mac,
        ));
        format!("SharedAccessSignature sr={sr}&sig={sig}&se={se}")
    }

    fn connect_packet(&self, id: &IdentityId) -> Connect {
        let mut connect = Connect::new(id.to_string());
        connect.clean_session = false;
        connect.keep_alive = 0;
        let name = format!("hub.test/{id}/?api-version=2019-10-01");
        connect.set_credentials(name, self.token(id, 36_000));
        connect
    }

    /// Connects and returns the connection and session-present.
    fn connect(&mut self, id: &IdentityId) -> (ConnectionId, bool) {
        let connect = self.connect_packet(id);
        self.connect_with(connect)
    }

    fn connect_with(&mut self, connect: Connect) -> (ConnectionId, bool) {
        let connection = self.open();
        self.send(connection, Packet::Connect(connect));
        match self.packet(connection) {
            Some(Packet::ConnAck(ack)) if ack.code == ConnectReturnCode::Success => {
                (connection, ack.session_present)
            }
            other => panic!("not accepted: {other:?}"),
        }
    }

    /// The code a CONNECT is refused with.
    fn refusal(&mut self, connect: Connect) -> u8 {
        let connection = self.open();
        self.send(connection, Packet::Connect(connect));
        assert_eq!(self.closed.get(&connection), Some(&CloseReason::Refused));
        match self.packet(connection) {
            Some(Packet::ConnAck(ack)) => {
                assert!(!ack.session_present);
                ack.code as u8
            }
            other => panic!("not refused: {other:?}"),
        }
    }

    fn subscribe(&mut self, connection: ConnectionId, filter: &str, qos: QoS) -> QoS {
        let mut subscribe = Subscribe::new(filter, qos);
        subscribe.pkid = 9;
        self.send(connection, Packet::Subscribe(subscribe));
        let sent = self.sent.get_mut(&connection).unwrap();
        let at = sent
            .iter()
            .position(|packet| matches!(packet, Packet::SubAck(_)))
            .unwrap();
        match sent.remove(at) {
            Some(Packet::SubAck(ack)) => match ack.return_codes[0] {
                SubscribeReasonCode::Success(qos) => qos,
                SubscribeReasonCode::Failure => panic!("refused"),
            },
            _ => unreachable!(),
        }
    }

    fn packet(&mut self, connection: ConnectionId) -> Option<Packet> {
        self.sent.entry(connection).or_default().pop_front()
    }

    /// The next packet, which has to be a PUBLISH: input delivery or answer.
    fn delivery(&mut self, connection: ConnectionId) -> (String, Bytes) {
        match self.packet(connection) {
            Some(Packet::Publish(publish)) => {
                assert!(!publish.dup && !publish.retain);
                let expected = if publish.qos == QoS::AtMostOnce { 0 } else { 1 };
                assert_eq!(publish.pkid, expected, "every QoS 1 packet has id 1");
                (
                    String::from_utf8(publish.topic.to_vec()).unwrap(),
                    publish.payload,
                )
            }
            other => panic!("expected a PUBLISH, got {other:?}"),
        }
    }

    fn body(&mut self, connection: ConnectionId) -> String {
        String::from_utf8(self.delivery(connection).1.to_vec()).unwrap()
    }

    fn quiet(&mut self, connection: ConnectionId) {
        assert_eq!(self.packet(connection), None);
    }

    fn ack(&mut self, connection: ConnectionId) {
        self.send(connection, Packet::PubAck(PubAck::new(1)));
    }

    fn publish(&mut self, connection: ConnectionId, topic: &str, qos: QoS, body: &str) {
        self.publish_bytes(connection, topic, qos, body.as_bytes().to_vec());
    }

    fn publish_bytes(&mut self, connection: ConnectionId, topic: &str, qos: QoS, body: Vec<u8>) {
        let mut publish = Publish::new(topic, qos, body);
        publish.pkid = 77;
        self.send(connection, Packet::Publish(publish));
    }

    /// Publishes and asserts the PUBACK.
    fn telemetry(&mut self, connection: ConnectionId, topic: &str, body: &str) {
        self.publish(connection, topic, QoS::AtLeastOnce, body);
        self.expect_puback(connection);
    }

    fn expect_puback(&mut self, connection: ConnectionId) {
        assert_eq!(
            self.packet(connection),
            Some(Packet::PubAck(PubAck::new(77)))
        );
    }

    /// A camera that is connected, and a module that is connected and subscribed to its inputs.
    fn pair(&mut self) -> (ConnectionId, ConnectionId) {
        let (camera, _) = self.connect(&cam());
        let (module, _) = self.connect(&counter());
        self.subscribe(
            module,
            "devices/edge/modules/counter/inputs/#",
            QoS::AtLeastOnce,
        );
        (camera, module)
    }
}

fn cam() -> IdentityId {
    IdentityId::device("cam")
}

fn counter() -> IdentityId {
    IdentityId::module("edge", "counter")
}

fn identities() -> Identities {
    let hosts = Hosts {
        hub: "hub.test".into(),
        gateway: "localhost".into(),
        edge_device: "edge".into(),
    };
    let wanted = Wanted {
        devices: vec![("cam".into(), None), ("cam2".into(), None)],
        modules: vec!["counter".into(), "other".into()],
    };
    Identities::generate(hosts, &wanted, "1").unwrap()
}

const CAM: &str = "devices/cam/messages/events/";
