//! Calls against a real ledger that is open for writing beside them.

use std::collections::BTreeMap;

use edge_client::{ANSWER_LIMIT, Status, TwinStatus};
use ledger::{
    Clock, FrameKey, FrameRecord, Ledger, LedgerOptions, ModelInfo, Now, Outcome, Repeat, ReusedId,
    Software,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use time::macros::datetime;
use tokio::sync::watch;

use super::answers::PATIENCE;
use super::*;
use crate::described::mistakes;
use crate::in_force::{InForce, NowInForce};
use crate::labels::LabelRules;
use crate::settings::{Behaviour, Settings};
use crate::twin::LedgerFacts;

fn at(second: i64) -> Now {
    Now {
        wall: datetime!(2026-11-23 10:00 UTC) + time::Duration::seconds(second),
        clock: Clock::Plausible,
    }
}

fn model() -> ModelInfo {
    ModelInfo {
        name: "bundled".into(),
        version: "1".into(),
        sha256: "ab".repeat(32),
    }
}

fn software() -> Software {
    Software {
        version: "0.1.0".into(),
    }
}

struct Bench {
    folder: TempDir,
    ledger: Ledger,
    answers: Answers,
    /// The client's ends of what it says of itself.
    _client: (watch::Sender<Status>, watch::Sender<TwinStatus>),
}

/// As on a box whose twin has set one thing.
fn in_force() -> NowInForce {
    let behaviour = Behaviour::on(2);
    let rules = LabelRules::of(&["ripe".to_owned()], &behaviour).unwrap();
    let in_force = InForce {
        behaviour,
        rules: Arc::new(rules),
        from_twin: [("threads", json!(3))].into(),
    };
    watch::channel(Arc::new(in_force)).1
}

fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path(), LedgerOptions::default(), at(0)).unwrap();
    let key = ("FRUIT_COUNTER_HTTP_KEY".to_owned(), "swordfish".to_owned());
    let facts = Facts {
        folder: folder.path().to_owned(),
        ledger: LedgerFacts::of(&ledger),
        model: model(),
        labels: vec!["ripe".to_owned(), "unripe".to_owned()],
        preprocessing: "224 x 224".to_owned(),
        settings: Settings::read([key], 2).unwrap().0.shown,
        in_force: in_force(),
    };
    let (hub, status) = watch::channel(Status::Held);
    let (twin, twin_status) = watch::channel(TwinStatus::NotFollowed);
    let answers = Answers::new(
        facts,
        status,
        twin_status,
        SharedFailures::default(),
        Arc::default(),
    );
    Bench {
        folder,
        ledger,
        answers,
        _client: (hub, twin),
    }
}

impl Bench {
    fn count(&mut self, camera: &str, number: u32, second: i64, label: &str) {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&number.to_be_bytes());
        let frame = FrameRecord {
            key: FrameKey {
                camera: camera.to_owned(),
                input: "images".into(),
                message_id: Some(number.to_string()),
                created: None,
                digest,
                repeat: Repeat::No,
                reused_id: ReusedId::CountsAsNew,
            },
            stamp: None,
            arrival: at(second).wall,
            clock: Clock::Plausible,
            outcome: Outcome::Classified {
                label: label.into(),
            },
            reply: None,
        };
        self.ledger.record(&frame, &model()).unwrap();
    }

    /// Minutes of one ripe picture of `a` and one unripe one of `b` each; the last stays open.
    fn minutes(&mut self, minutes: u32) {
        for minute in 0..minutes {
            let second = i64::from(minute) * 60;
            self.ledger.seal_due(at(second), &software()).unwrap();
            self.count("a", minute, second, "ripe");
            self.count("b", minute, second, "unripe");
        }
    }

    async fn good(&self, name: &str, payload: Value) -> Value {
        let reply = self.answers.reply(name, &payload).await;
        assert_eq!(reply.status, 200, "{name} {payload}: {}", reply.payload);
        let bytes = reply.payload.to_string().len();
        assert!(bytes <= ANSWER_LIMIT, "{name} {payload}: {bytes} bytes");
        reply.payload
    }

    /// The status, the code and the message of a call that is refused.
    async fn refused(&self, name: &str, payload: Value) -> (i32, String, String) {
        let reply = self.answers.reply(name, &payload).await;
        assert_eq!(mistakes("error.answer", &reply.payload), [""; 0]);
        let text = |key: &str| reply.payload["error"][key].as_str().unwrap().to_owned();
        (reply.status, text("code"), text("message"))
    }
}

#[tokio::test]
async fn a_ping_says_version_time_and_ledger() {
    let bench = bench();
    for payload in [Value::Null, json!({})] {
        let pong = bench.good("ping", payload).await;
        assert_eq!(pong["module"], env!("CARGO_PKG_VERSION"));
        assert_eq!(pong["ledger"], bench.ledger.id());
        assert_eq!(mistakes("ping.answer", &pong), [""; 0]);
    }
}

