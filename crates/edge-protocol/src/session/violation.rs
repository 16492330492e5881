//! Packets that are illegal when they come, each with the clause it breaks.

use thiserror::Error;

/// A breach of MQTT 3.1.1 by the hub. The connection is closed and opened again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Violation {
    /// A packet before CONNACK.
    #[error("a packet came before CONNACK [MQTT-3.2.0-1]")]
    BeforeConnack,
    /// A second CONNACK on one connection.
    #[error("a second CONNACK came [MQTT-3.2.0-1]")]
    SecondConnack,
    /// A delivery at QoS 2, over the QoS 1 that was granted.
    #[error("a delivery came at QoS 2, at most 1 was granted [MQTT-3.8.4-6]")]
    QosAboveGranted,
    /// A QoS 1 delivery with packet id 0.
    #[error("a QoS 1 delivery came with packet id 0 [MQTT-2.3.1-1]")]
    PacketIdZero,
    /// PUBACK for an id that is not outstanding.
    #[error("PUBACK came for packet id {packet_id}, which is not outstanding [MQTT-2.3.1-6]")]
    UnknownPuback {
        /// The id seen.
        packet_id: u16,
    },
    /// SUBACK nobody waits for.
    #[error("SUBACK came for packet id {packet_id}, which is not outstanding [MQTT-3.8.4-2]")]
    UnknownSuback {
        /// The id seen.
        packet_id: u16,
    },
    /// SUBACK with another number of codes than filters asked for.
    #[error("SUBACK carries {codes} return codes, expected one for each filter [MQTT-3.8.4-5]")]
    SubackCodes {
        /// How many came.
        codes: usize,
    },
    /// UNSUBACK without an UNSUBSCRIBE.
    #[error("UNSUBACK came, but nothing was unsubscribed [MQTT-3.10.4-4]")]
    UnexpectedUnsuback,
    /// A packet of the QoS 2 exchange.
    #[error("a packet of the QoS 2 exchange came, but QoS 2 is not in use [MQTT-4.3.3-1]")]
    UnexpectedQosTwoPacket,
    /// A packet that only clients send.
    #[error("a packet came that only a client sends [MQTT 3.1.1, table 2.1]")]
    ClientPacket,
}
