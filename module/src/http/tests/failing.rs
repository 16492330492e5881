//! A ledger that cannot be written.

use ledger::LedgerErrorKind;
use rusqlite::Connection;

use super::bench::{Bench, picture, wait_for};

const KEY: &str = "Idempotency-Key: picture-1";

/// Another program that writes for so long that the ledger gives up waiting (5 s).
fn hold_the_store(bench: &Bench) -> Connection {
    let other = Connection::open(bench.folder.path().join("counts.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_cannot_be_written_is_a_503_until_it_can_and_the_retry_counts_once() {
    let bench = Bench::new().await;
    let readyz = bench.get("/readyz", "").await;
    assert_eq!(readyz.status, 200, "{readyz:?}");
    let other = hold_the_store(&bench);
    let refused = bench.post("/image?camera=gate", &[KEY], &picture(1)).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(refused.header("retry-after"), Some("5"));
    let readyz = bench.get("/readyz", "").await;
    assert_eq!(readyz.status, 503, "{readyz:?}");
    assert_eq!(readyz.json()["reasons"][0], "the ledger cannot be written");
    assert_eq!(bench.get("/healthz", "").await.status, 200);
    let uncounted = bench.post("/image", &[], &picture(1)).await;
    assert_eq!(uncounted.status, 200, "what is not counted is answered");
    other.execute_batch("ROLLBACK").unwrap();
    let recorder = &bench.door.house.recorder;
    wait_for(|| recorder.is_writable()).await;
    let retry = bench.post("/image?camera=gate", &[KEY], &picture(1)).await;
    assert_eq!((retry.status, retry.was_replayed()), (200, false));
    assert_eq!(bench.counted("http:gate"), (1, 0, 0));
    assert_eq!(bench.get("/readyz", "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_that_failed_is_probed_and_counting_goes_on() {
    let bench = Bench::new().await;
    let other = hold_the_store(&bench);
    let recorder = &bench.door.house.recorder;
    recorder.doubt(LedgerErrorKind::Busy);
    wait_for(|| !recorder.is_writable()).await;
    let refused = bench.post("/image?camera=gate", &[KEY], &picture(1)).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    other.execute_batch("ROLLBACK").unwrap();
    wait_for(|| recorder.is_writable()).await;
    let retry = bench.post("/image?camera=gate", &[KEY], &picture(1)).await;
    assert_eq!((retry.status, retry.was_replayed()), (200, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_that_finds_the_ledger_damaged_breaks_the_door() {
    let bench = Bench::new().await;
    bench.door.house.recorder.doubt(LedgerErrorKind::Damaged);
    assert!(bench.door.broken().await);
    assert!(!bench.door.house.recorder.is_writable());
}
