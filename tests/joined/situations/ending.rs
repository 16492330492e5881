//! The end of a session: in time, whatever it was doing.

use super::*;
use crate::faults::{Fault, GRACE, PARTING};
use crate::network::{Dialling, Way};

fn is_closed(world: &mut World) -> bool {
    world.client(Who::Module).session.is_none()
}

#[test]
fn work_in_hand_is_finished_and_acknowledged_before_the_end() {
    let mut world = calm(Setup::default());
    world.strike(Fault::Work(secs(3), secs(3)));
    take_picture(&mut world, 0);
    take_picture(&mut world, 0);
    world.run_for(secs(1));
    world.shut_down(Who::Module);
    world.run_for(secs(1));
    assert!(!is_closed(&mut world), "it waits for the work");
    world.run_for(secs(2));
    assert!(is_closed(&mut world));
    assert_eq!(world.ledger.counted, ["cam-0/1"]);
    assert_eq!(world.watch.seen.pubacks, 1);
    // What came meanwhile is left to the next.
    assert_eq!(world.hub.store.waiting_for_inputs(), 1);
    settle(&mut world);
    assert_eq!(world.ledger.counted, ["cam-0/1", "cam-0/2"]);
}

#[test]
fn work_that_outlasts_the_grace_is_left_to_the_next_process() {
    let mut world = calm(Setup::default());
    world.strike(Fault::Work(secs(20), secs(20)));
    take_picture(&mut world, 0);
    world.run_for(secs(1));
    world.strike(Fault::Restart(Who::Module));
    world.run_for(GRACE + PARTING);
    assert!(is_closed(&mut world));
    assert_eq!(world.watch.seen.pubacks, 0);
    settle(&mut world);
    assert_eq!(world.ledger.counted, ["cam-0/1"]);
}

#[test]
fn a_session_without_a_connection_ends_at_once() {
    let begin: [&[Fault]; 5] = [
        // Dialling, awaiting CONNACK, pausing before the next dial, refused, held.
        &[Fault::Dialling(Who::Module, Dialling::Hangs)],
        &[Fault::ConnectIsLost(Who::Module, true)],
        &[Fault::Dialling(Who::Module, Dialling::Fails)],
        &[Fault::WrongKey(Who::Module, true)],
        &[Fault::Hold(true)],
    ];
    for faults in begin {
        let mut world = World::new(Setup::default());
        world.run_for(Duration::ZERO);
        for fault in faults {
            world.strike(*fault);
        }
        // The first dial was planned before the fault; a new one meets it.
        if !matches!(faults[0], Fault::Hold(_)) {
            world.strike(Fault::Crash(Who::Module, secs(0)));
        }
        world.run_for(secs(15));
        assert!(!is_closed(&mut world) && !world.client(Who::Module).is_subscribed);
        world.shut_down(Who::Module);
        assert!(is_closed(&mut world), "{faults:?}");
        settle(&mut world);
    }
}

#[test]
fn a_session_ends_in_time_on_a_connection_that_carries_nothing() {
    let mut world = calm(Setup::default());
    world.strike(Fault::Work(secs(1), secs(1)));
    world.agenda.add(world.now, Happening::Report);
    take_picture(&mut world, 0);
    world.strike(Fault::Slow(Who::Module, Way::Up, secs(2)));
    world.run_for(secs(1));
    world.strike(Fault::HalfOpen(Who::Module, true, true));
    world.shut_down(Who::Module);
    world.run_for(GRACE);
    assert!(!is_closed(&mut world), "it waits for the confirmation");
    world.run_for(PARTING);
    assert!(is_closed(&mut world));
    settle(&mut world);
}
