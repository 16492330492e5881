//! Messages there and back.

use std::collections::BTreeSet;
use std::time::Duration;

use devhub::hub::Counters;
use edge_client::{MessageError, OutgoingMessage, PublishError, Status};

use crate::site::{CAMERA, PATIENCE, camera, hub, id_of, insist, module, status, within};

/// Every printable ASCII character, what percent-encoding is about, and what UTF-16 needs two of.
const AWKWARD: &str =
    " !\"#$%&'()*+,-./0129:;<=>?@AZ[\\]^_`az{|}~ %2F %20 ä ß 中 🍓 \u{7f} a=b&c=d $.mid";

#[tokio::test]
async fn checklist_15_awkward_keys_and_values_arrive_as_they_were_sent() {
    let hub = hub().start().await.unwrap();
    let sender = edge_client::start(camera(&hub, CAMERA)).client;
    let mut receiver = edge_client::start(module(&hub));
    let mut message = OutgoingMessage::new("m 1+2%&=/$ä", &b"picture"[..]);
    message.content_type = Some("image/jpeg; q=\"a/b\"".to_owned());
    let mut expected = vec![(AWKWARD.to_owned(), Some(AWKWARD.to_owned()))];
    for (at, awkward) in AWKWARD.chars().enumerate() {
        expected.push((format!("{at}{awkward}"), Some(awkward.to_string())));
    }
    expected.push(("+".to_owned(), Some("+".to_owned())));
    expected.push(("empty".to_owned(), None));
    for (key, value) in &expected {
        message
            .properties
            .insert(key, value.clone().unwrap_or_default())
            .unwrap();
    }
    insist(&sender, message).await;
    let delivery = within("a delivery", receiver.deliveries.next())
        .await
        .unwrap();
    for (key, value) in &expected {
        assert!(delivery.properties().contains_key(key), "{key:?}");
        assert_eq!(delivery.properties().get(key), value.as_deref(), "{key:?}");
    }
    assert_eq!(id_of(&delivery), "m 1+2%&=/$ä");
    assert_eq!(
        delivery.properties().get("$.ct"),
        Some("image/jpeg; q=\"a/b\"")
    );
    assert_eq!(delivery.properties().get("$.cdid"), Some(CAMERA));
}

#[tokio::test]
async fn checklist_32_a_message_over_a_gate_is_refused_here_and_the_largest_one_arrives() {
    let hub = hub().start().await.unwrap();
    let sender = edge_client::start(camera(&hub, CAMERA)).client;
    let mut receiver = edge_client::start(module(&hub));
    let of = |bytes: usize| OutgoingMessage::new("m", vec![0x5a; bytes]);
    let identity = camera(&hub, CAMERA).identity;
    let largest = (200_000..)
        .find(|bytes| of(*bytes).prepare(&identity).is_err())
        .unwrap()
        - 1;
    match sender.publish(of(largest + 1)).await {
        Err(PublishError::TooLarge(_)) => {}
        other => panic!("{other:?}"),
    }
    insist(&sender, of(largest)).await;
    let delivery = within("a delivery", receiver.deliveries.next())
        .await
        .unwrap();
    assert_eq!(delivery.payload().len(), largest);
    let counters = hub.counters().await;
    // The refused one never left: one connection each, one message, none dropped.
    assert_eq!(
        (
            counters.connections,
            counters.received,
            counters.dropped_too_large
        ),
        (2, 1, 0)
    );
}

#[tokio::test]
async fn names_that_the_hub_mangles_are_refused_here() {
    let hub = hub().start().await.unwrap();
    let sender = edge_client::start(camera(&hub, CAMERA)).client;
    for names in [&["deviceId"][..], &["moduleId"], &["Site", "site"]] {
        let mut message = OutgoingMessage::new("m", &b"x"[..]);
        for name in names {
            message.properties.insert(*name, "1").unwrap();
        }
        match sender.publish(message).await {
            Err(PublishError::Invalid(error)) => {
                assert!(!matches!(error, MessageError::TooLarge(_)), "{error}");
            }
            other => panic!("{names:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn checklist_10_a_token_that_ends_again_and_again_loses_and_doubles_nothing() {
    const MESSAGES: usize = 300;
    let hub = hub().start().await.unwrap();
    let sender = edge_client::start(camera(&hub, CAMERA)).client;
    let mut config = module(&hub);
    // A planned reconnect every 1.6 to 1.8 s.
    config.timings.token_lifetime = Duration::from_secs(2);
    let mut receiver = edge_client::start(config);
    let sending = async {
        for n in 0..MESSAGES {
            insist(
                &sender,
                OutgoingMessage::new(format!("m-{n}"), n.to_string()),
            )
            .await;
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    };
    let receiving = async {
        let (mut seen, mut again, mut connections) = (BTreeSet::new(), 0, BTreeSet::new());
        while seen.len() < MESSAGES {
            let delivery = within("a delivery", receiver.deliveries.next())
                .await
                .unwrap();
            connections.insert(delivery.connection());
            again += usize::from(!seen.insert(id_of(&delivery)));
            let _ = delivery.acknowledge();
        }
        (again, connections.len())
    };
    let ((), (again, connections)) = tokio::join!(sending, receiving);
    assert!(connections >= 3, "{connections} connections");
    // A planned reconnect waits for what is outstanding, so nothing even comes twice.
    assert_eq!(again, 0);
    let all = |counters: &Counters| counters.delivered == MESSAGES as u64;
    assert!(hub.counters_reach(PATIENCE, all).await);
    assert_eq!(hub.counters().await.refused, 0);
}

#[tokio::test]
async fn a_hundred_cameras_at_once_lose_nothing() {
    const CAMERAS: usize = 99;
    let mut builder = hub();
    for n in 0..CAMERAS {
        builder = builder.device(&format!("c{n}"));
    }
    let hub = builder.start().await.unwrap();
    let mut receiver = edge_client::start(module(&hub));
    let senders: Vec<_> = (0..CAMERAS)
        .map(|n| {
            let client = edge_client::start(camera(&hub, &format!("c{n}"))).client;
            tokio::spawn(async move {
                for m in 0..3 {
                    insist(
                        &client,
                        OutgoingMessage::new(format!("c{n}-{m}"), vec![0; 1000]),
                    )
                    .await;
                }
                client
            })
        })
        .collect();
    let mut seen = BTreeSet::new();
    while seen.len() < CAMERAS * 3 {
        let delivery = within("a delivery", receiver.deliveries.next())
            .await
            .unwrap();
        assert!(seen.insert(id_of(&delivery)), "nothing comes twice");
        let _ = delivery.acknowledge();
    }
    for sender in senders {
        sender.await.unwrap();
    }
}

#[tokio::test]
async fn checklist_5_a_second_client_of_one_identity_takes_over_and_messages_get_through() {
    // That neither hammers is shown under virtual time, in tests/joined.
    let hub = hub().start().await.unwrap();
    let first = edge_client::start(module(&hub)).client;
    status(&first, Status::is_connected).await;
    let mut second = edge_client::start(module(&hub));
    status(&second.client, Status::is_connected).await;
    // Both keep coming back, as the backoff lets them; messages get through all the same.
    let sender = edge_client::start(camera(&hub, CAMERA)).client;
    insist(&sender, OutgoingMessage::new("m", &b"x"[..])).await;
    let closed = first.close(Duration::from_secs(1));
    let delivered = within("a delivery", second.deliveries.next());
    let (_, delivery) = tokio::join!(closed, delivered);
    let _ = delivery.unwrap().acknowledge();
}
