//! Faults on demand.

use super::*;

fn inject(bench: &mut Bench, fault: Fault) -> usize {
    let ended = bench.hub.inject(fault, bench.now());
    bench.drain();
    ended
}

#[test]
fn connections_are_dropped_for_one_client_or_for_all() {
    let mut bench = Bench::new(&[CAMERAS]);
    let (camera, module) = bench.pair();
    let newcomer = bench.open();
    assert_eq!(inject(&mut bench, Fault::DropConnections(Some(cam()))), 1);
    assert_eq!(bench.closed.get(&camera), Some(&CloseReason::Killed));
    assert_eq!(bench.closed.get(&module), None);
    assert_eq!(inject(&mut bench, Fault::DropConnections(None)), 2);
    assert_eq!(bench.closed.get(&newcomer), Some(&CloseReason::Killed));
}

#[test]
fn expired_tokens_end_connections_and_new_ones_are_let_in() {
    let mut bench = Bench::new(&[CAMERAS]);
    let (camera, _) = bench.connect(&cam());
    assert_eq!(inject(&mut bench, Fault::ExpireTokens(None)), 1);
    assert_eq!(bench.closed.get(&camera), Some(&CloseReason::TokenExpired));
    bench.connect(&cam());
}

#[test]
fn pubacks_come_late_in_order_or_never_and_the_message_is_queued_all_the_same() {
    let mut bench = Bench::new(&[CAMERAS]);
    let (camera, module) = bench.pair();
    let late = Duration::from_secs(5);
    inject(&mut bench, Fault::Pubacks(Pubacks::Delayed(late)));
    bench.publish(camera, CAM, QoS::AtLeastOnce, "one");
    assert_eq!(bench.body(module), "one");
    bench.quiet(camera);
    bench.pass(late - Duration::from_millis(1));
    bench.quiet(camera);
    // One that is sent at once may not overtake the late one.
    inject(&mut bench, Fault::Pubacks(Pubacks::AtOnce));
    bench.publish(camera, CAM, QoS::AtLeastOnce, "two");
    bench.quiet(camera);
    bench.pass(Duration::from_millis(1));
    bench.expect_puback(camera);
    bench.expect_puback(camera);
    inject(&mut bench, Fault::Pubacks(Pubacks::Withheld));
    bench.publish(camera, CAM, QoS::AtLeastOnce, "three");
    bench.pass(Duration::from_secs(20));
    bench.quiet(camera);
    assert_eq!(bench.hub.counters().queued, 3);
}

#[test]
fn a_late_puback_of_a_connection_that_is_gone_is_sent_to_nobody() {
    let mut bench = Bench::new(&[CAMERAS]);
    let (camera, _) = bench.connect(&cam());
    let late = Duration::from_secs(5);
    inject(&mut bench, Fault::Pubacks(Pubacks::Delayed(late)));
    bench.publish(camera, CAM, QoS::AtLeastOnce, "one");
    inject(&mut bench, Fault::DropConnections(None));
    // The bench asserts that nothing is sent after a close.
    bench.pass(late);
    // Nothing is due but the cleanup of what was queued.
    let cleanup = Settings::default().cleanup_interval;
    assert_eq!(bench.hub.next_deadline(), Some(cleanup));
}

#[test]
fn acknowledged_messages_come_once_more_on_demand() {
    let mut bench = Bench::new(&[CAMERAS]);
    let (camera, module) = bench.pair();
    inject(&mut bench, Fault::Redeliver(2));
    for body in ["one", "two"] {
        bench.telemetry(camera, CAM, body);
    }
    for expected in ["one", "one", "one", "two"] {
        assert_eq!(bench.body(module), expected);
        bench.ack(module);
    }
    bench.quiet(module);
    assert_eq!(bench.hub.counters().redelivered, 2);
    assert_eq!(bench.hub.faults().redeliver, 0);
}

#[test]
fn connects_are_left_unanswered_refused_or_accepted_and_dropped() {
    let mut bench = Bench::new(&[CAMERAS]);
    inject(&mut bench, Fault::Connects(Connects::Ignored));
    let silent = bench.open();
    let connect = bench.connect_packet(&cam());
    bench.send(silent, Packet::Connect(connect.clone()));
    bench.send(silent, Packet::PingReq);
    bench.pass(Duration::from_secs(200));
    bench.quiet(silent);
    assert_eq!(bench.closed.get(&silent), None);
    // Not for ever: a peer that is gone must not keep its place.
    bench.pass(Duration::from_secs(400));
    assert_eq!(bench.closed.get(&silent), Some(&CloseReason::KeepAlive));

    inject(&mut bench, Fault::Connects(Connects::Refused));
    assert_eq!(bench.refusal(connect.clone()), 5);

    inject(&mut bench, Fault::Connects(Connects::Dropped));
    let (dropped, _) = bench.connect_with(connect);
    assert_eq!(bench.closed.get(&dropped), Some(&CloseReason::OnDemand));

    inject(&mut bench, Fault::Connects(Connects::Answered));
    let (camera, _) = bench.connect(&cam());
    assert_eq!(bench.closed.get(&camera), None);
}

