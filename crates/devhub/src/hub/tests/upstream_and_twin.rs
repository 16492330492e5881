//! The way upstream, and twin requests.

use super::*;

#[test]
fn upstream_gets_one_message_at_a_time_and_again_after_a_failure() {
    let mut bench = Bench::new(&[COUNTS]);
    let (module, _) = bench.connect(&counter());
    let topic = "devices/edge/modules/counter/messages/events/%24.on=counts";
    for body in ["one", "two"] {
        bench.telemetry(module, topic, body);
    }
    let first = bench.upstream.pop_front().unwrap();
    assert_eq!(
        (first.message.output(), &first.message.body[..]),
        (Some("counts"), &b"one"[..])
    );
    assert_eq!(bench.upstream, []);
    bench
        .hub
        .upstream_finished(first.sequence, false, bench.now());
    bench.drain();
    assert_eq!(bench.upstream, []);
    bench.pass(Duration::from_secs(1));
    let again = bench.upstream.pop_front().unwrap();
    assert_eq!(again, first);
    bench
        .hub
        .upstream_finished(again.sequence, true, bench.now());
    bench.drain();
    assert_eq!(bench.upstream.pop_front().unwrap().message.body, "two");
    assert_eq!(bench.hub.counters().upstream, 1);
}

#[test]
fn checklist_36_twin_get_and_patch_answer_as_the_sheet_says() {
    let mut bench = Bench::new(&["FROM /twinChangeNotifications INTO $upstream"]);
    let (module, _) = bench.connect(&counter());
    bench.publish(module, "$iothub/twin/GET/?$rid=1", QoS::AtMostOnce, " ");
    bench.quiet(module);
    bench.subscribe(module, "$iothub/twin/res/#", QoS::AtLeastOnce);
    bench.publish(module, "$iothub/twin/GET/?$rid=2", QoS::AtMostOnce, "");
    let (topic, body) = bench.delivery(module);
    assert_eq!(topic, "$iothub/twin/res/200/?$rid=2");
    let twin: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        twin,
        json!({"desired": {"limit": 3, "$version": 2}, "reported": {"$version": 1}})
    );
    bench.ack(module);
    let patch = "$iothub/twin/PATCH/properties/reported/?$rid=3";
    bench.publish(module, patch, QoS::AtLeastOnce, r#"{"a":{"b":1},"c":null}"#);
    assert_eq!(
        bench.delivery(module),
        ("$iothub/twin/res/204/?$rid=3".into(), Bytes::new())
    );
    bench.expect_puback(module);
    let notice = bench.upstream.pop_front().unwrap().message;
    assert_eq!(
        notice.system_property("messageSchema"),
        Some("twinChangeNotification")
    );
    assert_eq!(notice.sender(), counter());
    bench.publish(module, patch, QoS::AtMostOnce, r#"{"$a":1}"#);
    assert_eq!(
        bench.delivery(module),
        ("$iothub/twin/res/400/?$rid=3".into(), Bytes::new())
    );
    let deep = format!("{}1{}", "{\"a\":".repeat(11), "}".repeat(11));
    bench.publish(module, patch, QoS::AtMostOnce, &deep);
    assert_eq!(
        bench.delivery(module),
        ("$iothub/twin/res/400/?$rid=3".into(), Bytes::new())
    );
    let twin = bench.hub.twin(&counter()).unwrap().document();
    assert_eq!(twin["reported"], json!({"a": {"b": 1}, "$version": 2}));
    bench.publish(module, "$iothub/twin/GET/", QoS::AtMostOnce, "");
    assert!(matches!(bench.closed[&module], CloseReason::TwinRequest(_)));
}

#[test]
fn a_puback_for_a_twin_answer_is_not_taken_for_an_input_message() {
    let mut bench = Bench::new(&[CAMERAS]);
    let (camera, module) = bench.pair();
    bench.subscribe(module, "$iothub/twin/res/#", QoS::AtLeastOnce);
    bench.publish(module, "$iothub/twin/GET/?$rid=1", QoS::AtMostOnce, "");
    bench.delivery(module);
    bench.telemetry(camera, CAM, "one");
    bench.telemetry(camera, CAM, "two");
    assert_eq!(bench.body(module), "one");
    bench.ack(module);
    bench.quiet(module);
    bench.ack(module);
    assert_eq!(bench.body(module), "two");
}
