//! What a frame costs, as ratios between things that were measured in one run.
//!
//! Times on a shared machine wander by far more than they differ, so all sides take turns, a few
//! commits each, and their medians are compared. The floor is what no durable store can avoid:
//! appending to a file and `fdatasync`, once with as many bytes as the ledger's commit really writes
//! to its log, once with those of a bare record. The folder must lie on a disk (`TMPDIR`): in memory
//! a flush is free.

// A benchmark stops at the first failure, as a test does.
#![allow(clippy::unwrap_used, clippy::cast_precision_loss, missing_docs)]

mod frames;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use frames::{CAMERAS, frame, model, now};
use ledger::{Durability, FrameRecord, Ledger, LedgerOptions, ModelInfo};
use rustix::time::{ClockId, clock_gettime};

/// Turns that each side has, and commits in one turn.
const TURNS: u64 = 40;
const COMMITS: u64 = 8;
const GROUP: u64 = 64;
/// Camera, id, stamp, digest and outcome of a frame, written down plainly.
const BARE_RECORD: usize = 200;

fn main() {
    // Cargo asks the program for its tests, too; other benchmarks may be meant.
    let mut words = std::env::args().skip(1);
    if words.any(|word| word == "--list" || !(word.starts_with('-') || "ratios".contains(&word))) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut strict = Side::new(dir.path(), "strict", Durability::Strict);
    let mut relaxed = Side::new(dir.path(), "relaxed", Durability::Relaxed);
    let bytes = strict.log_bytes_of(1);
    let group_bytes = strict.log_bytes_of(GROUP);
    let mut floor = Floor::new(dir.path(), bytes);
    let mut bare = Floor::new(dir.path(), BARE_RECORD);

    let mut single = Times::default();
    let mut group = Times::default();
    let mut later = Times::default();
    let mut floors = Times::default();
    let mut bares = Times::default();
    for _ in 0..TURNS {
        for _ in 0..COMMITS {
            strict.measure(1, &mut single);
        }
        for _ in 0..COMMITS {
            floors.measure(|| floor.append());
        }
        for _ in 0..COMMITS {
            bares.measure(|| bare.append());
        }
        for _ in 0..COMMITS {
            strict.measure(GROUP, &mut group);
        }
        for _ in 0..COMMITS {
            relaxed.measure(1, &mut later);
        }
        // Not measured: it falls to 2 s, however many frames there were.
        relaxed.ledger().flush().unwrap();
    }

    println!("one frame a commit, {CAMERAS} cameras, medians:");
    let line = |what: &str, times: &Times| {
        println!(
            "  {what:<46} {:>9.1} us  (cpu {:>6.1} us)",
            times.median(),
            times.cpu()
        );
    };
    line("strict: record", &single);
    line(&format!("append {bytes} bytes and fdatasync"), &floors);
    line(&format!("append {BARE_RECORD} bytes and fdatasync"), &bares);
    line("relaxed: record", &later);
    println!("a group of {GROUP} frames a commit:");
    line("strict: record_all", &group);
    let (one, many) = (1e6 / single.median(), GROUP as f64 * 1e6 / group.median());
    println!("ratios:");
    let ratio = |what: &str, value: f64| println!("  {what:<60} {value:>8.2}");
    ratio(
        "strict / append and fdatasync of the same bytes",
        single.median() / floors.median(),
    );
    ratio(
        "strict / append and fdatasync of the bare record",
        single.median() / bares.median(),
    );
    ratio("relaxed / strict", later.median() / single.median());
    ratio("frames a second: group of 64 / one a commit", many / one);
    println!("{one:.0} frames a second one a commit, {many:.0} in groups of {GROUP}");
    println!(
        "cpu of a frame: {:.1} us alone, {:.1} us in a group",
        single.cpu(),
        group.cpu() / GROUP as f64
    );
    println!(
        "bytes to the log: {bytes} for a frame alone, {} in a group",
        group_bytes / usize::try_from(GROUP).unwrap()
    );
    if let (Some(strict), Some(relaxed)) = (
        written_by(dir.path(), Durability::Strict),
        written_by(dir.path(), Durability::Relaxed),
    ) {
        println!(
            "bytes to the disk for a frame alone, folding the log in included: {strict} strict, \
             {relaxed} relaxed (a flush for each 20 frames)"
        );
    }
}

