//! Calls against a real ledger that is open for writing beside them.

mod counted;
mod payloads;

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
