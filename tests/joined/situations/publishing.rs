//! Messages of cameras and the module on their way into the hub and upstream.

use super::*;
use crate::faults::Fault;
use crate::network::Way;

fn report(world: &mut World) {
    world.agenda.add(world.now, Happening::Report);
}

/// How often each of the first reports arrived upstream.
fn arrivals(world: &World, reports: usize) -> Vec<u32> {
    (1..=reports)
        .map(|number| world.cloud.arrivals(&format!("report/{number}")).0)
        .collect()
}

#[test]
fn slow_pubacks_of_the_hub_hold_the_window_and_double_nothing() {
    let mut world = calm(Setup::default());
    world.strike(Fault::Slow(Who::Module, Way::Down, secs(10)));
    for _ in 0..20 {
        report(&mut world);
    }
    world.run_for(secs(9));
    assert_eq!(arrivals(&world, 20).iter().sum::<u32>(), 8, "the window");
    world.run_for(secs(30));
    assert_eq!(arrivals(&world, 20), [1; 20]);
    assert_eq!(losses(&mut world), []);
    settle(&mut world);
}

#[test]
fn a_lost_confirmation_costs_a_second_copy_and_not_a_second_count() {
    let mut world = calm(Setup::default());
    let camera = Who::Camera(0);
    world.strike(Fault::Slow(camera, Way::Down, secs(5)));
    world.strike(Fault::Slow(Who::Module, Way::Down, secs(5)));
    take_picture(&mut world, 0);
    report(&mut world);
    world.run_for(secs(1));
    for who in [camera, Who::Module] {
        world.strike(Fault::Cut(who));
    }
    settle(&mut world);
    assert_eq!(world.ledger.deliveries("cam-0/1"), 2);
    assert_eq!(world.ledger.counted, ["cam-0/1"]);
    assert_eq!(arrivals(&world, 1), [2]);
}

#[test]
fn messages_wait_for_a_hub_that_is_away_and_its_queues_outlive_it() {
    let mut world = calm(Setup::default());
    world.strike(Fault::CloudIsOnline(false));
    world.strike(Fault::Crash(Who::Module, secs(300)));
    world.run_for(secs(1));
    take_picture(&mut world, 0);
    world.run_for(secs(1));
    assert_eq!(world.hub.store.waiting_for_inputs(), 1);
    world.strike(Fault::HubRestarts(secs(120), true));
    take_picture(&mut world, 0);
    report(&mut world);
    world.run_for(secs(150));
    assert_eq!(world.hub.store.waiting_for_inputs(), 2);
    settle(&mut world);
    assert_eq!(world.ledger.counted, ["cam-0/1", "cam-0/2"]);
    assert_eq!(arrivals(&world, 1), [1]);
}

#[test]
fn reports_are_confirmed_while_the_cloud_is_away_and_arrive_in_order_once() {
    let mut world = calm(Setup::default());
    world.strike(Fault::CloudIsOnline(false));
    for _ in 0..5 {
        report(&mut world);
        world.run_for(secs(60));
    }
    assert!(world.ledger.reports.values().all(|report| report.confirmed));
    assert_eq!(world.hub.store.waiting_for_cloud(), 5);
    world.strike(Fault::CloudIsOnline(true));
    world.run_for(secs(3));
    let names: Vec<_> = (1..=5).map(|number| format!("report/{number}")).collect();
    assert_eq!(world.cloud.order, names);
    assert_eq!(arrivals(&world, 5), [1; 5]);
    settle(&mut world);
}

#[test]
fn a_crash_sends_again_what_it_had_not_confirmed_and_only_that() {
    let mut world = calm(Setup::default());
    report(&mut world);
    world.run_for(secs(1));
    world.strike(Fault::Slow(Who::Module, Way::Down, secs(5)));
    report(&mut world);
    world.run_for(secs(1));
    world.strike(Fault::Crash(Who::Module, secs(0)));
    settle(&mut world);
    assert_eq!(arrivals(&world, 2), [1, 2]);
}
