//! Direct methods, and changes of desired properties.

use super::*;

fn call(target: IdentityId) -> MethodCall {
    MethodCall {
        target,
        name: "ping".into(),
        payload: json!({"a": 1}),
        response_timeout: Duration::from_secs(30),
        connect_timeout: Duration::ZERO,
    }
}

fn invoke(bench: &mut Bench, call: MethodCall) -> CallId {
    let id = bench.hub.invoke(call, bench.now()).unwrap();
    bench.drain();
    id
}

/// The request id of a call that has come.
fn request(bench: &mut Bench, module: ConnectionId) -> String {
    let (topic, body) = bench.delivery(module);
    let rid = topic.strip_prefix("$iothub/methods/POST/ping/?$rid=");
    assert_eq!(body, r#"{"a":1}"#);
    rid.unwrap().to_owned()
}

const METHODS: &str = "$iothub/methods/POST/#";

#[test]
fn checklist_39_a_call_comes_back_with_its_status_and_payload() {
    let mut bench = Bench::new(&[]);
    let (module, _) = bench.connect(&counter());
    bench.subscribe(module, METHODS, QoS::AtMostOnce);
    let id = invoke(&mut bench, call(counter()));
    let rid = request(&mut bench, module);
    assert_eq!(rid.len(), 36, "a GUID: {rid}");
    let answer = format!("$iothub/methods/res/404/?$rid={}", rid.to_uppercase());
    bench.telemetry(module, &answer, r#"{"error":"unknown"}"#);
    let payload = json!({"error": "unknown"});
    let answered = MethodOutcome::Answered {
        status: 404,
        payload,
    };
    assert_eq!(bench.finished, [(id, answered)]);
    // A second answer is acknowledged and changes nothing.
    bench.telemetry(module, &answer, "{}");
    assert_eq!(bench.finished.len(), 1);
    assert_eq!(bench.hub.counters().stray_method_answers, 1);
}

#[test]
fn checklist_39_no_answer_ends_in_504_and_a_late_one_does_no_harm() {
    let mut bench = Bench::new(&[]);
    let (module, _) = bench.connect(&counter());
    bench.subscribe(module, METHODS, QoS::AtMostOnce);
    let first = invoke(&mut bench, call(counter()));
    let rid = request(&mut bench, module);
    bench.pass(Duration::from_secs(30));
    assert_eq!(bench.finished, [(first, MethodOutcome::TimedOut)]);
    let second = invoke(&mut bench, call(counter()));
    let rid_of_second = request(&mut bench, module);
    assert_ne!(rid, rid_of_second);
    bench.telemetry(
        module,
        &format!("$iothub/methods/res/200/?$rid={rid}"),
        "{}",
    );
    assert_eq!(bench.finished.len(), 1);
    let topic = format!("$iothub/methods/res/200/?$rid={rid_of_second}");
    bench.telemetry(module, &topic, "");
    let payload = Value::Null;
    let answered = MethodOutcome::Answered {
        status: 200,
        payload,
    };
    assert_eq!(bench.finished[1], (second, answered));
}

#[test]
fn checklist_39_a_status_that_is_no_integer_is_400000_with_null() {
    let mut bench = Bench::new(&[]);
    let (module, _) = bench.connect(&counter());
    bench.subscribe(module, METHODS, QoS::AtMostOnce);
    let id = invoke(&mut bench, call(counter()));
    let rid = request(&mut bench, module);
    bench.telemetry(module, &format!("$iothub/methods/res/ok/?$rid={rid}"), "{}");
    let answered = MethodOutcome::Answered {
        status: 400_000,
        payload: Value::Null,
    };
    assert_eq!(bench.finished, [(id, answered)]);
}

#[test]
fn a_client_that_is_absent_or_takes_no_methods_is_404_at_once_or_after_the_connect_timeout() {
    let mut bench = Bench::new(&[]);
    let absent = invoke(&mut bench, call(counter()));
    assert_eq!(bench.finished, [(absent, MethodOutcome::NotFound)]);
    let (module, _) = bench.connect(&counter());
    let patient = MethodCall {
        connect_timeout: Duration::from_secs(10),
        ..call(counter())
    };
    let parked = invoke(&mut bench, patient);
    bench.pass(Duration::from_secs(10));
    assert_eq!(bench.finished[1], (parked, MethodOutcome::NotFound));
    bench.quiet(module);
}

#[test]
fn a_parked_call_is_sent_3_s_after_the_subscription() {
    let mut bench = Bench::new(&[]);
    let patient = MethodCall {
        connect_timeout: Duration::from_secs(10),
        ..call(counter())
    };
    let id = invoke(&mut bench, patient.clone());
    let (module, _) = bench.connect(&counter());
    bench.subscribe(module, METHODS, QoS::AtMostOnce);
    bench.pass(Duration::from_millis(2999));
    bench.quiet(module);
    bench.pass(Duration::from_millis(1));
    let rid = request(&mut bench, module);
    bench.telemetry(module, &format!("$iothub/methods/res/200/?$rid={rid}"), "1");
    assert_eq!(bench.finished[0].0, id);
    // A kept subscription counts like a new one, and one that goes again is waited for.
    bench.hub.lost(module, CloseReason::PeerClosed, bench.now());
    invoke(&mut bench, patient);
    let (module, _) = bench.connect(&counter());
    bench.pass(Duration::from_secs(1));
    bench.hub.lost(module, CloseReason::PeerClosed, bench.now());
    bench.pass(Duration::from_secs(2));
    let (module, _) = bench.connect(&counter());
    bench.pass(Duration::from_secs(3));
    request(&mut bench, module);
}

#[test]
fn another_client_cannot_answer() {
    let mut bench = Bench::new(&[]);
    let (module, _) = bench.connect(&counter());
    bench.subscribe(module, METHODS, QoS::AtMostOnce);
    invoke(&mut bench, call(counter()));
    let rid = request(&mut bench, module);
    let (camera, _) = bench.connect(&cam());
    bench.telemetry(
        camera,
        &format!("$iothub/methods/res/200/?$rid={rid}"),
        "{}",
    );
    assert_eq!(bench.finished, []);
}

#[test]
fn a_call_over_a_limit_is_refused_by_name() {
    let mut bench = Bench::new(&[]);
    let mut refused = |change: &dyn Fn(&mut MethodCall)| {
        let mut call = call(counter());
        change(&mut call);
        bench.hub.invoke(call, bench.now()).unwrap_err()
    };
    let ghost = IdentityId::device("ghost");
    assert_eq!(
        refused(&|call| call.target = ghost.clone()),
        MethodError::UnknownTarget("ghost".into())
    );
    for name in ["", "a/b", "a#", &"x".repeat(101)] {
        let error = refused(&|call| call.name = name.to_owned());
        assert_eq!(error, MethodError::Name(name.to_owned()));
    }
    let large = json!("x".repeat(128 * 1024));
    assert_eq!(
        refused(&|call| call.payload = large.clone()),
        MethodError::PayloadTooLarge(128 * 1024 + 2)
    );
    let (short, long) = (Duration::from_secs(4), Duration::from_secs(301));
    assert_eq!(
        refused(&|call| call.response_timeout = short),
        MethodError::ResponseTimeout(short)
    );
    assert_eq!(
        refused(&|call| call.connect_timeout = long),
        MethodError::ConnectTimeout(long)
    );
}

#[test]
fn checklist_38_a_desired_patch_reaches_who_subscribed_with_its_version_and_stays_in_the_twin() {
    let mut bench = Bench::new(&[]);
    let (module, _) = bench.connect(&counter());
    let patch = |bench: &mut Bench, patch: Value| {
        let patch = patch.as_object().unwrap().clone();
        let desired = bench.hub.patch_desired(&counter(), &patch, bench.now());
        bench.drain();
        desired
    };
    let desired = patch(&mut bench, json!({"a": {"b": 1}}));
    assert_eq!(
        desired,
        Ok(json!({"limit": 3, "a": {"b": 1}, "$version": 3}))
    );
    bench.quiet(module);
    let filter = "$iothub/twin/PATCH/properties/desired/#";
    bench.subscribe(module, filter, QoS::AtMostOnce);
    bench.quiet(module);
    let desired = patch(&mut bench, json!({"limit": null, "a": {"c": 2}}));
    assert_eq!(desired, Ok(json!({"a": {"b": 1, "c": 2}, "$version": 4})));
    let (topic, body) = bench.delivery(module);
    assert_eq!(topic, "$iothub/twin/PATCH/properties/desired/?$version=4");
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body, json!({"limit": null, "a": {"c": 2}, "$version": 4}));
    assert!(patch(&mut bench, json!({"$x": 1})).is_err());
    bench.quiet(module);
}

#[test]
fn a_patched_twin_outlives_the_hub_until_the_deployment_changes() {
    let mut twin = Twin::default();
    let deployment = json!({"limit": 3});
    assert!(twin.replace_desired(Some(&deployment)));
    let patch = json!({"limit": 4}).as_object().unwrap().clone();
    twin.patch_desired(&patch).unwrap();
    assert!(!twin.replace_desired(Some(&deployment)));
    assert_eq!(
        twin.document()["desired"],
        json!({"limit": 4, "$version": 3})
    );
    assert!(twin.replace_desired(Some(&json!({"limit": 5}))));
}
