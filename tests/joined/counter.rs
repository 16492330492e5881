//! The product's module in this world: what a process of it holds in memory. Every decision is
//! the product's own value; what they say is carried out in [`crate::counting`] and
//! [`crate::reporting`], one step at a time, so that anything may happen between two steps.

use std::collections::VecDeque;
use std::sync::OnceLock;
use std::time::{Duration, Instant as StdInstant};

use edge_protocol::session::{Delivery, DeliveryId, PublishId};
use fruit_counter::clock::{ClockWatch, Kernel, Reading, Trust};
use fruit_counter::pipeline::holding::Holding;
use fruit_counter::pipeline::stage::Stage;
use fruit_counter::redelivery::RedeliveryWatch;
use fruit_counter::reporter::sealing::{Rhythm, Round};
use fruit_counter::reporter::sending::{Publish, Step};
use fruit_counter::reporter::{Reporting, Trying};
use ledger::{AttemptLog, ModelInfo, Now, Outcome, RejectReason, Software};
use time::OffsetDateTime;

use crate::agenda::Instant;
use crate::edge_hub::unix;

/// What is different in a world whose module is the product's.
#[derive(Debug, Clone)]
pub(crate) struct Counting {
    pub(crate) window: Duration,
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) merge_after: Option<Duration>,
    pub(crate) kernel: Kernel,
    /// What is deliberately wrong with the module.
    pub(crate) flaw: Option<Flaw>,
}

impl Default for Counting {
    fn default() -> Self {
        Counting {
            window: Duration::from_secs(60),
            heartbeat: Some(Duration::from_secs(900)),
            merge_after: Some(Duration::from_secs(3600)),
            kernel: Kernel::Unknown,
            flaw: None,
        }
    }
}

impl Counting {
    pub(crate) fn reporting(&self) -> Reporting {
        Reporting {
            software: Software {
                version: "0.1.0".into(),
            },
            model: ModelInfo {
                name: "bundled".into(),
                version: "1".into(),
                sha256: "ab".repeat(32),
            },
            window: self.window,
            heartbeat: self.heartbeat,
            merge_after: self.merge_after,
        }
    }
}

/// A module that breaks a promise, to see that it does not go unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Acknowledges before the commit.
    AcknowledgesFirst,
    /// Acknowledges what the ledger did not take.
    AcknowledgesFailures,
    /// A new process takes every picture for a new one.
    ForgetsMemory,
    /// A report that is sent again gets a new id.
    SealsTwice,
    /// Marks a report as sent when it goes out.
    MarksFirst,
    /// A report that is sent again gets other bytes.
    ChangesBytes,
    /// Keeps no note of an attempt.
    NotesNothing,
    /// A new process does not set the lot and the length of windows again.
    ForgetsSettings,
}

/// A process of the module.
#[derive(Debug)]
pub(crate) struct Counter {
    /// Deliveries that wait for the pipeline.
    pub(crate) queue: VecDeque<Delivery>,
    /// When each of the queue came.
    pub(crate) came: VecDeque<Instant>,
    pub(crate) hand: Option<Hand>,
    pub(crate) holding: Option<Holding>,
    pub(crate) repeats: RedeliveryWatch,
    pub(crate) attempts: AttemptLog,
    clock: ClockWatch,
    kernel: Kernel,
    pub(crate) rhythm: Rhythm,
    /// A round of sealing, and the time that it goes by.
    pub(crate) round: Option<(Round, Now)>,
    /// The trying changed while a round was under way.
    pub(crate) woken: bool,
    pub(crate) trying: Trying,
    pub(crate) sender: Sender,
    /// Something was sealed while the sender was at work.
    pub(crate) notified: bool,
    /// Only the last alarm of each part counts.
    alarms: [u64; 3],
}

/// What a process of the module does at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Pipeline,
    Sealer,
    Sender,
}

/// The delivery in hand.
#[derive(Debug)]
pub(crate) struct Hand {
    pub(crate) delivery: DeliveryId,
    pub(crate) came: Instant,
    pub(crate) picture: String,
    pub(crate) stage: Option<Stage>,
}

/// Where the sender is.
#[derive(Debug, Default)]
pub(crate) enum Sender {
    /// It waits for its alarm.
    #[default]
    Rests,
    /// It has something to do next.
    Does(Step),
    /// It has something for the session.
    Offers(Publish),
    /// It waits for what becomes of a publish.
    Awaits(PublishId, Publish),
}

