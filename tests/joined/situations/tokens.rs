//! Tokens that end, and clocks that step.

use edge_protocol::session::{Cause, Refusal};

use super::*;
use crate::faults::Fault;

const HOUR: i64 = 3600;

#[test]
fn checklist_10_nothing_is_lost_or_doubled_over_many_renewals() {
    let mut world = calm(Setup {
        token_lifetime: secs(60),
        ..Setup::default()
    });
    world.strike(Fault::Work(secs(0), secs(3)));
    for _ in 0..150 {
        take_picture(&mut world, 0);
        world.run_for(secs(4));
    }
    let losses = losses(&mut world);
    assert!((10..=13).contains(&losses.len()), "{losses:?}");
    assert!(
        losses
            .iter()
            .all(|(_, cause)| *cause == Cause::TokenRenewal)
    );
    settle(&mut world);
    assert_eq!(world.ledger.counted.len(), 150);
    // A renewal waits for what is in hand, so nothing even comes twice.
    assert_eq!(sent(&world).len(), 150);
}

#[test]
fn checklist_10_a_renewal_waits_for_the_work_in_hand_but_not_beyond_the_token() {
    let mut world = calm(Setup {
        token_lifetime: secs(60),
        ..Setup::default()
    });
    // In hand from the 45th second to the 75th; the token is replaced in the 57th.
    world.strike(Fault::Work(secs(30), secs(30)));
    world.run_for(secs(44));
    take_picture(&mut world, 0);
    world.run_for(secs(11));
    assert_eq!(losses(&mut world), []);
    world.run_for(secs(3));
    let limit = secs(57);
    assert!(matches!(
        losses(&mut world)[..],
        [(at, Cause::TokenRenewal)] if at > limit && at < limit + secs(1)
    ));
    settle(&mut world);
    assert_eq!(world.ledger.counted, ["cam-0/1"]);
    assert!(sent(&world).len() >= 2);
}

#[test]
fn a_connection_whose_token_the_hub_ends_early_is_replaced_at_once() {
    let mut world = World::new(Setup {
        token_lifetime: secs(60),
        ..Setup::default()
    });
    // The token ends 260 s before it begins, by the hub's clock; 300 s are forgiven.
    world.strike(Fault::ClientClock(-320));
    for _ in 0..60 {
        take_picture(&mut world, 0);
        world.run_for(secs(5));
    }
    let losses = losses(&mut world);
    assert!((7..=8).contains(&losses.len()), "{losses:?}");
    assert!(losses.iter().all(|(_, cause)| *cause == Cause::PeerClosed));
    assert!(pauses(&mut world).iter().all(|pause| *pause < secs(41)));
    settle(&mut world);
    assert_eq!(world.ledger.counted.len(), 60);
}

#[test]
fn steps_of_either_clock_neither_close_a_connection_nor_lose_a_picture() {
    let mut world = calm(Setup::default());
    let steps = [2, -2, 50, -50, 0].map(|hours| hours * HOUR);
    for fault in [Fault::ClientClock, Fault::HubClock] {
        for error in steps {
            world.strike(fault(error));
            take_picture(&mut world, 0);
            world.run_for(secs(120));
        }
    }
    assert_eq!(losses(&mut world), []);
    settle(&mut world);
    assert_eq!(world.ledger.counted.len(), 10);
}

#[test]
fn a_client_whose_clock_is_hours_behind_is_refused_until_it_is_right() {
    let mut world = World::new(Setup::default());
    world.strike(Fault::ClientClock(-2 * HOUR));
    world.run_for(secs(300));
    let refusal = Refusal::NotAuthorised;
    let losses = losses(&mut world);
    assert!(
        losses
            .iter()
            .all(|(_, cause)| *cause == Cause::Refused { refusal })
    );
    assert!((4..=20).contains(&losses.len()), "{losses:?}");
    world.strike(Fault::ClientClock(0));
    assert!(world.run_until(secs(121), |world| world.client(Who::Module).is_subscribed));
    settle(&mut world);
}

#[test]
fn a_token_from_a_clock_that_was_ahead_is_still_replaced_in_time() {
    let mut world = World::new(Setup {
        token_lifetime: secs(600),
        ..Setup::default()
    });
    world.strike(Fault::ClientClock(HOUR));
    world.run_for(secs(10));
    world.strike(Fault::ClientClock(0));
    world.run_for(secs(600));
    assert!(matches!(losses(&mut world)[..], [(_, Cause::TokenRenewal)]));
    settle(&mut world);
}

#[test]
fn only_pictures_whose_time_is_over_by_the_hubs_clock_are_gone() {
    let mut world = calm(Setup {
        time_to_live: Some(secs(7200)),
        ..Setup::default()
    });
    world.strike(Fault::Crash(Who::Module, secs(120)));
    take_picture(&mut world, 0);
    world.run_for(secs(60));
    world.strike(Fault::HubClock(3 * HOUR));
    world.strike(Fault::ClientClock(3 * HOUR));
    take_picture(&mut world, 0);
    world.run_for(secs(120));
    settle(&mut world);
    assert_eq!(world.ledger.counted, ["cam-0/2"]);
    assert!(world.watch.expired.contains("cam-0/1"));
}
