//! An edgeHub that does nothing but hand out pictures: TLS, CONNECT, SUBSCRIBE, and one unacknowledged
//! PUBLISH at a time, as edgeHub has it. What is timed between its writing the last byte of a
//! PUBLISH and its reading the PUBACK is the module's own share, with the loopback and TLS on top.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use end_to_end::Certificates;
use futures_util::{SinkExt as _, StreamExt as _};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{
    Codec, ConnAck, ConnectReturnCode, Packet, PubAck, Publish, SubAck, SubscribeReasonCode,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::codec::Framed;

/// How long the module may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest packet either way, edgeHub's limit.
const LONGEST: usize = 262_144;

/// It listens.
pub(crate) struct Hub {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    ca: String,
}

/// A module that has subscribed.
pub(crate) struct Subscribed {
    link: Framed<TlsStream<TcpStream>, Codec>,
    sent: usize,
}

impl Hub {
    pub(crate) async fn listen() -> anyhow::Result<Self> {
        let made = Certificates::for_name("localhost")?;
        let chain = vec![CertificateDer::from_pem_slice(made.certificate.as_bytes())?];
        let key = PrivateKeyDer::from_pem_slice(made.key.as_bytes())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(Self {
            listener: TcpListener::bind("127.0.0.1:0").await?,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            ca: made.ca,
        })
    }

    /// What the module must be told, as its debugger settings have it.
    pub(crate) fn environment(
        &self,
        ca_file: &std::path::Path,
    ) -> anyhow::Result<Vec<(&'static str, String)>> {
        std::fs::write(ca_file, &self.ca)?;
        let address: SocketAddr = self.listener.local_addr()?;
        let string = "HostName=hub.test;GatewayHostName=localhost;DeviceId=edge;ModuleId=m;\
                      SharedAccessKey=a2V5";
        Ok(vec![
            ("EdgeHubConnectionString", string.to_owned()),
            ("EdgeModuleCACertificateFile", ca_file.display().to_string()),
            ("FRUIT_COUNTER_EDGEHUB_PORT", address.port().to_string()),
        ])
    }

    /// Waits for the module, until it has subscribed to its inputs.
    pub(crate) async fn module(&self) -> anyhow::Result<Subscribed> {
        let (socket, _) = timeout(PATIENCE, self.listener.accept())
            .await
            .context("the module does not connect")??;
        socket.set_nodelay(true)?;
        let codec = Codec {
            max_incoming_size: LONGEST,
            max_outgoing_size: LONGEST,
        };
        let mut module = Subscribed {
            link: Framed::new(self.acceptor.accept(socket).await?, codec),
            sent: 0,
        };
        loop {
            let packet = module.next().await?;
            let takes_pictures = module.answer(packet).await?;
            if takes_pictures {
                return Ok(module);
            }
        }
    }
}

impl Subscribed {
    async fn next(&mut self) -> anyhow::Result<Packet> {
        let packet = timeout(PATIENCE, self.link.next())
            .await
            .context("the module says nothing")?;
        Ok(packet.context("the module closed the connection")??)
    }

    /// Answers what is not a PUBACK; true when inputs were subscribed to.
    async fn answer(&mut self, packet: Packet) -> anyhow::Result<bool> {
        match packet {
            Packet::Connect(_) => {
                let accepted = ConnAck::new(ConnectReturnCode::Success, false);
                self.link.send(Packet::ConnAck(accepted)).await?;
            }
            Packet::Subscribe(wish) => {
                let granted = SubscribeReasonCode::Success(QoS::AtLeastOnce);
                let granted = SubAck {
                    pkid: wish.pkid,
                    return_codes: vec![granted; wish.filters.len()],
                };
                self.link.send(Packet::SubAck(granted)).await?;
                return Ok(wish
                    .filters
                    .iter()
                    .any(|filter| filter.path.contains("/inputs/")));
            }
            Packet::Publish(publish) => self.take(publish).await?,
            Packet::PingReq => self.link.send(Packet::PingResp).await?,
            other => bail!("the module sent {other:?}"),
        }
        Ok(false)
    }

    /// Its reports are taken, its twin is empty.
    async fn take(&mut self, publish: Publish) -> anyhow::Result<()> {
        let topic = std::str::from_utf8(&publish.topic)?;
        if publish.qos == QoS::AtLeastOnce {
            let taken = Packet::PubAck(PubAck::new(publish.pkid));
            self.link.send(taken).await?;
        } else if let Some(request) = topic.strip_prefix("$iothub/twin/GET/?") {
            let answer = format!("$iothub/twin/res/200/?{request}");
            let twin = r#"{"desired":{"$version":1},"reported":{"$version":1}}"#;
            let answer = Publish::new(answer, QoS::AtMostOnce, twin);
            self.link.send(Packet::Publish(answer)).await?;
        } else if topic.starts_with("$iothub/twin/PATCH/") {
            let (_, request) = topic.split_once('?').context("a request without an id")?;
            let answer = format!("$iothub/twin/res/204/?{request}&$version=2");
            let answer = Publish::new(answer, QoS::AtMostOnce, "");
            self.link.send(Packet::Publish(answer)).await?;
        }
        Ok(())
    }

    /// Delivers pictures one after the other; how long each took to its PUBACK.
    pub(crate) async fn deliver(
        &mut self,
        pictures: &[Bytes],
        count: usize,
    ) -> anyhow::Result<Vec<Duration>> {
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let topic = format!(
                "devices/edge/modules/m/inputs/images/%24.cdid=cam&%24.mid=m-{}&%24.ct=image%2Fjpeg",
                self.sent
            );
            let picture = pictures[self.sent % pictures.len()].clone();
            let mut publish = Publish::from_bytes(topic, QoS::AtLeastOnce, picture);
            // As edgeHub numbers them.
            publish.pkid = 1;
            self.sent += 1;
            self.link.send(Packet::Publish(publish)).await?;
            let written = Instant::now();
            loop {
                match self.next().await? {
                    Packet::PubAck(_) => break,
                    other => {
                        self.answer(other).await?;
                    }
                }
            }
            times.push(written.elapsed());
        }
        Ok(times)
    }

    /// Answers for so long, and sends nothing by itself.
    pub(crate) async fn idle(&mut self, span: Duration) -> anyhow::Result<()> {
        let until = Instant::now() + span;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match timeout(left, self.link.next()).await {
                Err(_over) => return Ok(()),
                Ok(packet) => {
                    let packet = packet.context("the module closed the connection")??;
                    self.answer(packet).await?;
                }
            }
        }
    }
}
