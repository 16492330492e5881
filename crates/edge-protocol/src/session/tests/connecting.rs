//! From the first dial to an accepted connection, and how attempts are spaced.

use super::rig::{Rig, config, secs};
use crate::moment::Moment;
use crate::session::{Cause, Connect, Event, Inbound, Outbound, Refusal, Violation};

#[test]
fn a_session_dials_at_once_and_connects_with_its_names_and_a_token() {
    let mut rig = Rig::new();
    assert!(matches!(rig.events[..], [Event::Dial { attempt: 0, .. }]));
    rig.dialled();
    let [
        Outbound::Connect(Connect {
            client_id,
            username,
            password,
            keep_alive_seconds,
        }),
    ] = &rig.packets[..]
    else {
        panic!("{:?}", rig.packets)
    };
    assert_eq!(client_id, "edge/counter");
    assert!(
        username.starts_with("hub1/edge/counter/?api-version="),
        "{username}"
    );
    assert_eq!(password, &rig.pass().token);
    assert_eq!(*keep_alive_seconds, 60);
}

#[test]
fn every_connect_announces_the_model() {
    let mut config = config();
    config.model_id = Some("dtmi:orchard:Counter;1".into());
    let mut rig = Rig::with(config, 1);
    for _ in 0..2 {
        rig.dialled();
        let connects = rig.packets.iter().filter_map(|packet| match packet {
            Outbound::Connect(connect) => Some(connect.username.as_str()),
            _ => None,
        });
        let names: Vec<_> = connects.collect();
        let [name] = names[..] else {
            panic!("{names:?}")
        };
        assert!(
            name.ends_with("&model-id=dtmi%3Aorchard%3ACounter%3B1"),
            "{name}"
        );
        rig.closed();
        rig.clear();
        rig.advance_to_dial();
    }
}

#[test]
fn inputs_are_subscribed_whether_or_not_the_hub_kept_the_session() {
    for session_present in [false, true] {
        let mut rig = Rig::new();
        rig.dialled();
        rig.clear();
        rig.connack(session_present);
        assert!(matches!(
            rig.events[..],
            [Event::Connected { session_present: seen, .. }] if seen == session_present
        ));
        let [Outbound::Subscribe { filters, .. }] = &rig.packets[..] else {
            panic!("{:?}", rig.packets)
        };
        assert_eq!(filters[0].pattern, "devices/edge/modules/counter/inputs/#");
        assert_eq!((filters.len(), filters[0].qos), (1, 1));
        rig.suback();
        assert!(matches!(rig.events.last(), Some(Event::Subscribed { .. })));
    }
}

#[test]
fn a_client_without_inputs_subscribes_to_nothing() {
    let mut config = config();
    config.receives_inputs = false;
    let mut rig = Rig::with(config, 1);
    rig.dialled();
    rig.clear();
    rig.connack(false);
    assert_eq!(rig.packets, []);
    assert!(rig.session.can_publish());
}

#[test]
fn checklist_11_a_delivery_may_come_before_the_subscription_is_answered() {
    let mut rig = Rig::new();
    rig.dialled();
    rig.connack(true);
    let delivery = rig.deliver(1);
    assert!(rig.acknowledge(delivery));
    assert_eq!(rig.pubacks(), [1]);
    rig.suback();
    assert_eq!(rig.last_loss(), None);
}

#[test]
fn a_hub_that_accepts_and_drops_at_once_is_not_hammered() {
    for seed in 0..50 {
        let mut rig = Rig::with(config(), seed);
        while rig.now < Moment::ORIGIN + secs(600) {
            rig.dialled();
            rig.connack(true);
            rig.closed();
            rig.advance_to_dial();
        }
        // 0.25 s doubling to 15 s, at least halves of it: 600 s hold at most 6 + 80.
        assert!(
            rig.dials.len() <= 90,
            "seed {seed}: {} dials in 10 minutes",
            rig.dials.len()
        );
        let last_wait = rig.now.since(rig.dials[rig.dials.len() - 2]);
        assert!(
            last_wait >= secs(7),
            "seed {seed}: still only {last_wait:?} apart"
        );
    }
}

#[test]
fn two_clients_with_one_identity_do_not_fight_without_pause() {
    let mut rig = Rig::connected();
    // Each time we are in, the other one comes back after 2 s and takes over.
    for _ in 0..100 {
        rig.advance(secs(2));
        rig.closed();
        rig.advance_to_dial();
        rig.dialled();
        rig.connack(true);
        rig.suback();
    }
    assert!(rig.now.since_origin() > secs(100 * 8), "{:?}", rig.now);
}

#[test]
fn health_resets_the_count_and_acceptance_does_not() {
    let mut rig = Rig::connected();
    for expected in 1..=5 {
        rig.closed();
        assert_eq!(rig.session.failures(), expected);
        rig.advance_to_dial();
        rig.dialled();
        rig.connack(false);
        rig.suback();
    }
    rig.advance(secs(16));
    rig.closed();
    assert_eq!(rig.session.failures(), 1);
    let (_, wait) = rig.last_loss().unwrap();
    assert!(wait.unwrap() <= secs(1), "{wait:?}");
}

