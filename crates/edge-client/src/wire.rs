//! One TLS connection as two byte buffers, and MQTT packets in and out of them.
//!
//! Reading and writing are separate futures over separate halves, so a hub that does not
//! read cannot keep us from reading. Both futures may be dropped at any await without
//! losing a byte. The codec is borrowed (`rumqttc`'s `mqttbytes`, as a codec only); this
//! room is the only one that knows it.

use std::io;

use bytes::BytesMut;
use edge_protocol::message::{INBOUND_PACKET_LIMIT, PACKET_LIMIT};
use edge_protocol::session::{Connect, Inbound, Outbound, Refusal, TopicFilter, UnexpectedPacket};
use rumqttc::mqttbytes::{self, QoS, v4};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// Free space to offer each read, in bytes: a few TLS records.
const READ_SPACE: usize = 64 * 1024;

/// The reading side.
#[derive(Debug)]
pub(crate) struct Incoming<S = TlsStream<TcpStream>> {
    half: ReadHalf<S>,
    buffer: BytesMut,
}

/// The writing side.
#[derive(Debug)]
pub(crate) struct Outgoing<S = TlsStream<TcpStream>> {
    half: WriteHalf<S>,
    buffer: BytesMut,
    unflushed: bool,
    ending: Ending,
}

#[derive(Debug, PartialEq, Eq)]
enum Ending {
    No,
    Wanted,
    Done,
}

/// Splits a connection.
pub(crate) fn split<S: AsyncRead + AsyncWrite>(stream: S) -> (Incoming<S>, Outgoing<S>) {
    let (read, write) = tokio::io::split(stream);
    (
        Incoming {
            half: read,
            buffer: BytesMut::new(),
        },
        Outgoing {
            half: write,
            buffer: BytesMut::new(),
            unflushed: false,
            ending: Ending::No,
        },
    )
}

impl<S: AsyncRead + AsyncWrite> Incoming<S> {
    /// Waits for bytes. Dropping the future loses none.
    ///
    /// An end without TLS close_notify is how peers that just close look, so it counts as
    /// [`WireError::Ended`] like an orderly one.
    pub(crate) async fn read(&mut self) -> Result<(), WireError> {
        self.buffer.reserve(READ_SPACE);
        match self.half.read_buf(&mut self.buffer).await {
            Ok(0) => Err(WireError::Ended),
            Ok(_) => Ok(()),
            Err(source) if source.kind() == io::ErrorKind::UnexpectedEof => Err(WireError::Ended),
            Err(source) => Err(WireError::Io { source }),
        }
    }

    /// The next whole packet among the bytes read; `None` until there is one.
    pub(crate) fn decode(&mut self) -> Result<Option<Inbound>, WireError> {
        match v4::Packet::read(&mut self.buffer, INBOUND_PACKET_LIMIT) {
            Ok(packet) => Ok(Some(inbound(packet)?)),
            Err(mqttbytes::Error::InsufficientBytes(_)) => Ok(None),
            Err(error) => Err(malformed(error)),
        }
    }
}

impl<S: AsyncRead + AsyncWrite> Outgoing<S> {
    /// Appends a packet to what is to be written.
    pub(crate) fn encode(&mut self, packet: Outbound) -> Result<(), WireError> {
        outbound(packet)
            .write(&mut self.buffer, PACKET_LIMIT)
            .map(|_| ())
            .map_err(|error| WireError::Unsendable {
                source: Box::new(error),
            })
    }

    /// After everything has been written, end this direction.
    pub(crate) fn end_when_written(&mut self) {
        if self.ending == Ending::No {
            self.ending = Ending::Wanted;
        }
    }

    /// True while [`Outgoing::write`] has something to do.
    pub(crate) fn has_work(&self) -> bool {
        !self.buffer.is_empty() || self.unflushed || self.ending == Ending::Wanted
    }

