//! Deliveries and their acknowledgements.

use std::time::Duration;

use super::rig::{Rig, config, secs};
use crate::session::{Cause, DeliveryId, Event, Inbound, Outbound, UnexpectedPacket, Violation};

#[test]
fn checklist_23a_acknowledgements_given_3_2_1_go_out_1_2_3() {
    let mut rig = Rig::connected();
    let ids = [rig.deliver(1), rig.deliver(2), rig.deliver(3)];
    for id in ids.iter().rev() {
        assert!(rig.acknowledge(*id));
    }
    assert_eq!(rig.pubacks(), [1, 2, 3]);
}

#[test]
fn checklist_25_deliveries_with_equal_packet_ids_each_get_their_own_puback() {
    let mut rig = Rig::connected();
    let (first, second) = (rig.deliver(1), rig.deliver(1));
    assert_ne!(first, second);
    assert!(rig.acknowledge(second));
    assert!(rig.pubacks().is_empty());
    assert!(rig.acknowledge(first));
    assert_eq!(rig.pubacks(), [1, 1]);
    assert!(!rig.acknowledge(first), "nothing is acknowledged twice");
    assert_eq!(rig.pubacks(), [1, 1]);
}

#[test]
fn an_acknowledgement_for_an_earlier_connection_is_refused() {
    let mut rig = Rig::connected();
    let old = rig.deliver(1);
    rig.closed();
    rig.advance_to_dial();
    rig.dialled();
    rig.connack(true);
    rig.clear();
    let again = rig.deliver(1);
    assert!(!rig.acknowledge(old));
    assert!(rig.pubacks().is_empty());
    assert!(rig.acknowledge(again));
    assert_eq!(rig.pubacks(), [1]);
}

#[test]
fn checklist_23a_a_delivery_dropped_unused_ends_the_connection_and_no_puback_follows() {
    let mut rig = Rig::connected();
    let (first, second, third) = (rig.deliver(1), rig.deliver(1), rig.deliver(1));
    assert!(rig.acknowledge(third));
    rig.abandon(second);
    assert_eq!(rig.last_loss().unwrap().0, Cause::DeliveryDropped);
    assert!(!rig.acknowledge(first));
    assert_eq!(rig.packets, [], "no PUBACK, no DISCONNECT");
    // It comes again on the next connection.
    rig.advance_to_dial();
    rig.dialled();
    rig.connack(true);
    let again = rig.deliver(1);
    assert!(rig.acknowledge(again));
}

#[test]
fn a_puback_not_yet_on_the_wire_is_withdrawn_by_a_drop() {
    let mut rig = Rig::connected();
    let (first, second) = (rig.deliver(1), rig.deliver(1));
    // Both happen before the shell asks for packets.
    assert!(rig.session.acknowledge(rig.now, first));
    rig.session.abandon(rig.now, second);
    assert_eq!(rig.session.poll_packet(), None);
}

#[test]
fn dropping_what_is_settled_or_gone_does_no_harm() {
    let mut rig = Rig::connected();
    let id = rig.deliver(1);
    assert!(rig.acknowledge(id));
    rig.abandon(id);
    rig.abandon(DeliveryId(999));
    assert_eq!(rig.last_loss(), None);
}

#[test]
fn deliveries_are_numbered_per_input_and_connection() {
    let mut rig = Rig::connected();
    let number = |rig: &mut Rig, input: &str| {
        let topic = format!("devices/edge/modules/counter/inputs/{input}/a=1");
        rig.deliver_to(&topic, 1, 1).unwrap().ordinal
    };
    assert_eq!(
        [
            number(&mut rig, "a"),
            number(&mut rig, "b"),
            number(&mut rig, "a")
        ],
        [1, 1, 2]
    );
    rig.closed();
    rig.advance_to_dial();
    rig.dialled();
    rig.connack(true);
    assert_eq!(number(&mut rig, "a"), 1);
}

const IMAGES: &str = "devices/edge/modules/counter/inputs/images/a=1";

#[test]
fn a_delivery_beside_one_without_puback_says_that_the_hub_has_timed_out() {
    let mut rig = Rig::connected();
    let first = rig.deliver_to(IMAGES, 1, 1).unwrap();
    let second = rig.deliver_to(IMAGES, 1, 1).unwrap();
    // The PUBACK of the first goes out, and one is still owed.
    rig.acknowledge(first.id);
    let third = rig.deliver_to(IMAGES, 1, 1).unwrap();
    rig.acknowledge(second.id);
    rig.acknowledge(third.id);
    let fourth = rig.deliver_to(IMAGES, 1, 1).unwrap();
    let said = [first, second, third, fourth].map(|it| it.after_timeout);
    assert_eq!(said, [false, true, true, false]);
}

