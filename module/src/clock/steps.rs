//! The watch and the ledger together, in virtual time, under a clock that people set by years.
//!
//! True time goes on; the wall clock is it plus an offset. What is stamped plausible must be right,
//! nothing may be let go before its age in true time, and the sums must agree.

use std::collections::BTreeSet;
use std::time::Duration;

use ledger::{
    Clock, FrameKey, FrameRecord, KeepSent, Ledger, LedgerOptions, ModelInfo, Now, Outcome, Repeat,
    Report, Software,
};
use proptest::prelude::*;
use tempfile::TempDir;
use time::OffsetDateTime;
use time::macros::datetime;

use super::kernel::Kernel;
use super::watch::{ClockWatch, Reading, Trust};

const BOOT: OffsetDateTime = datetime!(2026-12-01 10:00 UTC);
const BUILT: OffsetDateTime = datetime!(2026-11-01 0:00 UTC);
const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;

#[derive(Debug, Clone)]
enum Step {
    /// True time goes on, in seconds.
    Pass(i64),
    /// Somebody sets the clock by so many seconds; no time server keeps it from then on.
    Set(i64),
    /// A time server puts it right.
    Synchronise,
    /// The time server goes.
    LoseServer,
    /// A frame, stamped by a camera whose clock is right, or not stamped.
    Frame {
        stamped: bool,
    },
    Seal,
    Merge,
    Heartbeat,
    SendAll,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let set = prop_oneof![60..YEAR * 3, -YEAR * 3..-60, 60..7200_i64, -7200..-60_i64];
    prop_oneof![
        4 => prop_oneof![1..120_i64, 60..7200_i64, 3600..DAY].prop_map(Step::Pass),
        2 => set.prop_map(Step::Set),
        2 => Just(Step::Synchronise),
        1 => Just(Step::LoseServer),
        6 => any::<bool>().prop_map(|stamped| Step::Frame { stamped }),
        2 => Just(Step::Seal),
        2 => Just(Step::Merge),
        1 => Just(Step::Heartbeat),
        3 => Just(Step::SendAll),
        1 => Just(Step::Restart),
    ]
}

struct World {
    folder: TempDir,
    ledger: Option<Ledger>,
    watch: ClockWatch,
    /// Seconds since boot.
    passed: i64,
    offset: i64,
    kernel: Kernel,
    frames: u64,
    reports: Vec<Report>,
}

impl World {
    fn new(offset: i64) -> Self {
        let folder = tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .unwrap();
        let mut world = World {
            folder,
            ledger: None,
            watch: ClockWatch::new(Trust::Kernel, BUILT, None),
            passed: 0,
            offset,
            kernel: Kernel::Unsynchronised,
            frames: 0,
            reports: Vec::new(),
        };
        world.open();
        world
    }

    fn open(&mut self) {
        let options = LedgerOptions {
            keep_sent: KeepSent {
                at_least: 1,
                ..KeepSent::default()
            },
            ..LedgerOptions::default()
        };
        self.ledger = None;
        let now = self.now();
        self.ledger = Some(Ledger::open(self.folder.path(), options, now).unwrap());
    }

    fn truth(&self) -> OffsetDateTime {
        BOOT + time::Duration::seconds(self.passed)
    }

    /// How far a clock may have drifted since the boot, and so a step be overlooked that leads
    /// there, in seconds.
    fn tolerance(&self) -> i64 {
        5 + self.passed / 5000
    }

    /// As the module reads it.
    fn now(&mut self) -> Now {
        let (now, _) = self.watch.read(Reading {
            wall: self.truth() + time::Duration::seconds(self.offset),
            monotonic: Duration::from_secs(self.passed.unsigned_abs()),
            kernel: self.kernel,
        });
        assert!(
            now.clock == Clock::Unsure || self.offset.abs() <= self.tolerance(),
            "plausible, and {} s off",
            self.offset
        );
        now
    }

    fn take(&mut self, step: &Step) {
        let now = self.now();
        let truth = self.truth();
        let ledger = self.ledger.as_mut().unwrap();
        match step {
            Step::Pass(seconds) => self.passed += seconds,
            Step::Set(seconds) => {
                self.offset += seconds;
                self.kernel = Kernel::Unsynchronised;
                // The module reads the clock at least every two seconds.
                self.now();
            }
            Step::Synchronise => {
                self.offset = 0;
                self.kernel = Kernel::Synchronised;
            }
            Step::LoseServer => self.kernel = Kernel::Unsynchronised,
            Step::Frame { stamped } => {
                self.frames += 1;
                let frame = FrameRecord {
                    key: FrameKey {
                        camera: "cam".into(),
                        input: "images".into(),
                        message_id: Some(self.frames.to_string()),
                        created: None,
                        digest: [0; 32],
                        repeat: Repeat::No,
                        reused_id: ledger::ReusedId::default(),
                    },
                    stamp: stamped.then_some(truth),
                    arrival: now.wall,
                    clock: now.clock,
                    outcome: Outcome::Unsure,
                    reply: None,
                };
                ledger.record(&frame, &model()).unwrap();
            }
            Step::Seal => drop(ledger.seal_due(now, &software()).unwrap()),
            Step::Merge => drop(ledger.merge_due(now, &software()).unwrap()),
            Step::Heartbeat => {
                ledger.seal_heartbeat(&model(), now, &software()).unwrap();
            }
            Step::SendAll => self.send_all(now),
            Step::Restart => {
                let noted = self.watch.synchronised();
                self.watch = ClockWatch::new(Trust::Kernel, BUILT, noted);
                self.open();
            }
        }
    }

    fn send_all(&mut self, now: Now) {
        let ledger = self.ledger.as_mut().unwrap();
        for sealed in ledger.unsent(usize::MAX).unwrap() {
            self.reports
                .push(serde_json::from_slice(&sealed.body).unwrap());
            ledger.mark_sent(sealed.sequence, now).unwrap();
        }
    }

    fn check(&mut self) {
        let now = self.now();
        let ledger = self.ledger.as_mut().unwrap();
        ledger.seal_all(now, &software()).unwrap();
        self.send_all(now);
        let verification = self.ledger.as_ref().unwrap().verify().unwrap();
        assert!(verification.is_right(), "{:#?}", verification.findings);
        assert_eq!(verification.received, self.frames);
        if self.passed < 90 * DAY {
            assert_eq!(verification.carried_forward, 0, "let go too early");
        }
        let received: u64 = self.reports.iter().map(|r| r.frames.received).sum();
        assert_eq!(received, self.frames, "reported once each");
        let sequences: BTreeSet<u64> = self.reports.iter().map(|r| r.sequence).collect();
        assert_eq!(sequences.len(), self.reports.len());
        for report in &self.reports {
            if report.clock == Clock::Plausible {
                let slack = time::Duration::seconds(60 + self.tolerance());
                let within = BOOT - slack..=self.truth() + slack;
                assert!(within.contains(&report.window_end), "{report:#?}");
            }
        }
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn however_the_clock_is_set_plausible_is_right_and_nothing_is_lost_let_go_or_doubled(
        offset in prop_oneof![Just(0), -20 * YEAR..20 * YEAR],
        steps in proptest::collection::vec(step(), 1..80),
    ) {
        let mut world = World::new(offset);
        for step in &steps {
            world.take(step);
        }
        world.check();
    }
}
