//! A hub that is a script: each test accepts connections and says what comes next.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use edge_protocol::sas::SharedKey;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rumqttc::mqttbytes::{Error, QoS, v4};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::{
    Client, ClientConfig, Credentials, Deliveries, Identity, Started, Timings, TrustAnchors, start,
};

mod requests;

/// How long a test waits for something that should come.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

pub(super) const NAME: &str = "edge-box";
pub(super) const INPUT: &str = "devices/edge/modules/counter/inputs/images/%24.cdid=cam";

/// A certificate authority and a server certificate under it, in PEM and DER.
pub(super) struct Pki {
    pub(super) ca_pem: String,
    pub(super) certificate_pem: String,
    pub(super) key_pem: String,
    chain: Vec<CertificateDer<'static>>,
    ca: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Pki {
    /// Sends the CA's own certificate along, as the daemon's server certificates do.
    pub(super) fn with_ca_in_chain(mut self) -> Self {
        self.chain.push(self.ca.clone());
        self
    }

    fn acceptor(&self) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Makes a new CA called `ca` and a certificate for `name` under it.
pub(super) fn pki(ca: &str, name: &str) -> Pki {
    let ca_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, ca);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_certificate = params.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(params, ca_key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    Pki {
        ca_pem: ca_certificate.pem(),
        certificate_pem: leaf.pem(),
        key_pem: key.serialize_pem(),
        chain: vec![leaf.der().clone()],
        ca: ca_certificate.der().clone(),
        key: key.serialize_der(),
    }
}

/// Starts a client of which only messages matter.
pub(super) fn begin(config: ClientConfig) -> (Client, Deliveries) {
    let Started {
        client, deliveries, ..
    } = start(config);
    (client, deliveries)
}

pub(super) struct Hub {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    ca_pem: String,
}

impl Hub {
    pub(super) async fn new() -> Self {
        Hub::with(&pki("test CA", NAME)).await
    }

    pub(super) async fn with(pki: &Pki) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Hub::on(listener, pki)
    }

    /// A hub whose connections hold few bytes that it has not read.
    pub(super) fn cramped() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        Hub::on(socket.listen(16).unwrap(), &pki("test CA", NAME))
    }

    fn on(listener: TcpListener, pki: &Pki) -> Self {
        Hub {
            listener,
            acceptor: pki.acceptor(),
            ca_pem: pki.ca_pem.clone(),
        }
    }

    /// Shows another certificate from the next connection on.
    pub(super) fn present(&mut self, pki: &Pki) {
        self.acceptor = pki.acceptor();
    }

    /// A module's configuration for this hub, with quick retries.
    pub(super) fn config(&self) -> ClientConfig {
        let quick = |first, longest| {
            let millis = Duration::from_millis;
            edge_protocol::backoff::Backoff::new(millis(first), millis(longest)).unwrap()
        };
        ClientConfig {
            identity: Identity::new("hub1", "edge", Some("counter".into())).unwrap(),
            gateway_host: NAME.to_owned(),
            port: 8883,
            dial: Some(self.listener.local_addr().unwrap()),
            trust: TrustAnchors::from_pem(self.ca_pem.as_bytes()).unwrap(),
            credentials: Credentials::SharedKey(SharedKey::from_base64("a2V5").unwrap()),
            product: "test/1".to_owned(),
            model_id: None,
            receives_inputs: true,
            follows_twin: false,
            takes_methods: false,
            timings: Timings {
                retry: quick(10, 50),
                refused_retry: quick(10, 50),
                ..Timings::default()
            },
            tls12_only: false,
        }
    }

    pub(super) async fn accept_tcp(&self) -> TcpStream {
        let accepted = tokio::time::timeout(PATIENCE, self.listener.accept()).await;
        accepted.expect("the client dials").unwrap().0
    }