impl Counter {
    pub(crate) fn new(counting: &Counting, attempts: AttemptLog, now: Instant) -> Self {
        let built = OffsetDateTime::from_unix_timestamp(1_700_000_000).expect("a date");
        Counter {
            queue: VecDeque::new(),
            came: VecDeque::new(),
            hand: None,
            holding: None,
            repeats: RedeliveryWatch::default(),
            attempts,
            clock: ClockWatch::new(Trust::Kernel, built, None),
            kernel: counting.kernel,
            rhythm: Rhythm::new(&counting.reporting(), monotonic(now)),
            round: None,
            woken: false,
            trying: Trying::default(),
            sender: Sender::Rests,
            notified: false,
            alarms: [0; 3],
        }
    }

    /// What its clock shows, wrong by `error` seconds.
    pub(crate) fn clock(&mut self, now: Instant, error: i64) -> Now {
        let reading = Reading {
            wall: wall(now, error),
            monotonic: now,
            kernel: self.kernel,
        };
        self.clock.read(reading).0
    }

    /// Sets the alarm of a part, in place of any other.
    pub(crate) fn set_alarm(&mut self, part: Part) -> u64 {
        let alarm = &mut self.alarms[part as usize];
        *alarm += 1;
        *alarm
    }

    pub(crate) fn waits_for(&self, part: Part, alarm: u64) -> bool {
        self.alarms[part as usize] == alarm
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.hand.is_none() && self.queue.is_empty() && matches!(self.sender, Sender::Rests)
    }

    /// What it is doing, for the tally of moments at which it was killed.
    pub(crate) fn moment(&self) -> &'static str {
        match self.hand.as_ref().map(|hand| &hand.stage) {
            Some(Some(Stage::LookUp(_))) => "before the look-up",
            Some(Some(Stage::Crashes(_))) => "before asking the notes",
            Some(Some(Stage::Begin(_))) => "before the note",
            Some(Some(Stage::Look(_))) => "looking",
            Some(Some(Stage::Forget(_))) => "before the note goes",
            Some(Some(Stage::Record(_))) => "before the commit",
            Some(Some(Stage::Acknowledge(_))) => "between commit and PUBACK",
            Some(None) => "in a stage",
            None if self.holding.is_some() => "holding",
            None if self.round.is_some() => "between two seals",
            None => match &self.sender {
                Sender::Does(Step::Mark(_)) => "between PUBACK and mark",
                Sender::Awaits(..) => "awaiting a PUBACK",
                Sender::Does(_) | Sender::Offers(_) => "about to publish",
                Sender::Rests => "idle",
            },
        }
    }
}

/// What [`Counter::moment`] may say between two steps.
pub(crate) const MOMENTS: [&str; 12] = [
    "before the look-up",
    "before asking the notes",
    "before the note",
    "looking",
    "before the note goes",
    "before the commit",
    "between commit and PUBACK",
    "holding",
    "between two seals",
    "between PUBACK and mark",
    "awaiting a PUBACK",
    "about to publish",
];

/// The clients' wall clock.
pub(crate) fn wall(now: Instant, error: i64) -> OffsetDateTime {
    let seconds = i64::try_from(unix(now, error)).expect("before the year 292 billion");
    let whole = OffsetDateTime::from_unix_timestamp(seconds).expect("a date");
    whole + Duration::from_nanos(u64::from(now.subsec_nanos()))
}

/// The world's time as the monotonic clock of the product has it.
pub(crate) fn monotonic(now: Instant) -> StdInstant {
    static BEGIN: OnceLock<StdInstant> = OnceLock::new();
    *BEGIN.get_or_init(StdInstant::now) + now
}

/// What is in a picture, which its name decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Nature {
    Ends(Outcome),
    /// Whoever looks at it dies.
    Poison,
}

pub(crate) fn nature(picture: &str) -> Nature {
    let classified = |label: &str| {
        let label = label.to_owned();
        Nature::Ends(Outcome::Classified { label })
    };
    let sum: u32 = picture.bytes().map(u32::from).sum();
    match (sum * 7 + 5) % 9 {
        0..=2 => classified("ripe"),
        3 | 4 => classified("unripe"),
        5 => Nature::Ends(Outcome::Unsure),
        6 => Nature::Ends(Outcome::Ignored),
        7 => Nature::Ends(Outcome::Rejected(RejectReason::Undecodable)),
        _ => Nature::Poison,
    }
}
