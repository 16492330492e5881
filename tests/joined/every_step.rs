//! One short story, and each fault at each of its steps: before what arrives there is taken
//! in, and after.

use std::time::Duration;

use crate::agenda::Happening;
use crate::client::Who;
use crate::faults::{Fault, Trigger, When};
use crate::setup::Setup;
use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);

/// Two cameras and a module connect; three pictures are taken and two reports sent.
fn story() -> World {
    let mut world = World::new(Setup {
        cameras: 2,
        ..Setup::default()
    });
    for (at, camera) in [(0, 0), (0, 1), (1, 0)] {
        world.agenda.add(SECOND * at, Happening::Picture { camera });
    }
    for at in [0, 1] {
        world.agenda.add(SECOND * at, Happening::Report);
    }
    world
}

/// Runs the story with `fault` at each step; gives the number of steps.
fn at_every_step(fault: Fault) -> u64 {
    let mut whole = story();
    whole.settle().expect("the story without a fault");
    let steps = whole.steps;
    for step in 1..=steps {
        for when in [When::Before, When::After] {
            let mut world = story();
            world.triggers.push(Trigger { step, when, fault });
            world.run_for(10 * SECOND);
            if let Err(what) = world.settle() {
                let story = world.trace.tell();
                panic!("{fault:?} {when:?} step {step} of {steps}: {what}\n{story}");
            }
        }
    }
    steps
}

#[test]
fn a_cut_at_any_step_loses_and_doubles_nothing() {
    let steps = at_every_step(Fault::CutHere);
    // Three connections with CONNECT and CONNACK, one SUBSCRIBE, five messages with PUBACK,
    // three deliveries with PUBACK, three goodbyes.
    assert!(steps >= 3 * 3 + 2 + 5 * 2 + 3 * 2 + 3, "only {steps} steps");
}

#[test]
fn a_connection_that_goes_half_open_at_any_step_loses_and_doubles_nothing() {
    for (up, down) in [(true, true), (true, false), (false, true)] {
        at_every_step(Fault::HalfOpenHere(up, down));
    }
}

#[test]
fn a_restart_of_the_hub_at_any_step_loses_and_doubles_nothing() {
    at_every_step(Fault::HubRestarts(SECOND, true));
}

#[test]
fn a_crash_of_the_module_at_any_step_loses_and_doubles_nothing() {
    at_every_step(Fault::Crash(Who::Module, SECOND));
}

#[test]
fn a_shutdown_of_the_module_at_any_step_loses_and_doubles_nothing() {
    at_every_step(Fault::Restart(Who::Module));
}

#[test]
fn a_takeover_at_any_step_loses_and_doubles_nothing() {
    at_every_step(Fault::RivalStarts);
}

#[test]
fn a_delivery_dropped_at_any_step_comes_again() {
    at_every_step(Fault::DropsOne);
}