#[test]
fn deliveries_that_are_never_repeated_say_nothing_of_a_timeout() {
    let mut rig = Rig::connected();
    let unguarded = [0, 0].map(|_| rig.deliver_to(IMAGES, 0, 0).unwrap().after_timeout);
    assert_eq!(unguarded, [false, false]);
    // Nor do they owe anything to one that is.
    assert!(!rig.deliver_to(IMAGES, 1, 1).unwrap().after_timeout);
}

#[test]
fn deliveries_after_a_time_without_a_call_may_be_repeats_until_the_hub_has_our_pubacks() {
    let mut rig = Rig::connected();
    let before = rig.deliver_to(IMAGES, 1, 1).unwrap();
    rig.acknowledge(before.id);
    // Frozen: no deadline is kept, the hub's time-out passes, then all is read at once.
    rig.now = rig.now + secs(31);
    let repeat = rig.deliver_to(IMAGES, 1, 1).unwrap();
    rig.acknowledge(repeat.id);
    let next = rig.deliver_to(IMAGES, 1, 1).unwrap();
    rig.acknowledge(next.id);
    rig.advance(secs(0));
    assert_eq!(rig.packets.last(), Some(&Outbound::PingReq));
    rig.packet(Inbound::PingResp);
    let last = rig.deliver_to(IMAGES, 1, 1).unwrap();
    let said = [before, repeat, next, last].map(|it| it.after_timeout);
    assert_eq!(said, [false, true, true, false]);
}

#[test]
fn a_quiet_connection_whose_deadlines_are_kept_is_under_no_suspicion() {
    let mut rig = Rig::connected();
    for _ in 0..20 {
        rig.idle(secs(95));
        let delivery = rig.deliver_to(IMAGES, 1, 1).unwrap();
        assert!(!delivery.after_timeout);
        rig.acknowledge(delivery.id);
    }
}

#[test]
fn a_delivery_carries_input_properties_and_link() {
    let mut rig = Rig::connected();
    let topic = "devices/edge/modules/counter/inputs/images/site=n%2F1&%24.cdid=cam";
    let delivery = rig.deliver_to(topic, 1, 1).unwrap();
    assert_eq!(delivery.input, "images");
    assert_eq!(delivery.properties.get("site"), Some("n/1"));
    assert_eq!(delivery.properties.get("$.cdid"), Some("cam"));
    assert_eq!(delivery.link, rig.the_link());
    assert_eq!(&delivery.payload[..], b"picture");
}

#[test]
fn a_delivery_with_unreadable_properties_still_arrives() {
    let mut rig = Rig::connected();
    let delivery = rig
        .deliver_to("devices/edge/modules/counter/inputs/images/a=b=c", 1, 1)
        .unwrap();
    assert!(delivery.properties.is_empty() && delivery.properties_error.is_some());
    assert!(rig.acknowledge(delivery.id));
    assert_eq!(rig.pubacks(), [1]);
}

#[test]
fn checklist_23a_a_message_for_no_input_of_ours_is_acknowledged_in_its_turn() {
    let mut rig = Rig::connected();
    let first = rig.deliver(5);
    assert!(
        rig.deliver_to("devices/edge/messages/devicebound/x", 1, 6)
            .is_none()
    );
    assert!(matches!(rig.events.last(), Some(Event::Stray { .. })));
    assert!(rig.pubacks().is_empty());
    assert!(rig.acknowledge(first));
    assert_eq!(rig.pubacks(), [5, 6]);
}

#[test]
fn a_qos_0_delivery_is_never_answered_and_may_be_dropped() {
    let mut rig = Rig::connected();
    let topic = "devices/edge/modules/counter/inputs/images/";
    let first = rig.deliver_to(topic, 0, 0).unwrap();
    let second = rig.deliver_to(topic, 0, 0).unwrap();
    assert!(!first.repeats_until_acknowledged);
    assert!(rig.acknowledge(first.id));
    rig.abandon(second.id);
    assert_eq!((rig.packets.len(), rig.last_loss()), (0, None));
}

