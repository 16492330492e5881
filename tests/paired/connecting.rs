//! Hubs that do wrong at CONNECT, and what the client makes of them.

use std::time::Duration;

use devhub::ca::Authority;
use devhub::hub::{Connects, Counters, Fault};
use devhub::testing::{GATEWAY_HOST, TestHub};
use edge_client::{FailureKind, OutgoingMessage, Status};

use crate::site::{CAMERA, MODULE, PATIENCE, camera, hub, insist, module, status};

/// Whether the last attempt ended with this sort of failure.
fn failed_by(kind: FailureKind) -> impl FnMut(&Status) -> bool {
    move |status| matches!(status, Status::Connecting { last_error: Some(error), .. } if error.kind() == kind)
}

/// How the hub answers CONNECT from now on.
async fn connects(hub: &TestHub, how: Connects) {
    hub.remote().inject(Fault::Connects(how)).await.unwrap();
}

#[tokio::test]
async fn checklist_9_a_hub_that_never_answers_connect_is_left_and_tried_again() {
    let hub = hub().start().await.unwrap();
    connects(&hub, Connects::Ignored).await;
    let mut config = module(&hub);
    config.timings.connack_deadline = Duration::from_millis(200);
    let client = edge_client::start(config).client;
    status(&client, failed_by(FailureKind::TimedOut)).await;
    connects(&hub, Connects::Answered).await;
    status(&client, Status::is_connected).await;
}

#[tokio::test]
async fn checklist_9_a_refused_client_stays_up_slows_down_and_gets_in_later() {
    let hub = hub().start().await.unwrap();
    connects(&hub, Connects::Refused).await;
    let mut config = module(&hub);
    config.timings.refused_retry =
        edge_client::Backoff::new(Duration::from_millis(300), Duration::from_millis(600)).unwrap();
    let client = edge_client::start(config).client;
    status(&client, failed_by(FailureKind::Refused)).await;
    // One new token at once, then only slowly.
    assert!(
        hub.counters_reach(PATIENCE, |counters| counters.refused >= 3)
            .await
    );
    let accepted = hub.counters().await.accepted;
    assert_eq!(accepted, 0);
    connects(&hub, Connects::Answered).await;
    status(&client, Status::is_connected).await;
}

#[tokio::test]
async fn the_hub_knows_the_model_that_a_client_announces_after_each_reconnect() {
    let hub = hub().start().await.unwrap();
    let mut config = module(&hub);
    config.model_id = Some("dtmi:orchard:Counter;1".to_owned());
    let counter = edge_client::start(config).client;
    let camera = edge_client::start(camera(&hub, CAMERA)).client;
    for connected in [2, 4] {
        status(&camera, Status::is_connected).await;
        status(&counter, Status::is_connected).await;
        let accepted = |counters: &Counters| counters.accepted >= connected;
        assert!(hub.counters_reach(PATIENCE, accepted).await);
        let models = hub.remote().models().await.unwrap();
        let models: Vec<_> = models
            .iter()
            .map(|(id, model)| (id.to_string(), model.as_str()))
            .collect();
        let expected = format!("edge-dev/{MODULE}");
        assert_eq!(models, [(expected, "dtmi:orchard:Counter;1")]);
        hub.kill_connections().await;
    }
}

#[tokio::test]
async fn a_hub_that_accepts_and_drops_is_tried_until_it_serves() {
    let hub = hub().start().await.unwrap();
    connects(&hub, Connects::Dropped).await;
    let client = edge_client::start(camera(&hub, CAMERA)).client;
    status(&client, failed_by(FailureKind::Lost)).await;
    // How patiently it tries is shown under virtual time, in tests/joined.
    let thrice = |counters: &Counters| counters.accepted >= 3;
    assert!(hub.counters_reach(PATIENCE, thrice).await);
    connects(&hub, Connects::Answered).await;
    insist(&client, OutgoingMessage::new("m", &b"x"[..])).await;
}

#[tokio::test]
async fn checklist_8_a_certificate_that_turns_wrong_is_refused_by_name_until_it_is_right() {
    let hub = hub().start().await.unwrap();
    let client = edge_client::start(camera(&hub, CAMERA)).client;
    status(&client, Status::is_connected).await;
    let stranger = Authority::generate().unwrap();
    let wrong = [
        (
            hub.authority().issue_wrong_name().unwrap(),
            "another-gateway.invalid",
        ),
        (stranger.issue_server(GATEWAY_HOST).unwrap(), "root"),
    ];
    for (credentials, named) in wrong {
        hub.remote().present(credentials).await.unwrap();
        hub.kill_connections().await;
        let seen = status(&client, failed_by(FailureKind::Certificate)).await;
        let Status::Connecting {
            last_error: Some(error),
            ..
        } = seen
        else {
            panic!("{seen:?}");
        };
        let text = format!("{:#}", anyhow::Error::new(error));
        assert!(text.contains(named), "{text}");
        let right = hub.authority().issue_server(GATEWAY_HOST).unwrap();
        hub.remote().present(right).await.unwrap();
        status(&client, Status::is_connected).await;
    }
}
