//! Direct methods, on loopback.

use std::time::Duration;

use edge_protocol::methods::ANSWER_LIMIT;
use rumqttc::mqttbytes::v4::Packet;

use super::hub::{Hub, PATIENCE};
use crate::{AnswerTooLarge, Answered, MethodCall, Methods, Started, Value, json, start};

async fn next(methods: &mut Methods) -> MethodCall {
    let call = tokio::time::timeout(PATIENCE, methods.next()).await;
    call.expect("a call comes").expect("the client runs")
}

#[tokio::test]
async fn checklist_39_a_call_is_answered_with_its_id_and_status() {
    let hub = Hub::new().await;
    let Started {
        client: _client,
        mut methods,
        ..
    } = start(hub.whole_config());
    let mut peer = hub.accept_twin(1, json!({})).await;
    peer.call("getReports", "6F-a", r#"{"from":3}"#).await;
    let call = next(&mut methods).await;
    assert_eq!(
        (call.name(), call.payload()),
        ("getReports", &json!({"from": 3}))
    );
    let shown = format!("{call:?}");
    assert!(
        !shown.contains("from"),
        "the payload stays out of the log: {shown}"
    );
    assert_eq!(call.answer(207, &json!([1, 2])), Ok(Answered::Queued));
    let (answer, body) = peer.expect_answer().await;
    assert_eq!((answer.as_str(), body), ("207/?$rid=6F-a", json!([1, 2])));
}

#[tokio::test]
async fn checklist_39_what_nobody_takes_is_answered_501_with_its_name() {
    let hub = Hub::new().await;
    let Started { client, .. } = start(hub.whole_config());
    let mut peer = hub.accept_twin(1, json!({})).await;
    peer.call("reset", "1", "").await;
    let (answer, body) = peer.expect_answer().await;
    assert_eq!(
        (answer.as_str(), &body["method"]),
        ("501/?$rid=1", &json!("reset"))
    );
    drop(client);
}

#[tokio::test]
async fn a_dropped_call_is_answered_500_and_one_that_is_no_json_400() {
    let hub = Hub::new().await;
    let Started {
        client: _client,
        mut methods,
        ..
    } = start(hub.whole_config());
    let mut peer = hub.accept_twin(1, json!({})).await;
    peer.call("m", "1", "").await;
    drop(next(&mut methods).await);
    let (answer, body) = peer.expect_answer().await;
    assert_eq!(
        (answer.as_str(), &body["method"]),
        ("500/?$rid=1", &json!("m"))
    );
    peer.call("m", "2", "{").await;
    assert_eq!(peer.expect_answer().await.0, "400/?$rid=2");
    peer.call("m", "3", "").await;
    let huge = Value::from("x".repeat(ANSWER_LIMIT));
    let bytes = ANSWER_LIMIT + 2;
    let refused = next(&mut methods).await.answer(200, &huge);
    assert_eq!(refused, Err(AnswerTooLarge { bytes }));
    assert_eq!(peer.expect_answer().await.0, "500/?$rid=3");
}

#[tokio::test]
async fn a_stale_answer_is_refused_and_a_call_that_waited_is_left_out() {
    let hub = Hub::new().await;
    let Started {
        client: _client,
        mut methods,
        ..
    } = start(hub.whole_config());
    let mut peer = hub.accept_twin(1, json!({})).await;
    peer.call("taken", "1", "").await;
    peer.call("waiting", "2", "").await;
    let taken = next(&mut methods).await;
    drop(peer);
    let mut peer = hub.accept_twin(1, json!({})).await;
    peer.call("new", "3", "").await;
    let new = next(&mut methods).await;
    assert_eq!(new.name(), "new");
    assert_eq!(taken.answer(200, &json!(1)), Ok(Answered::ConnectionGone));
    assert_eq!(new.answer(200, &json!(3)), Ok(Answered::Queued));
    assert_eq!(peer.expect_answer().await.0, "200/?$rid=3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_thread_takes_and_answers() {
    let hub = Hub::new().await;
    let Started {
        client,
        mut methods,
        ..
    } = start(hub.whole_config());
    let thread = std::thread::spawn(move || {
        let mut answered = 0;
        while let Some(call) = methods.blocking_next() {
            let echo = call.payload().clone();
            assert_eq!(call.answer(200, &echo), Ok(Answered::Queued));
            answered += 1;
        }
        answered
    });
    let mut peer = hub.accept_twin(1, json!({})).await;
    for rid in ["1", "2", "3"] {
        peer.call("echo", rid, "[1]").await;
        assert_eq!(peer.expect_answer().await.1, json!([1]));
    }
    assert!(client.close(PATIENCE).await.is_clean());
    assert_eq!(thread.join().unwrap(), 3);
}

#[tokio::test]
async fn closing_waits_for_an_answer_and_declines_what_was_not_taken() {
    let hub = Hub::new().await;
    let Started {
        client,
        mut methods,
        ..
    } = start(hub.whole_config());
    let mut peer = hub.accept_twin(1, json!({})).await;
    peer.call("taken", "1", "").await;
    let taken = next(&mut methods).await;
    peer.call("waiting", "2", "").await;
    peer.call("not json", "3", "{").await;
    // In order: once the third has its answer, the second is in the queue.
    assert_eq!(peer.expect_answer().await.0, "400/?$rid=3");
    let closing = tokio::spawn(async move { client.close(PATIENCE).await });
    assert_eq!(peer.expect_answer().await.0, "503/?$rid=2");
    peer.call("late", "4", "").await;
    assert_eq!(peer.expect_answer().await.0, "503/?$rid=4");
    assert_eq!(taken.answer(200, &json!(1)), Ok(Answered::Queued));
    assert_eq!(peer.expect_answer().await.0, "200/?$rid=1");
    assert_eq!(peer.expect().await, Packet::Disconnect);
    drop(peer);
    assert!(closing.await.unwrap().is_clean());
    assert!(methods.next().await.is_none());
}

#[tokio::test]
async fn a_call_left_open_is_counted_when_the_grace_is_over() {
    let hub = Hub::new().await;
    let Started {
        client,
        mut methods,
        ..
    } = start(hub.whole_config());
    let mut peer = hub.accept_twin(1, json!({})).await;
    peer.call("slow", "1", "").await;
    let _held = next(&mut methods).await;
    let outcome = client.close(Duration::from_millis(100)).await;
    assert_eq!(outcome.unanswered_calls, 1);
}
