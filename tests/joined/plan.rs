//! A whole schedule from one seed: what the world is made of, when pictures are taken, what
//! goes wrong and when it is right again.

mod counting;

use std::time::Duration;

use devhub::hub::{Connects, Habits, Pubacks, Twins};
use fastrand::Rng;

use crate::agenda::Happening;
use crate::application::Manner;
use crate::camera::Labels;
use crate::client::Who;
use crate::counter::Flaw;
use crate::demand::Demand;
use crate::faults::{Fault, Trigger, When};
use crate::network::{Dialling, Way};
use crate::setup::Setup;
use crate::world::World;

/// Faults come within so long; then all is well.
pub(crate) const TROUBLE: Duration = Duration::from_secs(240);
/// Steps that a short schedule has; faults at steps fall among them.
const STEPS: u64 = 120;

impl World {
    /// The world of a seed, with everything planned.
    pub(crate) fn of_seed(seed: u64, traced: bool) -> Self {
        // Another sequence than the one the world itself draws from.
        let mut dice = Rng::with_seed(seed ^ 0x5EED);
        let setup = setup(seed, traced, &mut dice);
        Self::planned(setup, &mut dice)
    }

    /// The same of a world whose module is the product's.
    pub(crate) fn of_counting_seed(seed: u64, flaw: Option<Flaw>, traced: bool) -> Self {
        let mut dice = Rng::with_seed(seed ^ 0xC0DE);
        let mut setup = setup(seed, traced, &mut dice);
        counting::choose(&mut setup, flaw, &mut dice);
        let mut world = Self::planned(setup, &mut dice);
        for _ in 0..dice.u32(1..=4) {
            counting::trouble(&mut world, &mut dice);
        }
        if counting::has_changes(seed) {
            for _ in 0..dice.u32(1..=6) {
                counting::change(&mut world, &mut dice);
            }
        }
        world
    }

    fn planned(setup: Setup, dice: &mut Rng) -> Self {
        let counts = setup.counting.is_some();
        let mut world = World::new(setup);
        for camera in 0..world.setup.cameras {
            for _ in 0..dice.u32(2..=6) {
                let at = sometime(dice);
                world.agenda.add(at, Happening::Picture { camera });
            }
        }
        for _ in 0..dice.u32(0..=3) {
            let at = sometime(dice);
            if !counts {
                world.agenda.add(at, Happening::Report);
            }
        }
        for _ in 0..dice.u32(0..=4) {
            let at = sometime(dice);
            world.agenda.add(at, Happening::Patch);
        }
        for _ in 0..dice.u32(0..=4) {
            let [response, connect] =
                [[5, 10, 30, 60], [0, 0, 5, 60]].map(|all| secs(*pick(dice, &all)));
            let at = sometime(dice);
            world.agenda.add(at, Happening::Call { response, connect });
        }
        for _ in 0..dice.u32(1..=6) {
            let (begin, end) = trouble(dice);
            // One lock, one process; and the product's module holds its connection by itself.
            if counts && matches!(begin, Fault::RivalStarts | Fault::Hold(_)) {
                continue;
            }
            let at_step = dice.u8(..3) == 0;
            if at_step {
                world.triggers.push(Trigger {
                    step: dice.u64(1..=STEPS),
                    when: *pick(dice, &[When::Before, When::After]),
                    fault: begin,
                });
                // It may come at any time, so the end of it comes with the end of all.
            } else {
                let at = sometime(dice);
                let lasts = secs(*pick(dice, &[1, 8, 25, 70, 200]));
                world.plan(at, begin);
                if let Some(end) = end {
                    world.plan((at + lasts).min(TROUBLE), end);
                }
            }
        }
        world
    }
}

fn setup(seed: u64, traced: bool, dice: &mut Rng) -> Setup {
    let millis = Duration::from_millis;
    let mut habits = Habits::default();
    for (name, values) in Habits::CHOICES {
        let value = values[dice.usize(..values.len())];
        let chosen = habits.choose(name, value);
        chosen.expect("a choice of the list");
    }
    Setup {
        seed,
        habits,
        cameras: dice.usize(1..=2),
        two_inputs: dice.bool(),
        token_lifetime: secs(*pick(dice, &[60, 150, 900, 3600])),
        time_to_live: *pick(dice, &[None, Some(secs(300)), Some(secs(7200))]),
        counting: None,
        labels: [Labels::default(); 3],
        latency: *pick(
            dice,
            &[
                (millis(1), millis(5)),
                (millis(1), millis(300)),
                (millis(200), millis(900)),
            ],
        ),
        publish_window: *pick(dice, &[1, 2, 8]),
        delivery_capacity: *pick(dice, &[1, 2, 32]),
        traced,
    }
}