#[test]
fn checklist_9_a_missing_connack_makes_the_next_connect_wait_longer_after_the_handshake() {
    let mut rig = Rig::new();
    let mut pauses = Vec::new();
    let mut deadlines = Vec::new();
    for _ in 0..9 {
        rig.clear();
        rig.dialled();
        let dialled = rig.now;
        while rig.packets.is_empty() {
            let pause = rig.session.next_deadline().unwrap().since(rig.now);
            rig.advance(pause);
        }
        pauses.push(rig.now.since(dialled).as_millis());
        let connect = rig.now;
        while rig.last_loss().is_none() {
            let wait = rig.session.next_deadline().unwrap().since(rig.now);
            rig.advance(wait);
        }
        let after = rig.now.since(connect);
        deadlines.push(after.as_secs());
        assert_eq!(rig.last_loss().unwrap().0, Cause::ConnackMissing { after });
        rig.advance_to_dial();
    }
    assert_eq!(pauses, [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    assert_eq!(deadlines, [20, 40, 80, 120, 120, 120, 120, 120, 120]);
}

#[test]
fn the_pause_that_helped_is_kept_and_the_deadline_shrinks_again() {
    let mut rig = Rig::new();
    rig.dialled();
    rig.advance(secs(20));
    rig.advance_to_dial();
    rig.dialled();
    rig.advance(std::time::Duration::from_millis(100));
    rig.connack(false);
    rig.closed();
    rig.advance_to_dial();
    rig.clear();
    rig.dialled();
    assert_eq!(rig.packets, [], "CONNECT waits for the pause that helped");
    rig.advance(std::time::Duration::from_millis(100));
    assert!(matches!(rig.packets[..], [Outbound::Connect(_)]));
    assert_eq!(rig.session.next_deadline(), Some(rig.now + secs(20)));
}

#[test]
fn a_connack_that_comes_after_its_deadline_has_no_effect() {
    let mut rig = Rig::new();
    rig.dialled();
    let late = rig.the_link();
    rig.advance(secs(20));
    rig.advance_to_dial();
    rig.dialled();
    rig.clear();
    let ack = Inbound::ConnAck {
        session_present: true,
        code: Ok(()),
    };
    rig.session.handle_packet(rig.now, late, ack);
    rig.session.handle_closed(rig.now, late);
    rig.collect();
    assert_eq!((rig.events.len(), rig.packets.len()), (0, 0));
    assert!(!rig.session.can_publish());
}

#[test]
fn checklist_9_connack_5_asks_for_a_new_token_once_at_once_then_slowly_and_for_ever() {
    let mut rig = Rig::new();
    let mut waits = Vec::new();
    for _ in 0..8 {
        rig.dialled();
        rig.refuse(Refusal::NotAuthorised);
        assert_eq!(
            rig.last_loss().unwrap().0,
            Cause::Refused {
                refusal: Refusal::NotAuthorised
            }
        );
        waits.push(rig.advance_to_dial());
    }
    assert_eq!(waits[0], secs(0));
    for (wait, ceiling) in waits[1..].iter().zip([10, 20, 40, 80, 120, 120, 120]) {
        assert!(
            *wait <= secs(ceiling) && *wait * 2 >= secs(ceiling),
            "{waits:?}"
        );
    }
    rig.dialled();
    rig.connack(false);
    assert!(rig.session.can_publish(), "the identity appeared at last");
}

#[test]
fn a_dial_that_hangs_or_fails_is_tried_again() {
    let mut rig = Rig::new();
    rig.advance(secs(45));
    assert_eq!(
        rig.last_loss().unwrap().0,
        Cause::DialTimedOut { after: secs(45) }
    );
    assert!(
        rig.events
            .iter()
            .any(|event| matches!(event, Event::HangUp { .. }))
    );
    rig.advance_to_dial();
    let link = rig.the_link();
    rig.session.handle_dial_failed(rig.now, link);
    rig.collect();
    assert_eq!(rig.last_loss().unwrap().0, Cause::DialFailed);
    rig.advance_to_dial();
}

#[test]
fn a_packet_before_connack_and_a_second_connack_are_violations() {
    let mut rig = Rig::new();
    rig.dialled();
    rig.packet(Inbound::PingResp);
    assert_eq!(rig.last_loss().unwrap().0, Violation::BeforeConnack.into());
    let mut rig = Rig::connected();
    rig.connack(false);
    assert_eq!(rig.last_loss().unwrap().0, Violation::SecondConnack.into());
}

#[test]
fn a_subscription_refused_unanswered_or_answered_wrongly_ends_the_connection() {
    let fresh = || {
        let mut rig = Rig::new();
        rig.dialled();
        rig.connack(false);
        rig
    };
    let answered = |packet_id, granted: Vec<Option<u8>>| {
        let mut rig = fresh();
        rig.packet(Inbound::SubAck { packet_id, granted });
        rig.last_loss().unwrap().0
    };
    assert_eq!(
        answered(1, vec![None]),
        Cause::SubscriptionRefused {
            granted: None,
            asked: 1
        }
    );
    assert_eq!(
        answered(1, vec![Some(0)]),
        Cause::SubscriptionRefused {
            granted: Some(0),
            asked: 1
        }
    );
    assert_eq!(
        answered(1, vec![Some(1); 2]),
        Violation::SubackCodes { codes: 2 }.into()
    );
    assert_eq!(
        answered(9, vec![Some(1)]),
        Violation::UnknownSuback { packet_id: 9 }.into()
    );
    let mut rig = fresh();
    rig.advance(secs(20));
    assert_eq!(
        rig.last_loss().unwrap().0,
        Cause::SubackMissing { after: secs(20) }
    );
}
