//! Direct methods through the hub, as `az iot hub invoke-module-method` calls them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use end_to_end::{Site, wait_for};
use serde_json::{Value, json};

use crate::faults::send_steadily;

const KEY: &str = "swordfish-4711";

fn good(site: &Site, name: &str, payload: &Value) -> Value {
    let (status, answer) = site.method(name, payload).unwrap();
    assert_eq!(status, 200, "{name} {payload}: {answer}");
    let text = answer.to_string();
    assert!(!text.contains(KEY), "{name}: {text}");
    assert!(!text.contains("SharedAccess"), "{name}: {text}");
    answer
}

/// A site that has counted so many pictures of one camera, all of them reported.
fn counted(pictures: &str) -> Site {
    let site = Site::builder()
        .device("cam-01")
        .module_env("FRUIT_COUNTER_HTTP_KEY", KEY)
        .start()
        .unwrap();
    let mut camera = send_steadily(&site, "cam-01", pictures);
    let confirmed = camera.confirmed().unwrap();
    site.wait_until_counted("cam-01", confirmed).unwrap();
    site
}

#[test]
fn each_method_answers_what_was_counted() {
    let site = counted("10");
    let reports = site.upstream().reports().unwrap();
    let pong = good(&site, "ping", &Value::Null);
    assert_eq!(pong["ledger"], reports[0]["ledger"]);

    let upstream = site.upstream().camera("cam-01").unwrap();
    for payload in [
        Value::Null,
        json!({"camera": "cam-01"}),
        json!({"from": "2020-01-01", "to": "2100-01-01T00:00:00+02:00"}),
        json!({"from": "2020-01-01", "camera": "cam-01"}),
    ] {
        let counts = good(&site, "getCounts", &payload);
        assert_eq!(counts["counts"], json!(upstream.counts), "{payload}");
        assert_eq!(counts["frames"]["received"], upstream.received, "{payload}");
        assert_eq!(counts["totals"]["counts"], counts["counts"], "{payload}");
    }
    let by_camera = good(&site, "getCounts", &json!({"cameras": true}));
    let of_camera = &by_camera["cameras"]["cam-01"];
    assert_eq!(of_camera["counts"], json!(upstream.counts));

    // The very messages, and the windows that they are of.
    let sealed = good(&site, "getReports", &json!({"sequence": 1}));
    assert_eq!(sealed["reports"], json!(reports));
    let windows = good(&site, "getReports", &json!({"open": true}));
    for (window, report) in windows["reports"].as_array().unwrap().iter().zip(&reports) {
        for key in ["reportId", "windowStart", "counts", "frames", "cameras"] {
            assert_eq!(window[key], report[key]);
        }
    }

    let page = good(&site, "getDiagnostics", &json!({}));
    assert_eq!(page["model"]["sha256"], reports[0]["model"]["sha256"]);
    assert_eq!(page["hub"]["status"], "connected");
    assert_eq!(page["hub"]["connections"], 1, "{page:#}");
    let settings = &page["settings"];
    let interval = &settings["FRUIT_COUNTER_REPORT_INTERVAL"];
    assert_eq!(*interval, json!({"value": "1s", "source": "twin"}));
    let key = &settings["FRUIT_COUNTER_HTTP_KEY"]["value"];
    assert_eq!(key, "(set, not shown)");
    let received = &page["ledger"]["read"]["totals"]["frames"]["received"];
    assert_eq!(*received, upstream.received);
}

#[test]
fn bad_payloads_and_unknown_names_are_answered_with_what_is_taken() {
    let site = Site::builder().start().unwrap();
    let check = |name: &str, payload: Value, status: i64, code: &str, said: &str| {
        let (seen, answer) = site.method(name, &payload).unwrap();
        assert_eq!(seen, status, "{name} {payload}: {answer}");
        let error = &answer["error"];
        assert_eq!(error["code"], code, "{name} {payload}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(said), "{name} {payload}: {message}");
    };
    let bad = |name: &str, payload: Value, said: &str| {
        check(name, payload, 400, "badPayload", said);
    };
    bad("ping", json!({"n": 1}), "\"n\" is no key of ping");
    bad("getCounts", json!("all"), "the payload is \"all\"");
    bad(
        "getCounts",
        json!({"from": "noon"}),
        "from: \"noon\" is no time",
    );
    bad(
        "getReports",
        json!({"last": 1000}),
        "last is 1000, expected",
    );
    bad("getReports", json!({"token": "x"}), "token is \"x\"");
    bad("getDiagnostics", json!([]), "the payload is a list");
    let camera = json!({"camera": "cam-99"});
    check("getCounts", camera, 404, "unknownCamera", "\"cam-99\"");
    let names = "ping, getCounts, getReports or getDiagnostics";
    check("reboot", json!({}), 404, "unknownMethod", names);
}

#[test]
fn calls_while_pictures_come_lose_none_and_double_none() {
    let site = Site::builder().device("cam-01").start().unwrap();
    let mut camera = send_steadily(&site, "cam-01", "60");
    let sent = AtomicBool::new(false);
    let calls = std::thread::scope(|scope| {
        let caller = scope.spawn(|| {
            let (began, mut calls) = (Instant::now(), 0);
            while !sent.load(Ordering::Relaxed) && began.elapsed() < end_to_end::PATIENCE {
                good(
                    &site,
                    "getCounts",
                    &json!({"from": "2020-01-01", "cameras": true}),
                );
                good(&site, "getReports", &json!({"last": 200}));
                good(&site, "getDiagnostics", &Value::Null);
                calls += 3;
            }
            calls
        });
        let confirmed = camera.confirmed();
        sent.store(true, Ordering::Relaxed);
        assert_eq!(confirmed.unwrap(), 60);
        caller.join().unwrap()
    });
    assert!(calls >= 3, "{calls}");
    site.wait_until_counted("cam-01", 60).unwrap();
    let sums = site.upstream().camera("cam-01").unwrap();
    assert_eq!((sums.distinct(), sums.duplicate), (60, 0), "{sums:?}");
    let counts = good(&site, "getCounts", &Value::Null);
    assert_eq!(counts["frames"]["received"], 60);
}

#[test]
fn the_diagnostics_tell_of_a_lost_connection() {
    let mut site = Site::builder().start().unwrap();
    good(&site, "ping", &Value::Null);
    site.kill_hub().unwrap();
    site.start_hub().unwrap();
    let page = wait_for("a second connection in the diagnostics", || {
        let page = good(&site, "getDiagnostics", &Value::Null);
        Ok((page["hub"]["connections"].as_u64() >= Some(2)).then_some(page))
    })
    .unwrap();
    let failures = page["hub"]["failures"].as_object().unwrap();
    assert!(!failures.is_empty(), "{page:#}");
    let last = page["hub"]["lastFailures"].as_array().unwrap();
    assert!(!last.is_empty(), "{page:#}");
    let lines = page["log"]["last"].as_array().unwrap();
    let told = |line: &Value| {
        let text = line["text"].as_str().unwrap();
        line["level"] == "warning" && text.starts_with("not connected")
    };
    assert!(lines.iter().any(told), "{page:#}");
}
