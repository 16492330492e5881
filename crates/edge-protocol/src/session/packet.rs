//! The packets a session reads and writes, free of any codec.
//!
//! Only what this client may send can be written down: a PUBLISH here is always QoS 1
//! and never retained or marked as a duplicate, a session is never clean.

use bytes::Bytes;

use crate::sas::SasToken;

/// A packet for the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outbound {
    /// MQTT 3.1.1 CONNECT without a will and with `clean_session` 0, so that the hub
    /// keeps the subscriptions.
    Connect(Connect),
    /// SUBSCRIBE, to all filters in one packet.
    Subscribe {
        /// Not zero, not in use by another unconfirmed packet.
        packet_id: u16,
        /// At least one.
        filters: Vec<TopicFilter>,
    },
    /// PUBLISH at QoS 1, neither retained nor marked as a duplicate.
    Publish {
        /// Not zero, not in use by another unconfirmed packet.
        packet_id: u16,
        /// The topic, properties included.
        topic: String,
        /// The body.
        payload: Bytes,
    },
    /// PUBACK for a delivery.
    PubAck {
        /// The id of that delivery.
        packet_id: u16,
    },
    /// PINGREQ.
    PingReq,
    /// DISCONNECT: the last packet of its connection.
    Disconnect,
}

/// One filter of a SUBSCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicFilter {
    /// The topics meant, with `#` at the end.
    pub pattern: String,
    /// QoS asked for, 0 or 1.
    pub qos: u8,
}

/// The fields of CONNECT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    /// See [`crate::Identity::client_id`].
    pub client_id: String,
    /// See [`crate::Identity::username`].
    pub username: String,
    /// The token, sent as the password.
    pub password: SasToken,
    /// Keep-alive told to the hub, in seconds, at least 1.
    pub keep_alive_seconds: u16,
}

/// A packet from the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbound {
    /// CONNACK.
    ConnAck {
        /// Whether the hub still has our subscriptions.
        session_present: bool,
        /// `Ok` for code 0.
        code: Result<(), Refusal>,
    },
    /// PUBLISH.
    Publish {
        /// The topic.
        topic: String,
        /// 0, 1 or 2.
        qos: u8,
        /// The id; of no meaning at QoS 0. edgeHub always sends 1.
        packet_id: u16,
        /// The body.
        payload: Bytes,
    },
    /// PUBACK of one of our messages.
    PubAck {
        /// The id we gave it.
        packet_id: u16,
    },
    /// SUBACK.
    SubAck {
        /// The id of our SUBSCRIBE.
        packet_id: u16,
        /// Granted QoS per filter; `None` for a refusal (0x80).
        granted: Vec<Option<u8>>,
    },
    /// PINGRESP.
    PingResp,
    /// Any packet that this client never has reason to receive.
    Unexpected(UnexpectedPacket),
}

/// Packets that have no place in this session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnexpectedPacket {
    /// UNSUBACK; we never unsubscribe.
    UnsubAck,
    /// PUBREC, PUBREL or PUBCOMP; we never use QoS 2.
    QosTwo,
    /// CONNECT, SUBSCRIBE, UNSUBSCRIBE, PINGREQ or DISCONNECT; only clients send them.
    FromClient,
}

/// CONNACK codes other than 0. [MQTT 3.1.1, table 3.1]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// 1: the hub does not speak MQTT 3.1.1.
    ProtocolVersion,
    /// 2: the client id is not allowed.
    ClientId,
    /// 3: unavailable; edgeHub also uses it for a username it cannot read.
    Unavailable,
    /// 4: bad user name or password.
    Credentials,
    /// 5: not authorised. edgeHub's answer to a bad or expired token and to an identity
    /// it does not know (yet).
    NotAuthorised,
}

impl Refusal {
    /// The code on the wire.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Refusal::ProtocolVersion => 1,
            Refusal::ClientId => 2,
            Refusal::Unavailable => 3,
            Refusal::Credentials => 4,
            Refusal::NotAuthorised => 5,
        }
    }
}