#[test]
fn reading_pauses_while_the_application_holds_its_fill() {
    let mut config = config();
    config.delivery_capacity = 2;
    let mut rig = Rig::with(config, 1);
    rig.dialled();
    rig.connack(false);
    rig.suback();
    let (first, second) = (rig.deliver(1), rig.deliver(1));
    assert!(rig.session.is_reading_paused());
    // A ping that cannot be answered, because we do not read, kills nothing; and without
    // the next the hub would end the connection.
    for _ in 0..10 {
        rig.clear();
        rig.advance(secs(60));
        assert_eq!(rig.packets, [Outbound::PingReq]);
    }
    assert_eq!(rig.last_loss(), None);
    assert!(
        rig.acknowledge(second),
        "out of turn: still two without PUBACK"
    );
    assert!(rig.session.is_reading_paused());
    assert!(rig.acknowledge(first));
    assert!(!rig.session.is_reading_paused());
    rig.packet(Inbound::PingResp);
    rig.advance(secs(29));
    assert_eq!(rig.last_loss(), None);
    rig.packet(Inbound::PingResp);
    rig.advance(secs(59));
    assert_eq!(rig.last_loss(), None);
}

/// The hub's words arrive, ours are lost: each repeat is acknowledged at once and still comes again.
#[test]
fn a_delivery_may_be_a_repeat_while_the_hub_does_not_show_that_it_has_our_pubacks() {
    let mut rig = Rig::connected();
    let mut said = Vec::new();
    for _ in 0..4 {
        let delivery = rig.deliver_to(IMAGES, 1, 1).unwrap();
        rig.acknowledge(delivery.id);
        said.push(delivery.after_timeout);
        rig.advance(secs(30));
    }
    assert_eq!(said, [false, true, true, true]);
}

#[test]
fn equal_deliveries_to_a_hub_that_answers_are_under_no_suspicion() {
    let mut rig = Rig::connected();
    let mut pings = 0;
    for _ in 0..200 {
        let delivery = rig.deliver_to(IMAGES, 1, 1).unwrap();
        assert!(!delivery.after_timeout);
        rig.acknowledge(delivery.id);
        rig.advance(secs(1));
        let asked = rig.take_packets();
        let asked = asked.iter().filter(|packet| **packet == Outbound::PingReq);
        for _ in asked {
            rig.packet(Inbound::PingResp);
            pings += 1;
        }
    }
    assert!((18..=20).contains(&pings), "{pings} in 200 s");
}

/// The application takes one at a time, so that reading pauses with each.
#[test]
fn many_short_pauses_put_no_deadline_off_for_ever() {
    let mut config = super::rig::whole_config();
    config.delivery_capacity = 1;
    let mut rig = Rig::with(config, 1);
    rig.dialled();
    rig.connack(true);
    rig.suback();
    let patch = crate::twin::ReportedPatch::new(&serde_json::json!({"a": 1})).unwrap();
    rig.session.report(rig.now, patch).expect("room");
    let begin = rig.now;
    while rig.last_loss().is_none() && rig.now < begin + secs(600) {
        let delivery = rig.deliver(1);
        rig.advance(Duration::from_millis(20));
        rig.acknowledge(delivery);
        rig.advance(secs(1));
    }
    let cause = Cause::PingIgnored { after: secs(120) };
    assert_eq!(rig.last_loss().map(|(cause, _)| cause), Some(cause));
    let is_late = |event: &Event| matches!(event, Event::Reported { result: Err(_), .. });
    assert!(rig.events.iter().any(is_late));
}

#[test]
fn the_hub_has_its_time_again_after_a_pause_and_no_more() {
    let mut config = config();
    config.delivery_capacity = 1;
    let mut rig = Rig::with(config, 1);
    rig.dialled();
    rig.connack(false);
    rig.suback();
    let delivery = rig.deliver(1);
    rig.advance(secs(600));
    assert!(rig.acknowledge(delivery));
    rig.advance(Duration::from_millis(29_999));
    assert_eq!(rig.last_loss(), None);
    rig.advance(Duration::from_millis(1));
    let cause = Cause::PingUnanswered { after: secs(30) };
    assert_eq!(rig.last_loss().unwrap().0, cause);
}

