//! The twin, on loopback.

use std::time::Duration;

use edge_protocol::twin::PatchProblem;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::Packet;

use super::hub::{Hub, PATIENCE};
use crate::{
    Client, Desired, DesiredState, OutgoingMessage, ReportError, Setting, Started, TwinFailure,
    TwinStatus, Value, json, start,
};

async fn next(desired: &mut Desired) -> (Option<u64>, Value) {
    let state = tokio::time::timeout(PATIENCE, desired.next()).await;
    let DesiredState {
        version,
        properties,
        ..
    } = state.expect("a state comes").expect("the client runs");
    (version, Value::Object((*properties).clone()))
}

fn spawn_report(
    client: &Client,
    patch: Value,
) -> tokio::task::JoinHandle<Result<Option<u64>, ReportError>> {
    let client = client.clone();
    tokio::spawn(async move { client.report(&patch).await })
}

async fn twin_status(client: &Client, wanted: TwinStatus) {
    let mut status = client.twin_status();
    let seen = tokio::time::timeout(PATIENCE, status.wait_for(|seen| *seen == wanted)).await;
    assert!(seen.is_ok(), "{wanted:?} is never told");
}

#[tokio::test]
async fn checklist_38_desired_properties_follow_document_change_gap_and_reconnect() {
    let hub = Hub::new().await;
    let Started {
        client,
        mut desired,
        ..
    } = start(hub.whole_config());
    assert_eq!(desired.latest(), None);
    let mut peer = hub.accept_twin(1, json!({"a": 1})).await;
    assert_eq!(next(&mut desired).await, (Some(1), json!({"a": 1})));
    twin_status(&client, TwinStatus::InStep { version: Some(1) }).await;
    peer.desire(1, &json!({"a": 0})).await;
    peer.desire(2, &json!({"b": 2})).await;
    assert_eq!(
        next(&mut desired).await,
        (Some(2), json!({"a": 1, "b": 2})),
        "the stale one is ignored"
    );
    // A gap, closed by another GET.
    peer.desire(4, &json!({"d": 4})).await;
    peer.answer_get(4, json!({"c": 3, "d": 4})).await;
    assert_eq!(next(&mut desired).await, (Some(4), json!({"c": 3, "d": 4})));
    // Whatever changed while we were away is one state.
    drop(peer);
    let unknown = TwinStatus::Unknown { last_failure: None };
    twin_status(&client, unknown).await;
    assert_eq!(
        desired.latest().unwrap().version,
        Some(4),
        "it stays in use"
    );
    let _peer = hub.accept_twin(9, json!({})).await;
    assert_eq!(next(&mut desired).await, (Some(9), json!({})));
}

#[tokio::test]
async fn a_slow_reader_skips_versions_and_loses_nothing() {
    let hub = Hub::new().await;
    let Started {
        client,
        mut desired,
        ..
    } = start(hub.whole_config());
    let mut peer = hub.accept_twin(1, json!({"v1": true})).await;
    for version in 2..=20 {
        peer.desire(version, &json!({ format!("v{version}"): true }))
            .await;
    }
    twin_status(&client, TwinStatus::InStep { version: Some(20) }).await;
    let (version, properties) = next(&mut desired).await;
    assert_eq!(version, Some(20));
    assert_eq!(properties.as_object().unwrap().len(), 20);
    client.close(Duration::ZERO).await;
    assert!(desired.next().await.is_none());
}

#[tokio::test]
async fn checklist_37_a_twin_that_fails_is_asked_for_again_on_the_same_connection() {
    let hub = Hub::new().await;
    let mut config = hub.whole_config();
    config.timings.twin_deadline = Duration::from_millis(200);
    config.timings.twin_retry = config.timings.retry;
    let Started {
        client,
        mut desired,
        ..
    } = start(config);
    let mut peer = hub.accept_session(false).await;
    let rid = peer.expect_get().await;
    peer.respond(&rid, 500, String::new()).await;
    let failure = TwinFailure::Refused { status: 500 };
    twin_status(
        &client,
        TwinStatus::Unknown {
            last_failure: Some(failure),
        },
    )
    .await;
    let unanswered = peer.expect_get().await;
    let rid = peer.expect_get().await;
    assert_ne!(unanswered, rid);
    let empty = json!({"desired": {}, "reported": {}});
    peer.respond(&rid, 200, empty.to_string()).await;
    assert_eq!(next(&mut desired).await, (None, json!({})));
}

