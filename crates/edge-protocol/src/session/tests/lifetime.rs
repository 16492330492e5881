//! Keep-alive and the planned reconnect before the token ends.

use std::time::Duration;

use super::rig::{HOUR, Rig, config, secs};
use crate::session::{Cause, Event, Inbound, Outbound};

#[test]
fn a_half_open_connection_is_noticed_by_its_missing_ping_answer() {
    let mut rig = Rig::connected();
    rig.advance(secs(60));
    assert_eq!(rig.take_packets(), [Outbound::PingReq]);
    rig.advance(Duration::from_millis(29_999));
    assert_eq!(rig.last_loss(), None);
    rig.advance(Duration::from_millis(1));
    assert_eq!(
        rig.last_loss().unwrap().0,
        Cause::PingUnanswered { after: secs(30) }
    );
}

#[test]
fn a_ping_deadline_beyond_the_keep_alive_is_kept_all_the_same() {
    let mut config = config();
    config.timings.ping_deadline = secs(100);
    let mut rig = Rig::with(config, 1);
    rig.dialled();
    rig.connack(false);
    rig.suback();
    rig.clear();
    rig.advance(secs(200));
    assert_eq!(
        rig.last_loss().unwrap().0,
        Cause::PingUnanswered { after: secs(100) }
    );
    assert_eq!(rig.packets, [Outbound::PingReq, Outbound::PingReq]);
    let retry = rig.dials[1].since_origin();
    assert!(retry > secs(160) && retry < secs(161), "{retry:?}");
}

#[test]
fn any_byte_from_the_hub_is_life() {
    let mut rig = Rig::connected();
    for _ in 0..5 {
        rig.advance(secs(60));
        assert_eq!(rig.take_packets(), [Outbound::PingReq]);
        rig.advance(secs(29));
        // Half a packet, not an answer to the ping.
        let link = rig.the_link();
        rig.session.handle_received(rig.now, link);
        rig.advance(secs(20));
        rig.packet(Inbound::PingResp);
        assert_eq!(rig.last_loss(), None);
        // Our own ping is the later activity of the two directions.
        rig.advance(secs(11));
        assert_eq!(rig.take_packets(), [Outbound::PingReq]);
        rig.packet(Inbound::PingResp);
    }
}

/// Lets `duration` pass while the hub delivers the same again every 30 s and each one is
/// acknowledged; gives the pings.
fn redeliver(rig: &mut Rig, duration: Duration) -> usize {
    let end = rig.now + duration;
    let mut pings = 0;
    while rig.now < end && rig.last_loss().is_none() {
        let delivery = rig.deliver(1);
        assert!(rig.acknowledge(delivery));
        rig.advance(secs(30).min(end.since(rig.now)));
        let packets = rig.take_packets();
        let is_ping = |packet: &&Outbound| **packet == Outbound::PingReq;
        pings += packets.iter().filter(is_ping).count();
    }
    pings
}

#[test]
fn redeliveries_over_a_dead_way_back_are_no_life() {
    let mut rig = Rig::connected();
    let pings = redeliver(&mut rig, HOUR);
    assert_eq!(
        rig.last_loss().unwrap().0,
        Cause::PingIgnored { after: secs(120) }
    );
    // At 130 s, seen at the end of that half minute.
    assert_eq!(rig.now.since_origin(), secs(150));
    assert_eq!(pings, 2, "at 10 and 70 s");
}

#[test]
fn any_answer_is_life() {
    let mut rig = Rig::connected();
    let mut unconfirmed = std::collections::VecDeque::new();
    for round in 0..10 {
        unconfirmed.push_back(rig.publish("p").1);
        redeliver(&mut rig, secs(120));
        assert_eq!(rig.last_loss(), None, "round {round}");
        // The hub is slow; a ping has been out for a minute and a half.
        let packet_id = unconfirmed.pop_front().unwrap();
        rig.packet(Inbound::PubAck { packet_id });
    }
}

#[test]
fn an_answer_within_the_keep_alive_spares_the_ping() {
    let mut rig = Rig::connected();
    for _ in 0..10 {
        let (_, packet_id) = rig.publish("p");
        rig.packet(Inbound::PubAck { packet_id });
        rig.clear();
        rig.advance(secs(59));
        assert_eq!(rig.packets, []);
    }
}

#[test]
fn one_way_traffic_is_pinged_all_the_same() {
    let mut rig = Rig::connected();
    let topic = "devices/edge/modules/counter/inputs/images/";
    for _ in 0..7 {
        rig.advance(secs(10));
        rig.deliver_to(topic, 0, 0);
    }
    assert_eq!(
        rig.packets,
        [Outbound::PingReq],
        "the hub counts what we send"
    );
}

#[test]
fn a_puback_that_takes_minutes_is_waited_for() {
    let mut rig = Rig::connected();
    let (publish, packet_id) = rig.publish("slow");
    for _ in 0..10 {
        rig.advance(secs(60));
        rig.packet(Inbound::PingResp);
    }
    rig.packet(Inbound::PubAck { packet_id });
    assert_eq!(rig.events.last(), Some(&Event::Confirmed { publish }));
}

/// Keeps the connection alive until `until` after its start.
fn idle_until(rig: &mut Rig, until: Duration) {
    while rig.now.since_origin() < until && rig.last_loss().is_none() {
        let deadline = rig
            .session
            .next_deadline()
            .unwrap()
            .since_origin()
            .min(until);
        rig.advance(deadline.saturating_sub(rig.now.since_origin()));
        if rig.last_loss().is_none() {
            rig.packet(Inbound::PingResp);
        }
    }
}

