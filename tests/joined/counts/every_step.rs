//! One short story of the product's module, and a death or a failure at each of its steps: each
//! stage of the pipeline, each seal, each step of the sender, each arrival.

use std::time::Duration;

use crate::agenda::Happening;
use crate::books::Disk;
use crate::client::Who;
use crate::counter::Counting;
use crate::faults::{Fault, Trigger, When};
use crate::setup::Setup;
use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);

/// Two cameras take three pictures; a window is a second, so that reports follow.
fn story() -> World {
    let mut world = World::new(Setup {
        cameras: 2,
        counting: Some(Counting {
            window: SECOND,
            ..Counting::default()
        }),
        ..Setup::default()
    });
    for (at, camera) in [(0, 0), (0, 1), (1, 0)] {
        world.agenda.add(SECOND * at, Happening::Picture { camera });
    }
    world
}

fn at_every_step(fault: Fault) {
    let mut whole = story();
    whole.run_for(4 * SECOND);
    let steps = whole.steps;
    whole.settle().expect("the story without a fault");
    assert!(steps > 80, "only {steps} steps");
    for step in 1..=steps {
        for when in [When::Before, When::After] {
            let mut world = story();
            world.triggers.push(Trigger { step, when, fault });
            world.run_for(4 * SECOND);
            if let Err(what) = world.settle() {
                let story = world.trace.tell();
                panic!("{fault:?} {when:?} step {step} of {steps}: {what}\n{story}");
            }
        }
    }
}

#[test]
fn a_kill_of_the_module_at_any_step_loses_and_doubles_no_count() {
    at_every_step(Fault::Crash(Who::Module, SECOND));
}

#[test]
fn a_write_that_fails_at_any_step_loses_and_doubles_no_count() {
    at_every_step(Fault::Disk(Disk::Fails(1)));
}

#[test]
fn a_flush_that_fails_after_its_commit_at_any_step_loses_and_doubles_no_count() {
    at_every_step(Fault::Disk(Disk::Doubts(1)));
}

#[test]
fn a_cut_at_any_step_loses_and_doubles_no_count() {
    at_every_step(Fault::CutHere);
}
