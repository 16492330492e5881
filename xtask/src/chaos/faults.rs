//! Which fault comes next, and which moment it is to hit. Pure: a seed goes in, and how the site
//! is; an order comes out.
//!
//! Faults come from a bag that holds each as often as its share says, shuffled by the seed. One that
//! does not fit the present state waits; a few may overtake it, and when nothing fits for long, any.

use std::time::Duration;

use fastrand::Rng;

use super::random;

/// A way for things to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    /// SIGKILL for the module.
    KillModule,
    /// SIGTERM for the module.
    StopModule,
    /// SIGSTOP for the module, SIGCONT a little later.
    PauseModule,
    /// The hub cuts the module's connection.
    DropModule,
    /// SIGKILL for the hub; it comes back on its store.
    KillHub,
    /// SIGTERM for the hub; it comes back on its store.
    StopHub,
    /// SIGSTOP for the hub, SIGCONT a little later.
    PauseHub,
    /// The hub cuts one camera's connection.
    DropCamera,
    /// The hub cuts all connections.
    DropAll,
    /// PUBACKs to cameras and to the module's reports come late for a while.
    LatePubacks,
    /// They never come for a while; then all connections are cut, so that senders send again.
    WithholdPubacks,
    /// Nothing leaves for the cloud for a while.
    Offline,
    /// The next input messages come once more after their PUBACK.
    Redeliver,
}

/// Every kind with its share of a hundred faults.
pub(super) const KINDS: [(Kind, usize); 13] = [
    (Kind::KillModule, 18),
    (Kind::StopModule, 4),
    (Kind::PauseModule, 8),
    (Kind::DropModule, 8),
    (Kind::KillHub, 8),
    (Kind::StopHub, 2),
    (Kind::PauseHub, 8),
    (Kind::DropCamera, 18),
    (Kind::DropAll, 2),
    (Kind::LatePubacks, 8),
    (Kind::WithholdPubacks, 3),
    (Kind::Offline, 5),
    (Kind::Redeliver, 8),
];

impl Kind {
    /// Its name in the result.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::KillModule => "killModule",
            Self::StopModule => "stopModule",
            Self::PauseModule => "pauseModule",
            Self::DropModule => "dropModule",
            Self::KillHub => "killHub",
            Self::StopHub => "stopHub",
            Self::PauseHub => "pauseHub",
            Self::DropCamera => "dropCamera",
            Self::DropAll => "dropAll",
            Self::LatePubacks => "latePubacks",
            Self::WithholdPubacks => "withholdPubacks",
            Self::Offline => "offline",
            Self::Redeliver => "redeliver",
        }
    }

    /// Whether frames cannot flow until somebody has come back.
    pub(super) fn interrupts(self) -> bool {
        match self {
            Self::KillModule
            | Self::StopModule
            | Self::DropModule
            | Self::KillHub
            | Self::StopHub
            | Self::DropAll => true,
            Self::PauseModule
            | Self::PauseHub
            | Self::DropCamera
            | Self::LatePubacks
            | Self::WithholdPubacks
            | Self::Offline
            | Self::Redeliver => false,
        }
    }

    fn aims(self) -> &'static [Aim] {
        match self {
            Self::KillModule => &[
                Aim::Any,
                Aim::DeliveryOut,
                Aim::Committed,
                Aim::Committed,
                Aim::ReportOut,
                Aim::Reports,
            ],
            Self::DropModule | Self::StopModule | Self::PauseModule | Self::DropAll => {
                &[Aim::Any, Aim::DeliveryOut]
            }
            Self::KillHub => &[
                Aim::Any,
                Aim::DeliveryOut,
                Aim::Committed,
                Aim::CameraOut,
                Aim::ReportOut,
            ],
            Self::StopHub | Self::PauseHub => &[Aim::Any, Aim::DeliveryOut, Aim::CameraOut],
            Self::DropCamera
            | Self::LatePubacks
            | Self::WithholdPubacks
            | Self::Offline
            | Self::Redeliver => &[Aim::Any],
        }
    }
}

/// The moment a fault waits for, within limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// Whenever it is.
    Any,
    /// A delivery is out at the module.
    DeliveryOut,
    /// A delivery is out, and the module has just committed its outcome.
    Committed,
    /// A camera's picture is queued and not confirmed.
    CameraOut,
    /// A report is at the hub and not confirmed.
    ReportOut,
    /// A sealed report is in the ledger and not known to be sent.
    Reports,
}

/// A fault to commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) kind: Kind,
    pub(super) aim: Aim,
    /// For what is random about this one.
    pub(super) dice: u64,
}

/// How the site is, as far as the choice depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Situation {
    /// PUBACKs of the module since the last interrupting fault.
    pub(super) flowed: u64,
    /// Pictures that the hub has and the module has not counted.
    pub(super) backlog: usize,
    /// Whether there is anything to flow.
    pub(super) has_work: bool,
    /// Since the last fault of any kind.
    pub(super) waited: Duration,
    /// For how long there has been none, if so.
    pub(super) stalled: Duration,
    pub(super) module_runs: bool,
    pub(super) module_frozen: bool,
    /// Whether a picture that is still to be counted was being worked on at two SIGKILLs: by its
    /// design the module takes the third for the picture's doing and rejects it as `crashed`.
    pub(super) is_tender: bool,
    /// Whether the hub listens and is not frozen.
    pub(super) hub_serves: bool,
    /// Late or withheld.
    pub(super) pubacks_wrong: bool,
    pub(super) offline: bool,
    /// How often the module has lost its connection since its start: its pauses grow with it.
    pub(super) module_losses: u32,
}