#[derive(Default)]
struct Times {
    wall: Vec<Duration>,
    cpu: Vec<Duration>,
}

impl Times {
    fn measure(&mut self, commit: impl FnOnce()) {
        let (wall, cpu) = (Instant::now(), cpu_time());
        commit();
        self.wall.push(wall.elapsed());
        self.cpu.push(cpu_time().saturating_sub(cpu));
    }

    /// Microseconds.
    fn median(&self) -> f64 {
        let mut sorted = self.wall.clone();
        sorted.sort_unstable();
        sorted[sorted.len() / 2].as_secs_f64() * 1e6
    }

    /// Microseconds, the mean: folding the log in happens seldom and counts.
    fn cpu(&self) -> f64 {
        self.cpu.iter().sum::<Duration>().as_secs_f64() * 1e6 / self.cpu.len() as f64
    }
}

/// User and system time of this process.
fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap()
}

/// A ledger whose memory of duplicates has its usual size.
struct Side {
    ledger: Option<Ledger>,
    options: LedgerOptions,
    model: ModelInfo,
    dir: PathBuf,
    number: u64,
}

impl Side {
    fn new(dir: &Path, name: &str, durability: Durability) -> Self {
        let mut side = Self {
            ledger: None,
            options: LedgerOptions {
                durability,
                ..LedgerOptions::default()
            },
            model: model(),
            dir: dir.join(name),
            number: 0,
        };
        for _ in 0..400 {
            side.record(256);
        }
        side
    }

    fn ledger(&mut self) -> &mut Ledger {
        let open = || Ledger::open(&self.dir, self.options, now()).unwrap();
        self.ledger.get_or_insert_with(open)
    }

    fn next(&mut self, frames: u64) -> Vec<FrameRecord> {
        let first = self.number;
        self.number += frames;
        (first..self.number).map(frame).collect()
    }

    fn record(&mut self, frames: u64) {
        let (group, model) = (self.next(frames), self.model.clone());
        self.ledger().record_all(&group, &model).unwrap();
    }

    fn measure(&mut self, frames: u64, times: &mut Times) {
        let (group, model) = (self.next(frames), self.model.clone());
        let ledger = self.ledger();
        times.measure(|| drop(ledger.record_all(&group, &model).unwrap()));
    }

    /// What a commit of so many frames adds to the log, while that grows: it does after an opening,
    /// until it is folded in.
    fn log_bytes_of(&mut self, frames: u64) -> usize {
        const COMMITS: u64 = 3;
        let path = self.dir.join("counts.db-wal");
        let log = || fs::metadata(&path).map_or(0, |log| log.len());
        self.ledger = None;
        self.record(frames);
        let before = log();
        for _ in 0..COMMITS {
            self.record(frames);
        }
        usize::try_from((log() - before) / COMMITS).unwrap()
    }
}

/// Appends and flushes.
struct Floor {
    file: File,
    entry: Vec<u8>,
}

impl Floor {
    fn new(dir: &Path, bytes: usize) -> Self {
        Self {
            file: File::create(dir.join(format!("floor-{bytes}"))).unwrap(),
            entry: vec![0x5a; bytes],
        }
    }

    fn append(&mut self) {
        self.file.write_all(&self.entry).unwrap();
        self.file.sync_data().unwrap();
    }
}

const FRAMES: u64 = 1000;

/// Bytes that the kernel is given for the disk for each of many frames alone; none where it does
/// not say.
fn written_by(dir: &Path, durability: Durability) -> Option<u64> {
    let written = || -> Option<u64> {
        let io = fs::read_to_string("/proc/self/io").ok()?;
        let line = io
            .lines()
            .find_map(|line| line.strip_prefix("write_bytes: "))?;
        line.parse().ok()
    };
    let mut side = Side::new(dir, &format!("written-{durability:?}"), durability);
    let before = written()?;
    for number in 0..FRAMES {
        side.record(1);
        if number % 20 == 0 {
            side.ledger().flush().unwrap();
        }
    }
    Some((written()? - before) / FRAMES)
}
