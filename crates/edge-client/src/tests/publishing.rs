//! Messages on their way to the hub.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use edge_protocol::message::{Gate, PACKET_LIMIT};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::Packet;

use super::hub::{Hub, PATIENCE, begin};
use crate::{Client, OutgoingMessage, PublishError, TooLarge};

fn spawn_publish(
    client: &Client,
    message: OutgoingMessage,
) -> tokio::task::JoinHandle<Result<(), PublishError>> {
    let client = client.clone();
    tokio::spawn(async move { client.publish(message).await })
}

#[tokio::test]
async fn a_publish_before_the_connection_waits_and_resolves_at_its_puback() {
    let hub = Hub::new().await;
    let (client, _deliveries) = begin(hub.config());
    let mut message = OutgoingMessage::new("r-1", &b"{}"[..]);
    message.output = Some("counts".to_owned());
    let sent = spawn_publish(&client, message);
    let mut peer = hub.accept_session(false).await;
    let publish = peer.expect_publish().await;
    assert_eq!(
        (publish.qos, publish.retain, publish.dup),
        (QoS::AtLeastOnce, false, false)
    );
    assert_eq!(
        publish.topic,
        "devices/edge/modules/counter/messages/events/%24.on=counts&%24.mid=r-1"
    );
    assert!(!sent.is_finished());
    peer.puback(publish.pkid).await;
    assert_eq!(sent.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn checklist_32_an_oversize_message_is_refused_before_sending() {
    let hub = Hub::new().await;
    let (client, _deliveries) = begin(hub.config());
    let mut peer = hub.accept_session(false).await;
    let huge = OutgoingMessage::new("huge", Bytes::from(vec![0; PACKET_LIMIT]));
    let refused = client.publish(huge).await;
    assert!(
        matches!(
            refused,
            Err(PublishError::TooLarge(TooLarge {
                gate: Gate::Packet,
                ..
            }))
        ),
        "{refused:?}"
    );
    // Under the packet's limit, but not under the hub's own sum.
    let sum = OutgoingMessage::new("sum", Bytes::from(vec![0; PACKET_LIMIT - 80]));
    let refused = client.publish(sum).await;
    assert!(
        matches!(
            refused,
            Err(PublishError::TooLarge(TooLarge {
                gate: Gate::Message,
                ..
            }))
        ),
        "{refused:?}"
    );
    let sent = spawn_publish(&client, OutgoingMessage::new("small", &b"x"[..]));
    let publish = peer.expect_publish().await;
    assert_eq!(
        publish.payload.as_ref(),
        b"x",
        "nothing of the others was sent"
    );
    peer.puback(publish.pkid).await;
    assert_eq!(sent.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn a_connection_lost_before_puback_is_said_to_the_caller_who_sends_again() {
    let hub = Hub::new().await;
    let (client, _deliveries) = begin(hub.config());
    let message = OutgoingMessage::new("r-1", &b"{}"[..]);
    let mut peer = hub.accept_session(false).await;
    let sent = spawn_publish(&client, message.clone());
    let first = peer.expect_publish().await;
    drop(peer);
    assert_eq!(sent.await.unwrap(), Err(PublishError::ConnectionLost));
    let again = spawn_publish(&client, message);
    let mut peer = hub.accept_session(true).await;
    let second = peer.expect_publish().await;
    assert_eq!((first.topic, first.payload), (second.topic, second.payload));
    peer.puback(second.pkid).await;
    assert_eq!(again.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn a_hub_that_does_not_read_cannot_stop_us_from_reading() {
    let hub = Hub::new().await;
    let (client, mut deliveries) = begin(hub.config());
    let mut peer = hub.accept_session(false).await;
    let big = Bytes::from(vec![7; 250_000]);
    let sent: Vec<_> = (0..12)
        .map(|n| spawn_publish(&client, OutgoingMessage::new(n.to_string(), big.clone())))
        .collect();
    // The hub reads nothing of it, and still its delivery arrives and is taken.
    peer.deliver(1, b"picture").await;
    let delivery = tokio::time::timeout(PATIENCE, deliveries.next())
        .await
        .unwrap()
        .unwrap();
    let _ = delivery.acknowledge();
    let (mut publishes, mut pubacks) = (0, 0);
    while publishes < 12 || pubacks < 1 {
        match peer.expect().await {
            Packet::Publish(publish) => {
                publishes += 1;
                peer.puback(publish.pkid).await;
            }
            Packet::PubAck(_) => pubacks += 1,
            other => panic!("{other:?}"),
        }
    }
    for result in sent {
        assert_eq!(result.await.unwrap(), Ok(()));
    }
}

#[tokio::test]
async fn closing_waits_for_a_puback_and_then_leaves() {
    let hub = Hub::new().await;
    let (client, _deliveries) = begin(hub.config());
    let mut peer = hub.accept_session(false).await;
    let sent = spawn_publish(&client, OutgoingMessage::new("m", &b"x"[..]));
    let publish = peer.expect_publish().await;
    let other = client.clone();
    let closing = tokio::spawn(async move { other.close(PATIENCE).await });
    peer.puback(publish.pkid).await;
    assert_eq!(peer.expect().await, Packet::Disconnect);
    drop(peer);
    assert!(closing.await.unwrap().is_clean());
    assert_eq!(sent.await.unwrap(), Ok(()));
    let late = client
        .publish(OutgoingMessage::new("late", &b"x"[..]))
        .await;
    assert_eq!(late, Err(PublishError::Closed));
    assert!(
        client.close(Duration::ZERO).await.is_clean(),
        "a second close has the same outcome"
    );
}

#[tokio::test]
async fn closing_without_a_hub_refuses_what_waits() {
    let hub = Hub::new().await;
    let (client, _deliveries) = begin(hub.config());
    let waiting = spawn_publish(&client, OutgoingMessage::new("m", &b"x"[..]));
    tokio::task::yield_now().await;
    assert!(client.close(Duration::ZERO).await.is_clean());
    assert_eq!(waiting.await.unwrap(), Err(PublishError::Closed));
}

#[tokio::test]
async fn a_close_keeps_its_time_though_the_hub_is_frozen_and_a_write_is_stuck() {
    let hub = Hub::cramped();
    let (client, _deliveries) = begin(hub.config());
    let mut frozen = hub.accept_session(false).await;
    // More than a kernel buffers, even for a connection within one machine.
    const MESSAGES: usize = 40;
    const WINDOW: usize = 8;
    let body = Bytes::from(vec![0; 250_000]);
    let mut sending: VecDeque<_> = (0..MESSAGES)
        .map(|n| {
            let message = OutgoingMessage::new(format!("m-{n}"), body.clone());
            spawn_publish(&client, message)
        })
        .collect();
    // From here on the hub reads nothing, but confirms unseen until only the last window
    // is outstanding. Ids rise by one.
    let first = frozen.expect_publish().await.pkid;
    for packet_id in (first..).take(MESSAGES - WINDOW) {
        frozen.puback(packet_id).await;
        let confirmed = tokio::time::timeout(PATIENCE, sending.pop_front().unwrap()).await;
        assert_eq!(confirmed.unwrap().unwrap(), Ok(()));
    }
    let grace = Duration::from_millis(500);
    let started = Instant::now();
    let outcome = tokio::time::timeout(PATIENCE, client.close(grace)).await;
    let took = started.elapsed();
    assert!(outcome.expect("it ends").unconfirmed_publishes > 0);
    let slack = Duration::from_millis(500);
    let longest = grace + Duration::from_secs(1) + slack;
    assert!((grace..longest).contains(&took), "{took:?}");
    for sent in sending {
        let result = tokio::time::timeout(PATIENCE, sent).await.unwrap().unwrap();
        assert!(
            matches!(
                result,
                Err(PublishError::ConnectionLost | PublishError::Closed)
            ),
            "{result:?}"
        );
    }
    // The write was stuck indeed: not even the publishes are whole.
    let mut whole = 1;
    while let Some(packet) = frozen.next().await {
        assert!(matches!(packet, Packet::Publish(_)), "{packet:?}");
        whole += 1;
    }
    assert!(whole < MESSAGES, "{whole} publishes were written");
}
