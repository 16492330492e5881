//! One short story, and each fault at each of its steps: before what arrives there is taken
//! in, and after.

use std::time::Duration;

use devhub::hub::Twins;

use crate::agenda::Happening;
use crate::client::Who;
use crate::demand::Demand;
use crate::faults::{Fault, Trigger, When};
use crate::setup::Setup;
use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);

/// Two cameras and a module connect; three pictures are taken and two reports sent, desired
/// properties change and a method is called.
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
    world.agenda.add(SECOND / 2, Happening::Patch);
    let (response, connect) = (6 * SECOND, SECOND);
    let call = Happening::Call { response, connect };
    world.agenda.add(SECOND, call);
    world
}

/// Runs the story with `fault` at each step; gives the number of steps.
fn at_every_step(fault: Fault) -> u64 {
    let mut whole = story();
    whole.run_for(10 * SECOND);
    let steps = whole.steps;
    whole.settle().expect("the story without a fault");
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
    // three deliveries with PUBACK; one question and two reports with PUBACK and answer, one
    // patch, one call with its answer and PUBACK.
    let requests = 3 * 3 + 1 + 3;
    assert!(
        steps >= 3 * 3 + 2 + 5 * 2 + 3 * 2 + requests,
        "only {steps} steps"
    );
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

#[test]
fn a_twin_that_fails_or_falls_silent_at_any_step_is_followed_in_the_end() {
    for twins in [Twins::Failing, Twins::Ignored] {
        at_every_step(Fault::Demand(Demand::Twins(twins)));
    }
}

#[test]
fn a_call_dropped_at_any_step_has_its_one_outcome() {
    at_every_step(Fault::DropsCall);
}