#[test]
fn checklist_37_twin_requests_fail_with_an_empty_body_or_stay_unanswered_on_demand() {
    let mut bench = Bench::new(&[]);
    let (module, _) = bench.connect(&counter());
    bench.subscribe(module, "$iothub/twin/res/#", QoS::AtMostOnce);
    let patch = "$iothub/twin/PATCH/properties/reported/?$rid=2";
    inject(&mut bench, Fault::Twins(Twins::Failing));
    bench.publish(module, "$iothub/twin/GET/?$rid=1", QoS::AtMostOnce, "");
    let failed = |rid| (format!("$iothub/twin/res/500/?$rid={rid}"), Bytes::new());
    assert_eq!(bench.delivery(module), failed(1));
    bench.publish(module, patch, QoS::AtMostOnce, r#"{"a":1}"#);
    assert_eq!(bench.delivery(module), failed(2));
    inject(&mut bench, Fault::Twins(Twins::Ignored));
    bench.telemetry(module, "$iothub/twin/GET/?$rid=3", "");
    bench.telemetry(module, patch, r#"{"a":1}"#);
    bench.quiet(module);
    let twin = bench.hub.twin(&counter()).unwrap().document();
    assert_eq!(twin["reported"], json!({"$version": 1}));
}

#[test]
fn offline_nothing_goes_upstream_and_later_everything_does_in_order() {
    let mut bench = Bench::new(&[COUNTS]);
    let (module, _) = bench.connect(&counter());
    inject(&mut bench, Fault::Offline(true));
    let topic = "devices/edge/modules/counter/messages/events/%24.on=counts";
    for body in ["one", "two"] {
        bench.telemetry(module, topic, body);
    }
    bench.pass(Duration::from_secs(3600));
    assert_eq!(bench.upstream, []);
    inject(&mut bench, Fault::Offline(false));
    for body in ["one", "two"] {
        let entry = bench.upstream.pop_front().unwrap();
        assert_eq!(entry.message.body, body);
        bench
            .hub
            .upstream_finished(entry.sequence, true, bench.now());
        bench.drain();
    }
}

#[test]
fn full_queues_acknowledge_nothing_and_close_the_sender() {
    let mut bench = Bench::new(&[CAMERAS]);
    let (camera, module) = bench.pair();
    inject(&mut bench, Fault::FullQueues(true));
    bench.publish(camera, CAM, QoS::AtLeastOnce, "one");
    bench.quiet(camera);
    bench.quiet(module);
    assert_eq!(
        bench.closed.get(&camera),
        Some(&CloseReason::StorageFailure)
    );
    assert_eq!(bench.hub.counters().storage_failures, 1);
    inject(&mut bench, Fault::FullQueues(false));
    let (camera, _) = bench.connect(&cam());
    bench.telemetry(camera, CAM, "one");
    assert_eq!(bench.body(module), "one");
}

#[test]
fn a_puback_that_is_late_on_one_connection_holds_back_no_other() {
    let mut bench = Bench::new(&[CAMERAS]);
    let (camera, _) = bench.connect(&cam());
    let late = Duration::from_secs(3600);
    inject(&mut bench, Fault::Pubacks(Pubacks::Delayed(late)));
    bench.publish(camera, CAM, QoS::AtLeastOnce, "one");
    bench.quiet(camera);
    inject(&mut bench, Fault::Pubacks(Pubacks::AtOnce));
    let (other, _) = bench.connect(&IdentityId::device("cam2"));
    bench.telemetry(other, "devices/cam2/messages/events/", "two");
    inject(&mut bench, Fault::DropConnections(Some(cam())));
    let (camera, _) = bench.connect(&cam());
    bench.telemetry(camera, CAM, "one");
}

#[test]
fn full_queues_take_no_twin_change_either_and_say_so_in_the_counters() {
    let mut bench = Bench::new(&["FROM /twinChangeNotifications INTO $upstream"]);
    let (module, _) = bench.connect(&counter());
    inject(&mut bench, Fault::FullQueues(true));
    let patch = "$iothub/twin/PATCH/properties/reported/?$rid=3";
    bench.telemetry(module, patch, r#"{"a":1}"#);
    assert_eq!(bench.upstream, []);
    assert_eq!(bench.hub.counters().storage_failures, 1);
}
