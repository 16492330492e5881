//! The client against a broker that shares no code with us: Debian's mosquitto, over TLS.
//! Skipped, with the reason printed, where it is not installed.
//!
//! `cargo xtask interop mosquitto` runs each of these by its name.

mod broker;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use edge_protocol::sas::{SharedKey, TokenRequest};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Connect, Packet, Publish};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::hub::{INPUT, NAME, PATIENCE};
use crate::{
    Acknowledged, Client, ClientConfig, Deliveries, Delivery, FailureKind, Identity,
    OutgoingMessage, Started, Status, start,
};
use broker::{Access, Broker};

#[tokio::test]
async fn mosquitto_confirms_our_messages_and_keeps_our_session() {
    let Some(broker) = Broker::start(Access::Anonymous) else {
        return;
    };
    let config = broker.config().await;
    let Started {
        client, deliveries, ..
    } = start(config.clone());
    assert!(!connected(&client).await, "a new session");
    for size in [1, 100_000] {
        confirmed(&client, size).await;
    }
    assert!(client.close(PATIENCE).await.is_clean());
    drop(deliveries);

    // What came while we were away is in the session that was kept.
    send_to_input(&broker, &config, b"while away").await;
    let Started {
        client,
        mut deliveries,
        ..
    } = start(config);
    assert!(connected(&client).await, "the session is kept");
    let delivery = next(&mut deliveries).await;
    assert_eq!(delivery.payload().as_ref(), b"while away");
    assert_eq!(delivery.acknowledge(), Acknowledged::Queued);
    assert!(client.close(PATIENCE).await.is_clean());
}

#[tokio::test]
async fn a_delivery_that_was_not_acknowledged_comes_back_from_mosquitto() {
    let Some(broker) = Broker::start(Access::Anonymous) else {
        return;
    };
    let config = broker.config().await;
    let Started {
        client,
        mut deliveries,
        ..
    } = start(config.clone());
    connected(&client).await;
    for body in [&b"first"[..], b"second"] {
        send_to_input(&broker, &config, body).await;
    }
    let dropped = next(&mut deliveries).await;
    assert_eq!(dropped.payload().as_ref(), b"first");
    drop(dropped);
    for body in [&b"first"[..], b"second"] {
        let again = next(&mut deliveries).await;
        assert_eq!(again.payload().as_ref(), body);
        assert_eq!(again.acknowledge(), Acknowledged::Queued);
    }
    assert!(client.close(PATIENCE).await.is_clean());
}

#[tokio::test]
async fn a_restarted_mosquitto_finds_us_again_and_resumes_the_session() {
    let Some(mut broker) = Broker::start(Access::Anonymous) else {
        return;
    };
    let config = broker.config().await;
    let Started {
        client,
        mut deliveries,
        ..
    } = start(config.clone());
    assert!(!connected(&client).await, "a new session");
    for body in [&b"before"[..], b"behind it"] {
        send_to_input(&broker, &config, body).await;
    }
    let held = next(&mut deliveries).await;

    broker.stop().await;
    disconnected(&client).await;
    // Published while nobody listens: confirmed all the same, later.
    let (client, publisher) = (client.clone(), client);
    let published = tokio::spawn(async move { confirmed(&publisher, 100_000).await });
    assert_eq!(held.acknowledge(), Acknowledged::ConnectionGone);
    broker.resume();

    assert!(connected(&client).await, "the session is resumed");
    tokio::time::timeout(PATIENCE, published)
        .await
        .expect("confirmed after the restart")
        .unwrap();
    for body in [&b"before"[..], b"behind it"] {
        let again = next(&mut deliveries).await;
        assert_eq!(again.payload().as_ref(), body);
        assert_eq!(again.acknowledge(), Acknowledged::Queued);
    }
    assert!(client.close(PATIENCE).await.is_clean());
}

#[tokio::test]
async fn a_changed_password_shuts_us_out_until_we_have_the_new_one() {
    let Some(mut broker) = Broker::start(Access::Password) else {
        return;
    };
    let config = broker.config().await;
    let user = config
        .identity
        .username(&config.product, config.model_id.as_deref());
    let Started {
        client, deliveries, ..
    } = start(config.clone());
    refused(&client, &broker).await;
    assert!(!admit(&broker, &config, &client).await, "a new session");
    confirmed(&client, 1).await;

    // Changed while the broker is down, as an operator would.
    broker.stop().await;
    disconnected(&client).await;
    broker.change_password(&user, "another");
    broker.resume();
    refused(&client, &broker).await;

    assert!(
        admit(&broker, &config, &client).await,
        "the session is still there"
    );
    confirmed(&client, 1).await;
    assert!(client.close(PATIENCE).await.is_clean());
    drop(deliveries);
}

