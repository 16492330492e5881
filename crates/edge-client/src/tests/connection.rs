//! Coming up, staying up, coming back.

use std::time::{Duration, Instant};

use rumqttc::mqttbytes::v4::{ConnectAuth, ConnectReturnCode, Packet};
use tokio::sync::watch;

use super::hub::{Hub, NAME, PATIENCE, Pki, begin, pki};
use crate::{ConnectionError, FailureKind, OutgoingMessage, Status, TrustAnchors, TrustError};

/// Waits until the client has reported a failure of `kind`.
async fn failure(status: &mut watch::Receiver<Status>, kind: FailureKind) -> ConnectionError {
    let failed = |status: &Status| match status {
        Status::Connecting {
            last_error: Some(error),
            ..
        } => error.kind() == kind,
        _ => false,
    };
    let seen = tokio::time::timeout(PATIENCE, status.wait_for(failed)).await;
    match &*seen.expect("a failure is reported").unwrap() {
        Status::Connecting {
            last_error: Some(error),
            ..
        } => error.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn checklist_8_a_certificate_for_another_name_is_refused_with_both_names_and_tried_again() {
    let hub = Hub::with(&pki("test CA", "other-box")).await;
    let (client, _deliveries) = begin(hub.config());
    let mut status = client.status();
    assert!(
        hub.try_accept().await.is_err(),
        "the client breaks the handshake off"
    );
    let text = failure(&mut status, FailureKind::Certificate)
        .await
        .to_string();
    assert!(text.contains(NAME) && text.contains("other-box"), "{text}");
    assert!(
        hub.try_accept().await.is_err(),
        "it tries again later and refuses again"
    );
}

#[tokio::test]
async fn why_connections_ended_is_counted_and_the_token_has_an_age() {
    let hub = Hub::new().await;
    let (client, _deliveries) = begin(hub.config());
    let mut status = client.status();
    let vitals = client.vitals();
    assert_eq!(vitals.token_age(Instant::now()), None);
    for times in 1..=3 {
        let peer = hub.accept_session(false).await;
        let connected = status.wait_for(Status::is_connected);
        connected.await.unwrap();
        assert_eq!(vitals.connected(), times);
        assert!(vitals.token_age(Instant::now()).unwrap() < PATIENCE);
        drop(peer);
        failure(&mut status, FailureKind::Lost).await;
        assert_eq!(vitals.ended(FailureKind::Lost), times);
    }
    let others = FailureKind::ALL
        .into_iter()
        .filter(|kind| *kind != FailureKind::Lost);
    assert_eq!(others.map(|kind| vitals.ended(kind)).sum::<u64>(), 0);
}

#[tokio::test]
async fn checklist_8_a_root_outside_the_trust_bundle_is_refused_by_name() {
    let hub = Hub::with(&pki("foreign CA", NAME)).await;
    let mut config = hub.config();
    config.trust = TrustAnchors::from_pem(pki("own CA", NAME).ca_pem.as_bytes()).unwrap();
    let (client, _deliveries) = begin(config);
    let mut status = client.status();
    assert!(hub.try_accept().await.is_err());
    let text = failure(&mut status, FailureKind::Certificate)
        .await
        .to_string();
    assert!(text.contains("trust bundle"), "{text}");
}

#[test]
fn a_trust_bundle_may_hold_several_roots_but_not_none() {
    let Pki { ca_pem, .. } = pki("one", NAME);
    let both = format!("{ca_pem}\n{}", pki("two", NAME).ca_pem);
    assert_eq!(TrustAnchors::from_pem(both.as_bytes()).unwrap().count(), 2);
    let nothing = TrustAnchors::from_pem(b"not PEM").unwrap_err();
    assert_eq!(nothing, TrustError::Empty { bytes: 7 });
}

#[tokio::test]
async fn tls_1_2_alone_works_and_an_ip_address_is_checked_as_one() {
    let hub = Hub::with(&pki("test CA", "127.0.0.1")).await;
    let mut config = hub.config();
    config.gateway_host = "127.0.0.1".to_owned();
    config.tls12_only = true;
    let (client, _deliveries) = begin(config);
    let mut peer = hub.accept_session(false).await;
    assert!(client.close(PATIENCE).await.is_clean());
    assert_eq!(peer.expect().await, Packet::Disconnect);
}

#[tokio::test]
async fn connect_carries_identity_token_and_a_kept_session() {
    let hub = Hub::new().await;
    let (_client, _deliveries) = begin(hub.config());
    let connect = hub.accept().await.expect_connect().await;
    assert_eq!(
        (connect.client_id.as_str(), connect.keep_alive),
        ("edge/counter", 60)
    );
    assert!(!connect.clean_session && connect.last_will.is_none());
    let ConnectAuth::UsernamePassword { username, password } = connect.auth else {
        panic!("expected a password")
    };
    assert!(
        username.starts_with("hub1/edge/counter/?api-version="),
        "{username}"
    );
    let token = "SharedAccessSignature sr=hub1%2Fdevices%2Fedge%2Fmodules%2Fcounter&sig=";
    assert!(password.starts_with(token.as_bytes()));
}

#[tokio::test]
async fn connect_announces_the_model_that_is_configured() {
    let hub = Hub::new().await;
    for (model_id, announced) in [
        (None, false),
        (Some("dtmi:orchard:Counter;1".to_owned()), true),
    ] {
        let mut config = hub.config();
        config.model_id = model_id;
        let (_client, _deliveries) = begin(config);
        let connect = hub.accept().await.expect_connect().await;
        let ConnectAuth::UsernamePassword { username, .. } = connect.auth else {
            panic!("expected a password")
        };
        let parameter = "&model-id=dtmi%3Aorchard%3ACounter%3B1";
        assert_eq!(username.ends_with(parameter), announced, "{username}");
        assert_eq!(username.contains("model-id"), announced, "{username}");
    }
}

#[tokio::test]
async fn checklist_9_a_refused_token_is_replaced_and_the_client_gets_in() {
    let hub = Hub::new().await;
    let (client, _deliveries) = begin(hub.config());
    let mut status = client.status();
    for _ in 0..3 {
        let mut peer = hub.accept().await;
        peer.expect_connect().await;
        peer.connack(ConnectReturnCode::NotAuthorized, false).await;
        let error = failure(&mut status, FailureKind::Refused).await;
        assert!(error.to_string().contains("code 5"), "{error}");
    }
    let _peer = hub.accept_session(true).await;
    let connected = tokio::time::timeout(PATIENCE, status.wait_for(Status::is_connected)).await;
    assert!(matches!(
        *connected.unwrap().unwrap(),
        Status::Connected {
            session_present: true,
            ..
        }
    ));
}

#[tokio::test]
async fn checklist_9_a_missing_connack_is_followed_by_another_try() {
    let hub = Hub::new().await;
    let mut config = hub.config();
    config.timings.connack_deadline = Duration::from_millis(200);
    let (client, _deliveries) = begin(config);
    let mut silent = hub.accept().await;
    silent.expect_connect().await;
    silent.expect_end().await;
    failure(&mut client.status(), FailureKind::TimedOut).await;
    hub.accept_session(false).await;
}

#[tokio::test]
async fn a_half_open_connection_is_noticed_and_replaced() {
    let hub = Hub::new().await;
    let mut config = hub.config();
    config.timings.keep_alive = Duration::from_millis(200);
    config.timings.ping_deadline = Duration::from_millis(200);
    let (client, _deliveries) = begin(config);
    let mut mute = hub.accept_session(false).await;
    assert_eq!(mute.expect().await, Packet::PingReq);
    mute.expect_end().await;
    failure(&mut client.status(), FailureKind::TimedOut).await;
    hub.accept_session(true).await;
}

#[tokio::test]
async fn checklist_10_a_token_is_renewed_by_a_reconnect_that_loses_nothing() {
    let hub = Hub::new().await;
    let mut config = hub.config();
    config.timings.token_lifetime = Duration::from_secs(2);
    let (client, mut deliveries) = begin(config);
    let mut peer = hub.accept_session(false).await;
    let publishing = client.clone();
    let sent = tokio::spawn(async move {
        publishing
            .publish(OutgoingMessage::new("m", &b"x"[..]))
            .await
    });
    let publish = peer.expect_publish().await;
    peer.puback(publish.pkid).await;
    assert_eq!(sent.await.unwrap(), Ok(()));
    peer.deliver(1, b"picture").await;
    let delivery = deliveries.next().await.unwrap();
    let _ = delivery.acknowledge();
    assert_eq!(peer.expect_puback().await, 1);
    // At 80 to 90 % of the lifetime, with nothing outstanding.
    assert_eq!(peer.expect().await, Packet::Disconnect);
    drop(peer);
    let mut peer = hub.accept_session(true).await;
    peer.deliver(1, b"next").await;
    assert_eq!(deliveries.next().await.unwrap().payload().as_ref(), b"next");
}

#[tokio::test]
async fn a_held_client_stays_away_until_it_is_resumed() {
    let hub = Hub::new().await;
    let (client, _deliveries) = begin(hub.config());
    let mut peer = hub.accept_session(false).await;
    client.hold().await;
    assert_eq!(peer.expect().await, Packet::Disconnect);
    let mut status = client.status();
    status
        .wait_for(|status| matches!(status, Status::Held))
        .await
        .unwrap();
    client.resume().await;
    drop(peer);
    hub.accept_session(true).await;
}

#[tokio::test]
async fn a_hold_after_a_dropped_delivery_shows_in_the_status() {
    let hub = Hub::new().await;
    let mut config = hub.config();
    // Long enough for the hold to find the client between two attempts.
    let wait = Duration::from_secs(4);
    config.timings.retry = edge_protocol::backoff::Backoff::new(wait, wait).unwrap();
    let (client, mut deliveries) = begin(config);
    let mut peer = hub.accept_session(false).await;
    peer.deliver(1, b"picture").await;
    drop(deliveries.next().await.unwrap());
    peer.expect_end().await;
    let mut status = client.status();
    failure(&mut status, FailureKind::DeliveryDropped).await;
    client.hold().await;
    let held = status.wait_for(|status| matches!(status, Status::Held));
    assert!(
        tokio::time::timeout(PATIENCE, held).await.is_ok(),
        "the status says that the client is held"
    );
    client.resume().await;
    // The rest of the wait is kept, and the status says so.
    let waits = status.wait_for(|status| match status {
        Status::Connecting { last_error, .. } => last_error.is_some(),
        _ => false,
    });
    assert!(tokio::time::timeout(PATIENCE, waits).await.is_ok());
    hub.accept_session(true).await;
}

#[tokio::test]
async fn a_dropped_client_leaves_with_disconnect() {
    let hub = Hub::new().await;
    let (client, mut deliveries) = begin(hub.config());
    let mut peer = hub.accept_session(false).await;
    let mut status = client.status();
    drop(client);
    assert_eq!(peer.expect().await, Packet::Disconnect);
    drop(peer);
    assert!(deliveries.next().await.is_none());
    status
        .wait_for(|status| matches!(status, Status::Closed))
        .await
        .unwrap();
}

#[tokio::test]
async fn durations_without_end_do_not_end_the_task() {
    let hub = Hub::new().await;
    let mut config = hub.config();
    config.timings.dial_deadline = Duration::MAX;
    config.timings.address_deadline = Duration::MAX;
    config.timings.suback_deadline = Duration::MAX;
    config.timings.token_lifetime = Duration::MAX;
    config.timings.parting_deadline = Duration::MAX;
    let (client, _deliveries) = begin(config);
    let mut peer = hub.accept_session(false).await;
    let closing = tokio::spawn(async move { client.close(Duration::MAX).await });
    assert_eq!(peer.expect().await, Packet::Disconnect);
    drop(peer);
    assert!(closing.await.unwrap().is_clean());
}
