//! Deliveries in the application's hands.

use std::sync::Arc;

use rumqttc::mqttbytes::v4::{ConnectReturnCode, Packet};

use tokio::sync::{mpsc, watch};

use super::hub::{Hub, PATIENCE, begin};
use crate::driver::{Driver, Ends};
use crate::{Acknowledged, DELIVERY_CAPACITY, Status, TwinStatus};

#[tokio::test]
async fn checklist_23a_three_deliveries_acknowledged_3_2_1_go_out_1_2_3() {
    let hub = Hub::new().await;
    let (_client, mut deliveries) = begin(hub.config());
    let mut peer = hub.accept_session(false).await;
    let mut held = Vec::new();
    for packet_id in [11, 12, 13] {
        peer.deliver(packet_id, b"picture").await;
        held.push(deliveries.next().await.unwrap());
    }
    while let Some(delivery) = held.pop() {
        assert_eq!(delivery.acknowledge(), Acknowledged::Queued);
    }
    for packet_id in [11, 12, 13] {
        assert_eq!(peer.expect_puback().await, packet_id);
    }
}

#[tokio::test]
async fn a_delivery_shows_what_came_and_when() {
    let hub = Hub::new().await;
    let (_client, mut deliveries) = begin(hub.config());
    let mut peer = hub.accept_session(false).await;
    let before = std::time::Instant::now();
    peer.deliver(1, b"first").await;
    peer.deliver(1, b"second").await;
    let (first, second) = (
        deliveries.next().await.unwrap(),
        deliveries.next().await.unwrap(),
    );
    assert_eq!(
        (first.input(), first.payload().as_ref()),
        ("images", &b"first"[..])
    );
    assert_eq!(
        second.payload().as_ref(),
        b"second",
        "one id, two deliveries"
    );
    assert_eq!(first.properties().get("$.cdid"), Some("cam"));
    assert_eq!((first.ordinal(), second.ordinal()), (1, 2));
    assert!(first.received_at() >= before && first.received_at() <= second.received_at());
    assert!(
        !format!("{first:?}").contains("first"),
        "the body stays out of the log"
    );
    let _ = (first.acknowledge(), second.acknowledge());
    assert_eq!(
        [peer.expect_puback().await, peer.expect_puback().await],
        [1, 1]
    );
}

#[tokio::test]
async fn checklist_25_two_deliveries_with_one_packet_id_are_both_handed_over() {
    let hub = Hub::new().await;
    let (_client, mut deliveries) = begin(hub.config());
    let mut peer = hub.accept_session(false).await;
    peer.deliver(1, b"first").await;
    peer.deliver(1, b"second").await;
    for body in [&b"first"[..], b"second"] {
        let delivery = deliveries.next().await.unwrap();
        assert_eq!(delivery.payload().as_ref(), body);
        assert_eq!(delivery.acknowledge(), Acknowledged::Queued);
        assert_eq!(peer.expect_puback().await, 1);
    }
}

#[tokio::test]
async fn checklist_11_a_delivery_right_after_connack_is_handed_over() {
    let hub = Hub::new().await;
    let (_client, mut deliveries) = begin(hub.config());
    let mut peer = hub.accept().await;
    peer.expect_connect().await;
    // Both in one go, long before our SUBSCRIBE can be there.
    peer.connack(ConnectReturnCode::Success, true).await;
    peer.deliver(1, b"kept").await;
    let delivery = deliveries.next().await.unwrap();
    assert_eq!(delivery.payload().as_ref(), b"kept");
    assert_eq!(delivery.acknowledge(), Acknowledged::Queued);
    peer.grant_subscription().await;
    assert_eq!(peer.expect_puback().await, 1);
}

#[tokio::test]
async fn a_stale_acknowledgement_is_refused_and_not_sent_on_the_next_connection() {
    let hub = Hub::new().await;
    let (client, mut deliveries) = begin(hub.config());
    let mut peer = hub.accept_session(false).await;
    peer.deliver(1, b"picture").await;
    let old = deliveries.next().await.unwrap();
    drop(peer);
    let mut peer = hub.accept_session(true).await;
    peer.deliver(1, b"picture").await;
    let new = deliveries.next().await.unwrap();
    assert!(new.connection() > old.connection());
    assert_eq!(old.acknowledge(), Acknowledged::ConnectionGone);
    // The next packet the hub sees is the end, not a PUBACK for the new one.
    let closing = tokio::spawn(async move { client.close(std::time::Duration::ZERO).await });
    assert_eq!(peer.expect().await, Packet::Disconnect);
    assert_eq!(closing.await.unwrap().unacknowledged_deliveries, 1);
    drop(new);
}

#[tokio::test]
async fn a_delivery_dropped_unused_closes_its_connection_and_comes_again() {
    let hub = Hub::new().await;
    let (_client, mut deliveries) = begin(hub.config());
    let mut peer = hub.accept_session(false).await;
    peer.deliver(1, b"picture").await;
    peer.deliver(1, b"later").await;
    let dropped = deliveries.next().await.unwrap();
    let later = deliveries.next().await.unwrap();
    drop(dropped);
    peer.expect_end().await;
    assert_eq!(later.acknowledge(), Acknowledged::ConnectionGone);
    let mut peer = hub.accept_session(true).await;
    peer.deliver(1, b"picture").await;
    let again = deliveries.next().await.unwrap();
    assert_eq!(again.payload().as_ref(), b"picture");
    assert_eq!(again.acknowledge(), Acknowledged::Queued);
    assert_eq!(peer.expect_puback().await, 1);
}