#[test]
fn nothing_is_late_that_we_have_not_read() {
    let mut config = super::rig::whole_config();
    config.delivery_capacity = 1;
    let mut rig = Rig::with(config, 1);
    rig.dialled();
    rig.connack(true);
    // What the hub had kept comes before SUBACK, and the application takes its time.
    let delivery = rig.deliver(1);
    rig.advance(secs(600));
    assert_eq!(rig.last_loss(), None, "SUBACK may be there, unread");
    assert!(rig.acknowledge(delivery));
    rig.advance(secs(19));
    rig.suback();
    assert_eq!(rig.last_loss(), None);

    let patch = crate::twin::ReportedPatch::new(&serde_json::json!({"a": 1})).unwrap();
    let report = rig.session.report(rig.now, patch).expect("room");
    let delivery = rig.deliver(1);
    rig.clear();
    rig.advance(secs(600));
    assert_eq!(rig.events, [], "neither the twin nor the report is late");
    assert!(rig.acknowledge(delivery));
    // To a ping of the pause, and to the one that asks for our PUBACK.
    rig.packet(Inbound::PingResp);
    rig.advance(secs(0));
    rig.packet(Inbound::PingResp);
    rig.advance(secs(29));
    assert_eq!(rig.events, []);
    rig.advance(secs(1));
    let is_late = |event: &Event| match event {
        Event::Reported { report: late, .. } => *late == report,
        _ => false,
    };
    assert!(rig.events.iter().any(is_late));
    assert!(
        rig.events
            .iter()
            .any(|event| matches!(event, Event::TwinFailed { .. }))
    );
}

#[test]
fn a_suback_that_does_not_come_after_a_pause_is_missed_in_its_time() {
    let mut config = config();
    config.delivery_capacity = 1;
    let mut rig = Rig::with(config, 1);
    rig.dialled();
    rig.connack(true);
    let delivery = rig.deliver(1);
    rig.advance(secs(600));
    assert!(rig.acknowledge(delivery));
    rig.advance(secs(20));
    let cause = Cause::SubackMissing { after: secs(20) };
    assert_eq!(rig.last_loss().unwrap().0, cause);
}

#[test]
fn illegal_packets_end_the_connection_by_their_clause() {
    let check = |packet: Inbound, expected: Violation, clause: &str| {
        let mut rig = Rig::connected();
        rig.packet(packet);
        assert_eq!(rig.last_loss().unwrap().0, Cause::Violation(expected));
        assert!(expected.to_string().contains(clause), "{expected}");
    };
    let publish = |qos, packet_id| Inbound::Publish {
        topic: "devices/edge/modules/counter/inputs/images/".into(),
        qos,
        packet_id,
        payload: bytes::Bytes::new(),
    };
    check(publish(2, 1), Violation::QosAboveGranted, "MQTT-3.8.4-6");
    check(publish(1, 0), Violation::PacketIdZero, "MQTT-2.3.1-1");
    check(
        Inbound::PubAck { packet_id: 3 },
        Violation::UnknownPuback { packet_id: 3 },
        "MQTT-2.3.1-6",
    );
    let unexpected = Inbound::Unexpected;
    check(
        unexpected(UnexpectedPacket::UnsubAck),
        Violation::UnexpectedUnsuback,
        "MQTT-3.10.4-4",
    );
    check(
        unexpected(UnexpectedPacket::QosTwo),
        Violation::UnexpectedQosTwoPacket,
        "MQTT-4.3.3-1",
    );
    check(
        unexpected(UnexpectedPacket::FromClient),
        Violation::ClientPacket,
        "table 2.1",
    );
}

#[test]
fn publishes_fill_the_window_and_pubacks_open_it() {
    let mut rig = Rig::connected();
    let sent: Vec<_> = (0..8).map(|n| rig.publish(&n.to_string())).collect();
    assert!(!rig.session.can_publish());
    assert!(
        rig.session
            .publish(rig.now, super::rig::message("ninth"))
            .is_err()
    );
    let mut ids: Vec<u16> = sent.iter().map(|(_, packet_id)| *packet_id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 8);
    rig.packet(Inbound::PubAck {
        packet_id: sent[3].1,
    });
    assert_eq!(
        rig.events.last(),
        Some(&Event::Confirmed { publish: sent[3].0 })
    );
    assert!(rig.session.can_publish());
    rig.closed();
    let unconfirmed: Vec<_> = rig
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Unconfirmed { publish } => Some(*publish),
            _ => None,
        })
        .collect();
    let expected: Vec<_> = sent
        .iter()
        .map(|(id, _)| *id)
        .filter(|id| *id != sent[3].0)
        .collect();
    assert_eq!(unconfirmed, expected);
    assert!(!rig.packets.contains(&Outbound::Disconnect));
}
