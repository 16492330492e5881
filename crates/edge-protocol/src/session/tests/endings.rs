//! Shutting down and holding.

use std::time::Duration;

use super::rig::{Rig, secs};
use crate::session::{Cause, Event, Inbound, Leftovers, Outbound, Refusal};

fn closed_with(rig: &Rig) -> Option<Leftovers> {
    rig.events.iter().find_map(|event| match event {
        Event::Closed(leftovers) => Some(*leftovers),
        _ => None,
    })
}

#[test]
fn an_idle_connection_leaves_with_disconnect() {
    let mut rig = Rig::connected();
    rig.session.shut_down(rig.now, secs(5), None);
    rig.collect();
    assert_eq!(rig.packets, [Outbound::Disconnect]);
    assert_eq!(closed_with(&rig), None, "the hub closes first");
    rig.closed();
    assert_eq!(closed_with(&rig), Some(Leftovers::default()));
    assert!(rig.session.is_closed());
    assert_eq!(rig.session.next_deadline(), None);
}

#[test]
fn a_shutdown_waits_for_pubacks_in_both_directions() {
    let mut rig = Rig::connected();
    let delivery = rig.deliver(1);
    let (_, packet_id) = rig.publish("p");
    rig.clear();
    rig.session.shut_down(rig.now, secs(5), Some(delivery));
    rig.collect();
    assert!(!rig.session.can_publish());
    rig.packet(Inbound::PubAck { packet_id });
    assert_eq!(rig.packets, []);
    assert!(rig.acknowledge(delivery));
    assert_eq!(
        rig.packets,
        [Outbound::PubAck { packet_id: 1 }, Outbound::Disconnect]
    );
    rig.advance(secs(1));
    assert_eq!(closed_with(&rig), Some(Leftovers::default()));
}

#[test]
fn a_shutdown_gives_up_after_its_grace_and_says_what_was_left() {
    let mut rig = Rig::connected();
    let delivery = rig.deliver(1);
    let (publish, _) = rig.publish("p");
    rig.session.shut_down(rig.now, secs(5), Some(delivery));
    rig.advance(secs(5));
    assert!(rig.events.contains(&Event::Unconfirmed { publish }));
    assert_eq!(rig.packets.last(), Some(&Outbound::Disconnect));
    rig.advance(secs(1));
    let left = Leftovers {
        unconfirmed_publishes: 1,
        unacknowledged_deliveries: 1,
        ..Leftovers::default()
    };
    assert_eq!(closed_with(&rig), Some(left));
}

#[test]
fn a_shutdown_leaves_to_the_hub_what_the_application_has_not_seen() {
    let mut rig = Rig::connected();
    let (taken, _unseen) = (rig.deliver(1), rig.deliver(1));
    rig.session.shut_down(rig.now, secs(5), Some(taken));
    rig.collect();
    assert!(
        rig.deliver_to("devices/edge/modules/counter/inputs/images/", 1, 1)
            .is_none()
    );
    rig.clear();
    assert!(rig.acknowledge(taken));
    assert_eq!(
        rig.packets,
        [Outbound::PubAck { packet_id: 1 }, Outbound::Disconnect]
    );
}

#[test]
fn a_delivery_dropped_during_shutdown_only_stops_later_pubacks() {
    let mut rig = Rig::connected();
    let (first, second, third) = (rig.deliver(1), rig.deliver(2), rig.deliver(3));
    rig.session.shut_down(rig.now, secs(5), Some(third));
    rig.collect();
    rig.clear();
    rig.abandon(second);
    assert!(!rig.acknowledge(third));
    assert!(rig.acknowledge(first));
    assert_eq!(
        rig.packets,
        [Outbound::PubAck { packet_id: 1 }, Outbound::Disconnect]
    );
    assert_eq!(rig.last_loss(), None);
}

#[test]
fn a_shutdown_without_a_connection_is_immediate() {
    let mut rig = Rig::new();
    rig.session.shut_down(rig.now, secs(5), None);
    rig.collect();
    assert!(matches!(
        rig.events[..],
        [_, Event::HangUp { .. }, Event::Closed(_)]
    ));
    let mut rig = Rig::connected();
    rig.closed();
    rig.session.shut_down(rig.now, secs(5), None);
    rig.collect();
    assert_eq!(closed_with(&rig), Some(Leftovers::default()));
}

#[test]
fn a_connection_lost_during_shutdown_is_not_replaced() {
    let mut rig = Rig::connected();
    let (publish, _) = rig.publish("p");
    rig.session.shut_down(rig.now, secs(5), None);
    rig.closed();
    assert!(rig.events.contains(&Event::Unconfirmed { publish }));
    let left = Leftovers {
        unconfirmed_publishes: 1,
        ..Leftovers::default()
    };
    assert_eq!(closed_with(&rig), Some(left));
}

