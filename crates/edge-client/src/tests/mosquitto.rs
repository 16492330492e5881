//! The client against a broker that shares no code with us: Debian's mosquitto, over TLS.
//! Skipped, with the reason printed, where it is not installed.

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::hub::{Hub, NAME, PATIENCE, begin, pki};
use crate::{Acknowledged, Client, Deliveries, OutgoingMessage, Status, TrustAnchors};

struct Broker(Child);

impl Drop for Broker {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

const PROGRAM: &str = "/usr/sbin/mosquitto";

#[tokio::test]
async fn mosquitto_confirms_our_messages_and_keeps_our_session() {
    if !std::path::Path::new(PROGRAM).exists() {
        println!("skipped: {PROGRAM} is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let pki = pki("mosquitto CA", NAME);
    // The broker drops to its own user, who must be able to read these.
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        path.display().to_string()
    };
    let certificate = file("cert.pem", &pki.certificate_pem);
    let key = file("key.pem", &pki.key_pem);
    // A free port, given back just before the broker takes it.
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let settings = file(
        "mosquitto.conf",
        &format!(
            "listener {} 127.0.0.1\nallow_anonymous true\ncertfile {certificate}\nkeyfile {key}\n",
            address.port()
        ),
    );
    let broker = Command::new(PROGRAM)
        .args(["-c", &settings])
        .stderr(Stdio::null())
        .spawn();
    let _broker = Broker(broker.unwrap());
    std::io::stdout().flush().unwrap();

    let mut config = Hub::with(&pki).await.config();
    config.dial = Some(address);
    config.trust = TrustAnchors::from_pem(pki.ca_pem.as_bytes()).unwrap();
    let (client, deliveries) = begin(config.clone());
    assert!(!connected(&client).await, "a new session");
    client
        .publish(OutgoingMessage::new("m-1", &b"x"[..]))
        .await
        .unwrap();
    assert!(client.close(PATIENCE).await.is_clean());
    drop(deliveries);

    // Again, with the session kept; a delivery dropped unused comes back.
    let (client, mut deliveries) = begin(config.clone());
    assert!(connected(&client).await, "the session is kept");
    let mut sender = config;
    sender.identity = crate::Identity::new("hub1", "another", None).unwrap();
    sender.receives_inputs = false;
    deliver_through(&mut deliveries, &sender, address).await;
    assert!(client.close(Duration::from_secs(5)).await.is_clean());
}

/// Waits for the connection; says whether the broker had kept the session.
async fn connected(client: &Client) -> bool {
    let mut status = client.status();
    let status = tokio::time::timeout(PATIENCE, status.wait_for(Status::is_connected)).await;
    match *status.expect("mosquitto accepts us").unwrap() {
        Status::Connected {
            session_present, ..
        } => session_present,
        ref other => panic!("{other:?}"),
    }
}

/// Sends one message to the module's input by hand and takes it twice: dropped, then
/// acknowledged.
async fn deliver_through(
    deliveries: &mut Deliveries,
    sender: &crate::ClientConfig,
    address: std::net::SocketAddr,
) {
    use rumqttc::mqttbytes::QoS;
    use rumqttc::mqttbytes::v4::{Connect, Packet, Publish};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let tcp = tokio::net::TcpStream::connect(address).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from(NAME).unwrap();
    let tls = tokio_rustls::TlsConnector::from(sender.trust.tls_config(false).unwrap());
    let mut stream = tls.connect(name, tcp).await.unwrap();
    let mut publish = Publish::new(super::hub::INPUT, QoS::AtLeastOnce, b"picture".to_vec());
    publish.pkid = 1;
    let mut bytes = bytes::BytesMut::new();
    Packet::Connect(Connect::new(sender.identity.client_id()))
        .write(&mut bytes, 1000)
        .unwrap();
    Packet::Publish(publish).write(&mut bytes, 1000).unwrap();
    stream.write_all(&bytes).await.unwrap();
    let mut answer = [0; 8];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [0x20, 2, 0, 0, 0x40, 2, 0, 1], "CONNACK and PUBACK");

    let first = tokio::time::timeout(PATIENCE, deliveries.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(first.payload().as_ref(), b"picture");
    drop(first);
    let again = tokio::time::timeout(PATIENCE, deliveries.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(again.payload().as_ref(), b"picture");
    assert_eq!(again.acknowledge(), Acknowledged::Queued);
}