#[tokio::test]
async fn a_delivery_that_waited_while_its_connection_ended_is_left_out() {
    let hub = Hub::new().await;
    let (client, mut deliveries) = begin(hub.config());
    let mut peer = hub.accept_session(false).await;
    peer.deliver(1, b"stale").await;
    // Packets are handled in order, so a later PUBACK proves that the delivery was read.
    let publishing = client.clone();
    let sent = tokio::spawn(async move {
        publishing
            .publish(crate::OutgoingMessage::new("m", &b"x"[..]))
            .await
    });
    let publish = peer.expect_publish().await;
    peer.puback(publish.pkid).await;
    sent.await.unwrap().unwrap();
    drop(peer);
    let mut peer = hub.accept_session(true).await;
    peer.deliver(1, b"fresh").await;
    assert_eq!(
        deliveries.next().await.unwrap().payload().as_ref(),
        b"fresh"
    );
}

#[tokio::test]
async fn a_plain_thread_takes_and_acknowledges() {
    let hub = Hub::new().await;
    let (_client, mut deliveries) = begin(hub.config());
    let mut peer = hub.accept_session(false).await;
    let worker = std::thread::spawn(move || {
        let delivery = deliveries.blocking_next().unwrap();
        delivery.acknowledge()
    });
    peer.deliver(1, b"picture").await;
    assert_eq!(peer.expect_puback().await, 1);
    assert_eq!(worker.join().unwrap(), Acknowledged::Queued);
}

#[tokio::test]
async fn closing_waits_for_the_word_on_a_delivery_and_sends_its_puback() {
    let hub = Hub::new().await;
    let (client, mut deliveries) = begin(hub.config());
    let mut peer = hub.accept_session(false).await;
    peer.deliver(1, b"in hand").await;
    let in_hand = deliveries.next().await.unwrap();
    peer.deliver(1, b"not taken").await;
    let closing = tokio::spawn(async move { client.close(PATIENCE).await });
    // Handed over nothing more: the stream ends instead of giving the second one.
    let _ = in_hand.acknowledge();
    assert_eq!(peer.expect_puback().await, 1);
    assert_eq!(peer.expect().await, Packet::Disconnect);
    drop(peer);
    assert!(closing.await.unwrap().is_clean());
    assert!(deliveries.next().await.is_none());
}

#[tokio::test]
async fn more_deliveries_than_fit_wait_at_the_hub_and_none_is_lost() {
    let hub = Hub::new().await;
    let (_client, mut deliveries) = begin(hub.config());
    let mut peer = hub.accept_session(false).await;
    let total = 3 * DELIVERY_CAPACITY;
    for _ in 0..total {
        peer.deliver(1, b"picture").await;
    }
    for ordinal in 1..=total {
        let delivery = deliveries.next().await.unwrap();
        assert_eq!(delivery.ordinal(), ordinal as u64);
        assert_eq!(delivery.acknowledge(), Acknowledged::Queued);
        assert_eq!(peer.expect_puback().await, 1);
    }
}

#[tokio::test]
async fn deliveries_of_dead_connections_do_not_pile_up_when_nobody_takes_them() {
    const CONNECTIONS: usize = 80;
    let hub = Hub::new().await;
    let (_publishes, publishes) = mpsc::channel(1);
    let (_reports, reports) = mpsc::channel(1);
    let (_commands, commands) = mpsc::channel(1);
    let (deliveries, mut queue) = mpsc::channel(DELIVERY_CAPACITY);
    let (calls, _calls) = mpsc::channel(1);
    let ends = Ends {
        publishes,
        reports,
        commands,
        deliveries,
        calls,
        desired: watch::channel(None).0,
        status: watch::channel(Status::Held).0,
        twin_status: watch::channel(TwinStatus::NotFollowed).0,
        vitals: Arc::default(),
    };
    let mut driver = Driver::new(hub.config(), ends);
    driver.obey();
    let hub = async {
        for _ in 0..CONNECTIONS {
            let mut peer = hub.accept_session(true).await;
            peer.deliver(1, b"picture").await;
            peer.deliver_at_most_once(b"sound").await;
            peer.deliver(1, b"picture").await;
        }
    };
    let most = {
        let mut most = 0;
        let drive = async {
            loop {
                driver.step().await;
                most = most.max(driver.undelivered());
            }
        };
        tokio::select! {
            () = hub => most,
            never = drive => never,
        }
    };
    assert!(most > DELIVERY_CAPACITY, "only {most} of them ever waited");
    // Those at QoS 0 of earlier connections, and the three of the last.
    assert!(most <= DELIVERY_CAPACITY + 3, "{most} waited at once");
    let mut waiting = 0;
    while queue.try_recv().is_ok() {
        waiting += 1;
    }
    assert_eq!(waiting, DELIVERY_CAPACITY);
}
