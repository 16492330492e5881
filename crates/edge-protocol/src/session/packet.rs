//! The packets a session reads and writes, free of any codec.
//!
//! Only what this client may send can be written down: a PUBLISH here is always QoS 1
//! and never retained or marked as a duplicate, a session is never clean.

use std::fmt;

use bytes::Bytes;

use crate::sas::SasToken;

/// A packet for the hub.
#[derive(Clone, PartialEq, Eq)]
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

/// Of a PUBLISH it says how long the body is, and not what is in it: that may be a picture.
impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outbound::Connect(connect) => f.debug_tuple("Connect").field(connect).finish(),
            Outbound::Subscribe { packet_id, filters } => f
                .debug_struct("Subscribe")
                .field("packet_id", packet_id)
                .field("filters", filters)
                .finish(),
            Outbound::Publish {
                packet_id,
                topic,
                payload,
            } => f
                .debug_struct("Publish")
                .field("packet_id", packet_id)
                .field("topic", topic)
                .field("payload_bytes", &payload.len())
                .finish(),
            Outbound::PubAck { packet_id } => f
                .debug_struct("PubAck")
                .field("packet_id", packet_id)
                .finish(),
            Outbound::PingReq => f.write_str("PingReq"),
            Outbound::Disconnect => f.write_str("Disconnect"),
        }
    }
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
#[derive(Clone, PartialEq, Eq)]
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

/// Of a PUBLISH it says how long the body is, and not what is in it: that may be a picture.
impl fmt::Debug for Inbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Inbound::ConnAck {
                session_present,
                code,
            } => f
                .debug_struct("ConnAck")
                .field("session_present", session_present)
                .field("code", code)
                .finish(),
            Inbound::Publish {
                topic,
                qos,
                packet_id,
                payload,
            } => f
                .debug_struct("Publish")
                .field("topic", topic)
                .field("qos", qos)
                .field("packet_id", packet_id)
                .field("payload_bytes", &payload.len())
                .finish(),
            Inbound::PubAck { packet_id } => f
                .debug_struct("PubAck")
                .field("packet_id", packet_id)
                .finish(),
            Inbound::SubAck { packet_id, granted } => f
                .debug_struct("SubAck")
                .field("packet_id", packet_id)
                .field("granted", granted)
                .finish(),
            Inbound::PingResp => f.write_str("PingResp"),
            Inbound::Unexpected(packet) => f.debug_tuple("Unexpected").field(packet).finish(),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;
    use crate::message::OutgoingMessage;
    use crate::methods::MethodAnswer;
    use crate::properties::Properties;
    use crate::session::{Delivery, DeliveryId, LinkId};
    use crate::twin::ReportedPatch;

    #[test]
    fn no_body_shows_in_debug_but_its_length_does() {
        let payload = Bytes::from_static(b"secret picture");
        let identity = Identity::new("h", "d", Some("m".into())).unwrap();
        let message = OutgoingMessage::new("m-1", payload.clone());
        let json = serde_json::json!("secret picture");
        let delivery = Delivery {
            id: DeliveryId(1),
            link: LinkId(1),
            input: "images".into(),
            properties: Properties::new(),
            properties_error: None,
            payload: payload.clone(),
            ordinal: 1,
            after_timeout: false,
            repeats_until_acknowledged: true,
        };
        let outbound = Outbound::Publish {
            packet_id: 1,
            topic: "t".into(),
            payload: payload.clone(),
        };
        let inbound = Inbound::Publish {
            topic: "t".into(),
            qos: 1,
            packet_id: 1,
            payload,
        };
        let patch = ReportedPatch::new(&serde_json::json!({ "a": json })).unwrap();
        let shown = [
            (format!("{message:?}"), "payload_bytes: 14"),
            (
                format!("{:?}", message.prepare(&identity).unwrap()),
                "payload_bytes: 14",
            ),
            (format!("{delivery:?}"), "payload_bytes: 14"),
            (format!("{outbound:?}"), "payload_bytes: 14"),
            (format!("{inbound:?}"), "payload_bytes: 14"),
            (
                format!("{:?}", MethodAnswer::new(200, &json).unwrap()),
                "body_bytes: 16",
            ),
            (format!("{patch:?}"), "body_bytes: 22"),
        ];
        for (text, length) in shown {
            assert!(!text.contains("secret") && text.contains(length), "{text}");
        }
    }
}
