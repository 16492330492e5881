//! The page against the rules of those who read it, and against what is documented.

mod documented;
mod read;

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ledger::{Ledger, LedgerOptions, Outcome, Recorded, RejectReason, Waiting};
use prometheus_client::encoding::text::encode;

use super::events::{Committed, FrameRecorded, ReportSent, ReportsSealed};
use super::live::{HubSnapshot, Snapshot};
use super::*;
use crate::clock;
use read::{Sample, read};

fn ledger() -> SharedLedger {
    SharedLedger::new(Ledger::in_memory(1, LedgerOptions::default(), clock::now()).unwrap())
}

fn metrics(labels: &[&str]) -> Metrics {
    let hub =
        edge_protocol::Identity::new("hub.example", "box", Some("FruitCounter".into())).unwrap();
    let identity = Identity::new(Some(hub), std::time::SystemTime::UNIX_EPOCH);
    let model = ModelInfo {
        name: "it \"says\" \\ two\nlines".into(),
        version: "1".into(),
        sha256: "ab".repeat(32),
    };
    let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
    Metrics::new(&identity, &model, &labels, ledger())
}

/// Everything that can be on a page.
fn whole_page(metrics: &Metrics) -> String {
    metrics.0.live.set(Snapshot {
        waiting: Some(Waiting {
            reports: 3,
            oldest_sealed_at: None,
        }),
        oldest_age: 12.5,
        hub: Some(HubSnapshot {
            state: "held",
            connected: 2,
            ended: [1; 10],
            token_age: Some(60.0),
        }),
        resident: Some(4096),
    });
    metrics.responded(200);
    let mut page = String::new();
    encode(&mut page, &metrics.0.registry).unwrap();
    page
}

