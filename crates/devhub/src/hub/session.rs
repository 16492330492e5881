//! What the hub knows of a connection (as long as it lasts) and of a client (as long as the hub
//! lasts, and longer when its session is persistent).

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::LastWill;
use serde_json::{Value, json};

use super::ConnectionId;
use crate::identity::IdentityId;
use crate::store::QueueId;
use crate::topics::{self, Feature};

/// Longest silence that is allowed, whatever keep-alive the client asks for (sheet 4.4).
const MAX_SILENCE: Duration = Duration::from_secs(600);

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// The client said DISCONNECT.
    Disconnected,
    /// The client, or the network, closed the socket.
    PeerClosed,
    /// Another connection with the same client id took over.
    TakenOver,
    /// No CONNECT in time.
    ConnectTimeout,
    /// The first packet was another one.
    NotConnectFirst,
    /// A second CONNECT (MQTT-3.1.0-2).
    SecondConnect,
    /// CONNECT was answered with a refusal.
    Refused,
    /// Nothing was heard for 1.5 times the keep-alive.
    KeepAlive,
    /// The token's time is over.
    TokenExpired,
    /// A PUBLISH at QoS 2: edgeHub takes it and closes.
    ExactlyOnce,
    /// A packet only a server sends.
    UnexpectedPacket,
    /// A packet over the first size gate; its remaining length.
    PacketTooLarge(usize),
    /// Bytes that are no MQTT packet.
    Malformed(String),
    /// A fault on demand, after CONNACK.
    OnDemand,
    /// More packets wait for its PUBACK than any client can mean.
    NotAcknowledging,
    /// More subscriptions than any client can mean.
    TooManySubscriptions,
    /// A topic that names somebody else; the topic.
    ForeignTopic(String),
    /// A twin request without a request id, or for a part of the twin.
    TwinRequest(String),
    /// A queue refused a message, which so stays with its sender.
    StorageFailure,
    /// The client does not read what it is sent.
    NotReading,
    /// A test asked for it.
    Killed,
    /// The hub stops.
    Stopping,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Disconnected => "the client disconnected",
            Self::PeerClosed => "the peer closed the socket",
            Self::TakenOver => "another connection with this client id took over",
            Self::ConnectTimeout => "no CONNECT came in time",
            Self::NotConnectFirst => "the first packet was not CONNECT",
            Self::SecondConnect => "a second CONNECT came",
            Self::Refused => "CONNECT was refused",
            Self::KeepAlive => "silent for 1.5 times its keep-alive",
            Self::TokenExpired => "its token has expired, grace included",
            Self::ExactlyOnce => "it published at QoS 2, which edgeHub does not speak",
            Self::UnexpectedPacket => "it sent a packet only a server sends",
            Self::StorageFailure => "its message could not be kept",
            Self::NotReading => "it does not read what it is sent",
            Self::Killed => "killed on request",
            Self::Stopping => "the hub is stopping",
            Self::OnDemand => "accepted and dropped on demand",
            Self::NotAcknowledging => "it does not acknowledge what it is sent",
            Self::TooManySubscriptions => "it has too many subscriptions",
            Self::PacketTooLarge(size) => {
                return write!(
                    f,
                    "a packet with {size} bytes remaining is over the limit of 262144 in all"
                );
            }
            Self::Malformed(what) => return write!(f, "not MQTT 3.1.1: {what}"),
            Self::ForeignTopic(topic) => return write!(f, "`{topic}` names another identity"),
            Self::TwinRequest(what) => return f.write_str(what),
        };
        f.write_str(text)
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) phase: Phase,
}

#[derive(Debug)]
pub(super) enum Phase {
    /// TLS is up, nothing was said.
    AwaitingConnect { deadline: Duration },
    /// CONNACK 0 was sent.
    Serving(Serving),
    /// Whatever it sends is heard by nobody: a CONNECT that is left unanswered on demand, or a
    /// client beyond the limit, accepted and never served. Its silence is limited all the same.
    Ignored {
        silence: Duration,
        last_activity: Duration,
    },
}

#[derive(Debug)]
pub(super) struct Serving {
    pub(super) client: IdentityId,
    /// Longest silence that is allowed.
    pub(super) silence: Duration,
    pub(super) last_activity: Duration,
    pub(super) token_ends: Duration,
    pub(super) will: Option<LastWill>,
    /// QoS 1 packets sent and not acknowledged, with their ids, oldest first.
    pub(super) awaited: VecDeque<(u16, Awaited)>,
    /// The last id given when they rise; see `outgoing`.
    pub(super) last_packet_id: u16,
    /// Whether this connection was ever subscribed to inputs.
    pub(super) had_inputs: bool,
    /// PUBACKs that a fault holds back: their ids and when they go, in that order.
    pub(super) late_pubacks: VecDeque<(u16, Duration)>,
}

/// What a PUBACK is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    /// The input delivery of this number.
    Delivery(u64),
    /// A twin answer or another packet nobody waits for.
    Notice,
}

