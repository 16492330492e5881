//! What lies in queues: a time to live that another hub gave, cleanup, a store that fails.

use super::failing_store::FailingStore;
use super::*;
use crate::store::DiskStore;

const INPUTS: &str = "devices/edge/modules/counter/inputs/#";
const MINUTE: Duration = Duration::from_secs(60);

/// What the module gets from a hub with the time to live `then` over the queues of one with
/// `first`, to which a picture was sent 61 s before; and the second hub.
fn inherited(first: Option<Duration>, then: Option<Duration>) -> (Bench, ConnectionId) {
    let folder = tempfile::tempdir().unwrap();
    let open = || Box::new(DiskStore::open(folder.path()).unwrap());
    let (routes, identities) = (vec![RouteSpec::new(CAMERAS)], identities());
    let mut bench = Bench::over(routes.clone(), first, open(), identities.clone());
    let (camera, _) = bench.connect(&cam());
    bench.telemetry(camera, CAM, "old");
    drop(bench);
    let mut bench = Bench::over(routes, then, open(), identities);
    bench.pass(MINUTE + Duration::from_secs(1));
    let (module, _) = bench.connect(&counter());
    bench.subscribe(module, INPUTS, QoS::AtLeastOnce);
    (bench, module)
}

#[test]
fn checklist_29_a_longer_time_to_live_does_not_revive_or_extend_an_old_message() {
    for longer in [None, Some(MINUTE * 60)] {
        let (mut bench, module) = inherited(Some(MINUTE), longer);
        bench.quiet(module);
        assert_eq!(bench.hub.counters().dropped_expired, 1, "{longer:?}");
        assert_eq!(bench.hub.queues()[0].1, 0, "{longer:?}");
    }
}

#[test]
fn checklist_29_a_shorter_time_to_live_is_for_new_messages_only() {
    let (mut bench, module) = inherited(None, Some(MINUTE));
    assert_eq!(bench.body(module), "old");
    bench.ack(module);
    bench.hub.lost(module, CloseReason::PeerClosed, bench.now());
    let (camera, _) = bench.connect(&cam());
    bench.telemetry(camera, CAM, "new");
    bench.pass(MINUTE);
    let (module, _) = bench.connect(&counter());
    bench.quiet(module);
    assert_eq!(bench.hub.counters().dropped_expired, 1);
}

#[test]
fn what_outlived_its_time_is_cleaned_away_though_its_module_never_comes() {
    // Room for one message.
    let store = Box::new(MemoryStore::with_capacity(500));
    let routes = vec![RouteSpec::new(CAMERAS)];
    let mut bench = Bench::over(routes, Some(MINUTE), store, identities());
    let (camera, _) = bench.connect(&cam());
    bench.telemetry(camera, CAM, &"x".repeat(300));
    let interval = Settings::default().cleanup_interval;
    assert_eq!(interval, MINUTE * 30);
    bench.pass(interval - Duration::from_millis(1));
    assert_eq!(bench.hub.queues()[0].1, 1);
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.hub.queues()[0].1, 0);
    assert_eq!(bench.hub.counters().dropped_expired, 1);
    // Its room is free again, for hours.
    for hour in 1..=9 {
        let (camera, _) = bench.connect(&cam());
        bench.telemetry(camera, CAM, &"x".repeat(300));
        bench.pass(MINUTE * 60);
        assert_eq!(bench.hub.queues()[0].1, 0);
        assert_eq!(bench.hub.counters().dropped_expired, 1 + hour);
    }
    assert_eq!(bench.hub.counters().storage_failures, 0);
    // Where nothing lies, nothing is to be cleaned.
    assert_eq!(bench.hub.next_deadline(), None);
}

#[test]
fn cleanup_leaves_what_is_out_and_what_stands_behind_it() {
    let mut bench = Bench::with(vec![RouteSpec::new(CAMERAS)], Some(MINUTE));
    let (camera, module) = bench.pair();
    for body in ["out", "behind"] {
        bench.telemetry(camera, CAM, body);
    }
    let interval = Settings::default().cleanup_interval;
    bench.pass(interval);
    assert_eq!(bench.hub.queues()[0].1, 2);
    // The same once it is to be sent again.
    bench.hub.lost(module, CloseReason::PeerClosed, bench.now());
    bench.pass(interval);
    assert_eq!(bench.hub.queues()[0].1, 2);
    assert_eq!(bench.hub.counters().dropped_expired, 0);
    let (module, _) = bench.connect(&counter());
    assert_eq!(bench.body(module), "out");
    bench.ack(module);
    bench.quiet(module);
    assert_eq!(bench.hub.counters().dropped_expired, 1);
}

#[test]
fn the_way_upstream_is_cleaned_too_except_for_what_is_being_written() {
    let mut bench = Bench::with(vec![RouteSpec::new(COUNTS)], Some(MINUTE));
    let (module, _) = bench.connect(&counter());
    let topic = "devices/edge/modules/counter/messages/events/%24.on=counts";
    for body in ["one", "two", "three"] {
        bench.telemetry(module, topic, body);
    }
    let first = bench.upstream.pop_front().unwrap();
    bench.hub.inject(Fault::Offline(true), bench.now());
    bench.pass(Settings::default().cleanup_interval);
    assert_eq!(bench.hub.queues()[0].1, 3);
    bench
        .hub
        .upstream_finished(first.sequence, false, bench.now());
    bench.pass(Settings::default().cleanup_interval);
    assert_eq!(bench.hub.queues()[0].1, 0);
    assert_eq!(bench.hub.counters().dropped_expired, 3);
}

#[test]
fn a_message_that_cannot_be_read_for_once_is_tried_again_in_a_second() {
    let failures = Arc::new(Mutex::new(0));
    let store = FailingStore {
        unreadable: Arc::clone(&failures),
        ..FailingStore::default()
    };
    let routes = vec![RouteSpec::new(CAMERAS), RouteSpec::new(COUNTS)];
    let mut bench = Bench::over(routes, None, Box::new(store), identities());
    let (camera, module) = bench.pair();
    *failures.lock().unwrap() = 2;
    bench.telemetry(camera, CAM, "picture");
    bench.quiet(module);
    let topic = "devices/edge/modules/counter/messages/events/%24.on=counts";
    bench.telemetry(module, topic, "count");
    assert_eq!(bench.upstream, []);
    bench.pass(Duration::from_millis(999));
    bench.quiet(module);
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.body(module), "picture");
    assert_eq!(bench.upstream.pop_front().unwrap().message.body, "count");
}