#[tokio::test]
async fn an_unknown_method_is_answered_with_those_there_are() {
    let said = bench().refused("GetCounts", Value::Null).await;
    let expected = "there is no method \"GetCounts\", expected ping, getCounts, getReports or \
                    getDiagnostics";
    assert_eq!(said, (404, "unknownMethod".into(), expected.into()));
}

#[tokio::test]
async fn a_bad_payload_is_told_key_value_and_cure() {
    let bench = bench();
    let check = async |name: &str, payload: Value, expected: &str| {
        let (status, code, message) = bench.refused(name, payload.clone()).await;
        assert_eq!((status, code.as_str()), (400, "badPayload"), "{message}");
        assert_eq!(message, expected, "{name} {payload}");
    };
    check(
        "ping",
        json!({"a": 1}),
        "\"a\" is no key of ping, expected none: {} or null",
    )
    .await;
    check(
        "ping",
        json!(5),
        "the payload is 5, expected an object such as {}, or null",
    )
    .await;
    let counts = "getCounts";
    check(
        counts,
        json!({"From": "2026-11-23"}),
        "\"From\" is no key of getCounts, expected from, to, camera, cameras or after",
    )
    .await;
    check(
        counts,
        json!({"from": 5}),
        "from is 5, expected a time: RFC 3339 such as \"2026-11-23T10:00:00Z\", or a date",
    )
    .await;
    check(
        counts,
        json!({"to": "noon"}),
        "to: \"noon\" is no time, expected RFC 3339 such as 2026-11-23T10:00:00Z, or a date such \
         as 2026-11-23, which is its midnight in UTC",
    )
    .await;
    check(
        counts,
        json!({"from": "2026-11-24", "to": "2026-11-23"}),
        "from is 2026-11-24T00:00:00Z and to is 2026-11-23T00:00:00Z, expected from before to: \
         `to` is the first moment that does not belong to the span",
    )
    .await;
    check(
        counts,
        json!({"camera": ["a"]}),
        "camera is a list, expected text",
    )
    .await;
    check(
        counts,
        json!({"cameras": "yes"}),
        "cameras is \"yes\", expected true or false",
    )
    .await;
    check(
        counts,
        json!({"camera": "a", "cameras": true}),
        "camera is beside cameras, expected camera alone for one camera, or cameras for a list of \
         them",
    )
    .await;
    check(
        counts,
        json!({"after": "a"}),
        "cameras is false, expected true beside after, which goes on in the list of cameras",
    )
    .await;
    let reports = "getReports";
    check(
        reports,
        json!({"limit": 0}),
        "limit is 0, expected a whole number from 1 to 200",
    )
    .await;
    check(
        reports,
        json!({"sequence": -1}),
        "sequence is -1, expected a whole number from 1 to 9223372036854775807",
    )
    .await;
    check(
        reports,
        json!({"last": 1, "sequence": 2}),
        "last is beside sequence, expected one of them",
    )
    .await;
    check(
        reports,
        json!({"sequence": 2, "open": true}),
        "sequence is beside open, expected sequence or last, with limit, for reports as they are \
         sent; or from, to, open or token for windows",
    )
    .await;
    check(
        reports,
        json!({"token": "x"}),
        "token is \"x\", expected `next` of the page before as it is, or no token",
    )
    .await;
    check(
        reports,
        json!({"from": "noon"}),
        "from: \"noon\" is no time, expected RFC 3339 such as 2026-11-23T10:00:00Z, or a date such \
         as 2026-11-23, which is its midnight in UTC",
    )
    .await;
}

#[tokio::test]
async fn a_message_stays_short_whatever_is_sent() {
    let bench = bench();
    let long = "x".repeat(100_000);
    for (name, payload) in [
        (long.as_str(), Value::Null),
        ("getCounts", json!({ (long.clone()): 1 })),
        ("getCounts", json!({"from": long})),
        ("getCounts", json!({"camera": long})),
        ("getReports", json!({"token": long})),
        ("ping", json!(long)),
    ] {
        let (status, _, message) = bench.refused(name, payload).await;
        assert!((400..500).contains(&status), "{status}: {message}");
        assert!(message.len() < 800, "{}: {message}", message.len());
    }
}

/// What the schema says of a payload is what the parser does, but for times, tokens and keys that do
/// not go together, of which a schema cannot speak.
#[test]
fn the_schemas_of_payloads_agree_with_what_is_taken() {
    let methods = ["ping", "getCounts", "getReports", "getDiagnostics"];
    let values = [
        json!(null),
        json!(true),
        json!("2026-11-23"),
        json!(1),
        json!(200),
        json!(0),
        json!(-1),
        json!(201),
        json!([]),
        json!({}),
    ];
    let keys = [
        "from", "to", "camera", "cameras", "after", "open", "sequence", "last", "limit", "x",
    ];
    let mut taken = 0;
    for method in methods {
        let check = |payload: &Value| {
            let by_schema = mistakes(&format!("{method}.request"), payload).is_empty();
            let parsed = Request::parse(method, payload).is_ok();
            assert_eq!(by_schema, parsed, "{method} {payload}");
            usize::from(parsed)
        };
        for value in &values {
            // A bare text is no payload, nor is a number.
            taken += check(value);
            for key in keys {
                let mut payload = json!({ (key): value });
                if key == "after" {
                    payload["cameras"] = json!(true);
                }
                taken += check(&payload);
            }
        }
    }
    assert!(taken > 30, "{taken}");
}

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

