//! What nobody is sure of in edgeHub, both ways, wherever it changes the story.

use devhub::hub::{ConnectionLoss, Crowd, Habits, PacketIds, Retry};

use super::*;
use crate::demand::Demand;
use crate::faults::Fault;
use crate::network::Dialling;

fn with(habits: Habits) -> Setup {
    Setup {
        habits,
        ..Setup::default()
    }
}

/// When the hub sent each delivery, in whole seconds since `since`.
fn times(world: &World, since: Instant) -> Vec<u64> {
    let sent = world.watch.sent.iter();
    sent.map(|sent| (sent.at.saturating_sub(since)).as_secs())
        .collect()
}

#[test]
fn checklist_23a_pubacks_fit_whether_they_are_matched_by_order_or_by_id() {
    for packet_ids in [PacketIds::One, PacketIds::Rising] {
        let mut world = calm(with(Habits {
            packet_ids,
            ..Habits::default()
        }));
        // The first comes again after the hub's patience, and is done with last.
        world.strike(Fault::Work(secs(35), secs(35)));
        take_picture(&mut world, 0);
        take_picture(&mut world, 0);
        world.run_for(secs(20));
        world.strike(Fault::Work(secs(0), secs(0)));
        world.run_for(secs(20));
        assert_eq!(sent(&world), ["cam-0/1", "cam-0/1", "cam-0/2"]);
        let seen = world.watch.seen;
        assert_eq!((seen.deliveries, seen.pubacks), (3, 3), "{packet_ids:?}");
        // Only the one that had been given up is for nothing.
        let stray = world.hub.counters().map(|it| it.stray_acknowledgements);
        assert_eq!(stray, Some(1), "{packet_ids:?}");
        settle(&mut world);
        assert_eq!(world.ledger.counted, ["cam-0/1", "cam-0/2"]);
    }
}

#[test]
fn what_was_out_on_a_lost_connection_comes_at_once_or_after_its_time_and_counts_once() {
    for (connection_loss, again) in [
        (ConnectionLoss::AtOnce, 5..=8),
        (ConnectionLoss::AfterTimeout, 30..=30),
    ] {
        let mut world = calm(with(Habits {
            connection_loss,
            ..Habits::default()
        }));
        world.strike(Fault::Work(secs(10), secs(10)));
        take_picture(&mut world, 0);
        world.run_for(secs(5));
        world.strike(Fault::Demand(Demand::Drops(Some(Who::Module))));
        world.run_for(secs(40));
        let first = world.watch.sent[0].at;
        let times = times(&world, first);
        assert!(
            matches!(times[..], [0, second] if again.contains(&second)),
            "{connection_loss:?}: {times:?}"
        );
        settle(&mut world);
        assert_eq!(world.ledger.counted, ["cam-0/1"]);
    }
}

#[test]
fn checklist_28_pictures_for_a_module_that_was_away_come_at_once_or_at_the_next_try() {
    for (retry, patience) in [(Retry::AtOnce, 2), (Retry::Backoff, 62)] {
        let mut world = calm(with(Habits {
            retry,
            ..Habits::default()
        }));
        world.strike(Fault::Crash(Who::Module, secs(70)));
        take_picture(&mut world, 0);
        let away = world.now;
        world.run_for(secs(200));
        let times = times(&world, away);
        // Tries after 1, 3, 7, 15, 31, 63 and 123 s; the module is back after 70.
        let late = times[0] - 70;
        assert!(late < patience, "{retry:?}: {late} s");
        assert_eq!(late > 2, retry == Retry::Backoff);
        assert_eq!(world.ledger.counted, ["cam-0/1"]);
        settle(&mut world);
    }
}

#[test]
fn checklist_24_what_is_not_acknowledged_comes_again_at_once_or_ever_later() {
    for (retry, expected) in [
        (Retry::AtOnce, [0, 30, 60, 90]),
        (Retry::Backoff, [0, 31, 63, 97]),
    ] {
        let mut world = calm(with(Habits {
            retry,
            ..Habits::default()
        }));
        world.strike(Fault::Work(secs(100), secs(100)));
        take_picture(&mut world, 0);
        world.run_for(secs(99));
        let first = world.watch.sent[0].at;
        assert_eq!(times(&world, first), expected, "{retry:?}");
        settle(&mut world);
        assert_eq!(world.ledger.counted, ["cam-0/1"]);
    }
}

#[test]
fn a_client_that_is_one_too_many_is_served_or_ignored_and_gives_up_by_itself() {
    for crowd in [Crowd::Serve, Crowd::Ignore] {
        let mut world = calm(with(Habits {
            crowd,
            ..Habits::default()
        }));
        world.strike(Fault::Dialling(Who::Module, Dialling::Hangs));
        world.strike(Fault::Crowded(true));
        world.run_for(secs(30));
        let before = losses(&mut world).len();
        // The camera has the only place when the module comes.
        world.strike(Fault::Dialling(Who::Module, Dialling::Works));
        world.run_for(secs(120));
        take_picture(&mut world, 0);
        world.run_for(secs(10));
        let given_up = losses(&mut world)[before..]
            .iter()
            .filter(|(_, cause)| *cause == Cause::SubackMissing { after: secs(20) })
            .count();
        match crowd {
            Crowd::Serve => assert_eq!(world.ledger.counted, ["cam-0/1"]),
            Crowd::Ignore => assert!(world.ledger.counted.is_empty() && given_up >= 3),
        }
        settle(&mut world);
        assert_eq!(world.ledger.counted, ["cam-0/1"]);
    }
}