/// A fault, and what ends it if it lasts.
fn trouble(dice: &mut Rng) -> (Fault, Option<Fault>) {
    let mut whom = *pick(dice, &[Who::Module, Who::Module, Who::Camera(0)]);
    let hours = *pick(dice, &[-30_i64, -2, -1, 1, 2, 50]) * 3600;
    let nudge = *pick(dice, &[-320_i64, -290, 290, 320]);
    let error = if dice.bool() { hours } else { nudge };
    match dice.u8(..34) {
        0 => (Fault::Cut(whom), None),
        1 => (Fault::CutHere, None),
        2 => (Fault::HalfOpen(whom, true, true), None),
        3 => (Fault::HalfOpen(whom, dice.bool(), true), None),
        4 => (Fault::HalfOpenHere(true, dice.bool()), None),
        5 => {
            let way = *pick(dice, &[Way::Up, Way::Down]);
            let by = secs(*pick(dice, &[2, 19, 25, 31, 45]));
            (
                Fault::Slow(whom, way, by),
                Some(Fault::Slow(whom, way, secs(0))),
            )
        }
        6 => {
            let how = *pick(dice, &[Dialling::Fails, Dialling::Hangs]);
            let ends = Fault::Dialling(whom, Dialling::Works);
            (Fault::Dialling(whom, how), Some(ends))
        }
        7 => (
            Fault::ConnectIsLost(whom, true),
            Some(Fault::ConnectIsLost(whom, false)),
        ),
        8 => (
            Fault::DropsAccepted(whom, true),
            Some(Fault::DropsAccepted(whom, false)),
        ),
        9 => (
            Fault::WrongKey(whom, true),
            Some(Fault::WrongKey(whom, false)),
        ),
        10 => (Fault::HubRestarts(secs(dice.u64(0..40)), true), None),
        11 => (
            Fault::HubRestarts(secs(1), false),
            Some(Fault::HubRestarts(secs(1), true)),
        ),
        12 => (Fault::ClientClock(error), Some(Fault::ClientClock(0))),
        13 => (Fault::HubClock(error), Some(Fault::HubClock(0))),
        14 => (Fault::RivalStarts, Some(Fault::RivalLeaves)),
        15 => {
            let later = secs(*pick(dice, &[0, 1, 20]));
            (Fault::Crash(Who::Module, later), None)
        }
        16 => {
            whom = Who::Module;
            (Fault::Restart(whom), None)
        }
        17 => {
            let work = (secs(0), secs(*pick(dice, &[5, 40, 100])));
            let normal = Fault::Work(Duration::from_millis(2), Duration::from_millis(80));
            (Fault::Work(work.0, work.1), Some(normal))
        }
        18 => (Fault::DropsOne, None),
        19 => (Fault::Hold(true), Some(Fault::Hold(false))),
        20 => (
            Fault::CloudIsOnline(false),
            Some(Fault::CloudIsOnline(true)),
        ),
        21 => (Fault::Freeze(whom, secs(*pick(dice, &[2, 35, 150]))), None),
        22 => {
            let slow = secs(*pick(dice, &[3, 40, 100]));
            let normal = Manner::default().answering;
            let ends = Fault::Answering(normal.0, normal.1);
            (Fault::Answering(secs(0), slow), Some(ends))
        }
        23 => (Fault::DropsCall, None),
        24 => (Fault::LosesPatches(dice.u32(1..=2)), None),
        25 => (Fault::ReplaysPatch, None),
        26 => (Fault::Crowded(true), Some(Fault::Crowded(false))),
        _ => {
            let (begin, end) = demand(dice, whom);
            (Fault::Demand(begin), end.map(Fault::Demand))
        }
    }
}

/// A fault that the hub has on demand, and what ends it if it lasts.
fn demand(dice: &mut Rng, whom: Who) -> (Demand, Option<Demand>) {
    let whom = dice.bool().then_some(whom);
    match dice.u8(..9) {
        0 => (Demand::Drops(whom), None),
        1 => (Demand::Expires(whom), None),
        2 => (Demand::Redeliver(dice.u32(1..=4)), None),
        3 => {
            let late = Pubacks::Delayed(secs(*pick(dice, &[1, 20, 45])));
            let how = *pick(dice, &[late, late, Pubacks::Withheld]);
            let ends = Demand::Pubacks(Pubacks::AtOnce);
            (Demand::Pubacks(how), Some(ends))
        }
        4 => {
            let all = [Connects::Ignored, Connects::Refused, Connects::Dropped];
            let ends = Demand::Connects(Connects::Answered);
            (Demand::Connects(*pick(dice, &all)), Some(ends))
        }
        5 | 6 => {
            let how = *pick(dice, &[Twins::Failing, Twins::Ignored]);
            let ends = Demand::Twins(Twins::Answered);
            (Demand::Twins(how), Some(ends))
        }
        7 => (Demand::Offline(true), Some(Demand::Offline(false))),
        _ => (Demand::FullQueues(true), Some(Demand::FullQueues(false))),
    }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn sometime(dice: &mut Rng) -> Duration {
    TROUBLE.mul_f64(dice.f64())
}

fn pick<'a, T>(dice: &mut Rng, all: &'a [T]) -> &'a T {
    &all[dice.usize(..all.len())]
}