#[tokio::test]
async fn the_diagnostics_have_every_part_and_no_secret() {
    let mut bench = bench();
    bench.minutes(3);
    let page = bench.good("getDiagnostics", json!({})).await;
    assert_eq!(
        mistakes("getDiagnostics.answer", &page),
        [""; 0],
        "{page:#}"
    );
    assert_eq!(page["model"]["labels"], json!(["ripe", "unripe"]));
    let read = &page["ledger"]["read"];
    assert_eq!(read["totals"]["counts"], json!({"ripe": 3, "unripe": 3}));
    assert_eq!(
        (&read["unsentReports"], &read["cameras"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(read["oldestUnsent"]["sequence"], 1);
    assert_eq!(page["hub"]["status"], "held");
    let key = &page["settings"]["FRUIT_COUNTER_HTTP_KEY"];
    assert_eq!(key["value"], "(set, not shown)");
    assert_eq!(
        page["settings"]["FRUIT_COUNTER_THREADS"],
        json!({"value": "3", "source": "twin"})
    );
    assert!(!page.to_string().contains("swordfish"));
}

#[tokio::test]
async fn a_ledger_that_cannot_be_read_is_503_and_the_diagnostics_say_why() {
    let bench = bench();
    let file = bench.folder.path().join("counts.db");
    std::fs::rename(&file, bench.folder.path().join("away.db")).unwrap();
    for (name, payload) in [
        ("getCounts", Value::Null),
        ("getReports", Value::Null),
        ("getReports", json!({"sequence": 1})),
    ] {
        let (status, code, message) = bench.refused(name, payload).await;
        assert_eq!((status, code.as_str()), (503, "ledgerUnreadable"));
        assert!(message.starts_with("there is no ledger"), "{message}");
    }
    bench.good("ping", Value::Null).await;
    let page = bench.good("getDiagnostics", Value::Null).await;
    assert_eq!(
        mistakes("getDiagnostics.answer", &page),
        [""; 0],
        "{page:#}"
    );
    assert_eq!(page["ledger"]["read"], Value::Null);
    let why = page["ledger"]["error"].as_str().unwrap();
    assert!(why.starts_with("there is no ledger"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_question_that_waits_too_long_is_told_so_and_holds_up_no_ping() {
    let mut bench = bench();
    bench.minutes(1);
    let gate = bench.answers.gate();
    let before = gate.acquire().await.unwrap();
    let asked = tokio::time::Instant::now();
    let (status, code, message) = bench.refused("getCounts", Value::Null).await;
    assert_eq!((status, code.as_str()), (503, "tooSlow"), "{message}");
    assert_eq!(asked.elapsed(), PATIENCE);
    bench.good("ping", Value::Null).await;
    assert_eq!(asked.elapsed(), PATIENCE);
    drop(before);
    bench.good("getCounts", Value::Null).await;
}

#[tokio::test]
async fn a_span_is_not_added_up_any_more_once_nobody_waits() {
    let mut bench = bench();
    bench.minutes(3);
    let payload = json!({"from": "2026-11-23"});
    let Ok(Request::Counts(query)) = Request::parse("getCounts", &payload) else {
        panic!("it is a question for counts");
    };
    let reader = ledger::LedgerReader::open(bench.folder.path()).unwrap();
    let (patience, asker) = answers::Patience::with_asker();
    assert!(counts::answer(&reader, &query, &patience).is_ok());
    drop(asker);
    let refused = counts::answer(&reader, &query, &patience);
    assert!(matches!(refused, Err(Refusal::TooSlow(_))), "{refused:?}");
}

#[tokio::test]
async fn a_writer_in_the_middle_of_a_commit_holds_up_no_answer_and_a_reader_no_writer() {
    let mut bench = bench();
    bench.minutes(2);
    let other = rusqlite::Connection::open(bench.folder.path().join("counts.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let seen = bench.good("getCounts", Value::Null).await;
    assert_eq!(seen["frames"]["received"], 4);
    other.execute_batch("ROLLBACK").unwrap();
    // And the other way round: a reader in its transaction.
    other
        .execute_batch("BEGIN; SELECT count(*) FROM report")
        .unwrap();
    bench.count("a", 99, 60, "ripe");
    other.execute_batch("ROLLBACK").unwrap();
    let seen = bench.good("getCounts", Value::Null).await;
    assert_eq!(seen["frames"]["received"], 5);
}
