//! Thousands of schedules, each from one seed.

use std::collections::{BTreeMap, BTreeSet};

use devhub::hub::Habits;

use crate::operator::Ending;
use crate::plan::TROUBLE;
use crate::watch::Seen;
use crate::world::World;

/// How many seeds are tried when nobody says otherwise.
const SCHEDULES: u64 = 2000;

/// Says which seed it was when something other than a promise breaks.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("JOINED_SEED={} repeats this schedule", self.0);
        }
    }
}

fn run(seed: u64, traced: bool) -> (Result<(), String>, World) {
    let mut world = World::of_seed(seed, traced);
    world.run_for(TROUBLE);
    let outcome = world.settle();
    (outcome, world)
}

/// A number from the environment.
pub(crate) fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is {text:?}, expected a number")),
    )
}

#[test]
fn no_schedule_of_faults_loses_or_doubles_anything() {
    let one = number("JOINED_SEED");
    let seeds = match one {
        Some(seed) => seed..=seed,
        None => 0..=number("JOINED_SCHEDULES").unwrap_or(SCHEDULES) - 1,
    };
    println!("schedules of seeds {seeds:?}");
    let mut all = Seen::default();
    let mut endings = BTreeMap::<Ending, u64>::new();
    let mut habits = BTreeSet::new();
    for seed in seeds.clone() {
        let guard = Seed(seed);
        let (outcome, world) = run(seed, one.is_some());
        if one.is_some() {
            println!("{}", world.trace.tell());
        }
        if let Err(what) = outcome {
            let story = run(seed, true).1.trace.tell();
            panic!("seed {seed}: {what}\nthe last of the story:\n{story}");
        }
        all.add(&world.watch.seen);
        for (_, ending) in &world.operator.ended {
            *endings.entry(*ending).or_default() += 1;
        }
        let chosen = serde_json::to_value(world.setup.habits).expect("names");
        for (name, values) in Habits::CHOICES {
            let value = values.iter().find(|value| chosen[*name] == **value);
            habits.insert((*name, value));
        }
        drop(guard);
    }
    println!("{all:?}\n{endings:?}");
    if one.is_none() {
        // A run that shows nothing proves nothing.
        let schedules = seeds.count() as u64;
        assert!(all.pubacks > 2 * schedules, "{all:?}");
        assert!(all.before_subscribe > schedules / 20, "{all:?}");
        assert!(all.overlapping > schedules / 100, "{all:?}");
        assert!(all.twin_failures > schedules / 50, "{all:?}");
        assert!(all.versions > all.in_step / 2 && all.in_step > all.twin_failures);
        assert!(all.reported > schedules, "{all:?}");
        let times = |ending| endings.get(&ending).copied().unwrap_or(0);
        assert!(times(Ending::Answered(200)) > 2 * schedules, "{endings:?}");
        for ending in [Ending::NotFound, Ending::TimedOut] {
            assert!(times(ending) > schedules / 4, "{endings:?}");
        }
        assert!(times(Ending::HubDied) >= schedules / 250, "{endings:?}");
        let choices = Habits::CHOICES.iter().flat_map(|(_, values)| *values);
        assert_eq!(habits.len(), choices.count(), "{habits:?}");
    }
}

/// Or a seed would be worth nothing.
#[test]
fn a_seed_tells_the_same_story_every_time() {
    for seed in 0..50 {
        let [once, again] = [(); 2].map(|()| run(seed, true).1);
        assert_eq!(once.trace.tell(), again.trace.tell(), "seed {seed}");
        assert_eq!(once.steps, again.steps, "seed {seed}");
    }
}