#[test]
fn checklist_10_an_idle_connection_is_renewed_between_80_and_90_percent_of_the_token() {
    let mut moments = Vec::new();
    for seed in 0..40 {
        let mut rig = Rig::with(config(), seed);
        rig.dialled();
        rig.connack(false);
        rig.suback();
        idle_until(&mut rig, HOUR);
        assert_eq!(
            rig.last_loss(),
            Some((Cause::TokenRenewal, Some(Duration::ZERO))),
            "seed {seed}"
        );
        assert_eq!(rig.packets.last(), Some(&Outbound::Disconnect));
        let at = rig.now.since_origin();
        assert!(
            at >= HOUR * 80 / 100 && at <= HOUR * 90 / 100,
            "seed {seed}: {at:?}"
        );
        moments.push(at);
        let dials = rig.dials.len();
        rig.closed();
        assert_eq!(
            rig.dials.len(),
            dials + 1,
            "dials as soon as the hub has closed"
        );
        assert_eq!(rig.session.failures(), 0);
    }
    moments.dedup();
    assert!(moments.len() > 10, "renewals are spread");
}

#[test]
fn checklist_10_renewal_waits_for_deliveries_and_publishes_and_takes_no_new_ones() {
    let mut rig = Rig::connected();
    let delivery = rig.deliver(1);
    let (publish, packet_id) = rig.publish("p");
    while rig.session.can_publish() {
        let next = rig.now.since_origin() + secs(1);
        idle_until(&mut rig, next);
    }
    assert_eq!(rig.last_loss(), None);
    rig.packet(Inbound::PubAck { packet_id });
    assert_eq!(rig.events.last(), Some(&Event::Confirmed { publish }));
    assert_eq!(rig.last_loss(), None);
    rig.clear();
    assert!(rig.acknowledge(delivery));
    assert_eq!(
        rig.packets,
        [Outbound::PubAck { packet_id: 1 }, Outbound::Disconnect]
    );
    assert_eq!(rig.last_loss().unwrap().0, Cause::TokenRenewal);
}

#[test]
fn renewal_happens_before_the_token_ends_whatever_is_outstanding() {
    // Short enough that the last 5 % come before its patience ends.
    let mut rig = Rig::new();
    rig.lifetime = secs(100);
    rig.dialled();
    rig.connack(false);
    rig.suback();
    let delivery = rig.deliver(1);
    let (publish, _) = rig.publish("p");
    idle_until(&mut rig, HOUR);
    assert_eq!(rig.now.since_origin(), secs(95));
    assert_eq!(rig.last_loss().unwrap().0, Cause::TokenRenewal);
    assert!(rig.events.contains(&Event::Unconfirmed { publish }));
    assert!(!rig.acknowledge(delivery));
    assert!(rig.pubacks().is_empty());
}

#[test]
fn one_delivery_in_hand_keeps_messages_back_for_a_minute_at_most() {
    for seed in 0..20 {
        let mut rig = Rig::with(config(), seed);
        rig.dialled();
        rig.connack(false);
        rig.suback();
        rig.deliver(1);
        while rig.session.can_publish() {
            let next = rig.now.since_origin() + secs(1);
            idle_until(&mut rig, next);
        }
        assert_eq!(
            rig.last_loss(),
            None,
            "seed {seed}: it waits for the delivery"
        );
        let begin = rig.now;
        idle_until(&mut rig, HOUR);
        assert_eq!(rig.last_loss().unwrap().0, Cause::TokenRenewal);
        let waited = rig.now.since(begin);
        assert!(
            waited > secs(58) && waited <= secs(60),
            "seed {seed}: {waited:?}"
        );
    }
}

#[test]
fn a_busy_input_is_renewed_between_two_deliveries() {
    let mut rig = Rig::connected();
    // The next delivery is there the moment the last is acknowledged, all the time.
    while rig.last_loss().is_none() {
        let delivery = rig.deliver(1);
        rig.advance(secs(5));
        if rig.packets.contains(&Outbound::PingReq) {
            rig.packets.clear();
            rig.packet(Inbound::PingResp);
        }
        if rig.last_loss().is_none() {
            assert!(rig.acknowledge(delivery));
        }
    }
    assert!(
        rig.now.since_origin() <= HOUR * 90 / 100 + secs(5),
        "{:?}",
        rig.now
    );
    assert_eq!(rig.packets.last(), Some(&Outbound::Disconnect));
}

#[test]
fn a_hub_that_ignores_disconnect_is_hung_up_on() {
    let mut rig = Rig::connected();
    idle_until(&mut rig, HOUR);
    assert!(rig.session.is_parting());
    rig.clear();
    rig.advance(secs(1));
    assert!(matches!(
        rig.events[..],
        [Event::HangUp { .. }, Event::Dial { attempt: 0, .. }]
    ));
}

#[test]
fn packets_that_cross_our_disconnect_are_left_alone() {
    let mut rig = Rig::connected();
    idle_until(&mut rig, HOUR);
    rig.clear();
    let topic = "devices/edge/modules/counter/inputs/images/";
    assert!(rig.deliver_to(topic, 1, 1).is_none());
    assert_eq!((rig.events.len(), rig.packets.len()), (0, 0));
}

#[test]
fn even_an_absurdly_short_token_does_not_make_it_spin() {
    let mut rig = Rig::new();
    rig.lifetime = Duration::ZERO;
    for _ in 0..20 {
        rig.dialled();
        rig.connack(true);
        rig.suback();
        rig.advance_to_dial();
    }
    assert!(rig.now.since_origin() >= secs(20), "{:?}", rig.now);
}
