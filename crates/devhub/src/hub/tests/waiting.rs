//! Time to live, priorities, endpoints.

use super::*;

#[test]
fn checklist_29_what_outlived_its_time_is_not_delivered() {
    let with = |ttl| RouteSpec {
        time_to_live_secs: ttl,
        ..RouteSpec::new(CAMERAS)
    };
    for (route, global, survives) in [
        (None, None, true),
        (None, Some(60), false),
        (Some(3600), Some(60), true),
        (Some(60), None, false),
        (None, Some(0), false),
    ] {
        let global = global.map(Duration::from_secs);
        let mut bench = Bench::with(vec![with(route)], global);
        let (camera, _) = bench.connect(&cam());
        bench.telemetry(camera, CAM, "old");
        bench.pass(Duration::from_secs(61));
        let (module, _) = bench.connect(&counter());
        bench.subscribe(
            module,
            "devices/edge/modules/counter/inputs/#",
            QoS::AtLeastOnce,
        );
        if survives {
            assert_eq!(bench.body(module), "old", "{route:?} {global:?}");
        } else {
            bench.quiet(module);
            assert_eq!(
                bench.hub.counters().dropped_expired,
                1,
                "{route:?} {global:?}"
            );
        }
    }
}

#[test]
fn a_message_that_is_out_is_past_the_check_of_its_time() {
    let mut bench = Bench::with(vec![RouteSpec::new(CAMERAS)], Some(Duration::from_secs(40)));
    let (camera, module) = bench.pair();
    bench.telemetry(camera, CAM, "one");
    assert_eq!(bench.body(module), "one");
    bench.pass(ACK_TIMEOUT * 2);
    assert_eq!(bench.body(module), "one");
    assert_eq!(bench.body(module), "one");
}

#[test]
fn checklist_30_priority_zero_before_five_before_unset_and_fifo_inside() {
    let route = |level: &str, priority| RouteSpec {
        priority,
        ..RouteSpec::new(format!(
            "FROM /messages WHERE p = '{level}' INTO BrokeredEndpoint(\"/modules/counter/inputs/in\")"
        ))
    };
    let routes = vec![
        route("low", None),
        route("high", Some(0)),
        route("mid", Some(5)),
    ];
    let mut bench = Bench::with(routes, None);
    let (camera, _) = bench.connect(&cam());
    for (level, body) in [
        ("low", "l1"),
        ("mid", "m1"),
        ("high", "h1"),
        ("low", "l2"),
        ("mid", "m2"),
        ("high", "h2"),
    ] {
        bench.telemetry(camera, &format!("{CAM}p={level}"), body);
    }
    let (module, _) = bench.connect(&counter());
    bench.subscribe(
        module,
        "devices/edge/modules/counter/inputs/#",
        QoS::AtLeastOnce,
    );
    for body in ["h1", "h2", "m1", "m2", "l1", "l2"] {
        assert_eq!(bench.body(module), body);
        bench.ack(module);
    }
}

#[test]
fn checklist_31_two_routes_to_one_input_make_one_copy_and_to_two_inputs_two() {
    let to = |input| {
        format!("FROM /messages INTO BrokeredEndpoint(\"/modules/counter/inputs/{input}\")")
    };
    let (a, b) = (to("a"), to("b"));
    let mut bench = Bench::new(&[&a, &a, &b]);
    let (camera, module) = bench.pair();
    bench.telemetry(camera, CAM, "x");
    let mut inputs = Vec::new();
    for _ in 0..2 {
        inputs.push(bench.delivery(module).0);
        bench.ack(module);
    }
    bench.quiet(module);
    assert!(
        inputs[0].contains("/inputs/a/") && inputs[1].contains("/inputs/b/"),
        "{inputs:?}"
    );
}

#[test]
fn a_queue_without_a_route_is_deleted_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Box::new(crate::store::DiskStore::open(folder.path()).unwrap());
    let identities = identities();
    let mut bench = Bench::over(
        vec![RouteSpec::new(CAMERAS)],
        None,
        open(),
        identities.clone(),
    );
    let (camera, _) = bench.connect(&cam());
    bench.telemetry(camera, CAM, "x");
    drop(bench);
    let bench = Bench::over(vec![RouteSpec::new(COUNTS)], None, open(), identities);
    assert_eq!(bench.hub.queues(), []);
}
