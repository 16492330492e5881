//! What is done for each frame beside its commit, which `ratios` measures: looking whether it is
//! known, and noting that it is in work.

// A benchmark stops at the first failure, as a test does.
#![allow(clippy::unwrap_used, missing_docs)]

mod frames;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use frames::{CAMERAS, frame, model, now};
use ledger::{AttemptKey, AttemptLog, FrameRecord, Ledger, LedgerOptions};

/// More than each camera's number, so that its memory is full.
const FRAMES: u64 = 1100 * CAMERAS;

fn looks(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(dir.path(), LedgerOptions::default(), now()).unwrap();
    for group in 0..FRAMES / 100 {
        let group: Vec<FrameRecord> = (group * 100..(group + 1) * 100).map(frame).collect();
        ledger.record_all(&group, &model()).unwrap();
    }
    let mut group = criterion.benchmark_group("for a frame");
    for (what, number) in [("new", FRAMES), ("known", FRAMES - 500 * CAMERAS)] {
        let key = frame(number).key;
        assert_eq!(ledger.is_duplicate(&key).unwrap(), what == "known");
        group.bench_function(format!("is_duplicate, {what}"), |bench| {
            bench.iter(|| ledger.is_duplicate(black_box(&key)).unwrap());
        });
    }
    let attempts = AttemptLog::open(dir.path(), "boot").unwrap();
    group.bench_function("attempt begun and finished", |bench| {
        let key = AttemptKey::new("cam-1", Some("1"), &[1; 32]);
        bench.iter(|| {
            attempts.begin(&key).unwrap();
            attempts.finish(&key).unwrap();
        });
    });
    group.finish();
}

criterion_group!(benches, looks);
criterion_main!(benches);
