//! Faults that the hub itself has on demand.

use devhub::hub::{Connects, Pubacks};
use edge_protocol::session::Refusal;

use super::*;
use crate::demand::Demand;
use crate::faults::Fault;
use crate::reckoning::MOST_DIALS;

fn demand(world: &mut World, demand: Demand) {
    world.strike(Fault::Demand(demand));
}

fn report(world: &mut World) {
    world.agenda.add(world.now, Happening::Report);
}

#[test]
fn late_pubacks_of_the_hub_confirm_everything_once() {
    let mut world = calm(Setup::default());
    demand(&mut world, Demand::Pubacks(Pubacks::Delayed(secs(45))));
    report(&mut world);
    world.run_for(secs(44));
    assert!(!world.ledger.reports["report/1"].confirmed);
    world.run_for(secs(2));
    assert!(world.ledger.reports["report/1"].confirmed);
    assert_eq!(losses(&mut world), []);
    settle(&mut world);
    assert_eq!(world.cloud.arrivals("report/1").0, 1);
}

/// MQTT knows no repetition on the same connection, so nothing else can help.
#[test]
fn a_puback_that_never_comes_is_made_up_for_by_the_next_connection() {
    let mut world = calm(Setup {
        token_lifetime: secs(600),
        ..Setup::default()
    });
    demand(&mut world, Demand::Pubacks(Pubacks::Withheld));
    report(&mut world);
    world.run_for(secs(10));
    demand(&mut world, Demand::Pubacks(Pubacks::AtOnce));
    report(&mut world);
    world.run_for(secs(10));
    let confirmed = |world: &World, name: &str| world.ledger.reports[name].confirmed;
    assert!(confirmed(&world, "report/2") && !confirmed(&world, "report/1"));
    // At the latest when the token is replaced with whatever is outstanding.
    world.run_for(secs(560));
    assert!(confirmed(&world, "report/1"));
    settle(&mut world);
    assert_eq!(world.cloud.arrivals("report/1").0, 2);
    assert_eq!(world.cloud.arrivals("report/2").0, 1);
}

#[test]
fn checklist_25_a_delivery_that_comes_again_after_its_puback_counts_once() {
    let mut world = calm(Setup::default());
    demand(&mut world, Demand::Redeliver(2));
    for _ in 0..3 {
        take_picture(&mut world, 0);
    }
    world.run_for(secs(2));
    let [first, second] = ["cam-0/1", "cam-0/2"];
    assert_eq!(sent(&world)[..3], [first, first, first]);
    assert_eq!(sent(&world)[3..], [second, "cam-0/3"]);
    settle(&mut world);
    assert_eq!(world.ledger.deliveries("cam-0/1"), 3);
    assert_eq!(world.ledger.counted.len(), 3);
}

#[test]
fn full_queues_leave_messages_with_their_senders() {
    let mut world = calm(Setup::default());
    demand(&mut world, Demand::FullQueues(true));
    take_picture(&mut world, 0);
    report(&mut world);
    world.run_for(secs(120));
    assert!(world.ledger.counted.is_empty());
    let most = world.client(Who::Module).dials_in_a_minute();
    assert!(most <= MOST_DIALS, "{most} dials");
    demand(&mut world, Demand::FullQueues(false));
    world.run_for(secs(20));
    assert_eq!(world.ledger.counted, ["cam-0/1"]);
    settle(&mut world);
}

#[test]
fn checklist_9_connects_that_are_ignored_refused_or_dropped_are_repeated_with_patience() {
    let refusal = Refusal::NotAuthorised;
    let after = secs(20);
    for (connects, cause) in [
        (Connects::Ignored, Cause::ConnackMissing { after }),
        (Connects::Refused, Cause::Refused { refusal }),
        (Connects::Dropped, Cause::PeerClosed),
    ] {
        let mut world = calm(Setup::default());
        demand(&mut world, Demand::Connects(connects));
        demand(&mut world, Demand::Drops(Some(Who::Module)));
        world.run_for(secs(600));
        let losses = losses(&mut world);
        assert_eq!((losses[0].1, losses[1].1), (Cause::PeerClosed, cause));
        assert!((6..=90).contains(&losses.len()), "{}", losses.len());
        settle(&mut world);
    }
}

#[test]
fn checklist_10_a_token_that_the_hub_takes_for_expired_is_replaced_at_once() {
    let mut world = calm(Setup::default());
    world.strike(Fault::Work(secs(2), secs(2)));
    take_picture(&mut world, 0);
    world.run_for(secs(1));
    demand(&mut world, Demand::Expires(None));
    world.run_for(secs(5));
    assert!(matches!(losses(&mut world)[..], [(_, Cause::PeerClosed)]));
    assert_eq!(world.ledger.counted, ["cam-0/1"]);
    settle(&mut world);
}

#[test]
fn a_hub_that_is_offline_keeps_reports_and_the_twin_goes_on() {
    let mut world = calm(Setup::default());
    demand(&mut world, Demand::Offline(true));
    report(&mut world);
    world.agenda.add(world.now, Happening::Patch);
    world.run_for(secs(60));
    assert_eq!(world.hub.store.waiting_for_cloud(), 1);
    assert_eq!(world.ledger.reported, Some(2));
    demand(&mut world, Demand::Offline(false));
    world.run_for(secs(2));
    assert_eq!(world.cloud.arrivals("report/1").0, 1);
    settle(&mut world);
}
