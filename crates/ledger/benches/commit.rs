//! What one durable frame costs, beside the floor of the disk.
//!
//! Both sides write to the same file system in the same run: the ledger commits one frame at a time
//! as the edgeHub path does, and the floor appends as many bytes as such a commit adds to the log and
//! calls `fdatasync`. The temporary folder must lie on a disk (`TMPDIR`); in memory a flush is free.

// A benchmark stops at the first failure, as a test does.
#![allow(clippy::unwrap_used, missing_docs)]

mod frames;

use std::fs::{self, File};
use std::hint::black_box;
use std::io::Write;

use criterion::{Criterion, criterion_group, criterion_main};
use frames::{frame, model, now};
use ledger::{AttemptKey, AttemptLog, Ledger, LedgerOptions};

fn one_frame(criterion: &mut Criterion) {
    let model = model();
    let dir = tempfile::tempdir().unwrap();
    let open = || Ledger::open(dir.path(), LedgerOptions::default(), now()).unwrap();
    let mut ledger = open();
    let mut number = 0;
    let mut record = |ledger: &mut Ledger| {
        number += 1;
        ledger.record(&frame(number), &model).unwrap()
    };

    // 500 frames first, so that the tree has its usual depth; then what some more add to the log.
    for _ in 0..500 {
        record(&mut ledger);
    }
    drop(ledger);
    let mut ledger = open();
    let log = || fs::metadata(dir.path().join("counts.db-wal")).map_or(0, |log| log.len());
    record(&mut ledger);
    let before = log();
    for _ in 0..20 {
        record(&mut ledger);
    }
    let bytes = usize::try_from((log() - before) / 20).unwrap();
    println!("one commit adds {bytes} bytes to the log");

    let mut group = criterion.benchmark_group("one frame");
    group.bench_function("ledger.record, flushed", |bench| {
        bench.iter(|| record(&mut ledger));
    });
    let mut floor = File::create(dir.path().join("floor")).unwrap();
    let entry = vec![0x5a; bytes];
    group.bench_function("append and fdatasync of the same bytes", |bench| {
        bench.iter(|| {
            floor.write_all(&entry).unwrap();
            floor.sync_data().unwrap();
        });
    });
    group.bench_function("ledger.is_duplicate", |bench| {
        let key = frame(250).key;
        bench.iter(|| ledger.is_duplicate(black_box(&key)).unwrap());
    });
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

criterion_group!(benches, one_frame);
criterion_main!(benches);
