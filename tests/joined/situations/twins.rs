//! The module's twin: whole, in order, and never the connection's fault.

use devhub::hub::Twins;
use edge_protocol::session::TwinFailure;
use serde_json::{Value, json};

use super::*;
use crate::demand::Demand;
use crate::faults::Fault;
use crate::network::{Dialling, Way};

/// What a twin request may take.
const DEADLINE: Duration = Duration::from_secs(30);

fn patch(world: &mut World) {
    world.agenda.add(world.now, Happening::Patch);
}

fn shown(world: &mut World) -> Option<u64> {
    world.client(Who::Module).application()?.shown
}

fn reported(world: &World) -> Value {
    let twin = world.hub.twin().expect("a hub that runs");
    twin["reported"].clone()
}

#[test]
fn checklist_37_a_failing_twin_costs_no_connection_and_no_picture() {
    let mut world = World::new(Setup::default());
    world.run_for(Duration::ZERO);
    world.strike(Fault::Demand(Demand::Twins(Twins::Failing)));
    for _ in 0..30 {
        take_picture(&mut world, 0);
        world.run_for(secs(10));
    }
    assert_eq!(losses(&mut world), []);
    assert_eq!(world.ledger.counted.len(), 30);
    let failures = world.client(Who::Module).twin_failures.clone();
    let refused = TwinFailure::Refused { status: 500 };
    assert!(failures.iter().all(|(_, failure)| *failure == refused));
    // 1 s doubling to 60 s, halved by jitter at most.
    assert!((8..=16).contains(&failures.len()), "{failures:?}");
    assert_eq!(shown(&mut world), None);
    world.strike(Fault::Demand(Demand::Twins(Twins::Answered)));
    world.run_for(secs(61));
    assert_eq!(shown(&mut world), Some(1));
    settle(&mut world);
}

#[test]
fn checklist_37_a_silent_twin_is_given_up_and_costs_no_connection_and_no_picture() {
    let mut world = World::new(Setup::default());
    world.run_for(Duration::ZERO);
    world.strike(Fault::Demand(Demand::Twins(Twins::Ignored)));
    take_picture(&mut world, 0);
    world.run_for(secs(29));
    assert_eq!(world.ledger.counted, ["cam-0/1"]);
    assert_eq!(world.client(Who::Module).twin_failures, []);
    world.run_for(secs(270));
    assert_eq!(losses(&mut world), []);
    let failures = world.client(Who::Module).twin_failures.clone();
    let late = TwinFailure::TimedOut { after: DEADLINE };
    assert!(failures.iter().all(|(_, failure)| *failure == late));
    assert!((4..=8).contains(&failures.len()), "{failures:?}");
    settle(&mut world);
    assert_eq!(losses(&mut world), []);
}

#[test]
fn checklist_37_a_report_without_an_answer_is_repeated_until_it_has_one() {
    let mut world = calm(Setup::default());
    assert_eq!(reported(&world)["held"], 1);
    for twins in [Twins::Failing, Twins::Ignored] {
        world.strike(Fault::Demand(Demand::Twins(twins)));
        let held = shown(&mut world);
        patch(&mut world);
        world.run_for(secs(100));
        assert_eq!(shown(&mut world), held.map(|held| held + 1));
        assert_eq!(json!(held), reported(&world)["held"], "{twins:?}");
        world.strike(Fault::Demand(Demand::Twins(Twins::Answered)));
        world.run_for(DEADLINE + secs(6));
        assert_eq!(json!(shown(&mut world)), reported(&world)["held"]);
    }
    assert_eq!(losses(&mut world), []);
    settle(&mut world);
}

#[test]
fn checklist_38_patches_made_while_the_module_is_away_come_with_the_whole_twin() {
    let mut world = calm(Setup::default());
    patch(&mut world);
    world.run_for(secs(1));
    assert_eq!(shown(&mut world), Some(2));
    world.strike(Fault::Dialling(Who::Module, Dialling::Fails));
    world.strike(Fault::Cut(Who::Module));
    world.run_for(secs(10));
    for _ in 0..3 {
        patch(&mut world);
    }
    world.run_for(secs(10));
    assert_eq!(shown(&mut world), Some(2), "the last good one stays");
    world.strike(Fault::Dialling(Who::Module, Dialling::Works));
    world.run_for(secs(20));
    assert_eq!(shown(&mut world), Some(5));
    // Versions 1 and 2, and then the last of the three at once.
    assert_eq!(world.watch.seen.versions, 3);
    settle(&mut world);
}

#[test]
fn checklist_38_patches_that_cross_the_question_are_neither_lost_nor_taken_twice() {
    // In each of these moments after the CONNECT a patch meets another stage of the client:
    // no SUBACK yet, the question under way, the answer under way.
    for tenths in 0..40 {
        let mut world = calm(Setup::default());
        for way in [Way::Up, Way::Down] {
            world.strike(Fault::Slow(Who::Module, way, Duration::from_millis(500)));
        }
        world.strike(Fault::Crash(Who::Module, Duration::ZERO));
        world.run_for(Duration::from_millis(100 * tenths));
        patch(&mut world);
        patch(&mut world);
        world.run_for(secs(6));
        assert_eq!(shown(&mut world), Some(3), "{tenths} tenths of a second");
        assert_eq!(world.client(Who::Module).twin_failures, []);
        settle(&mut world);
    }
}

#[test]
fn checklist_38_a_gap_is_closed_by_asking_at_once() {
    let mut world = calm(Setup::default());
    world.strike(Fault::LosesPatches(2));
    patch(&mut world);
    patch(&mut world);
    world.run_for(secs(100));
    assert_eq!(shown(&mut world), Some(1), "nobody can know");
    patch(&mut world);
    world.run_for(secs(1));
    assert_eq!(shown(&mut world), Some(4));
    assert_eq!(world.watch.seen.versions, 2, "none in between");
    assert_eq!(world.client(Who::Module).twin_failures, []);
    assert_eq!(losses(&mut world), []);
    settle(&mut world);
}

#[test]
fn checklist_38_a_patch_on_a_dead_connection_comes_with_the_next_one() {
    let mut world = calm(Setup::default());
    world.strike(Fault::HalfOpen(Who::Module, false, true));
    patch(&mut world);
    world.run_for(secs(10));
    assert_eq!(shown(&mut world), Some(1));
    world.strike(Fault::HubRestarts(secs(1), true));
    world.run_for(secs(2));
    patch(&mut world);
    world.run_for(secs(120));
    assert_eq!(shown(&mut world), Some(3));
    settle(&mut world);
}

#[test]
fn checklist_38_a_replayed_patch_is_ignored() {
    let mut world = calm(Setup::default());
    patch(&mut world);
    patch(&mut world);
    world.run_for(secs(1));
    assert_eq!(shown(&mut world), Some(3));
    let versions = world.watch.seen.versions;
    // Each of both at times.
    for _ in 0..10 {
        world.strike(Fault::ReplaysPatch);
        world.run_for(secs(1));
    }
    assert_eq!(shown(&mut world), Some(3));
    assert_eq!(world.watch.seen.versions, versions);
    assert_eq!(losses(&mut world), []);
    settle(&mut world);
}
