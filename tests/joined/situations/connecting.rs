//! Hubs that are away, late, dropping, or do not know us (yet).

use edge_protocol::session::{Cause, Refusal};

use super::*;
use crate::faults::Fault;
use crate::network::{Dialling, Way};
use crate::reckoning::MOST_DIALS;

const REFUSED: Cause = Cause::Refused {
    refusal: Refusal::NotAuthorised,
};

#[test]
fn checklist_5_a_takeover_closes_the_first_process_and_serves_the_second() {
    let mut world = calm(Setup::default());
    world.strike(Fault::Work(secs(2), secs(2)));
    take_picture(&mut world, 0);
    world.run_for(secs(1));
    assert_eq!(sent(&world), ["cam-0/1"]);
    world.strike(Fault::RivalStarts);
    assert!(world.run_until(secs(2), |world| {
        matches!(losses(world)[..], [(_, Cause::PeerClosed)])
    }));
    // The kept subscription serves the second at once, with what the first had in hand.
    assert_eq!(sent(&world), ["cam-0/1", "cam-0/1"]);
    assert_eq!(world.watch.seen.before_subscribe, 1);
    world.run_for(secs(20));
    world.strike(Fault::RivalLeaves);
    settle(&mut world);
    assert_eq!(world.ledger.counted, ["cam-0/1"]);
}

#[test]
fn two_processes_that_take_over_from_each_other_for_ever_do_not_hammer_the_hub() {
    let mut world = calm(Setup::default());
    world.strike(Fault::RivalStarts);
    for _ in 0..60 {
        take_picture(&mut world, 0);
        world.run_for(secs(30));
    }
    // Half an hour; each lets go of the other after 7.5 s at the earliest.
    let dials = world.client(Who::Rival).dials.len();
    assert!((30..=300).contains(&dials), "{dials} dials");
    settle(&mut world);
    assert_eq!(world.ledger.counted.len(), 60);
}

#[test]
fn checklist_9_a_late_connack_is_given_up_and_the_next_is_awaited_longer() {
    let mut world = World::new(Setup::default());
    world.strike(Fault::Slow(Who::Module, Way::Down, secs(25)));
    world.run_for(secs(21));
    let after = secs(20);
    assert!(matches!(
        losses(&mut world)[..],
        [(at, Cause::ConnackMissing { after: given })] if at >= after && given == after
    ));
    // The late CONNACK of the first connection falls on nobody; 40 s are enough.
    world.run_for(secs(30));
    assert_eq!(losses(&mut world).len(), 1);
    assert!(
        world
            .client(Who::Module)
            .session
            .as_ref()
            .is_some_and(|it| it.can_publish())
    );
    settle(&mut world);
}

#[test]
fn checklist_9_a_hub_that_loses_every_connect_is_asked_ever_more_patiently() {
    let mut world = World::new(Setup::default());
    world.strike(Fault::ConnectIsLost(Who::Module, true));
    world.run_for(secs(600));
    let given: Vec<_> = losses(&mut world)
        .into_iter()
        .map(|(_, cause)| cause)
        .collect();
    assert_eq!(given[0], Cause::ConnackMissing { after: secs(20) });
    assert_eq!(given[1], Cause::ConnackMissing { after: secs(40) });
    // From here on the hub is the first to give up: no CONNECT in 60 s.
    assert!(given[2..].iter().all(|cause| *cause == Cause::PeerClosed));
    assert!((9..=13).contains(&given.len()), "{given:?}");
    settle(&mut world);
}

#[test]
fn checklist_9_connack_5_is_answered_by_a_new_token_at_once_and_then_by_patience() {
    let mut world = World::new(Setup::default());
    world.strike(Fault::WrongKey(Who::Module, true));
    world.run_for(secs(900));
    assert!(
        losses(&mut world)
            .iter()
            .all(|(_, cause)| *cause == REFUSED)
    );
    let pauses = pauses(&mut world);
    assert!(pauses[0] < secs(1), "the new token comes at once");
    assert!(
        pauses[1..].iter().all(|pause| *pause >= secs(5)),
        "{pauses:?}"
    );
    assert!(pauses.len() >= 7, "it goes on trying: {pauses:?}");
    world.strike(Fault::WrongKey(Who::Module, false));
    assert!(world.run_until(secs(121), |world| world.client(Who::Module).is_subscribed));
    settle(&mut world);
}

#[test]
fn checklist_9_an_identity_that_the_hub_learns_late_is_found_and_its_queue_with_it() {
    let mut world = World::new(Setup::default());
    world.strike(Fault::HubRestarts(secs(0), false));
    world.run_for(secs(10));
    take_picture(&mut world, 0);
    world.run_for(secs(290));
    assert!(
        losses(&mut world)
            .iter()
            .any(|(_, cause)| *cause == REFUSED)
    );
    assert_eq!(world.hub.store.waiting_for_inputs(), 1);
    world.strike(Fault::HubRestarts(secs(1), true));
    assert!(world.run_until(secs(125), |world| world.ledger.has("cam-0/1")));
    settle(&mut world);
}

#[test]
fn a_hub_that_accepts_and_drops_is_not_hammered() {
    let mut world = World::new(Setup::default());
    world.strike(Fault::DropsAccepted(Who::Module, true));
    world.run_for(secs(1800));
    assert!(
        losses(&mut world)
            .iter()
            .all(|(_, cause)| *cause == Cause::PeerClosed)
    );
    let most = world.client(Who::Module).dials_in_a_minute();
    assert!(most <= MOST_DIALS, "{most} dials in the worst minute");
    let late: Vec<_> = pauses(&mut world).split_off(8);
    assert!(late.iter().all(|pause| *pause >= secs(7)), "{late:?}");
    settle(&mut world);
}

#[test]
fn a_dialling_that_hangs_is_given_up_and_one_that_fails_is_repeated_with_pauses() {
    for (how, cause, least, most) in [
        (
            Dialling::Hangs,
            Cause::DialTimedOut { after: secs(45) },
            9,
            14,
        ),
        (Dialling::Fails, Cause::DialFailed, 50, 90),
    ] {
        let mut world = calm(Setup::default());
        world.strike(Fault::Dialling(Who::Module, how));
        world.strike(Fault::Cut(Who::Module));
        world.run_for(secs(600));
        let losses = losses(&mut world);
        assert_eq!(losses[0].1, Cause::PeerClosed);
        assert!(
            losses[1..].iter().all(|(_, seen)| *seen == cause),
            "{losses:?}"
        );
        assert!(
            (least..=most).contains(&losses.len()),
            "{how:?}: {}",
            losses.len()
        );
        settle(&mut world);
    }
}