/// Makes the password that our client will have in a moment the right one, and waits until
/// it is let in; says whether the broker had kept the session. Our password is a token that
/// names the second of its end, so it is another one each second.
async fn admit(broker: &Broker, config: &ClientConfig, client: &Client) -> bool {
    let user = config
        .identity
        .username(&config.product, config.model_id.as_deref());
    let key = SharedKey::from_base64("a2V5").unwrap();
    // A second that was missed on a busy machine is not the last one.
    for _ in 0..5 {
        let soon = SystemTime::now() + Duration::from_secs(2);
        let ends = soon + config.timings.token_lifetime;
        let ends = ends.duration_since(UNIX_EPOCH).unwrap().as_secs();
        let token = key.token(TokenRequest::new(&config.identity, ends));
        broker.change_password(&user, token.expose());
        let mut status = client.status();
        let let_in = status.wait_for(Status::is_connected);
        if let Ok(status) = tokio::time::timeout(Duration::from_secs(4), let_in).await {
            return has_session(&status.unwrap());
        }
    }
    panic!("never let in\n{}", broker.log());
}

/// Waits until the broker has refused us.
async fn refused(client: &Client, broker: &Broker) {
    let mut status = client.status();
    let refused = status.wait_for(|status| match status {
        Status::Connecting { last_error, .. } => last_error
            .as_ref()
            .is_some_and(|error| error.kind() == FailureKind::Refused),
        Status::Connected { .. } => panic!("let in"),
        Status::Held | Status::Closed => false,
    });
    if tokio::time::timeout(PATIENCE, refused).await.is_err() {
        panic!("never refused\n{}", broker.log());
    }
}

/// Waits for the connection; says whether the broker had kept the session.
async fn connected(client: &Client) -> bool {
    let mut status = client.status();
    let status = tokio::time::timeout(PATIENCE, status.wait_for(Status::is_connected)).await;
    has_session(&status.expect("mosquitto accepts us").unwrap())
}

fn has_session(status: &Status) -> bool {
    match *status {
        Status::Connected {
            session_present, ..
        } => session_present,
        ref other => panic!("{other:?}"),
    }
}

async fn disconnected(client: &Client) {
    let mut status = client.status();
    let lost = status.wait_for(|status| !status.is_connected());
    let lost = tokio::time::timeout(PATIENCE, lost).await;
    lost.expect("the end is noticed").unwrap();
}

/// Publishes and waits for the confirmation.
async fn confirmed(client: &Client, size: usize) {
    let message = OutgoingMessage::new("m", vec![7; size]);
    let confirmed = tokio::time::timeout(PATIENCE, client.publish(message)).await;
    confirmed.expect("mosquitto confirms").unwrap();
}

async fn next(deliveries: &mut Deliveries) -> Delivery {
    let next = tokio::time::timeout(PATIENCE, deliveries.next()).await;
    next.expect("something comes").expect("not the end")
}

/// Sends one message to the module's input by hand, as another client.
async fn send_to_input(broker: &Broker, config: &ClientConfig, body: &[u8]) {
    let sender = Identity::new("hub1", "another", None).unwrap();
    let name = rustls::pki_types::ServerName::try_from(NAME).unwrap();
    let tls = tokio_rustls::TlsConnector::from(config.trust.tls_config(false).unwrap());
    let tcp = tokio::net::TcpStream::connect(broker.address()).await;
    let mut stream = tls.connect(name, tcp.unwrap()).await.unwrap();
    let mut publish = Publish::new(INPUT, QoS::AtLeastOnce, body.to_vec());
    publish.pkid = 1;
    let mut bytes = bytes::BytesMut::new();
    let mut connect = Connect::new(sender.client_id());
    connect.clean_session = true;
    Packet::Connect(connect).write(&mut bytes, 1000).unwrap();
    Packet::Publish(publish).write(&mut bytes, 1000).unwrap();
    stream.write_all(&bytes).await.unwrap();
    let mut answer = [0; 8];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer[..3], [0x20, 2, 0], "CONNACK");
    assert_eq!(answer[4..], [0x40, 2, 0, 1], "PUBACK");
}
