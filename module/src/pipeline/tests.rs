//! The stages with the bundled model and a real ledger, without a connection.

use std::path::Path;
use std::sync::Arc;

use edge_protocol::properties::Properties;
use ledger::{AttemptKey, AttemptLog, Ledger, LedgerOptions, RejectReason};
use tempfile::TempDir;
use vision::{DecodeLimits, Scratch};

use super::*;
use crate::app::{Loaded, load_model};
use crate::decode_room::DecodeRoom;
use crate::eyes::Eyes;
use crate::judge::Gate;
use crate::labels::default_in_force;
use crate::metrics::EyeTimes;
use crate::settings::Layout;
use crate::watchdog::Hands;

const BOOT: &str = "a boot";

struct Bench {
    folder: TempDir,
    pipeline: Pipeline,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pipeline = open(folder.path());
        Bench { folder, pipeline }
    }

    /// As a new process after a crash, which writes nothing.
    fn crash(self) -> Self {
        let Bench { folder, pipeline } = self;
        drop(pipeline);
        let pipeline = open(folder.path());
        Bench { folder, pipeline }
    }

    fn count(&mut self, id: &str, picture: &[u8]) -> Recorded {
        self.pipeline.count(frame(id, picture), picture).unwrap()
    }

    fn rejected(&self, reason: RejectReason) -> u64 {
        let totals = self.pipeline.ledger.lock().totals().unwrap();
        totals
            .whole
            .frames
            .rejected
            .get(reason.as_str())
            .copied()
            .unwrap_or(0)
    }
}

fn open(folder: &Path) -> Pipeline {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model");
    let Loaded {
        classifier, model, ..
    } = load_model(&model, Layout::Auto, &vision::RuntimeOptions::default()).unwrap();
    let ledger = Ledger::open(folder, LedgerOptions::default(), clock::now()).unwrap();
    let ledger = SharedLedger::new(ledger);
    let in_force = default_in_force(&classifier);
    Pipeline {
        judge: Judge {
            eyes: Eyes {
                labels: Arc::clone(&in_force.borrow().rules),
                classifier,
                limits: DecodeLimits::default(),
                room: DecodeRoom::default(),
                scratch: Scratch::default(),
                times: EyeTimes::default(),
            },
            in_force: in_force.clone(),
            attempts: Arc::new(AttemptLog::open(folder, BOOT).unwrap()),
            gate: Gate::default(),
            hands: Hands::default(),
        },
        health: Arc::new(Health::new(&model.name)),
        model,
        metrics: Metrics::unheard(&ledger),
        ledger,
        renewed: Renewed::default(),
        capacity: watch::Sender::default(),
    }
}

fn frame(id: &str, picture: &[u8]) -> Frame {
    let properties = Properties::decode(&format!("%24.cdid=cam-01&%24.mid={id}")).unwrap();
    Frame::new("images", &properties, picture, clock::now(), false)
}

#[test]
fn a_frame_that_comes_again_is_a_duplicate_whatever_it_holds() {
    let mut bench = Bench::new();
    assert_eq!(
        bench.count("1", b"no picture"),
        Recorded::Counted { reused_id: false }
    );
    assert_eq!(
        bench.count("1", b"no picture"),
        Recorded::Duplicate { reply: None }
    );
    assert_eq!(bench.rejected(RejectReason::UnsupportedFormat), 1);
}

#[test]
fn formats_that_only_http_takes_are_refused_here() {
    let mut bench = Bench::new();
    let bmp = b"BM\0\0\0\0\0\0\0\0";
    for (id, picture) in [
        ("1", &b"GIF89a"[..]),
        ("2", b"RIFF\0\0\0\0WEBP"),
        ("3", bmp),
    ] {
        bench.count(id, picture);
    }
    assert_eq!(bench.rejected(RejectReason::UnsupportedFormat), 3);
}

#[test]
fn checklist_26_a_frame_that_comes_again_after_a_crash_is_a_duplicate() {
    let mut bench = Bench::new();
    bench.count("1", b"no picture");
    let mut bench = bench.crash();
    assert_eq!(
        bench.count("1", b"no picture"),
        Recorded::Duplicate { reply: None }
    );
}

#[test]
fn a_camera_that_numbers_from_1_again_loses_nothing() {
    let mut bench = Bench::new();
    bench.count("1", b"before the boot");
    assert_eq!(
        bench.count("1", b"after the boot"),
        Recorded::Counted { reused_id: true }
    );
}

#[test]
fn a_frame_that_ended_the_process_three_times_is_rejected_as_crashed_and_forgotten() {
    let mut bench = Bench::new();
    let poison = b"poison";
    let key = AttemptKey::from(&frame("1", poison).key);
    for _ in 0..3 {
        bench.pipeline.judge.attempts.begin(&key).unwrap();
        bench = bench.crash();
    }
    bench.count("1", poison);
    assert_eq!(bench.rejected(RejectReason::Crashed), 1);
    assert_eq!(bench.pipeline.judge.attempts.crashes(&key), 0);
    bench.count("2", b"the next one flows");
    assert_eq!(bench.rejected(RejectReason::UnsupportedFormat), 1);
}

#[test]
fn two_crashes_do_not_condemn() {
    let mut bench = Bench::new();
    let key = AttemptKey::from(&frame("1", b"unlucky").key);
    for _ in 0..2 {
        bench.pipeline.judge.attempts.begin(&key).unwrap();
        bench = bench.crash();
    }
    bench.count("1", b"unlucky");
    assert_eq!(bench.rejected(RejectReason::Crashed), 0);
}
