//! Any order of calls, crashes and clock steps keeps the sums.
//!
//! A model in memory, a set of frames by camera, says what the ledger must have counted.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::time::Duration;

use ledger::{
    CameraNames, FrameKey, FrameRecord, KeepSent, Ledger, LedgerOptions, Lot, ModelInfo, Outcome,
    Recorded, RejectReason, Report, SealedReport, Sums,
};
use proptest::prelude::*;
use proptest::sample::select;
use tempfile::TempDir;

use crate::support::{at, classified, folder_in_memory, frame, model, software};

#[derive(Debug, Clone)]
enum Step {
    /// A frame by camera, number and how far its stamp lies off its arrival, in seconds. The same
    /// camera and number is the same frame.
    Record {
        camera: u8,
        number: u32,
        stamp: Option<i64>,
        outcome: Outcome,
        newer_model: bool,
    },
    /// Time goes on, or the wall clock steps.
    Clock(i64),
    SealDue,
    SealAll,
    /// The closing of a long outage.
    MergeDue,
    Heartbeat,
    /// A model comes into use, or a lot has.
    SealOthers {
        newer_model: bool,
    },
    /// Windows get another length, in seconds.
    Window(u64),
    /// The lot in use, by number; none for 0.
    Lot(usize),
    /// Every camera but the first has a name, or none has.
    Names(bool),
    /// The oldest report that waits is taken by the hub.
    Send,
    /// Some report that waits is taken before older ones.
    SendLast,
    /// The hub took it, but the process died before it could be noted.
    SendUnnoted,
    Reopen,
    /// The files as they are now, without any closing, in another folder.
    Crash,
}

/// So many and so long that one camera alone can be too large for a report.
const LABELS: usize = 3;

fn label(number: usize) -> String {
    format!("{number:0>290}")
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        4 => (0..LABELS).prop_map(|number| classified(&label(number))),
        1 => Just(Outcome::Unsure),
        1 => Just(Outcome::Ignored),
        1 => select(RejectReason::ALL.to_vec()).prop_map(Outcome::Rejected),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let stamp = proptest::option::of(prop_oneof![-200_i64..200, -100_000_i64..100_000]);
    let record = (
        0..4_u8,
        0..30_u32,
        stamp,
        outcome(),
        proptest::bool::weighted(0.1),
    );
    prop_oneof![
        12 => record.prop_map(|(camera, number, stamp, outcome, newer_model)| {
            Step::Record { camera, number, stamp, outcome, newer_model }
        }),
        // The third goes on for most of a day, as a clock does between two reports.
        4 => prop_oneof![
            0_i64..90,
            -100_000_i64..100_000,
            50_000_i64..86_000,
            -3 * YEAR..3 * YEAR,
        ]
        .prop_map(Step::Clock),
        3 => Just(Step::SealDue),
        3 => Just(Step::MergeDue),
        1 => Just(Step::Heartbeat),
        1 => any::<bool>().prop_map(|newer_model| Step::SealOthers { newer_model }),
        1 => select(vec![1, 7, 60, 3600, 86_400]).prop_map(Step::Window),
        1 => (0..LOTS).prop_map(Step::Lot),
        1 => any::<bool>().prop_map(Step::Names),
        1 => Just(Step::SealAll),
        3 => Just(Step::Send),
        1 => Just(Step::SendLast),
        1 => Just(Step::SendUnnoted),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
    ]
}

const LOTS: usize = 3;

/// One is as long as a lot may be, in JSON too.
fn lot(number: usize) -> Option<Lot> {
    let lots = [None, Some("7".to_owned()), Some("\"".repeat(128))];
    lots[number].clone().map(|lot| lot.parse().unwrap())
}

fn names(are_set: bool) -> CameraNames {
    let cameras = if are_set { 1..4 } else { 0..0 };
    let named = cameras.map(|camera| (format!("cam-{camera}"), "\"".repeat(128)));
    named.collect::<BTreeMap<_, _>>().try_into().unwrap()
}

fn version(newer: bool) -> ModelInfo {
    ModelInfo {
        version: if newer { "2" } else { "1" }.into(),
        ..model()
    }
}

const YEAR: i64 = 365 * 86_400;

const AT_LEAST: usize = 2;
const AT_MOST: usize = 6;

