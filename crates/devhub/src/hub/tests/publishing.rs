//! From PUBLISH to the queues.

use super::failing_store::FailingStore;
use super::*;

#[test]
fn checklist_18_what_cannot_be_read_is_acknowledged_dropped_and_counted() {
    let mut bench = Bench::new(&[CAMERAS]);
    let (camera, module) = bench.pair();
    for topic in ["devices/cam/messages/events/a/b", "elsewhere"] {
        bench.telemetry(camera, topic, "x");
    }
    for bag in ["a=1&&b=2", "=1", "a=b=c"] {
        bench.telemetry(camera, &format!("{CAM}{bag}"), "x");
    }
    bench.quiet(module);
    assert_eq!(bench.hub.counters().dropped_unknown_topic, 2);
    assert_eq!(bench.hub.counters().dropped_bad_properties, 3);
    assert!(bench.closed.is_empty());
}

#[test]
fn a_topic_that_names_another_identity_closes() {
    let mut bench = Bench::new(&[CAMERAS]);
    for topic in [
        "devices/cam2/messages/events/",
        "devices/cam/modules/m/messages/events/",
    ] {
        let (camera, _) = bench.connect(&cam());
        bench.publish(camera, topic, QoS::AtLeastOnce, "x");
        bench.quiet(camera);
        assert_eq!(
            bench.closed[&camera],
            CloseReason::ForeignTopic(topic.into())
        );
    }
}

#[test]
fn checklist_20_qos_2_is_taken_never_confirmed_and_closes() {
    let mut bench = Bench::new(&[CAMERAS]);
    let (camera, module) = bench.pair();
    bench.publish(camera, CAM, QoS::ExactlyOnce, "x");
    bench.quiet(camera);
    assert_eq!(bench.closed[&camera], CloseReason::ExactlyOnce);
    assert_eq!(bench.body(module), "x");
}

#[test]
fn checklist_22_without_a_route_a_message_is_acknowledged_and_counted() {
    let mut bench = Bench::new(&[COUNTS]);
    let (camera, _) = bench.connect(&cam());
    bench.telemetry(camera, CAM, "x");
    bench.publish(camera, CAM, QoS::AtMostOnce, "x");
    bench.quiet(camera);
    assert_eq!(bench.hub.counters().dropped_no_route, 2);
    assert_eq!(bench.hub.counters().queued, 0);
}

#[test]
fn checklist_32_gate_two_acknowledges_drops_and_counts() {
    let mut bench = Bench::new(&[CAMERAS]);
    let (camera, module) = bench.pair();
    // What the hub adds to a message of `cam`: 49 + 32 + 21.
    let limit = 262_144 - 102;
    bench.publish_bytes(camera, CAM, QoS::AtLeastOnce, vec![0; limit + 1]);
    bench.expect_puback(camera);
    bench.quiet(module);
    assert_eq!(bench.hub.counters().dropped_too_large, 1);
    bench.publish_bytes(camera, CAM, QoS::AtLeastOnce, vec![0; limit]);
    bench.expect_puback(camera);
    assert_eq!(bench.delivery(module).1.len(), limit);
}

#[test]
fn marks_of_dup_and_retain_become_properties() {
    let mut bench = Bench::new(&[CAMERAS]);
    let (camera, module) = bench.pair();
    let mut publish = Publish::new(CAM, QoS::AtLeastOnce, "x");
    publish.pkid = 77;
    publish.dup = true;
    publish.retain = true;
    bench.send(camera, Packet::Publish(publish));
    let (topic, _) = bench.delivery(module);
    assert_eq!(
        topic,
        "devices/edge/modules/counter/inputs/images/mqtt-dup=true&mqtt-retain=true&%24.cdid=cam"
    );
}

#[test]
fn checklist_21_no_puback_when_the_store_refuses_and_the_sender_is_closed() {
    let fail = Arc::new(Mutex::new(true));
    let store = FailingStore {
        refuses: Arc::clone(&fail),
        ..FailingStore::default()
    };
    let routes = vec![RouteSpec::new(CAMERAS)];
    let mut bench = Bench::over(routes, None, Box::new(store), identities());
    let (camera, _) = bench.connect(&cam());
    bench.publish(camera, CAM, QoS::AtLeastOnce, "x");
    bench.quiet(camera);
    assert_eq!(bench.closed[&camera], CloseReason::StorageFailure);
    assert_eq!(bench.hub.counters().storage_failures, 1);
    *fail.lock().unwrap() = false;
    let (camera, _) = bench.connect(&cam());
    bench.telemetry(camera, CAM, "x");
    assert_eq!(bench.hub.counters().queued, 1);
}

#[test]
fn checklist_21_an_acknowledged_message_and_its_session_outlive_the_hub() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Box::new(crate::store::DiskStore::open(folder.path()).unwrap());
    let (routes, identities) = (vec![RouteSpec::new(CAMERAS)], identities());
    let mut bench = Bench::over(routes.clone(), None, open(), identities.clone());
    let (camera, module) = bench.pair();
    for body in ["one", "two", "three"] {
        bench.telemetry(camera, CAM, body);
    }
    assert_eq!(bench.body(module), "one");
    bench.ack(module);
    assert_eq!(bench.body(module), "two");
    // As if killed: nothing is told, nothing is closed.
    drop(bench);
    let mut bench = Bench::over(routes, None, open(), identities);
    let (module, session_present) = bench.connect(&counter());
    assert!(session_present);
    for body in ["two", "three"] {
        assert_eq!(bench.body(module), body);
        bench.ack(module);
    }
    bench.quiet(module);
}

#[test]
fn what_one_queue_took_is_delivered_though_the_next_one_refused() {
    let store = FailingStore {
        refuses: Arc::new(Mutex::new(true)),
        only: Some("second"),
        ..FailingStore::default()
    };
    let into = |input| {
        RouteSpec::new(format!(
            "FROM /messages INTO BrokeredEndpoint(\"/modules/counter/inputs/{input}\")"
        ))
    };
    let routes = vec![into("first"), into("second")];
    let mut bench = Bench::over(routes, None, Box::new(store), identities());
    let (camera, module) = bench.pair();
    bench.publish(camera, CAM, QoS::AtLeastOnce, "x");
    assert_eq!(bench.closed[&camera], CloseReason::StorageFailure);
    bench.quiet(camera);
    let (topic, _) = bench.delivery(module);
    assert!(topic.contains("/inputs/first/"), "{topic}");
}