/// Stalled so long, and the module is killed, which forgets its pause before the next connect.
const PATIENCE: Duration = Duration::from_millis(2500);
/// The most PUBACKs that an interrupting fault waits for after the one before, while few pictures
/// wait.
const FLOW: u64 = 6;
/// The same, however many wait.
const MOST_FLOW: u64 = 18;
/// Of the next so many faults the first that fits has its turn.
const WINDOW: usize = 4;
/// More lost connections than this in one life of the module, and its pauses get too long.
const MOST_LOSSES: u32 = 3;

/// The seed's faults.
#[derive(Debug)]
pub(super) struct Schedule {
    random: Rng,
    bag: Vec<Kind>,
    next_aim: [usize; KINDS.len()],
    /// PUBACKs that the next interrupting fault waits for.
    flow: u64,
    /// Whether it waits for none.
    on_top: bool,
}

impl Schedule {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = random::stream(seed, 1);
        let next_aim = std::array::from_fn(|_| random.usize(..60));
        Self {
            random,
            bag: Vec::new(),
            next_aim,
            flow: 1,
            on_top: false,
        }
    }

    /// The pause before the next fault.
    pub(super) fn pause(&mut self) -> Duration {
        random::millis(&mut self.random, 10, 170)
    }

    /// Puts a shuffled hundred behind what is left.
    fn refill(&mut self) {
        let shares = KINDS.iter();
        let hundred = shares.flat_map(|(kind, share)| std::iter::repeat_n(*kind, *share));
        let mut bag: Vec<Kind> = hundred.collect();
        self.random.shuffle(&mut bag);
        bag.append(&mut self.bag);
        self.bag = bag;
    }

    /// Whether enough flows for the next interrupting fault.
    fn recovered(&self, now: &Situation) -> bool {
        // Pictures are to be counted amid the faults and not after them.
        let more = (now.backlog as u64 / 8).min(MOST_FLOW - FLOW);
        now.flowed >= self.flow + more || !now.has_work
    }

    /// The next fault that fits, if one does.
    pub(super) fn next(&mut self, now: &Situation) -> Option<Order> {
        // Now and then one comes on top of the one before.
        let on_top = self.on_top;
        let recovered = on_top || self.recovered(now);
        let fits = |kind: Kind| fits(kind, now, recovered);
        if self.bag.len() < WINDOW {
            self.refill();
        }
        let stuck = now.waited > PATIENCE;
        // Few may overtake one that waits, or the shares would not hold.
        let window = if stuck { self.bag.len() } else { WINDOW };
        let from = self.bag.len() - window;
        let mut at = self.bag[from..].iter().rposition(|kind| fits(*kind));
        // What is left may wait for something that only another fault brings about.
        if at.is_none() && stuck && KINDS.iter().any(|(kind, _)| fits(*kind)) {
            self.refill();
            at = self.bag.iter().rposition(|kind| fits(*kind));
            return at.and_then(|at| self.order(at));
        }
        self.order(from + at?)
    }

    /// The fault at a place in the bag, with its aim and dice.
    fn order(&mut self, at: usize) -> Option<Order> {
        let kind = self.bag.remove(at);
        let place = KINDS.iter().position(|(known, _)| *known == kind)?;
        if kind.interrupts() {
            self.flow = 1 + self.random.u64(..FLOW);
            self.on_top = self.random.usize(..8) == 0;
        }
        let aims = kind.aims();
        let aim = aims[self.next_aim[place] % aims.len()];
        self.next_aim[place] += 1;
        Some(Order {
            kind,
            aim,
            dice: self.random.u64(..),
        })
    }
}

fn fits(kind: Kind, now: &Situation, recovered: bool) -> bool {
    let stuck = now.stalled > PATIENCE;
    match kind {
        Kind::KillModule => now.module_runs && !now.is_tender && (recovered || stuck),
        Kind::StopModule => now.module_runs && !now.module_frozen && (recovered || stuck),
        Kind::PauseModule => now.module_runs && !now.module_frozen,
        Kind::KillHub | Kind::StopHub | Kind::DropModule | Kind::DropAll => {
            recovered && now.hub_serves && now.module_losses < MOST_LOSSES
        }
        Kind::PauseHub | Kind::DropCamera | Kind::Redeliver => now.hub_serves,
        Kind::LatePubacks => now.hub_serves && !now.pubacks_wrong,
        Kind::WithholdPubacks => {
            now.hub_serves && !now.pubacks_wrong && now.module_losses < MOST_LOSSES
        }
        Kind::Offline => now.hub_serves && !now.offline,
    }
}

#[cfg(test)]
#[path = "faults_tests.rs"]
mod tests;
