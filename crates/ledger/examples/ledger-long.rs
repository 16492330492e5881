//! Millions of frames through one ledger, in virtual time: does anything grow?
//!
//! A thousand cameras each send a picture every ten seconds; windows are sealed each minute, reports
//! are taken by the hub at once and let go again, one frame in a hundred comes twice. Each tenth of
//! the run gives a line: resident memory, time a frame, size of the files. Fails if memory grows
//! by more than 5 MB after the first tenth, if the files exceed their bound, or if a count is wrong;
//! never because of a time.
//!
//!     ledger-long [--frames N] [--store DIR] [--json]
//!
//! The store is a new folder below DIR (default: /dev/shm), removed at the end.

// A measurement stops at the first failure, as a test does.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use ledger::{
    Clock, FrameKey, FrameRecord, KeepSent, Ledger, LedgerOptions, ModelInfo, Now, Outcome,
    RejectReason, Repeat, ReusedId, Software,
};
use serde::Serialize;
use time::OffsetDateTime;
use time::macros::datetime;

const CAMERAS: u64 = 1000;
/// Frames of all cameras in a second of virtual time.
const RATE: u64 = 100;
const WINDOW: u64 = 60;
/// Frames in one commit.
const GROUP: u64 = 64;
/// One frame in so many comes twice.
const TWICE: u64 = 100;
/// Reports that are kept after they were sent.
const KEPT: usize = 100;
const START: OffsetDateTime = datetime!(2026-11-23 10:00:00 UTC);

/// By so much resident memory may differ from that after the first tenth, in bytes.
const MEMORY_SLACK: i64 = 5_000_000;
/// Beyond memory of duplicates and reports: the log (4 MiB, twice while it is folded in), free
/// pages, sums of a thousand cameras.
const FILE_SLACK: u64 = 16 << 20;

struct Arguments {
    frames: u64,
    store: PathBuf,
    json: bool,
}

#[derive(Serialize)]
struct Tenth {
    frames: u64,
    resident_bytes: i64,
    us_per_frame: f64,
    file_bytes: u64,
}

#[derive(Serialize)]
struct Curve {
    tenths: Vec<Tenth>,
    reports: u64,
    largest_report: u64,
    file_bound: u64,
    faults: Vec<String>,
}

fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(mistake) => {
            eprintln!("{mistake}\nusage: ledger-long [--frames N] [--store DIR] [--json]");
            return ExitCode::from(2);
        }
    };
    let folder =
        fs::create_dir_all(&arguments.store).and_then(|()| tempfile::tempdir_in(&arguments.store));
    let dir = match folder {
        Ok(dir) => dir,
        Err(error) => {
            eprintln!("no folder in {}: {error}", arguments.store.display());
            return ExitCode::from(2);
        }
    };
    let curve = run(&arguments, dir.path());
    if arguments.json {
        println!("{}", serde_json::to_string(&curve).unwrap());
    }
    for fault in &curve.faults {
        eprintln!("fault: {fault}");
    }
    ExitCode::from(u8::from(!curve.faults.is_empty()))
}

fn arguments() -> Result<Arguments, String> {
    let mut parsed = Arguments {
        frames: 1_000_000,
        store: "/dev/shm".into(),
        json: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} has no value"));
        match word.as_str() {
            "--frames" => {
                let text = value()?;
                let frames = text.parse().ok().filter(|frames| *frames >= 10);
                parsed.frames = frames.ok_or(format!("--frames is {text}, expected 10 or more"))?;
            }
            "--store" => parsed.store = value()?.into(),
            "--json" => parsed.json = true,
            _ => return Err(format!("{word} is no option")),
        }
    }
    Ok(parsed)
}

fn run(arguments: &Arguments, dir: &Path) -> Curve {
    let options = LedgerOptions {
        keep_sent: KeepSent {
            at_least: KEPT / 2,
            at_most: KEPT,
            ..KeepSent::default()
        },
        ..LedgerOptions::default()
    };
    let model = ModelInfo {
        name: "long".into(),
        version: "1".into(),
        sha256: "ab".repeat(32),
    };
    let mut ledger = Ledger::open(dir, options, at(0)).unwrap();
    let mut curve = Curve {
        tenths: Vec::new(),
        reports: 0,
        largest_report: 0,
        file_bound: 0,
        faults: Vec::new(),
    };
    let say = |line: &str| {
        if arguments.json {
            eprintln!("{line}");
        } else {
            println!("{line}");
        }
    };
    say("  frames      resident MB   us/frame   file MB");
    let (mut done, mut sent_twice, mut next_seal) = (0, 0, WINDOW * RATE);
    for tenth in 1..=10 {
        let until = arguments.frames * tenth / 10;
        let (began, before) = (Instant::now(), done);
        while done < until {
            let end = (done + GROUP).min(until).min(next_seal);
            let group: Vec<FrameRecord> = (done..end).map(frame).collect();
            ledger.record_all(&group, &model).unwrap();
            done = end;
            let again: Vec<FrameRecord> = group
                .into_iter()
                .filter(|frame| u64::from(frame.key.digest[0]) == 1)
                .collect();
            if !again.is_empty() {
                ledger.record_all(&again, &model).unwrap();
                sent_twice += again.len() as u64;
            }
            if done == next_seal {
                next_seal += WINDOW * RATE;
                send(&mut ledger, &mut curve, at(done / RATE));
            }
        }
        let seconds = began.elapsed().as_secs_f64();
        let of_tenth = Tenth {
            frames: done,
            resident_bytes: resident_bytes(),
            #[allow(clippy::cast_precision_loss)]
            us_per_frame: seconds * 1e6 / (done - before) as f64,
            file_bytes: file_bytes(dir),
        };
        #[allow(clippy::cast_precision_loss)]
        say(&format!(
            "{:>10} {:>12.1} {:>10.1} {:>9.1}",
            of_tenth.frames,
            of_tenth.resident_bytes as f64 / 1e6,
            of_tenth.us_per_frame,
            of_tenth.file_bytes as f64 / 1e6,
        ));
        curve.tenths.push(of_tenth);
    }
    judge(&ledger, &mut curve, done, sent_twice, options.dedupe_bytes);
    say(&format!(
        "{} reports, the largest of {} bytes; files bounded by {} bytes",
        curve.reports, curve.largest_report, curve.file_bound
    ));
    curve
}

