//! Answers out of what the ledger has.

use super::*;

#[tokio::test]
async fn counts_since_the_begin_have_the_open_windows_too() {
    let mut bench = bench();
    bench.minutes(3);
    let all = bench.good("getCounts", Value::Null).await;
    assert_eq!(mistakes("getCounts.answer", &all), [""; 0]);
    assert_eq!(all["counts"], json!({"ripe": 3, "unripe": 3}));
    assert_eq!(all["frames"]["received"], 6);
    assert_eq!(
        (&all["reports"], &all["openWindows"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(all["totals"]["counts"], all["counts"]);
    assert!(all.get("cameras").is_none(), "{all}");
}

#[tokio::test]
async fn counts_of_a_span_and_of_a_camera_are_theirs_alone() {
    let mut bench = bench();
    bench.minutes(4);
    let span = json!({"from": "2026-11-23T10:01:00Z", "to": "2026-11-23T10:03:00Z"});
    let seen = bench.good("getCounts", span.clone()).await;
    assert_eq!(mistakes("getCounts.answer", &seen), [""; 0]);
    assert_eq!(seen["counts"], json!({"ripe": 2, "unripe": 2}));
    assert_eq!(
        (&seen["reports"], &seen["openWindows"]),
        (&json!(2), &json!(0))
    );
    assert_eq!(seen["totals"]["frames"]["received"], 8);

    let mut of_camera = span.clone();
    of_camera["camera"] = json!("a");
    let seen = bench.good("getCounts", of_camera).await;
    assert_eq!(seen["counts"], json!({"ripe": 2}));
    assert_eq!(seen["totals"]["counts"], json!({"ripe": 4}));

    let mut by_camera = span;
    by_camera["cameras"] = json!(true);
    let seen = bench.good("getCounts", by_camera).await;
    assert_eq!(mistakes("getCounts.answer", &seen), [""; 0]);
    assert_eq!(seen["cameras"]["b"]["counts"], json!({"unripe": 2}));
    assert_eq!(seen["truncated"], false);

    let (status, code, message) = bench.refused("getCounts", json!({"camera": "c"})).await;
    assert_eq!((status, code.as_str()), (404, "unknownCamera"));
    assert!(
        message.starts_with("camera is \"c\", and no picture"),
        "{message}"
    );
}

#[tokio::test]
async fn more_cameras_than_fit_come_one_after_the_other_and_each_once() {
    let mut bench = bench();
    for number in 0..2000 {
        let name = format!("camera-{number:04}-with-a-name-as-long-as-people-give");
        bench.count(&name, number, 0, "ripe");
    }
    let mut seen: BTreeMap<String, Value> = BTreeMap::new();
    let (mut after, mut pages) = (None::<String>, 0);
    loop {
        let payload = json!({"cameras": true, "after": after});
        let page = bench.good("getCounts", payload).await;
        let cameras = page["cameras"].as_object().unwrap();
        for (name, sums) in cameras {
            assert!(seen.insert(name.clone(), sums.clone()).is_none(), "{name}");
        }
        pages += 1;
        if page["truncated"] == false {
            break;
        }
        // Near the limit, and not over it.
        assert!(page.to_string().len() > 100 << 10);
        after = cameras.keys().max().cloned();
    }
    assert_eq!(seen.len(), 2000);
    assert!(pages > 1, "{pages}");
}

#[tokio::test]
async fn windows_come_as_the_ledger_pages_them() {
    let mut bench = bench();
    bench.minutes(3);
    let page = bench.good("getReports", json!({"open": true})).await;
    assert_eq!(mistakes("getReports.windows.answer", &page), [""; 0]);
    assert_eq!(page["reports"].as_array().unwrap().len(), 2);
    assert_eq!(page["openWindows"]["windows"].as_array().unwrap().len(), 1);
    assert_eq!(page["next"], Value::Null);

    // Of the same shape, and of a ledger that is gone.
    let token = "0123456789abcdef._._.5.2.0";
    let (status, _, message) = bench.refused("getReports", json!({ "token": token })).await;
    assert_eq!(status, 400);
    assert!(message.starts_with("token is of the ledger"), "{message}");
}

#[tokio::test]
async fn sealed_reports_come_as_they_are_sent() {
    let mut bench = bench();
    bench.minutes(6);
    let sent: Vec<Value> = bench
        .ledger
        .unsent(100)
        .unwrap()
        .iter()
        .map(|report| serde_json::from_slice(&report.body).unwrap())
        .collect();
    let page = bench
        .good("getReports", json!({"sequence": 2, "limit": 2}))
        .await;
    assert_eq!(mistakes("getReports.sealed.answer", &page), [""; 0]);
    assert_eq!(page["reports"], json!(sent[1..3]));
    assert_eq!((&page["next"], &page["sealed"]), (&json!(4), &json!(5)));
    let last = bench.good("getReports", json!({"last": 2})).await;
    assert_eq!(last["reports"], json!(sent[3..]));
    assert_eq!(last["next"], Value::Null);
}

#[tokio::test]
async fn a_page_of_sealed_reports_near_the_limit_is_answered() {
    let mut bench = bench();
    for minute in 0..40 {
        let second = i64::from(minute) * 60;
        bench.ledger.seal_due(at(second), &software()).unwrap();
        for camera in 0..20 {
            bench.count(
                &format!("camera-{camera}"),
                minute * 20 + camera,
                second,
                "ripe",
            );
        }
    }
    let (mut next, mut seen) = (json!(1), Vec::new());
    while !next.is_null() {
        let mut page = bench.good("getReports", json!({"sequence": next})).await;
        let bytes = page.to_string().len();
        assert!(page["next"].is_null() || bytes > 100 << 10, "{bytes}");
        next = page["next"].take();
        seen.extend(page["reports"].as_array().unwrap().iter().cloned());
    }
    let sequences: Vec<u64> = seen
        .iter()
        .map(|one| one["sequence"].as_u64().unwrap())
        .collect();
    assert_eq!(sequences, (1..=39).collect::<Vec<_>>());
}
