//! The hub over TLS on loopback.

use std::time::Duration;

use bytes::Bytes;
use devhub::testing::TestHub;
use rumqttc::mqttbytes::v4::{ConnectReturnCode, Packet, PubAck};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::{PATIENCE, RawClient, connect_packet, tls};

const CAM: &str = "devices/cam-01/messages/events/";
const COUNTS: &str =
    "devices/edge-dev/modules/FruitCounter/messages/events/%24.on=counts&%24.ct=application%2Fjson";
const INPUTS: &str = "devices/edge-dev/modules/FruitCounter/inputs/#";

async fn hub() -> TestHub {
    TestHub::builder()
        .route("FROM /messages/* WHERE NOT IS_DEFINED($connectionModuleId) INTO BrokeredEndpoint(\"/modules/FruitCounter/inputs/images\")")
        .route("FROM /messages/modules/FruitCounter/outputs/counts INTO $upstream")
        .module("FruitCounter")
        .device("cam-01")
        .start()
        .await
        .unwrap()
}

async fn camera(hub: &TestHub) -> RawClient {
    let string = hub.connection_string("cam-01");
    RawClient::connect(hub.address(), hub.ca_pem(), &string)
        .await
        .0
}

async fn module(hub: &TestHub) -> (RawClient, bool) {
    let string = hub.module_connection_string("FruitCounter");
    RawClient::connect(hub.address(), hub.ca_pem(), &string).await
}

#[tokio::test]
async fn a_picture_reaches_the_module_and_its_count_goes_upstream() {
    let mut hub = hub().await;
    let mut camera = camera(&hub).await;
    let (mut module, _) = module(&hub).await;
    module.subscribe(INPUTS).await;
    for body in ["one", "two"] {
        camera.telemetry(&format!("{CAM}%24.mid=a%2Fb"), body).await;
    }
    let (topic, body) = module.delivery().await;
    assert_eq!(
        topic,
        "devices/edge-dev/modules/FruitCounter/inputs/images/%24.mid=a%2Fb&%24.cdid=cam-01"
    );
    assert_eq!(body, "one");
    module.ack().await;
    assert_eq!(module.delivery().await.1, "two");
    module.telemetry(COUNTS, "{\"ripe\":1}").await;
    let report = hub.upstream().next(PATIENCE).await.unwrap();
    assert_eq!(report.body, Some(serde_json::json!({"ripe": 1})));
    assert_eq!(
        (report.module_id.as_deref(), report.output.as_deref()),
        (Some("FruitCounter"), Some("counts"))
    );
    hub.stop().await;
}

#[tokio::test]
async fn a_wrong_key_gets_connack_5_and_the_socket_is_closed() {
    let hub = hub().await;
    let mut stranger = RawClient::open(hub.address(), hub.ca_pem()).await;
    let string = hub.connection_string("cam-01");
    let (before, _) = string.rsplit_once('=').unwrap();
    let (head, _) = before.split_at(before.rfind("SharedAccessKey").unwrap());
    let forged = format!("{head}SharedAccessKey=bm90IHRoZSBrZXk=");
    let ack = stranger.connect_with(connect_packet(&forged)).await;
    assert_eq!(ack.code, ConnectReturnCode::NotAuthorized);
    assert_eq!(stranger.packet().await, None);
    hub.stop().await;
}

/// Sends bytes on a fresh connection and returns what comes until the hub closes.
async fn answer_to(hub: &TestHub, bytes: &[u8]) -> Vec<u8> {
    let mut stream = tls(hub.address(), hub.ca_pem()).await;
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer));
    // A missing close_notify is an end as well.
    let _end = read.await.expect("the hub did not close");
    answer
}

#[tokio::test]
async fn checklist_1_old_protocol_names_and_levels_get_connack_1() {
    let hub = hub().await;
    let mqisdp = b"\x10\x0f\0\x06MQIsdp\x03\x02\0\x3c\0\x01a";
    let level_5 = b"\x10\x0d\0\x04MQTT\x05\x02\0\x3c\0\x01a";
    for connect in [&mqisdp[..], &level_5[..]] {
        assert_eq!(answer_to(&hub, connect).await, [0x20, 2, 0, 1]);
    }
    hub.stop().await;
}

#[tokio::test]
async fn checklist_6_bytes_that_are_no_mqtt_close_without_a_packet() {
    let hub = hub().await;
    for bytes in [&[0, 0][..], &[0xc0, 0], &[0x40, 2, 0, 1], &[0xff; 16]] {
        assert!(answer_to(&hub, bytes).await.is_empty());
    }
    hub.stop().await;
}

