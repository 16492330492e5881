//! A real process, killed while it counts.
//!
//! The child is this test binary again: it records frames 0, 1, 2, … and says each one on its
//! standard output once `record` has returned, which stands for the acknowledgement. It is killed
//! with SIGKILL after a random number of them, and the next child begins at the first frame that was
//! not acknowledged, as the hub's redelivery does.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use ledger::{Ledger, LedgerOptions, Recorded};

use crate::support::{at, frame, model, software};

const DIR: &str = "LEDGER_TEST_DIR";
const FIRST: &str = "LEDGER_TEST_FIRST";

#[test]
#[ignore = "run as a child process by the test below"]
fn child_records_until_it_is_killed() {
    let dir = std::env::var(DIR).expect("the parent names the folder");
    let first: u32 = std::env::var(FIRST)
        .expect("the parent names the frame")
        .parse()
        .unwrap();
    let mut ledger = Ledger::open(dir.as_ref(), LedgerOptions::default(), at(0)).unwrap();
    assert_eq!(ledger.set_aside(), None);
    let mut out = std::io::stdout();
    for number in first.. {
        let second = i64::from(number) / 4;
        let recorded = ledger.record(&camera_frame(number), &model()).unwrap();
        assert!(
            number == first || recorded != Recorded::Duplicate { reply: None },
            "only the first is redelivered"
        );
        // The leading line break keeps it apart from what the test harness prints.
        writeln!(out, "\nacknowledged {number}").unwrap();
        out.flush().unwrap();
        ledger.seal_due(at(second), &software()).unwrap();
        if let Some(report) = ledger.unsent(1).unwrap().first() {
            ledger.mark_sent(report.sequence, at(second)).unwrap();
        }
    }
}

fn camera_frame(number: u32) -> ledger::FrameRecord {
    frame(
        &format!("cam-{}", number % 3),
        number,
        i64::from(number) / 4,
    )
}

#[test]
fn checklist_26_a_process_killed_at_any_moment_loses_nothing_and_doubles_nothing() {
    let seed = 0x5eed_u64;
    println!("seed {seed:#x}");
    let dir = tempfile::tempdir().unwrap();
    let mut random = seed;
    let mut next = 0;
    for _ in 0..25 {
        // Knuth's linear congruential generator; its high bits will do.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let frames = 1 + (random >> 33) % 40;
        next = run_child(dir.path(), next, frames, random >> 48);
    }
    let mut ledger = Ledger::open(dir.path(), LedgerOptions::default(), at(0)).unwrap();
    // The hub delivers the last one again.
    ledger.record(&camera_frame(next), &model()).unwrap();
    let whole = ledger.totals().unwrap().whole;
    assert_eq!(
        whole.frames.classified,
        u64::from(next) + 1,
        "every frame once"
    );
    assert_eq!(
        whole.frames.received,
        whole.frames.classified + whole.frames.duplicate
    );
    assert!(whole.frames.duplicate <= 25);
    let verification = ledger.verify().unwrap();
    assert!(verification.is_right(), "{:#?}", verification.findings);
    assert!(verification.reports > 0);
}

/// Gives the first frame that was not acknowledged.
fn run_child(dir: &std::path::Path, first: u32, frames: u64, spin: u64) -> u32 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "killed::child_records_until_it_is_killed",
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .env(DIR, dir)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = None;
    let mut seen = 0;
    for line in lines {
        let line = line.unwrap();
        let Some(number) = line.strip_prefix("acknowledged ") else {
            continue;
        };
        // The kill may cut the last line short: then it was not acknowledged.
        let Ok(number) = number.parse::<u32>() else {
            continue;
        };
        if number < acknowledged.map_or(first, |last: u32| last + 1) {
            continue;
        }
        acknowledged = Some(number);
        seen += 1;
        if seen == frames {
            // Moves the kill to different points within the next frame.
            (0..spin * 8).map(std::hint::black_box).for_each(|_| {});
            child.kill().unwrap();
        }
    }
    let status = child.wait().unwrap();
    assert!(seen >= frames, "the child ended by itself: {status}");
    acknowledged.expect("at least one frame") + 1
}