struct World {
    dir: TempDir,
    ledger: Option<Ledger>,
    options: LedgerOptions,
    second: i64,
    window: u64,
    lot: usize,
    has_names: bool,
    counted: HashSet<FrameKey>,
    expected: BTreeMap<String, Sums>,
    expected_of_lots: BTreeMap<Option<String>, Sums>,
    /// What the hub took, by report id, with how it read.
    upstream: BTreeMap<String, Vec<u8>>,
    /// Reports that were taken out of turn.
    taken_early: u64,
}

impl World {
    fn new() -> Self {
        let dir = folder_in_memory();
        // Small enough that many windows are split, cameras too, yet enough for the totals and one
        // label (2525 bytes when every outcome comes ten times, 265 more with the lot, 266 with the
        // name). Reports do not stay for long.
        let options = LedgerOptions {
            report_limit: 3061,
            keep_sent: KeepSent {
                age: Duration::from_secs(100_000),
                at_least: AT_LEAST,
                at_most: AT_MOST,
            },
            ..LedgerOptions::default()
        };
        let ledger = Ledger::open(dir.path(), options, at(0)).unwrap();
        Self {
            dir,
            ledger: Some(ledger),
            options,
            second: 0,
            window: 60,
            lot: 0,
            has_names: false,
            counted: HashSet::new(),
            expected: BTreeMap::new(),
            expected_of_lots: BTreeMap::new(),
            upstream: BTreeMap::new(),
            taken_early: 0,
        }
    }

    fn ledger(&mut self) -> &mut Ledger {
        self.ledger.as_mut().unwrap()
    }

    /// As the module does when it starts.
    fn open(&mut self) {
        let now = at(self.second);
        drop(self.ledger.take());
        let mut ledger = Ledger::open(self.dir.path(), self.options, now).unwrap();
        ledger.set_window(Duration::from_secs(self.window)).unwrap();
        ledger.set_lot(lot(self.lot));
        ledger.set_camera_names(names(self.has_names));
        self.ledger = Some(ledger);
    }

    fn take(&mut self, step: &Step) {
        let now = at(self.second);
        match step {
            Step::Record {
                camera,
                number,
                stamp,
                outcome,
                newer_model,
            } => {
                let mut taken = frame(&format!("cam-{camera}"), *number, self.second);
                taken.stamp = stamp.map(|off| at(self.second + off).wall);
                taken.outcome = outcome.clone();
                self.record(&taken, *newer_model);
            }
            Step::Clock(by) => self.second += by,
            Step::SealDue => {
                self.ledger().seal_due(now, &software()).unwrap();
                assert_ne!(
                    self.ledger().next_closing(now),
                    Some(Duration::ZERO),
                    "nothing is left to do"
                );
            }
            Step::SealAll => {
                self.ledger().seal_all(now, &software()).unwrap();
                assert_eq!(self.ledger().next_closing(now), None);
            }
            Step::MergeDue => {
                let before = self.ledger().unsent(usize::MAX).unwrap();
                self.ledger().merge_due(now, &software()).unwrap();
                let after = self.ledger().unsent(usize::MAX).unwrap();
                assert_eq!(after[..before.len()], before, "sealed reports stay");
            }
            Step::Heartbeat => {
                let waiting = self.ledger().totals().unwrap().unsent_reports;
                let sealed = self
                    .ledger()
                    .seal_heartbeat(&model(), now, &software())
                    .unwrap();
                assert_eq!(sealed, waiting == 0);
            }
            Step::SealOthers { newer_model } => {
                let model = version(*newer_model);
                self.ledger().seal_others(&model, now, &software()).unwrap();
            }
            Step::Send => {
                if let Some(sequence) = self.publish_oldest() {
                    self.ledger().mark_sent(sequence, now).unwrap();
                }
            }
            Step::SendLast => {
                if let Some(report) = self.ledger().unsent(usize::MAX).unwrap().pop() {
                    self.taken_early += 1;
                    self.publish(&report);
                    self.ledger().mark_sent(report.sequence, now).unwrap();
                }
            }
            Step::SendUnnoted => {
                self.publish_oldest();
            }
            Step::Window(seconds) => {
                self.window = *seconds;
                let length = Duration::from_secs(*seconds);
                self.ledger().set_window(length).unwrap();
            }
            Step::Lot(number) => {
                self.lot = *number;
                self.ledger().set_lot(lot(*number));
            }
            Step::Names(are_set) => {
                self.has_names = *are_set;
                self.ledger().set_camera_names(names(*are_set));
            }
            Step::Reopen => self.open(),
            Step::Crash => {
                let copy = folder_in_memory();
                for name in ["counts.db", "counts.db-wal"] {
                    if self.dir.path().join(name).exists() {
                        fs::copy(self.dir.path().join(name), copy.path().join(name)).unwrap();
                    }
                }
                drop(self.ledger.take());
                self.dir = copy;
                self.open();
                assert_eq!(self.ledger().set_aside(), None);
            }
        }
    }