#[test]
fn a_held_session_stays_away_until_it_is_resumed() {
    let mut rig = Rig::connected();
    let (done, undone) = (rig.deliver(1), rig.deliver(1));
    assert!(rig.session.acknowledge(rig.now, done));
    rig.session.hold(rig.now);
    rig.collect();
    assert_eq!(
        rig.packets,
        [Outbound::PubAck { packet_id: 1 }, Outbound::Disconnect]
    );
    assert_eq!(rig.last_loss(), Some((Cause::Held, None)));
    assert!(!rig.acknowledge(undone));
    rig.closed();
    let dials = rig.dials.len();
    assert_eq!(rig.session.next_deadline(), None);
    rig.advance(secs(3600));
    assert_eq!(rig.dials.len(), dials);
    rig.session.resume(rig.now);
    rig.collect();
    assert_eq!(rig.dials.len(), dials + 1);
}

#[test]
fn a_hold_works_in_every_state_and_a_resume_undoes_it() {
    let states: [fn() -> Rig; 4] = [
        Rig::new,
        || {
            let mut rig = Rig::new();
            rig.dialled();
            rig
        },
        || {
            let mut rig = Rig::connected();
            rig.closed();
            rig
        },
        Rig::connected,
    ];
    for (number, state) in states.into_iter().enumerate() {
        let mut rig = state();
        rig.session.hold(rig.now);
        rig.collect();
        rig.advance(Duration::from_secs(2));
        assert_eq!(rig.session.next_deadline(), None, "state {number}");
        let dials = rig.dials.len();
        rig.session.resume(rig.now);
        rig.collect();
        assert_eq!(rig.dials.len(), dials + 1, "state {number}");
    }
}

#[test]
fn a_hold_does_not_shorten_the_wait_after_a_failure() {
    let mut rig = Rig::new();
    rig.dialled();
    rig.refuse(Refusal::NotAuthorised);
    rig.advance_to_dial();
    rig.dialled();
    rig.refuse(Refusal::NotAuthorised);
    let (_, wait) = rig.last_loss().unwrap();
    let (wait, begin) = (wait.expect("it tries again"), rig.now);
    assert!(wait >= secs(5));
    rig.advance(secs(1));
    rig.clear();
    let dials = rig.dials.len();
    rig.session.hold(rig.now);
    rig.session.resume(rig.now);
    rig.collect();
    let retry_in = wait - secs(1);
    assert_eq!(rig.events, [Event::Held, Event::Resumed { retry_in }]);
    rig.advance(retry_in);
    assert_eq!(rig.dials.len(), dials + 1);
    assert_eq!(rig.dials.last(), Some(&(begin + wait)));
    // A hold that outlasts the wait leaves nothing of it.
    rig.dialled();
    rig.refuse(Refusal::NotAuthorised);
    rig.session.hold(rig.now);
    rig.advance(secs(600));
    rig.session.resume(rig.now);
    rig.collect();
    assert_eq!(rig.dials.len(), dials + 2);
}

#[test]
fn a_hold_between_attempts_is_reported_once() {
    let mut rig = Rig::connected();
    let delivery = rig.deliver(1);
    rig.abandon(delivery);
    let (cause, retry_in) = rig.last_loss().expect("the connection is given up");
    assert!(cause == Cause::DeliveryDropped && retry_in.is_some());
    rig.clear();
    rig.session.hold(rig.now);
    rig.session.hold(rig.now);
    rig.collect();
    assert_eq!(rig.events, [Event::Held]);
}

#[test]
fn a_hold_during_a_planned_reconnect_takes_back_the_reconnect() {
    let mut rig = Rig::connected();
    while rig.packets.last() != Some(&Outbound::Disconnect) {
        let deadline = rig.session.next_deadline().expect("a renewal is planned");
        rig.advance(deadline.since(rig.now));
        if rig.packets.last() == Some(&Outbound::PingReq) {
            rig.packet(Inbound::PingResp);
        }
    }
    assert_eq!(
        rig.last_loss(),
        Some((Cause::TokenRenewal, Some(Duration::ZERO)))
    );
    rig.clear();
    rig.session.hold(rig.now);
    rig.session.hold(rig.now);
    rig.closed();
    assert_eq!(rig.events[0], Event::Held);
    assert!(matches!(rig.events[1..], [Event::HangUp { .. }]));
}