#[tokio::test]
async fn checklist_32_gate_one_takes_262144_bytes_and_closes_at_one_more() {
    let hub = hub().await;
    let mut camera = camera(&hub).await;
    // One type byte, three length bytes, topic with its length, packet id.
    let body = 262_144 - 4 - 2 - CAM.len() - 2;
    camera.telemetry(CAM, vec![0; body]).await;
    // It passed the first gate; with what the hub adds it is over the second.
    assert_eq!(hub.counters().await.dropped_too_large, 1);
    camera.publish(CAM, vec![0; body + 1]).await;
    assert_eq!(camera.packet().await, None);
    assert_eq!(hub.counters().await.received, 1);
    hub.stop().await;
}

#[tokio::test]
async fn a_cut_connection_brings_the_message_again_to_the_next_one() {
    let hub = hub().await;
    let mut camera = camera(&hub).await;
    let (mut first, session_present) = module(&hub).await;
    assert!(!session_present);
    first.subscribe(INPUTS).await;
    camera.telemetry(CAM, "one").await;
    assert_eq!(first.delivery().await.1, "one");
    hub.kill_connections().await;
    assert_eq!(first.packet().await, None);
    assert_eq!(hub.connected().await, []);
    let (mut second, session_present) = module(&hub).await;
    assert!(session_present);
    assert_eq!(second.delivery().await.1, "one");
    second.ack().await;
    assert!(
        hub.counters_reach(PATIENCE, |counters| counters.delivered == 1)
            .await
    );
    hub.stop().await;
}

#[tokio::test]
async fn checklist_24_an_unanswered_delivery_comes_again_by_the_real_clock() {
    let hub = TestHub::builder()
        .route("FROM /messages INTO BrokeredEndpoint(\"/modules/FruitCounter/inputs/images\")")
        .module("FruitCounter")
        .device("cam-01")
        .ack_timeout(Duration::from_millis(50))
        .start()
        .await
        .unwrap();
    let mut camera = camera(&hub).await;
    let (mut module, _) = module(&hub).await;
    module.subscribe(INPUTS).await;
    camera.telemetry(CAM, "one").await;
    for _ in 0..3 {
        assert_eq!(module.delivery().await.1, "one");
    }
    hub.stop().await;
}

#[tokio::test]
async fn large_messages_both_ways_at_once_block_nobody() {
    let hub = hub().await;
    let (mut camera, (mut module, _)) = (camera(&hub).await, module(&hub).await);
    module.subscribe(INPUTS).await;
    let picture = Bytes::from(vec![7; 250_000]);
    let mut ids = Vec::new();
    for _ in 0..40 {
        ids.push(camera.publish(CAM, picture.clone()).await);
        // The module sends as much, and reads nothing yet.
        module.publish(COUNTS, picture.clone()).await;
    }
    for id in ids {
        camera.expect_puback(id).await;
    }
    let mut delivered = 0;
    let mut acknowledged = 0;
    while delivered < 40 || acknowledged < 40 {
        match module.packet().await {
            Some(Packet::Publish(publish)) => {
                assert_eq!(publish.payload, picture);
                delivered += 1;
                module.send(Packet::PubAck(PubAck::new(1))).await;
            }
            Some(Packet::PubAck(_)) => acknowledged += 1,
            other => panic!("{other:?}"),
        }
    }
    hub.stop().await;
}

#[tokio::test]
async fn a_hundred_clients_at_once_are_served() {
    let ids: Vec<_> = (0..100).map(|n| format!("cam-{n}")).collect();
    let mut builder = TestHub::builder().route("FROM /messages INTO $upstream");
    for id in &ids {
        builder = builder.device(id);
    }
    let mut hub = builder.start().await.unwrap();
    let mut clients = tokio::task::JoinSet::new();
    for id in ids {
        let (address, ca) = (hub.address(), hub.ca_pem().to_owned());
        let string = hub.connection_string(&id);
        clients.spawn(async move {
            let (mut client, _) = RawClient::connect(address, &ca, &string).await;
            client
                .telemetry(&format!("devices/{id}/messages/events/"), id.clone())
                .await;
            client
        });
    }
    let kept = clients.join_all().await;
    assert_eq!(hub.connected().await.len(), 100);
    let mut senders: Vec<_> = Vec::new();
    while senders.len() < 100 {
        senders.push(hub.upstream().next(PATIENCE).await.unwrap().device_id);
    }
    senders.sort();
    senders.dedup();
    assert_eq!(senders.len(), 100);
    drop(kept);
    hub.stop().await;
}