/// The value of the one sample whose name and labels contain these.
fn value(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> f64 {
    let found: Vec<&Sample> = samples
        .iter()
        .filter(|sample| sample.name == name && labels.iter().all(|(k, v)| sample.has(k, v)))
        .collect();
    assert_eq!(found.len(), 1, "{name} {labels:?}");
    found[0].value
}

#[test]
fn the_collector_of_microsoft_reads_every_line() {
    let page = whole_page(&metrics(&[
        "ripe",
        "a \"quoted\" \\ label",
        "two\nlines",
        "熟",
    ]));
    let samples = read(&page).unwrap_or_else(|line| panic!("not read: {line}"));
    assert!(samples.len() > 100, "{}", samples.len());
    assert!(samples.iter().all(|sample| sample.value.is_finite()));
    for wanted in ["a \"quoted\" \\ label", "two\nlines", "熟"] {
        let ripe = [("label", wanted), ("way", "http")];
        assert!(value(&samples, "fruit_counter_fruits_total", &ripe).abs() < 0.5);
    }
    let device = samples
        .iter()
        .all(|sample| sample.has("edge_device", "box"));
    assert!(device, "as IoT Edge's own modules name it");
    let mut series: Vec<_> = samples.iter().map(Sample::series).collect();
    series.sort_unstable();
    assert!(
        series.windows(2).all(|pair| pair[0] != pair[1]),
        "each once"
    );
    assert!(page.ends_with("# EOF\n"));
}

#[test]
fn each_outcome_is_counted_once_under_its_name() {
    let metrics = metrics(&["ripe"]);
    let counted = Recorded::Counted { reused_id: false };
    let ripe = Outcome::Classified {
        label: "ripe".into(),
    };
    let strange = Outcome::Classified {
        label: "of another model".into(),
    };
    for (outcome, recorded) in [
        (&ripe, &counted),
        (&strange, &counted),
        (&Outcome::Unsure, &counted),
        (&Outcome::Ignored, &counted),
        (&Outcome::Rejected(RejectReason::Truncated), &counted),
        (&ripe, &Recorded::Duplicate { reply: None }),
        (&ripe, &Recorded::Conflict),
    ] {
        FrameRecorded {
            way: Way::Http,
            camera: Some("http:gate-of-the-neighbour"),
            outcome,
            recorded,
        }
        .tell(&metrics);
    }
    let page = whole_page(&metrics);
    assert!(!page.contains("neighbour"), "no camera is a label");
    assert!(
        !page.contains("another model"),
        "nor a label that is not known"
    );
    let samples = read(&page).unwrap();
    for (outcome, times) in [
        ("classified", 2.0),
        ("unsure", 1.0),
        ("ignored", 1.0),
        ("rejected", 1.0),
        ("duplicate", 1.0),
    ] {
        let seen = |way| {
            let labels = [("way", way), ("outcome", outcome)];
            value(&samples, "fruit_counter_frames_total", &labels)
        };
        assert!((seen("http") - times).abs() < 0.5, "{outcome}");
        assert!(seen("edgehub").abs() < 0.5, "{outcome}");
    }
    let http = |name, label| value(&samples, name, &[("way", "http"), label]);
    let close = |seen: f64| assert!((seen - 1.0).abs() < 0.5, "{seen}");
    close(http("fruit_counter_fruits_total", ("label", "ripe")));
    close(http("fruit_counter_fruits_total", ("label", "other")));
    let truncated = ("reason", "truncated");
    close(http("fruit_counter_frames_rejected_total", truncated));
}

#[test]
fn times_and_reports_are_where_they_are_looked_for() {
    let metrics = metrics(&["ripe"]);
    let arrived = Instant::now();
    let flight = metrics.way(Way::EdgeHub).begin(arrived);
    let during = read(&whole_page(&metrics)).unwrap();
    drop(flight);
    Committed {
        frames: 1,
        took: Duration::from_millis(3),
    }
    .tell(&metrics);
    ReportsSealed {
        reports: 2,
        to_be_sent: true,
    }
    .tell(&metrics);
    ReportSent { report_id: "x-1" }.tell(&metrics);
    let after = read(&whole_page(&metrics)).unwrap();
    let edgehub = [("way", "edgehub")];
    let check = |samples: &[Sample], name: &str, labels: &[(&str, &str)], expected: f64| {
        let seen = value(samples, name, labels);
        assert!((seen - expected).abs() < 1e-9, "{name}: {seen}");
    };
    check(&during, "fruit_counter_frames_in_flight", &edgehub, 1.0);
    check(&after, "fruit_counter_frames_in_flight", &edgehub, 0.0);
    let whole = "fruit_counter_frame_duration_seconds_count";
    check(&after, whole, &edgehub, 1.0);
    let commit = "fruit_counter_ledger_commit_seconds_bucket";
    check(&after, commit, &[("le", "0.0025")], 0.0);
    check(&after, commit, &[("le", "0.005")], 1.0);
    check(&after, commit, &[("le", "+Inf")], 1.0);
    check(&after, "fruit_counter_reports_sealed_total", &[], 2.0);
    check(&after, "fruit_counter_reports_sent_total", &[], 1.0);
    check(&after, "fruit_counter_reports_waiting", &[], 3.0);
    let state = "fruit_counter_hub_connection";
    check(&after, state, &[("state", "held")], 1.0);
    check(&after, state, &[("state", "connected")], 0.0);
}

#[test]
fn a_model_of_a_thousand_labels_makes_no_page_of_thousands() {
    let names: Vec<String> = (0..1000).map(|at| format!("label-{at}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let samples = read(&whole_page(&metrics(&names))).unwrap();
    let fruits = samples
        .iter()
        .filter(|sample| sample.name == "fruit_counter_fruits_total");
    assert_eq!(fruits.count(), 2 * (MOST_LABELS + 1));
}

#[tokio::test]
async fn what_waits_in_the_ledger_is_on_the_page() {
    let page = metrics(&["ripe"]).page().await;
    let samples = read(&page).unwrap();
    assert!(value(&samples, "fruit_counter_reports_waiting", &[]).abs() < 0.5);
    assert!(value(&samples, "fruit_counter_resident_memory_bytes", &[]) > 1e6);
    // There is a hub, and nothing is known of it yet.
    let connecting = [("state", "connecting")];
    assert!(value(&samples, "fruit_counter_hub_connection", &connecting) > 0.5);
}

#[tokio::test]
async fn a_ledger_that_is_held_up_does_not_hold_up_the_page() {
    let ledger = ledger();
    let metrics = Metrics::unheard(&ledger);
    let (taken, is_taken) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let holder = thread::spawn(move || {
        let _held = ledger.lock();
        taken.send(()).unwrap();
        released.recv().unwrap();
    });
    is_taken.recv().unwrap();
    let pages = tokio::join!(metrics.page(), metrics.page());
    release.send(()).unwrap();
    holder.join().unwrap();
    for page in [pages.0, pages.1] {
        assert!(page.contains("fruit_counter_frames_total"), "{page}");
        assert!(!page.contains("reports_waiting"), "never known yet");
    }
}