impl Connection {
    pub(super) fn new(deadline: Duration) -> Self {
        Self {
            phase: Phase::AwaitingConnect { deadline },
        }
    }

    pub(super) fn deadline(&self) -> Duration {
        match &self.phase {
            Phase::AwaitingConnect { deadline } => *deadline,
            Phase::Serving(serving) => {
                let late = serving.late_pubacks.front().map(|(_, due)| *due);
                let end = serving.token_ends.min(serving.silent_until());
                late.map_or(end, |late| late.min(end))
            }
            Phase::Ignored {
                silence,
                last_activity,
            } => *last_activity + *silence,
        }
    }

    /// Why it must be closed at `now`, if it must.
    pub(super) fn overdue(&self, now: Duration) -> Option<CloseReason> {
        match &self.phase {
            Phase::AwaitingConnect { deadline } => {
                (*deadline <= now).then_some(CloseReason::ConnectTimeout)
            }
            Phase::Serving(serving) if serving.token_ends <= now => Some(CloseReason::TokenExpired),
            Phase::Serving(serving) => {
                (serving.silent_until() <= now).then_some(CloseReason::KeepAlive)
            }
            Phase::Ignored {
                silence,
                last_activity,
            } => (*last_activity + *silence <= now).then_some(CloseReason::KeepAlive),
        }
    }
}

impl Serving {
    /// The next free id of those that rise.
    pub(super) fn next_packet_id(&mut self) -> u16 {
        loop {
            self.last_packet_id = self.last_packet_id.checked_add(1).unwrap_or(1);
            let id = self.last_packet_id;
            if self.awaited.iter().all(|(awaited, _)| *awaited != id) {
                return id;
            }
        }
    }

    fn silent_until(&self) -> Duration {
        self.last_activity + self.silence
    }
}

/// The silence allowed for a keep-alive in seconds: 1.5 times, at most ten minutes; 0 means ten
/// minutes too.
pub(super) fn allowed_silence(keep_alive: u16) -> Duration {
    match keep_alive {
        0 => MAX_SILENCE,
        seconds => MAX_SILENCE.min(Duration::from_millis(u64::from(seconds) * 1500)),
    }
}

/// One client, connected or not.
#[derive(Debug, Default)]
pub(super) struct Client {
    pub(super) connection: Option<ConnectionId>,
    /// Whether the session outlives the connection (clean session 0).
    pub(super) persistent: bool,
    /// Granted QoS by filter.
    pub(super) subscriptions: BTreeMap<String, u8>,
    pub(super) turn: Turn,
    /// No input message is offered before this.
    pub(super) wait_until: Option<Duration>,
    /// Since when it is not connected, if it is not.
    pub(super) away_since: Duration,
    /// The model that its last CONNECT announced.
    pub(super) model_id: Option<String>,
}

impl Client {
    /// A persistent session as [`Client::document`] wrote it.
    pub(super) fn restored(document: &Value) -> Self {
        let subscriptions =
            serde_json::from_value(document["subscriptions"].clone()).unwrap_or_default();
        Self {
            persistent: true,
            subscriptions,
            ..Self::default()
        }
    }

    pub(super) fn document(&self) -> Value {
        json!({ "subscriptions": self.subscriptions })
    }

    /// Whether some filter asks for this feature.
    pub(super) fn wants(&self, feature: Feature) -> bool {
        self.subscriptions
            .keys()
            .any(|filter| topics::feature(filter) == Some(feature))
    }

    /// The best QoS granted on filters that cover `topic`.
    pub(super) fn granted(&self, topic: &str) -> Option<QoS> {
        self.subscriptions
            .iter()
            .filter(|(filter, _)| topics::covers(filter, topic))
            .map(|(_, qos)| *qos)
            .max()
            .map(|qos| {
                if qos == 0 {
                    QoS::AtMostOnce
                } else {
                    QoS::AtLeastOnce
                }
            })
    }
}

/// Whose turn it is at a module: at most one input message is out at any time.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Turn {
    /// The next message may go.
    #[default]
    Idle,
    /// This one was sent and not acknowledged: it goes first, whatever has come since.
    Again {
        queue: QueueId,
        sequence: u64,
        /// Failed attempts so far.
        attempt: u32,
    },
    /// This one is out.
    Out {
        queue: QueueId,
        sequence: u64,
        delivery: u64,
        due: Duration,
        /// Failed attempts before this one.
        attempt: u32,
    },
}

impl Turn {
    pub(super) fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Out { due, .. } => Some(*due),
            Self::Idle | Self::Again { .. } => None,
        }
    }

    /// What is out has to be sent again.
    pub(super) fn interrupt(&mut self) {
        *self = match std::mem::take(self) {
            Self::Out {
                queue,
                sequence,
                attempt,
                ..
            } => Self::Again {
                queue,
                sequence,
                attempt: attempt.saturating_add(1),
            },
            other @ (Self::Again { .. } | Self::Idle) => other,
        };
    }
}
