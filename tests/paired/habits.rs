//! Both ways of everything that is only inferred about edgeHub: the same story under each, told by
//! a client that knows nothing of it.

use std::collections::BTreeSet;
use std::time::Duration;

use devhub::hub::{Crowd, Fault, Habits, Settings};
use devhub::testing::TestHub;
use edge_client::{Client, OutgoingMessage, Status, json};

use crate::site::{CAMERA, camera, hub, id_of, insist, module, status, within};

/// Short enough for a test that waits for real time-outs.
const ACK_TIMEOUT: Duration = Duration::from_millis(700);

fn settings(name: &str, value: &str) -> Settings {
    let mut habits = Habits::default();
    habits.choose(name, value).unwrap();
    Settings {
        ack_timeout: ACK_TIMEOUT,
        habits,
        ..Settings::default()
    }
}

/// Pictures through a hub whose connections break, whose module is slow once and drops one: each
/// arrives, and each count gets upstream.
async fn story(mut hub: TestHub) {
    let sender = edge_client::start(camera(&hub, CAMERA)).client;
    let mut receiver = edge_client::start(module(&hub));
    let mut seen = BTreeSet::new();
    for n in 0..6 {
        let id = format!("m-{n}");
        insist(&sender, OutgoingMessage::new(&id, n.to_string())).await;
        match n {
            2 => hub.kill_connections().await,
            4 => {
                hub.remote().inject(Fault::Redeliver(1)).await.unwrap();
            }
            _ => {}
        }
        while !seen.contains(&id) {
            let delivery = within("a delivery", receiver.deliveries.next())
                .await
                .unwrap();
            seen.insert(id_of(&delivery));
            match n {
                // Too late: the hub sends it again, and wants every PUBACK all the same.
                1 => tokio::time::sleep(ACK_TIMEOUT + ACK_TIMEOUT / 2).await,
                // Not durable, so not acknowledged: the connection ends.
                3 if delivery.ordinal() > 1 => {
                    seen.remove(&id);
                    drop(delivery);
                    continue;
                }
                _ => {}
            }
            let _ = delivery.acknowledge();
            report(&receiver.client, &id).await;
        }
    }
    let mut counted = BTreeSet::new();
    while counted.len() < seen.len() {
        let message = hub.upstream().next(crate::site::PATIENCE).await.unwrap();
        counted.insert(message.properties["of"].as_str().unwrap().to_owned());
    }
    assert_eq!(counted, seen);
    within("an answer", receiver.client.report(&json!({"done": true})))
        .await
        .unwrap();
}

async fn report(client: &Client, of: &str) {
    let mut count = OutgoingMessage::new(format!("count-{of}"), "1");
    count.output = Some("counts".to_owned());
    count.properties.insert("of", of).unwrap();
    insist(client, count).await;
}

#[tokio::test]
async fn checklist_23a_the_client_gets_through_both_ways_of_every_habit() {
    let mut stories = Vec::new();
    for (name, values) in Habits::CHOICES {
        for value in *values {
            let hub = hub().settings(settings(name, value)).start().await.unwrap();
            stories.push((format!("{name}={value}"), tokio::spawn(story(hub))));
        }
    }
    for (habit, story) in stories {
        let told = story.await;
        assert!(told.is_ok(), "{habit}: {told:?}");
    }
}

#[tokio::test]
async fn a_client_too_many_notices_that_it_is_not_served_and_gets_in_when_there_is_room() {
    let mut crowded = settings("crowd", "ignore");
    assert_eq!(crowded.habits.crowd, Crowd::Ignore);
    crowded.max_clients = 1;
    let hub = hub().settings(crowded).start().await.unwrap();
    let first = edge_client::start(camera(&hub, CAMERA)).client;
    status(&first, Status::is_connected).await;
    let mut config = module(&hub);
    config.timings.suback_deadline = Duration::from_millis(200);
    let second = edge_client::start(config).client;
    // Accepted, so it says it is connected; then nothing answers its SUBSCRIBE.
    status(&second, |status| {
        matches!(
            status,
            Status::Connecting {
                last_error: Some(_),
                ..
            }
        )
    })
    .await;
    first.close(Duration::from_secs(1)).await;
    let answered = within("an answer", async {
        loop {
            if second.report(&json!({"in": true})).await.is_ok() {
                return;
            }
        }
    });
    answered.await;
}