    /// Does one step of writing, flushing or ending. Dropping the future loses nothing.
    pub(crate) async fn write(&mut self) -> Result<(), WireError> {
        let step = if !self.buffer.is_empty() {
            let written = self.half.write_buf(&mut self.buffer).await;
            // Bytes handed over may still wait inside TLS.
            self.unflushed = true;
            match written {
                Ok(0) => Err(io::Error::from(io::ErrorKind::WriteZero)),
                Ok(_) => Ok(()),
                Err(source) => Err(source),
            }
        } else if self.unflushed {
            let flushed = self.half.flush().await;
            self.unflushed = false;
            flushed
        } else {
            let ended = self.half.shutdown().await;
            self.ending = Ending::Done;
            ended
        };
        step.map_err(|source| WireError::Io { source })
    }
}

fn malformed(error: mqttbytes::Error) -> WireError {
    WireError::Malformed {
        source: Box::new(error),
    }
}

fn inbound(packet: v4::Packet) -> Result<Inbound, WireError> {
    Ok(match packet {
        v4::Packet::ConnAck(ack) => Inbound::ConnAck {
            session_present: ack.session_present,
            code: match ack.code {
                v4::ConnectReturnCode::Success => Ok(()),
                v4::ConnectReturnCode::RefusedProtocolVersion => Err(Refusal::ProtocolVersion),
                v4::ConnectReturnCode::BadClientId => Err(Refusal::ClientId),
                v4::ConnectReturnCode::ServiceUnavailable => Err(Refusal::Unavailable),
                v4::ConnectReturnCode::BadUserNamePassword => Err(Refusal::Credentials),
                v4::ConnectReturnCode::NotAuthorized => Err(Refusal::NotAuthorised),
            },
        },
        v4::Packet::Publish(publish) => Inbound::Publish {
            topic: std::str::from_utf8(&publish.topic)
                .map_err(|source| malformed(mqttbytes::Error::TopicNotUtf8 { source }))?
                .to_owned(),
            qos: publish.qos as u8,
            packet_id: publish.pkid,
            payload: publish.payload,
        },
        v4::Packet::PubAck(ack) => Inbound::PubAck {
            packet_id: ack.pkid,
        },
        v4::Packet::SubAck(ack) => Inbound::SubAck {
            packet_id: ack.pkid,
            granted: ack
                .return_codes
                .iter()
                .map(|code| match code {
                    v4::SubscribeReasonCode::Success(qos) => Some(*qos as u8),
                    v4::SubscribeReasonCode::Failure => None,
                })
                .collect(),
        },
        v4::Packet::PingResp => Inbound::PingResp,
        v4::Packet::UnsubAck(_) => Inbound::Unexpected(UnexpectedPacket::UnsubAck),
        v4::Packet::PubRec(_) | v4::Packet::PubRel(_) | v4::Packet::PubComp(_) => {
            Inbound::Unexpected(UnexpectedPacket::QosTwo)
        }
        v4::Packet::Connect(_)
        | v4::Packet::Subscribe(_)
        | v4::Packet::Unsubscribe(_)
        | v4::Packet::PingReq
        | v4::Packet::Disconnect => Inbound::Unexpected(UnexpectedPacket::FromClient),
    })
}

fn outbound(packet: Outbound) -> v4::Packet {
    match packet {
        Outbound::Connect(Connect {
            client_id,
            username,
            password,
            keep_alive_seconds,
        }) => {
            let mut connect = v4::Connect::new(client_id);
            connect.keep_alive = keep_alive_seconds;
            connect.clean_session = false;
            connect.set_credentials(username, password.expose().to_owned());
            v4::Packet::Connect(connect)
        }
        Outbound::Subscribe { packet_id, filters } => {
            let mut subscribe = v4::Subscribe::new_many(filters.into_iter().map(filter));
            subscribe.pkid = packet_id;
            v4::Packet::Subscribe(subscribe)
        }
        Outbound::Publish {
            packet_id,
            topic,
            payload,
        } => {
            let mut publish = v4::Publish::from_bytes(topic, QoS::AtLeastOnce, payload);
            publish.pkid = packet_id;
            v4::Packet::Publish(publish)
        }
        Outbound::PubAck { packet_id } => v4::Packet::PubAck(v4::PubAck::new(packet_id)),
        Outbound::PingReq => v4::Packet::PingReq,
        Outbound::Disconnect => v4::Packet::Disconnect,
    }
}