#[tokio::test]
async fn checklist_37_a_report_resolves_with_its_answer() {
    let hub = Hub::new().await;
    let Started { client, .. } = start(hub.whole_config());
    let waiting = spawn_report(&client, json!({"early": true}));
    let mut peer = hub.accept_twin(1, json!({})).await;
    let (rid, patch) = peer.expect_report().await;
    assert_eq!(
        patch,
        json!({"early": true}),
        "it waited for the connection"
    );
    peer.respond(&rid, 204, String::new()).await;
    assert_eq!(waiting.await.unwrap(), Ok(None));

    let sent = spawn_report(&client, json!({"a": null}));
    let (rid, _) = peer.expect_report().await;
    peer.tell(format!("$iothub/twin/res/204/?$rid={rid}&$version=7"), "")
        .await;
    assert_eq!(sent.await.unwrap(), Ok(Some(7)));

    let sent = spawn_report(&client, json!({"a": 1}));
    let (rid, _) = peer.expect_report().await;
    peer.respond(&rid, 400, String::new()).await;
    assert_eq!(
        sent.await.unwrap(),
        Err(ReportError::Refused { status: 400 })
    );

    let sent = spawn_report(&client, json!({"a": 1}));
    peer.expect_report().await;
    drop(peer);
    assert_eq!(sent.await.unwrap(), Err(ReportError::ConnectionLost));
}

#[tokio::test]
async fn checklist_37_a_report_without_an_answer_times_out() {
    let hub = Hub::new().await;
    let mut config = hub.whole_config();
    let after = Duration::from_millis(200);
    config.timings.twin_deadline = after;
    let Started { client, .. } = start(config);
    let mut peer = hub.accept_twin(1, json!({})).await;
    let sent = spawn_report(&client, json!({"a": 1}));
    peer.expect_report().await;
    assert_eq!(sent.await.unwrap(), Err(ReportError::TimedOut { after }));
    assert!(client.status().borrow().is_connected());
}

#[tokio::test]
async fn a_report_that_can_never_be_applied_is_refused_before_sending() {
    let hub = Hub::new().await;
    let Started { client, .. } = start(hub.config());
    let refused = client.report(&json!({"a": 1})).await;
    assert_eq!(refused, Err(ReportError::NotFollowed));
    let Started { client, .. } = start(hub.whole_config());
    let refused = client.report(&json!({"a": {"b.c": 1}})).await;
    let Err(ReportError::Invalid(error)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(error.path, "a.b.c");
    assert_eq!(
        error.problem,
        PatchProblem::NameCharacter { character: '.' }
    );
    client.close(Duration::ZERO).await;
    let closed = client.report(&json!({"a": 1})).await;
    assert_eq!(closed, Err(ReportError::Closed));
}

#[tokio::test]
async fn checklist_20_nothing_goes_out_at_qos_2_or_retained() {
    let hub = Hub::new().await;
    let Started { client, .. } = start(hub.whole_config());
    let mut peer = hub.accept_session(false).await;
    // A question, a report, a message and an answer to a method nobody takes.
    spawn_report(&client, json!({"a": 1}));
    let publishing = client.clone();
    tokio::spawn(async move {
        let message = OutgoingMessage::new("m", &b"x"[..]);
        publishing.publish(message).await
    });
    peer.call("m", "1", "").await;
    for _ in 0..4 {
        let publish = peer.expect_publish().await;
        assert_eq!((publish.qos, publish.retain), (QoS::AtLeastOnce, false));
    }
}

#[tokio::test]
async fn closing_waits_for_the_answer_to_a_report() {
    let hub = Hub::new().await;
    let Started { client, .. } = start(hub.whole_config());
    let mut peer = hub.accept_twin(1, json!({})).await;
    let sent = spawn_report(&client, json!({"last": true}));
    let (rid, _) = peer.expect_report().await;
    let closing = tokio::spawn(async move { client.close(PATIENCE).await });
    peer.respond(&rid, 204, String::new()).await;
    assert_eq!(peer.expect().await, Packet::Disconnect);
    drop(peer);
    assert!(closing.await.unwrap().is_clean());
    assert_eq!(sent.await.unwrap(), Ok(None));
}

#[tokio::test]
async fn checklist_38_an_invalid_desired_value_keeps_the_old_one_and_is_reported() {
    let hub = Hub::new().await;
    let Started {
        client,
        mut desired,
        ..
    } = start(hub.whole_config());
    let mut interval = Setting::new("interval", 60_u64);
    let read = |value: &Value| value.as_u64().ok_or("expected whole seconds");
    let mut peer = hub.accept_twin(1, json!({"interval": 10})).await;
    let state = desired.next().await.unwrap();
    assert_eq!(interval.follow(&state, read).code, 200);
    peer.desire(2, &json!({"interval": "fast"})).await;
    let state = desired.next().await.unwrap();
    let answer = interval.follow(&state, read);
    assert_eq!(*interval.value(), 10);
    let sent = spawn_report(&client, json!({ "interval": answer.to_value() }));
    let (rid, patch) = peer.expect_report().await;
    assert_eq!(
        patch,
        json!({"interval": {"value": 10, "ac": 400, "av": 2, "ad": "expected whole seconds"}})
    );
    peer.respond(&rid, 204, String::new()).await;
    assert_eq!(sent.await.unwrap(), Ok(None));
}
