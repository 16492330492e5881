//! Packets to bytes and back. The client's side of the codec and the hub's meet only in
//! these bytes, as on a socket; this room is the only one that knows both.

use bytes::{Bytes, BytesMut};
use edge_protocol::message::{INBOUND_PACKET_LIMIT, PACKET_LIMIT};
use edge_protocol::session::{Inbound, Outbound, Refusal, UnexpectedPacket};
use rumqttc::mqttbytes::v4::{
    Connect, ConnectReturnCode, Packet, PubAck, Publish, Subscribe, SubscribeFilter,
    SubscribeReasonCode,
};
use rumqttc::mqttbytes::{Error, QoS};

/// The bytes of a packet of the client.
pub(crate) fn from_client(packet: Outbound) -> Result<Bytes, Error> {
    let packet = match packet {
        Outbound::Connect(fields) => {
            let mut connect = Connect::new(fields.client_id);
            connect.keep_alive = fields.keep_alive_seconds;
            connect.clean_session = false;
            connect.set_credentials(fields.username, fields.password.expose().to_owned());
            Packet::Connect(connect)
        }
        Outbound::Subscribe { packet_id, filters } => {
            let filters = filters.into_iter().map(|filter| {
                let qos = match filter.qos {
                    0 => QoS::AtMostOnce,
                    _ => QoS::AtLeastOnce,
                };
                SubscribeFilter::new(filter.pattern, qos)
            });
            let mut subscribe = Subscribe::new_many(filters);
            subscribe.pkid = packet_id;
            Packet::Subscribe(subscribe)
        }
        Outbound::Publish {
            packet_id,
            topic,
            payload,
        } => {
            let mut publish = Publish::from_bytes(topic, QoS::AtLeastOnce, payload);
            publish.pkid = packet_id;
            Packet::Publish(publish)
        }
        Outbound::PubAck { packet_id } => Packet::PubAck(PubAck::new(packet_id)),
        Outbound::PingReq => Packet::PingReq,
        Outbound::Disconnect => Packet::Disconnect,
    };
    bytes_of(&packet, PACKET_LIMIT)
}

/// The next packet among the bytes that the hub has read; `None` until there is a whole one.
pub(crate) fn to_hub(read: &mut BytesMut) -> Result<Option<Packet>, Error> {
    whole(Packet::read(read, devhub::MAX_PACKET_BYTES))
}

/// The bytes of a packet of the hub.
pub(crate) fn from_hub(packet: &Packet) -> Result<Bytes, Error> {
    bytes_of(packet, INBOUND_PACKET_LIMIT)
}

/// The next packet among the bytes that the client has read.
pub(crate) fn to_client(read: &mut BytesMut) -> Result<Option<Inbound>, Error> {
    let Some(packet) = whole(Packet::read(read, INBOUND_PACKET_LIMIT))? else {
        return Ok(None);
    };
    Ok(Some(match packet {
        Packet::ConnAck(ack) => Inbound::ConnAck {
            session_present: ack.session_present,
            code: match ack.code {
                ConnectReturnCode::Success => Ok(()),
                ConnectReturnCode::RefusedProtocolVersion => Err(Refusal::ProtocolVersion),
                ConnectReturnCode::BadClientId => Err(Refusal::ClientId),
                ConnectReturnCode::ServiceUnavailable => Err(Refusal::Unavailable),
                ConnectReturnCode::BadUserNamePassword => Err(Refusal::Credentials),
                ConnectReturnCode::NotAuthorized => Err(Refusal::NotAuthorised),
            },
        },
        Packet::Publish(publish) => Inbound::Publish {
            topic: String::from_utf8_lossy(&publish.topic).into_owned(),
            qos: publish.qos as u8,
            packet_id: publish.pkid,
            payload: publish.payload,
        },
        Packet::PubAck(ack) => Inbound::PubAck {
            packet_id: ack.pkid,
        },
        Packet::SubAck(ack) => Inbound::SubAck {
            packet_id: ack.pkid,
            granted: ack
                .return_codes
                .iter()
                .map(|code| match code {
                    SubscribeReasonCode::Success(qos) => Some(*qos as u8),
                    SubscribeReasonCode::Failure => None,
                })
                .collect(),
        },
        Packet::PingResp => Inbound::PingResp,
        Packet::UnsubAck(_) => Inbound::Unexpected(UnexpectedPacket::UnsubAck),
        Packet::PubRec(_) | Packet::PubRel(_) | Packet::PubComp(_) => {
            Inbound::Unexpected(UnexpectedPacket::QosTwo)
        }
        Packet::Connect(_)
        | Packet::Subscribe(_)
        | Packet::Unsubscribe(_)
        | Packet::PingReq
        | Packet::Disconnect => Inbound::Unexpected(UnexpectedPacket::FromClient),
    }))
}

fn bytes_of(packet: &Packet, limit: usize) -> Result<Bytes, Error> {
    let mut bytes = BytesMut::new();
    packet.write(&mut bytes, limit)?;
    Ok(bytes.freeze())
}

fn whole(read: Result<Packet, Error>) -> Result<Option<Packet>, Error> {
    match read {
        Ok(packet) => Ok(Some(packet)),
        Err(Error::InsufficientBytes(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
