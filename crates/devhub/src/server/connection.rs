//! One socket: TLS, then packets both ways until either side is done.
//!
//! Reader and writer run side by side, so that a client that sends 250 KB while we send 250 KB
//! blocks nobody. No decision is made here, but the first size gate, which is the codec's.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rumqttc::mqttbytes::Error as CodecError;
use rumqttc::mqttbytes::v4::{Codec, Packet};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_util::codec::{FramedRead, FramedWrite};

use super::event::Event;
use crate::hub::{CloseReason, ConnectionId};

/// Packets that wait for a socket; a client that lets more pile up is closed.
pub(crate) const OUTBOX: usize = 256;
/// Gate 1: the largest packet, all bytes counted (sheet 6.2).
pub const MAX_PACKET_BYTES: usize = 262_144;
/// The codec compares the remaining length: one type byte and three length bytes go before it.
const MAX_REMAINING_LENGTH: usize = MAX_PACKET_BYTES - 4;
/// What we send may be larger: the hub adds properties to what it took.
const MAX_OUTGOING_BYTES: usize = 2 * MAX_PACKET_BYTES;
/// Longest TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(20);
/// Longest wait for a socket to take what is written.
const WRITE: Duration = Duration::from_secs(30);

/// What goes to a connection.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Packet {
        packet: Packet,
        report_written: Option<u64>,
    },
    Close,
}

/// Serves one socket to its end, and tells the hub of it unless the hub asked for it.
pub(crate) async fn serve(
    id: ConnectionId,
    socket: TcpStream,
    peer: SocketAddr,
    tls: TlsAcceptor,
    events: mpsc::Sender<Event>,
    outbox: mpsc::Receiver<Outgoing>,
) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::warn!(%peer, %error, "TCP_NODELAY not set: small packets may wait 40 ms");
    }
    let stream = match tokio::time::timeout(HANDSHAKE, tls.accept(socket)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::warn!(connection = id, %peer, %error, "TLS handshake failed");
            let _stopping = events.send(Event::Lost(id, CloseReason::PeerClosed)).await;
            return;
        }
        Err(_late) => {
            tracing::warn!(connection = id, %peer, "TLS handshake took too long");
            let _stopping = events
                .send(Event::Lost(id, CloseReason::ConnectTimeout))
                .await;
            return;
        }
    };
    tracing::debug!(connection = id, %peer, "TLS is up");
    if events.send(Event::Accepted(id)).await.is_err() {
        return;
    }
    let (reader, writer) = tokio::io::split(stream);
    let lost = tokio::select! {
        reason = read(id, reader, &events) => Some(reason),
        reason = write(id, writer, &events, outbox) => reason,
    };
    if let Some(reason) = lost {
        let _stopping = events.send(Event::Lost(id, reason)).await;
    }
}

fn codec() -> Codec {
    Codec {
        max_incoming_size: MAX_REMAINING_LENGTH,
        max_outgoing_size: MAX_OUTGOING_BYTES,
    }
}

async fn read(
    id: ConnectionId,
    reader: impl AsyncRead + Unpin,
    events: &mpsc::Sender<Event>,
) -> CloseReason {
    let mut packets = FramedRead::new(reader, codec());
    while let Some(packet) = packets.next().await {
        let event = match packet {
            Ok(packet) => Event::Packet(id, packet),
            Err(CodecError::InvalidProtocol | CodecError::InvalidProtocolLevel(_)) => {
                let _stopping = events.send(Event::WrongProtocol(id)).await;
                // The writer sends CONNACK 1 and closes.
                return std::future::pending().await;
            }
            Err(CodecError::PayloadSizeLimitExceeded(size)) => {
                return CloseReason::PacketTooLarge(size);
            }
            Err(CodecError::Io(_)) => return CloseReason::PeerClosed,
            Err(error) => return CloseReason::Malformed(error.to_string()),
        };
        if events.send(event).await.is_err() {
            return CloseReason::Stopping;
        }
    }
    CloseReason::PeerClosed
}

/// Ends with `None` when the hub said so.
async fn write(
    id: ConnectionId,
    writer: impl AsyncWrite + Unpin,
    events: &mpsc::Sender<Event>,
    mut outbox: mpsc::Receiver<Outgoing>,
) -> Option<CloseReason> {
    let mut packets = FramedWrite::new(writer, codec());
    let mut written = Vec::new();
    while let Some(outgoing) = outbox.recv().await {
        // Whatever waits goes out in one flush.
        let mut next = Some(outgoing);
        let mut closing = false;
        while let Some(outgoing) = next {
            match outgoing {
                Outgoing::Packet {
                    packet,
                    report_written,
                } => {
                    written.extend(report_written);
                    match tokio::time::timeout(WRITE, packets.feed(packet)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => return Some(failed(id, &error)),
                        Err(_late) => return Some(CloseReason::NotReading),
                    }
                }
                Outgoing::Close => {
                    closing = true;
                    break;
                }
            }
            next = outbox.try_recv().ok();
        }
        match tokio::time::timeout(WRITE, packets.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Some(failed(id, &error)),
            Err(_late) => return Some(CloseReason::NotReading),
        }
        for delivery in written.drain(..) {
            let _stopping = events.send(Event::Written(id, delivery)).await;
        }
        if closing {
            let _gone = tokio::time::timeout(WRITE, packets.get_mut().shutdown()).await;
            return None;
        }
    }
    None
}

fn failed(id: ConnectionId, error: &CodecError) -> CloseReason {
    match error {
        CodecError::Io(_) => CloseReason::PeerClosed,
        error => {
            tracing::error!(connection = id, %error, "packet cannot be written");
            CloseReason::Malformed(error.to_string())
        }
    }
}
