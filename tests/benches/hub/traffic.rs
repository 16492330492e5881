//! One load through one broker: a publisher with a window, and our client as the subscriber.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use edge_client::{ClientConfig, Started, Status};
use futures_util::{SinkExt, StreamExt};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Codec, Connect, ConnectReturnCode, Packet, Publish};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::codec::Framed;

/// Messages of the publisher without a PUBACK.
const WINDOW: usize = 16;
/// How long a round may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is sent.
pub(crate) struct Load {
    pub(crate) name: &'static str,
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

/// How to send through a broker.
pub(crate) struct Way {
    pub(crate) address: SocketAddr,
    pub(crate) ca_pem: String,
    /// The publisher's CONNECT.
    pub(crate) connect: Connect,
    /// What it publishes to; properties follow.
    pub(crate) topic: String,
    pub(crate) subscriber: ClientConfig,
}

/// Sends a load and returns the messages per second that the subscriber had and acknowledged.
pub(crate) async fn run(load: &Load, way: &Way) -> anyhow::Result<f64> {
    let Started {
        client,
        mut deliveries,
        ..
    } = edge_client::start(way.subscriber.clone());
    let mut status = client.status();
    tokio::time::timeout(PATIENCE, status.wait_for(Status::is_connected)).await??;
    let mut publisher = connect(way.address, &way.ca_pem, way.connect.clone()).await?;
    // One message first: then the subscription stands, and both sides are warm.
    publish(&mut publisher, &way.topic, 1, load.bytes).await?;
    let first = tokio::time::timeout(PATIENCE, deliveries.next()).await?;
    let _ = first.context("no delivery")?.acknowledge();

    let began = Instant::now();
    let sending = async { publish(&mut publisher, &way.topic, load.messages, load.bytes).await };
    let receiving = async {
        for received in 0..load.messages {
            let delivery = deliveries.next().await.context("the client ended")?;
            ensure!(
                delivery.payload().len() == load.bytes,
                "message {received} has another size"
            );
            let _ = delivery.acknowledge();
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, async { tokio::try_join!(sending, receiving) })
        .await
        .context("a round took too long")??;
    let took = began.elapsed().as_secs_f64();
    client.close(Duration::from_secs(5)).await;
    publisher.send(Packet::Disconnect).await?;
    Ok(load.messages as f64 / took)
}

type Link = Framed<TlsStream<TcpStream>, Codec>;

/// Connects by hand: TLS, CONNECT, CONNACK.
pub(crate) async fn connect(
    address: SocketAddr,
    ca_pem: &str,
    connect: Connect,
) -> anyhow::Result<Link> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let name = ServerName::try_from("localhost")?;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, socket)
        .await?;
    let limit = 1 << 20;
    let codec = Codec {
        max_incoming_size: limit,
        max_outgoing_size: limit,
    };
    let mut link = Framed::new(stream, codec);
    link.send(Packet::Connect(connect)).await?;
    match link.next().await {
        Some(Ok(Packet::ConnAck(ack))) if ack.code == ConnectReturnCode::Success => Ok(link),
        other => bail!("not accepted: {other:?}"),
    }
}

/// Publishes `count` messages, at most [`WINDOW`] of them unacknowledged at any time.
async fn publish(link: &mut Link, topic: &str, count: usize, bytes: usize) -> anyhow::Result<()> {
    let body = Bytes::from(vec![0x5a; bytes]);
    let (mut sent, mut confirmed) = (0, 0);
    while confirmed < count {
        while sent < count && sent - confirmed < WINDOW {
            let name = format!("{topic}%24.mid=m-{sent}&%24.ct=image%2Fjpeg");
            let mut publish = Publish::from_bytes(name, QoS::AtLeastOnce, body.clone());
            publish.pkid = u16::try_from(sent % 60_000 + 1)?;
            link.feed(Packet::Publish(publish)).await?;
            sent += 1;
        }
        link.flush().await?;
        match link.next().await.context("the broker closed")?? {
            Packet::PubAck(_) => confirmed += 1,
            other => bail!("expected a PUBACK, got {other:?}"),
        }
    }
    Ok(())
}
