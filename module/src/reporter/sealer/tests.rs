//! One half of the reporter with a real ledger and nobody to send.

use ledger::{
    FrameKey, FrameRecord, Ledger, LedgerOptions, ModelInfo, Outcome, Repeat, Report, Software,
};
use tempfile::TempDir;

use super::*;
use crate::labels::LabelRules;
use crate::settings::Behaviour;

fn model(version: &str) -> ModelInfo {
    ModelInfo {
        name: "bundled".into(),
        version: version.into(),
        sha256: "ab".repeat(32),
    }
}

fn reporting() -> Reporting {
    Reporting {
        software: Software {
            version: "0.1.0".into(),
        },
        model: model("2"),
        window: Duration::from_secs(60),
        heartbeat: None,
        merge_after: None,
    }
}

struct Bench {
    sealer: Sealer,
    ledger: SharedLedger,
    /// Dropping it would end the sealer's run.
    _trying: watch::Sender<Trying>,
    folder: TempDir,
}

fn in_force(heartbeat: Option<Duration>) -> NowInForce {
    let behaviour = Behaviour {
        heartbeat,
        ..Behaviour::on(1)
    };
    let rules = LabelRules::of(&["ripe".to_owned()], &behaviour).unwrap();
    crate::in_force::for_good(behaviour, rules)
}

fn bench(reporting: Reporting) -> Bench {
    bench_with(LedgerOptions::default(), reporting)
}

fn bench_with(options: LedgerOptions, reporting: Reporting) -> Bench {
    let heartbeat = reporting.heartbeat;
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path(), options, clock::now()).unwrap();
    let ledger = SharedLedger::new(ledger);
    let (trying, tried) = watch::channel(Trying::default());
    Bench {
        sealer: Sealer::new(
            ledger.clone(),
            reporting,
            tried,
            Arc::new(Notify::new()),
            Metrics::unheard(&ledger),
            in_force(heartbeat),
        ),
        ledger,
        _trying: trying,
        folder,
    }
}

impl Bench {
    fn record(&self, id: &str, model: &ModelInfo) {
        let now = clock::now();
        let frame = FrameRecord {
            key: FrameKey {
                camera: "cam".into(),
                input: "images".into(),
                message_id: Some(id.into()),
                created: None,
                digest: [0; 32],
                repeat: Repeat::No,
                reused_id: ledger::ReusedId::default(),
            },
            // Far from being due, whenever this runs.
            stamp: Some(now.wall + time::Duration::minutes(4)),
            arrival: now.wall,
            clock: now.clock,
            outcome: Outcome::Unsure,
            reply: None,
        };
        self.ledger.lock().record(&frame, model).unwrap();
    }

    fn reports(&self) -> Vec<Report> {
        let sealed = self.ledger.lock().unsent(usize::MAX).unwrap();
        sealed
            .iter()
            .map(|report| serde_json::from_slice(&report.body).unwrap())
            .collect()
    }
}

#[tokio::test]
async fn the_first_round_closes_the_windows_of_another_model() {
    let mut bench = bench(reporting());
    bench.record("1", &model("1"));
    bench.record("2", &model("2"));
    bench.sealer.round().await.unwrap();
    let reports = bench.reports();
    assert_eq!(reports.len(), 1, "{reports:#?}");
    assert_eq!(reports[0].model.version, "1");
}

#[tokio::test]
async fn each_round_flushes_what_a_relaxed_ledger_has_recorded() {
    let relaxed = LedgerOptions {
        durability: ledger::Durability::Relaxed,
        ..LedgerOptions::default()
    };
    let mut bench = bench_with(relaxed, reporting());
    bench.record("1", &model("2"));
    let log = bench.folder.path().join("counts.db-wal");
    let length = || std::fs::metadata(&log).unwrap().len();
    let recorded = length();
    bench.sealer.round().await.unwrap();
    let flushed = length();
    assert!(flushed > recorded, "a flushing commit is in the log");
    bench.sealer.round().await.unwrap();
    assert_eq!(length(), flushed, "nothing was left to flush");
}

#[tokio::test]
async fn a_heartbeat_comes_only_when_nothing_else_was_sealed() {
    let mut bench = bench(Reporting {
        heartbeat: Some(Duration::from_secs(3600)),
        window: Duration::ZERO,
        ..reporting()
    });
    bench.record("1", &model("1"));
    bench.sealer.round().await.unwrap();
    bench.sealer.round().await.unwrap();
    let received: Vec<u64> = bench
        .reports()
        .iter()
        .map(|report| report.frames.received)
        .collect();
    assert_eq!(received, [1], "the report of frames was as good");

    let mut idle = self::bench(Reporting {
        heartbeat: Some(Duration::from_secs(3600)),
        window: Duration::ZERO,
        ..reporting()
    });
    idle.sealer.round().await.unwrap();
    idle.sealer.round().await.unwrap();
    let beats = idle.reports();
    assert_eq!(beats.len(), 1, "{beats:#?}");
    assert!(beats[0].cameras.is_empty());
}

#[tokio::test]
async fn what_is_due_is_sealed_while_there_is_no_client_yet() {
    let Bench {
        sealer,
        ledger,
        folder: _folder,
        ..
    } = {
        let bench = bench(reporting());
        bench.record("1", &model("1"));
        bench
    };
    drop(sealer);
    let sealed = async {
        while ledger.lock().totals().unwrap().sealed_reports == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::select! {
        () = crate::reporter::seal_only(
            ledger.clone(),
            reporting(),
            Metrics::unheard(&ledger),
            in_force(None),
        ) => panic!("it ended"),
        () = sealed => {}
    }
    assert_eq!(ledger.lock().unsent(2).unwrap().len(), 1);
}