/// Seals what is due; the hub takes it at once.
fn send(ledger: &mut Ledger, curve: &mut Curve, now: Now) {
    let software = Software {
        version: "0.1.0".into(),
    };
    ledger.seal_due(now, &software).unwrap();
    while let Some(report) = ledger.unsent(1).unwrap().first() {
        curve.reports += 1;
        curve.largest_report = curve.largest_report.max(report.body.len() as u64);
        ledger.mark_sent(report.sequence, now).unwrap();
    }
}

fn judge(ledger: &Ledger, curve: &mut Curve, done: u64, sent_twice: u64, dedupe_bytes: u64) {
    let faults = &mut curve.faults;
    let verification = ledger.verify().unwrap();
    faults.extend(verification.findings.iter().cloned());
    let frames = ledger.totals().unwrap().whole.frames;
    let counted = (frames.received - frames.duplicate, frames.duplicate);
    if counted != (done, sent_twice) {
        faults.push(format!(
            "counted {counted:?}, expected {done} and {sent_twice} duplicates"
        ));
    }
    let first = curve.tenths[0].resident_bytes;
    // A short run's first tenth has not filled the copy of the hashes, each reckoned at 128 bytes.
    let held =
        |tenth: &Tenth| i64::try_from(tenth.frames.min(dedupe_bytes / 128)).unwrap_or(i64::MAX);
    for tenth in &curve.tenths {
        let grown = tenth.resident_bytes - first;
        let filling = 20 * (held(tenth) - held(&curve.tenths[0]));
        if grown > MEMORY_SLACK + filling {
            faults.push(format!("memory grew by {grown} at frame {}", tenth.frames));
        }
    }
    let reports = (KEPT as u64 + 1) * (curve.largest_report + 4096);
    curve.file_bound = dedupe_bytes + reports + FILE_SLACK;
    let largest = curve.tenths.iter().map(|tenth| tenth.file_bytes).max();
    if largest.is_some_and(|largest| largest > curve.file_bound) {
        faults.push(format!("files reached {largest:?} bytes"));
    }
}

fn at(second: u64) -> Now {
    Now {
        wall: START + std::time::Duration::from_secs(second),
        clock: Clock::Plausible,
    }
}

fn frame(number: u64) -> FrameRecord {
    let mut digest = [0; 32];
    digest[0] = u8::from(number.is_multiple_of(TWICE));
    digest[8..16].copy_from_slice(&number.to_be_bytes());
    // Scattered, so that no frame's outcome goes with its camera.
    let lot = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56;
    let outcome = match lot {
        0..=9 => Outcome::Unsure,
        10..=12 => Outcome::Rejected(RejectReason::Truncated),
        13..=15 => Outcome::Ignored,
        16..=99 => classified("unripe"),
        _ => classified("ripe"),
    };
    let arrival = at(number / RATE).wall;
    FrameRecord {
        key: FrameKey {
            camera: format!("packing-line-camera-{:04}", number % CAMERAS),
            input: "images".into(),
            message_id: Some(format!("8c1f9a2e-{number}")),
            created: Some(number.to_string()),
            digest,
            repeat: Repeat::No,
            reused_id: ReusedId::CountsAsNew,
        },
        stamp: Some(arrival),
        arrival,
        clock: Clock::Plausible,
        outcome,
        reply: None,
    }
}

fn classified(label: &str) -> Outcome {
    Outcome::Classified {
        label: label.into(),
    }
}

fn resident_bytes() -> i64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.unwrap().split_ascii_whitespace().nth(1).unwrap();
    kib.parse::<i64>().unwrap() * 1024
}

fn file_bytes(dir: &Path) -> u64 {
    let files = fs::read_dir(dir).unwrap();
    files
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum()
}
