//! A raw MQTT client for these tests: TLS and the codec, no opinion of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ring::hmac;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{
    Codec, ConnAck, Connect, ConnectReturnCode, Packet, PubAck, Publish, Subscribe,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::codec::Framed;

/// How long any single answer may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn tls(address: SocketAddr, ca_pem: &str) -> TlsStream<TcpStream> {
    handshake(address, ca_pem).await.unwrap()
}

/// Why there is no TLS connection: what a client has to say against the hub's certificate, or that
/// nobody is there.
pub(crate) async fn tls_error(address: SocketAddr, ca_pem: &str) -> Option<String> {
    handshake(address, ca_pem)
        .await
        .err()
        .map(|error| error.to_string())
}

async fn handshake(address: SocketAddr, ca_pem: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, socket)
        .await
}

pub(crate) struct RawClient {
    framed: Framed<TlsStream<TcpStream>, Codec>,
    next_id: u16,
}

/// The parts of a connection string that matter here.
struct Parts {
    hub: String,
    client_id: String,
    resource: String,
    key: Vec<u8>,
}

fn parts(connection_string: &str) -> Parts {
    let value = |name: &str| {
        connection_string
            .split(';')
            .filter_map(|part| part.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.to_owned())
    };
    let (hub, device) = (value("HostName").unwrap(), value("DeviceId").unwrap());
    let (client_id, resource) = match value("ModuleId") {
        None => (device.clone(), format!("{hub}/devices/{device}")),
        Some(module) => (
            format!("{device}/{module}"),
            format!("{hub}/devices/{device}/modules/{module}"),
        ),
    };
    let key = STANDARD.decode(value("SharedAccessKey").unwrap()).unwrap();
    Parts {
        hub,
        client_id,
        resource,
        key,
    }
}

/// A CONNECT with a token that is good for an hour.
pub(crate) fn connect_packet(connection_string: &str) -> Connect {
    let parts = parts(connection_string);
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let se = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
        + 3600;
    let sr = encode(&parts.resource);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &parts.key);
    let sig = encode(&STANDARD.encode(hmac::sign(&key, format!("{sr}\n{se}").as_bytes())));
    let mut connect = Connect::new(&parts.client_id);
    connect.clean_session = false;
    connect.keep_alive = 60;
    connect.set_credentials(
        format!("{}/{}/?api-version=2019-10-01", parts.hub, parts.client_id),
        format!("SharedAccessSignature sr={sr}&sig={sig}&se={se}"),
    );
    connect
}

impl RawClient {
    pub(crate) async fn open(address: SocketAddr, ca_pem: &str) -> Self {
        let codec = Codec {
            max_incoming_size: 1 << 20,
            max_outgoing_size: 1 << 20,
        };
        Self {
            framed: Framed::new(tls(address, ca_pem).await, codec),
            next_id: 1,
        }
    }

    /// Opens, connects, and returns session-present.
    pub(crate) async fn connect(
        address: SocketAddr,
        ca_pem: &str,
        connection_string: &str,
    ) -> (Self, bool) {
        let mut client = Self::open(address, ca_pem).await;
        let ack = client.connect_with(connect_packet(connection_string)).await;
        assert_eq!(ack.code, ConnectReturnCode::Success);
        (client, ack.session_present)
    }

    pub(crate) async fn connect_with(&mut self, connect: Connect) -> ConnAck {
        self.send(Packet::Connect(connect)).await;
        match self.packet().await {
            Some(Packet::ConnAck(ack)) => ack,
            other => panic!("expected CONNACK, got {other:?}"),
        }
    }

    pub(crate) async fn send(&mut self, packet: Packet) {
        self.framed.send(packet).await.unwrap();
    }

    /// The next packet; `None` when the hub closed.
    pub(crate) async fn packet(&mut self) -> Option<Packet> {
        match tokio::time::timeout(PATIENCE, self.framed.next()).await {
            Ok(Some(Ok(packet))) => Some(packet),
            Ok(Some(Err(_)) | None) => None,
            Err(_) => panic!("nothing came within {PATIENCE:?}"),
        }
    }

    pub(crate) async fn subscribe(&mut self, filter: &str) {
        let mut subscribe = Subscribe::new(filter, QoS::AtLeastOnce);
        subscribe.pkid = 9;
        self.send(Packet::Subscribe(subscribe)).await;
        assert!(matches!(self.packet().await, Some(Packet::SubAck(ack)) if ack.pkid == 9));
    }

    /// Sends a QoS 1 PUBLISH and returns its packet id.
    pub(crate) async fn publish(&mut self, topic: &str, body: impl Into<Bytes>) -> u16 {
        let mut publish = Publish::from_bytes(topic, QoS::AtLeastOnce, body.into());
        publish.pkid = self.next_id;
        self.next_id += 1;
        let id = publish.pkid;
        self.send(Packet::Publish(publish)).await;
        id
    }

    /// Publishes and waits for the PUBACK.
    pub(crate) async fn telemetry(&mut self, topic: &str, body: impl Into<Bytes>) {
        let id = self.publish(topic, body).await;
        self.expect_puback(id).await;
    }

    pub(crate) async fn expect_puback(&mut self, id: u16) {
        assert_eq!(self.packet().await, Some(Packet::PubAck(PubAck::new(id))));
    }

    /// The next packet, which has to be a PUBLISH.
    pub(crate) async fn delivery(&mut self) -> (String, Bytes) {
        match self.packet().await {
            Some(Packet::Publish(publish)) => {
                assert_eq!((publish.pkid, publish.dup), (1, false));
                (
                    String::from_utf8(publish.topic.to_vec()).unwrap(),
                    publish.payload,
                )
            }
            other => panic!("expected a delivery, got {other:?}"),
        }
    }

    pub(crate) async fn ack(&mut self) {
        self.send(Packet::PubAck(PubAck::new(1))).await;
    }
}