    /// The next connection; `Err` when the client refuses our certificate.
    pub(super) async fn try_accept(&self) -> std::io::Result<Peer> {
        let tcp = self.accept_tcp().await;
        tcp.set_nodelay(true).unwrap();
        Ok(Peer {
            stream: self.acceptor.accept(tcp).await?,
            buffer: BytesMut::new(),
        })
    }

    pub(super) async fn accept(&self) -> Peer {
        self.try_accept().await.expect("a TLS handshake")
    }

    /// A connection up to its SUBACK.
    pub(super) async fn accept_session(&self, session_present: bool) -> Peer {
        let mut peer = self.accept().await;
        peer.expect_connect().await;
        peer.connack(v4::ConnectReturnCode::Success, session_present)
            .await;
        peer.grant_subscription().await;
        peer
    }
}

pub(super) struct Peer {
    stream: TlsStream<TcpStream>,
    buffer: BytesMut,
}

impl Peer {
    /// The next packet; `None` at the end of the connection.
    pub(super) async fn next(&mut self) -> Option<v4::Packet> {
        loop {
            match v4::Packet::read(&mut self.buffer, 1 << 20) {
                Ok(packet) => return Some(packet),
                Err(Error::InsufficientBytes(_)) => {}
                Err(error) => panic!("not MQTT: {error}"),
            }
            let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.buffer));
            match read.await.expect("something comes") {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    pub(super) async fn expect(&mut self) -> v4::Packet {
        self.next().await.expect("a packet, not the end")
    }

    pub(super) async fn expect_end(&mut self) {
        let next = self.next().await;
        assert!(next.is_none(), "expected the end, got {next:?}");
    }

    pub(super) async fn expect_connect(&mut self) -> v4::Connect {
        match self.expect().await {
            v4::Packet::Connect(connect) => connect,
            other => panic!("expected CONNECT, got {other:?}"),
        }
    }

    pub(super) async fn expect_publish(&mut self) -> v4::Publish {
        match self.expect().await {
            v4::Packet::Publish(publish) => publish,
            other => panic!("expected PUBLISH, got {other:?}"),
        }
    }

    pub(super) async fn expect_puback(&mut self) -> u16 {
        match self.expect().await {
            v4::Packet::PubAck(ack) => ack.pkid,
            other => panic!("expected PUBACK, got {other:?}"),
        }
    }

    pub(super) async fn send(&mut self, packet: v4::Packet) {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, 1 << 20).unwrap();
        self.stream.write_all(&bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    pub(super) async fn connack(&mut self, code: v4::ConnectReturnCode, session_present: bool) {
        self.send(v4::Packet::ConnAck(v4::ConnAck::new(code, session_present)))
            .await;
    }

    /// Grants everything as it is asked for.
    pub(super) async fn grant_subscription(&mut self) {
        let v4::Packet::Subscribe(subscribe) = self.expect().await else {
            panic!("expected SUBSCRIBE")
        };
        assert_eq!(
            subscribe.filters[0].path,
            "devices/edge/modules/counter/inputs/#"
        );
        let asked = subscribe.filters.iter().map(|filter| filter.qos);
        let granted = asked.map(v4::SubscribeReasonCode::Success).collect();
        self.send(v4::Packet::SubAck(v4::SubAck::new(subscribe.pkid, granted)))
            .await;
    }

    pub(super) async fn puback(&mut self, packet_id: u16) {
        self.send(v4::Packet::PubAck(v4::PubAck::new(packet_id)))
            .await;
    }

    pub(super) async fn deliver_at_most_once(&mut self, body: &'static [u8]) {
        let body = Bytes::from_static(body);
        let publish = v4::Publish::from_bytes(INPUT, QoS::AtMostOnce, body);
        self.send(v4::Packet::Publish(publish)).await;
    }

    pub(super) async fn deliver(&mut self, packet_id: u16, body: &'static [u8]) {
        let mut publish =
            v4::Publish::from_bytes(INPUT, QoS::AtLeastOnce, Bytes::from_static(body));
        publish.pkid = packet_id;
        self.send(v4::Packet::Publish(publish)).await;
    }
}