    fn record(&mut self, taken: &FrameRecord, newer_model: bool) {
        let model = version(newer_model);
        let looked_up = self.ledger().is_duplicate(&taken.key).unwrap();
        let recorded = self.ledger().record(taken, &model).unwrap();
        let is_new = self.counted.insert(taken.key.clone());
        assert_eq!(recorded == Recorded::Duplicate { reply: None }, !is_new);
        assert_eq!(looked_up, !is_new);

        let lot = lot(self.lot).map(|lot| lot.to_string());
        for sums in [
            self.expected.entry(taken.key.camera.clone()).or_default(),
            self.expected_of_lots.entry(lot).or_default(),
        ] {
            sums.frames.received += 1;
            match &taken.outcome {
                _ if !is_new => sums.frames.duplicate += 1,
                Outcome::Classified { label } => {
                    sums.frames.classified += 1;
                    *sums.counts.entry(label.clone()).or_default() += 1;
                }
                Outcome::Unsure => sums.frames.unsure += 1,
                Outcome::Ignored => sums.frames.ignored += 1,
                Outcome::Rejected(reason) => {
                    *sums.frames.rejected.entry(reason.to_string()).or_default() += 1;
                }
            }
        }
    }

    fn publish_oldest(&mut self) -> Option<u64> {
        let report = self.ledger().unsent(1).unwrap().into_iter().next()?;
        self.publish(&report);
        Some(report.sequence)
    }

    fn publish(&mut self, report: &SealedReport) {
        if let Some(before) = self
            .upstream
            .insert(report.report_id.clone(), report.body.clone())
        {
            assert_eq!(before, report.body, "a sealed report never changes");
        }
    }

    fn check(&mut self) {
        let verification = self.ledger().verify().unwrap();
        assert!(verification.is_right(), "{:#?}", verification.findings);
        let totals = self.ledger().totals().unwrap();
        assert_eq!(totals.cameras, self.expected);
        let sent = totals.sealed_reports - totals.unsent_reports;
        let kept = verification.reports - totals.unsent_reports;
        assert!(kept >= sent.min(AT_LEAST as u64), "{kept} of {sent} kept");
        if totals.unsent_reports == 0 {
            // One report that is marked at last may free many that were taken before it.
            assert!(kept <= AT_MOST as u64 + self.taken_early, "{kept} kept");
        }
    }

    fn check_upstream(&mut self) {
        self.take(&Step::SealAll);
        while let Some(sequence) = self.publish_oldest() {
            let now = at(self.second);
            self.ledger().mark_sent(sequence, now).unwrap();
        }
        let mut cameras: BTreeMap<String, Sums> = BTreeMap::new();
        let mut lots: BTreeMap<Option<String>, Sums> = BTreeMap::new();
        let mut sequences = Vec::new();
        for body in self.upstream.values() {
            assert!(
                body.len() <= self.options.report_limit,
                "{} bytes",
                body.len()
            );
            let report: Report = serde_json::from_slice(body).unwrap();
            sequences.push(report.sequence);
            for (id, camera) in &report.cameras {
                cameras.entry(id.clone()).or_default().add(&camera.sums);
                lots.entry(report.lot.clone())
                    .or_default()
                    .add(&camera.sums);
            }
        }
        assert_eq!(cameras, self.expected, "all reports together are the truth");
        assert_eq!(
            lots, self.expected_of_lots,
            "and those of each lot the lot's"
        );
        sequences.sort_unstable();
        let gapless: Vec<u64> = (1..=sequences.len() as u64).collect();
        assert_eq!(sequences, gapless);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    // On a failure proptest prints the smallest list of steps that fails.
    #[test]
    fn any_order_of_calls_crashes_and_clock_steps_keeps_the_sums(
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
            if matches!(step, Step::SealDue | Step::MergeDue | Step::Crash | Step::Reopen) {
                world.check();
            }
        }
        world.check();
        world.check_upstream();
        world.check();
    }
}
