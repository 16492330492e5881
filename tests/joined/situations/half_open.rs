//! Connections that carry nothing any more, and of which nobody is told.

use edge_protocol::session::{Cause, DELIVERY_CAPACITY};

use super::*;
use crate::faults::Fault;
use crate::network::TCP_GIVES_UP;

/// The client's keep-alive and its patience for the answer to a ping.
const NOTICED: Duration = Duration::from_secs(60 + 30);

#[test]
fn a_half_open_connection_is_noticed_within_keep_alive_and_ping_deadline() {
    for (up, down) in [(true, true), (true, false), (false, true)] {
        let mut world = calm(Setup::default());
        world.strike(Fault::HalfOpen(Who::Module, up, down));
        let begin = world.now;
        assert!(
            world.run_until(NOTICED, |world| !losses(world).is_empty()),
            "up {up}, down {down}"
        );
        let (at, cause) = losses(&mut world)[0];
        assert_eq!(cause, Cause::PingUnanswered { after: secs(30) });
        assert!(at >= begin + secs(30));
        world.run_for(secs(2));
        assert!(
            world.client(Who::Module).is_subscribed,
            "the next one works"
        );
        settle(&mut world);
    }
}

#[test]
fn pictures_sent_into_a_half_open_connection_wait_and_are_counted_once() {
    let mut world = calm(Setup::default());
    world.strike(Fault::HalfOpen(Who::Module, true, true));
    for _ in 0..3 {
        take_picture(&mut world, 0);
        world.run_for(secs(20));
    }
    assert!(world.ledger.counted.is_empty());
    world.run_for(secs(60));
    assert_eq!(world.ledger.counted, ["cam-0/1", "cam-0/2", "cam-0/3"]);
    settle(&mut world);
}

/// Redeliveries come and PUBACKs go, so bytes flow both ways; only pings tell that ours do
/// not arrive. TCP itself would notice after a quarter of an hour.
#[test]
fn a_way_back_that_is_dead_under_redeliveries_is_noticed_within_180_seconds() {
    for delivery_capacity in [DELIVERY_CAPACITY, 1] {
        a_dead_way_back_is_noticed(Setup {
            delivery_capacity,
            ..Setup::default()
        });
    }
}

fn a_dead_way_back_is_noticed(setup: Setup) {
    let mut world = calm(setup);
    take_picture(&mut world, 0);
    world.run_until(secs(1), |world| !world.watch.sent.is_empty());
    world.strike(Fault::HalfOpen(Who::Module, true, false));
    let over = world.run_until(secs(180), |world| !losses(world).is_empty());
    assert!(over && secs(180) < TCP_GIVES_UP);
    let (_, cause) = losses(&mut world)[0];
    assert_eq!(cause, Cause::PingIgnored { after: secs(120) });
    assert!(sent(&world).len() > 3, "{}", sent(&world).len());
    settle(&mut world);
    assert_eq!(world.ledger.counted, ["cam-0/1"]);
}
