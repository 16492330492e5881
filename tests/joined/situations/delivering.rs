//! Deliveries and their acknowledgements.

use super::*;
use crate::faults::Fault;
use crate::network::Way;

/// The hub's patience for a PUBACK.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn checklist_11_a_delivery_before_subscribe_is_counted_and_acknowledged() {
    let mut world = calm(Setup::default());
    world.strike(Fault::Crash(Who::Module, secs(5)));
    take_picture(&mut world, 0);
    world.run_for(secs(4));
    assert!(sent(&world).is_empty());
    world.run_for(secs(2));
    assert_eq!(world.watch.seen.before_subscribe, 1);
    assert_eq!(world.watch.seen.pubacks, 1);
    assert_eq!(world.ledger.counted, ["cam-0/1"]);
    settle(&mut world);
}

#[test]
fn a_hub_that_restarts_still_knows_the_queue_and_the_subscription() {
    let mut world = calm(Setup::default());
    world.strike(Fault::Crash(Who::Module, secs(60)));
    take_picture(&mut world, 0);
    world.run_for(secs(1));
    world.strike(Fault::HubRestarts(secs(5), true));
    world.run_for(secs(60));
    assert_eq!(world.watch.seen.before_subscribe, 1);
    assert_eq!(world.ledger.counted, ["cam-0/1"]);
    settle(&mut world);
}

#[test]
fn checklist_23_one_delivery_is_out_at_a_time_over_two_inputs() {
    let mut world = calm(Setup {
        cameras: 2,
        two_inputs: true,
        ..Setup::default()
    });
    world.strike(Fault::Work(secs(1), secs(1)));
    for camera in [0, 1, 0, 1, 0, 1] {
        take_picture(&mut world, camera);
    }
    world.run_for(secs(10));
    assert_eq!(world.ledger.counted.len(), 6);
    let times: Vec<_> = world.watch.sent.iter().map(|sent| sent.at).collect();
    assert!(
        times.is_sorted_by(|one, next| *next >= *one + secs(1)),
        "{times:?}"
    );
    settle(&mut world);
}

#[test]
fn checklist_23a_every_delivery_gets_its_puback_duplicates_too() {
    let mut world = calm(Setup::default());
    // Beyond the hub's patience: the same picture comes again and again.
    world.strike(Fault::Work(secs(35), secs(35)));
    take_picture(&mut world, 0);
    world.run_for(secs(40));
    world.strike(Fault::Work(secs(0), secs(0)));
    take_picture(&mut world, 0);
    world.run_for(secs(40));
    // The third is done before the second, and its PUBACK waits for the second's.
    assert_eq!(sent(&world), ["cam-0/1", "cam-0/1", "cam-0/1", "cam-0/2"]);
    let seen = world.watch.seen;
    assert_eq!((seen.deliveries, seen.pubacks, seen.overlapping), (4, 4, 2));
    assert_eq!(world.ledger.deliveries("cam-0/1"), 3);
    settle(&mut world);
    assert_eq!(world.ledger.counted, ["cam-0/1", "cam-0/2"]);
}

#[test]
fn checklist_24_what_was_not_acknowledged_comes_again_first_and_the_order_stays() {
    let mut world = calm(Setup::default());
    world.strike(Fault::Freeze(Who::Module, secs(70)));
    for _ in 0..3 {
        take_picture(&mut world, 0);
        world.run_for(secs(1));
    }
    world.run_for(secs(70));
    let [first, second, third] = ["cam-0/1", "cam-0/2", "cam-0/3"];
    assert_eq!(sent(&world), [first, first, first, second, third]);
    let times: Vec<_> = world.watch.sent.iter().map(|sent| sent.at).collect();
    assert_eq!(times[1] - times[0], PATIENCE);
    assert_eq!(times[2] - times[1], PATIENCE);
    settle(&mut world);
    assert_eq!(world.ledger.counted, [first, second, third]);
}

#[test]
fn checklist_25_equal_packet_ids_are_separate_deliveries_and_a_repeat_counts_once() {
    let mut world = calm(Setup::default());
    world.strike(Fault::Work(secs(31), secs(31)));
    take_picture(&mut world, 0);
    take_picture(&mut world, 0);
    world.run_for(secs(5));
    world.strike(Fault::Work(secs(0), secs(0)));
    world.run_for(secs(24));
    assert_eq!(world.watch.seen.pubacks, 0);
    // The repeat is done at once, a second before the first is.
    world.run_for(secs(5));
    assert_eq!(sent(&world), ["cam-0/1", "cam-0/1", "cam-0/2"]);
    assert_eq!(world.watch.seen.pubacks, 3);
    assert_eq!(world.ledger.counted, ["cam-0/1", "cam-0/2"]);
    settle(&mut world);
}

#[test]
fn checklist_28_pictures_wait_for_a_module_that_is_away_and_come_in_order() {
    let mut world = calm(Setup::default());
    world.strike(Fault::Crash(Who::Module, secs(600)));
    for _ in 0..5 {
        take_picture(&mut world, 0);
        world.run_for(secs(100));
    }
    assert_eq!(world.hub.store.waiting_for_inputs(), 5);
    world.run_for(secs(105));
    let inputs: Vec<_> = (1..=5).map(|number| format!("cam-0/{number}")).collect();
    assert_eq!(world.ledger.counted, inputs);
    settle(&mut world);
}

#[test]
fn pubacks_that_arrive_after_the_hubs_patience_shift_nothing() {
    let mut world = calm(Setup::default());
    world.strike(Fault::Slow(Who::Module, Way::Up, secs(31)));
    for _ in 0..3 {
        take_picture(&mut world, 0);
    }
    world.run_for(secs(200));
    // Each PUBACK is taken for the delivery before the one that is out.
    assert_eq!(world.hub.store.waiting_for_inputs(), 3);
    world.strike(Fault::Slow(Who::Module, Way::Up, secs(0)));
    world.run_for(secs(65));
    assert_eq!(world.ledger.counted.len(), 3);
    assert_eq!(world.hub.store.waiting_for_inputs(), 0);
    assert_eq!(losses(&mut world), []);
    settle(&mut world);
}

#[test]
fn a_delivery_that_the_application_drops_comes_again_on_a_new_connection() {
    let mut world = calm(Setup::default());
    world.strike(Fault::DropsOne);
    take_picture(&mut world, 0);
    world.run_for(secs(2));
    let sockets: Vec<_> = world.watch.sent.iter().map(|sent| sent.socket).collect();
    assert!(
        matches!(sockets[..], [first, again] if first != again),
        "{sockets:?}"
    );
    assert_eq!(world.watch.seen.pubacks, 1);
    assert_eq!(world.ledger.counted, ["cam-0/1"]);
    settle(&mut world);
}