fn filter(filter: TopicFilter) -> v4::SubscribeFilter {
    let qos = match filter.qos {
        0 => QoS::AtMostOnce,
        _ => QoS::AtLeastOnce,
    };
    v4::SubscribeFilter::new(filter.pattern, qos)
}

/// Why a connection cannot go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WireError {
    /// The other side ended it.
    #[error("the hub closed the connection")]
    Ended,
    /// The network did.
    #[error("the connection broke")]
    Io {
        /// How.
        #[source]
        source: io::Error,
    },
    /// Bytes that are no MQTT 3.1.1 packet, or one over the size limit.
    #[error("the hub sent something that is not MQTT 3.1.1")]
    Malformed {
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A packet of ours that MQTT cannot carry.
    #[error("a packet cannot be written")]
    Unsendable {
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn bytes_of(packet: Outbound) -> Vec<u8> {
        let mut buffer = BytesMut::new();
        outbound(packet).write(&mut buffer, PACKET_LIMIT).unwrap();
        buffer.to_vec()
    }

    #[test]
    fn packets_are_the_bytes_of_the_specification() {
        assert_eq!(
            bytes_of(Outbound::PubAck { packet_id: 0x0102 }),
            [0x40, 2, 1, 2]
        );
        assert_eq!(bytes_of(Outbound::PingReq), [0xC0, 0]);
        assert_eq!(bytes_of(Outbound::Disconnect), [0xE0, 0]);
        assert_eq!(
            bytes_of(Outbound::Subscribe {
                packet_id: 10,
                filters: vec![
                    TopicFilter {
                        pattern: "a/#".into(),
                        qos: 1
                    },
                    TopicFilter {
                        pattern: "b".into(),
                        qos: 0
                    },
                ]
            }),
            [0x82, 12, 0, 10, 0, 3, b'a', b'/', b'#', 1, 0, 1, b'b', 0]
        );
        let publish = Outbound::Publish {
            packet_id: 3,
            topic: "a/b".into(),
            payload: Bytes::from_static(b"xy"),
        };
        assert_eq!(
            bytes_of(publish),
            [0x32, 9, 0, 3, b'a', b'/', b'b', 0, 3, b'x', b'y']
        );
    }

    #[test]
    fn a_packet_of_exactly_the_limit_is_written() {
        let packet = |payload: usize| Outbound::Publish {
            packet_id: 1,
            topic: "t".into(),
            payload: Bytes::from(vec![0; payload]),
        };
        // 1 type byte, 3 length bytes, 2 + 1 topic, 2 packet id.
        let largest = PACKET_LIMIT - 9;
        assert_eq!(bytes_of(packet(largest)).len(), PACKET_LIMIT);
        let mut buffer = BytesMut::new();
        assert!(
            outbound(packet(largest + 1))
                .write(&mut buffer, PACKET_LIMIT)
                .is_err()
        );
    }
    #[tokio::test]
    async fn a_blocked_writer_does_not_stop_reading() {
        // The other side reads nothing, and the pipe holds 64 bytes.
        let (ours, mut theirs) = tokio::io::duplex(64);
        let (mut incoming, mut outgoing) = split(ours);
        let payload = Bytes::from(vec![0; 250_000]);
        outgoing
            .encode(Outbound::Publish {
                packet_id: 1,
                topic: "t".into(),
                payload,
            })
            .unwrap();
        theirs.write_all(&[0xD0, 0]).await.unwrap();
        loop {
            tokio::select! {
                biased;
                written = outgoing.write() => written.unwrap(),
                read = incoming.read() => break read.unwrap(),
            }
        }
        assert!(outgoing.has_work(), "the writer is still blocked");
        assert_eq!(incoming.decode().unwrap(), Some(Inbound::PingResp));
        // And nothing was lost by dropping its futures: the rest arrives whole.
        let reader = tokio::spawn(async move {
            let mut bytes = vec![0; 250_000 + 9];
            theirs.read_exact(&mut bytes).await.map(|_| bytes)
        });
        while outgoing.has_work() {
            outgoing.write().await.unwrap();
        }
        let bytes = reader.await.unwrap().unwrap();
        assert_eq!(bytes[..5], [0x32, 0x95, 0xA1, 0x0F, 0]);
    }
}
