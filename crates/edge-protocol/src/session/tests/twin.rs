//! The twin: subscribed, asked for and followed.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{GET, Rig, config, secs, whole_config};
use crate::identity::Identity;
use crate::session::{Cause, Event, Inbound, Outbound, SessionConfig, TwinFailure};
use crate::twin::DocumentError;

/// The desired properties told so far: version and document.
fn told(rig: &Rig) -> Vec<(Option<u64>, Value)> {
    let told = rig.events.iter().filter_map(|event| match event {
        Event::DesiredChanged(state) => {
            let properties = Value::Object((*state.properties).clone());
            Some((state.version, properties))
        }
        _ => None,
    });
    told.collect()
}

fn failures(rig: &Rig) -> Vec<TwinFailure> {
    let failures = rig.events.iter().filter_map(|event| match event {
        Event::TwinFailed { failure, .. } => Some(*failure),
        _ => None,
    });
    failures.collect()
}

/// Passes time until the twin is asked for again.
fn wait_for_question(rig: &mut Rig) -> Duration {
    let (start, asked) = (rig.now, rig.count(GET));
    while rig.count(GET) == asked {
        let deadline = rig.session.next_deadline().expect("a deadline");
        rig.advance(deadline.since(rig.now));
    }
    rig.now.since(start)
}

#[test]
fn checklist_38_everything_is_subscribed_in_one_packet_before_the_twin_is_asked_for() {
    let mut rig = Rig::with(whole_config(), 1);
    rig.dialled();
    rig.clear();
    rig.connack(false);
    let [Outbound::Subscribe { filters, .. }] = &rig.packets[..] else {
        panic!("{:?}", rig.packets)
    };
    let filters: Vec<_> = filters
        .iter()
        .map(|f| (f.pattern.as_str(), f.qos))
        .collect();
    assert_eq!(
        filters,
        [
            ("devices/edge/modules/counter/inputs/#", 1),
            ("$iothub/twin/res/#", 0),
            ("$iothub/twin/PATCH/properties/desired/#", 0),
            ("$iothub/methods/POST/#", 0),
        ]
    );
    assert!(!rig.session.can_report(), "its answer would not come");
    rig.suback();
    assert_eq!(rig.count(GET), 1);
    assert!(rig.session.can_report());
}

#[test]
fn each_wish_is_subscribed_by_itself_and_a_leaf_device_may_have_it_too() {
    let patterns = |config| {
        let mut rig = Rig::with(config, 1);
        rig.dialled();
        rig.connack(false);
        match rig.packets.pop() {
            Some(Outbound::Subscribe { filters, .. }) => {
                filters.into_iter().map(|filter| filter.pattern).collect()
            }
            _ => Vec::new(),
        }
    };
    let mut leaf = SessionConfig::new(Identity::new("hub1", "cam", None).unwrap(), "test/1");
    assert!(
        patterns(leaf.clone()).is_empty(),
        "a leaf device wants nothing"
    );
    leaf.takes_methods = true;
    assert_eq!(patterns(leaf.clone()), ["$iothub/methods/POST/#"]);
    leaf.takes_methods = false;
    leaf.follows_twin = true;
    assert_eq!(patterns(leaf).len(), 2);
    assert_eq!(patterns(config()).len(), 1);
}

#[test]
fn checklist_37_a_twin_without_versions_is_taken() {
    let mut rig = Rig::asking();
    rig.respond(GET, 200, r#"{"desired":{},"reported":{}}"#);
    assert_eq!(told(&rig), [(None, json!({}))]);
    assert!(rig.events.contains(&Event::TwinInStep { version: None }));
    rig.advance(secs(50));
    assert_eq!(rig.count(GET), 1, "that was an answer");
}

#[test]
fn checklist_37_an_error_with_an_empty_body_is_followed_by_slower_and_slower_questions() {
    let mut rig = Rig::asking();
    let mut waits = Vec::new();
    for status in [400, 500, 500, 404, 500, 500, 500, 500] {
        rig.respond(GET, status, "");
        rig.puback_all();
        rig.packets
            .retain(|packet| !matches!(packet, Outbound::PingReq));
        rig.packet(Inbound::PingResp);
        waits.push(wait_for_question(&mut rig));
        rig.packets.drain(..rig.packets.len() - 1);
    }
    for (wait, ceiling) in waits.iter().zip([1, 2, 4, 8, 16, 32, 60, 60]) {
        assert!(
            *wait <= secs(ceiling) && *wait * 2 >= secs(ceiling),
            "{waits:?}"
        );
    }
    assert_eq!(failures(&rig)[0], TwinFailure::Refused { status: 400 });
    assert_eq!(rig.last_loss(), None, "the connection is not to blame");
    rig.answer_get(1, "{}");
    assert_eq!(told(&rig), [(Some(1), json!({}))]);
}

#[test]
fn checklist_37_a_missing_or_malformed_answer_is_asked_for_again_and_a_late_one_ignored() {
    let mut rig = Rig::asking();
    let first = rig.last_rid(GET);
    rig.advance(secs(30));
    assert_eq!(failures(&rig), [TwinFailure::TimedOut { after: secs(30) }]);
    wait_for_question(&mut rig);
    assert_ne!(rig.last_rid(GET), first, "a request id is used once");
    let late = r#"{"desired":{"$version":9},"reported":{}}"#;
    rig.told(format!("$iothub/twin/res/200/?$rid={first}"), late);
    assert_eq!(told(&rig), []);
    rig.respond(GET, 200, "not a twin");
    let malformed = TwinFailure::Malformed(DocumentError::NotJson { line: 1, column: 2 });
    assert_eq!(failures(&rig)[1], malformed);
    wait_for_question(&mut rig);
    rig.answer_get(1, r#"{"a":1}"#);
    assert_eq!(told(&rig), [(Some(1), json!({"a": 1}))]);
    assert_eq!(rig.last_loss(), None);
}

#[test]
fn checklist_38_the_twin_is_asked_for_again_after_every_reconnect() {
    let mut rig = Rig::in_step();
    for _ in 0..3 {
        rig.closed();
        rig.clear();
        rig.come_back();
        assert_eq!(rig.count(GET), 1);
        assert_eq!(told(&rig), []);
        rig.answer_get(5, r#"{"a":5}"#);
        assert_eq!(told(&rig), [], "nothing new");
        assert!(rig.events.contains(&Event::TwinInStep { version: Some(5) }));
    }
    rig.closed();
    rig.clear();
    rig.come_back();
    assert_eq!(
        rig.session.desired().unwrap().version,
        Some(5),
        "until told better"
    );
    rig.answer_get(9, r#"{"a":9}"#);
    assert_eq!(told(&rig), [(Some(9), json!({"a": 9}))]);
}

#[test]
fn checklist_38_stale_and_replayed_versions_are_ignored() {
    let mut rig = Rig::in_step();
    rig.desire(5, r#"{"a":0,"$version":5}"#);
    rig.desire(1, r#"{"a":0,"$version":1}"#);
    rig.desire(6, r#"{"b":6,"$version":6}"#);
    rig.desire(6, r#"{"b":0,"$version":6}"#);
    assert_eq!(told(&rig), [(Some(6), json!({"a": 5, "b": 6}))]);
    assert_eq!(rig.count(GET), 0);
}

#[test]
fn checklist_38_a_gap_is_closed_by_another_question_at_once() {
    let mut rig = Rig::in_step();
    rig.desire(7, r#"{"c":7,"$version":7}"#);
    assert_eq!((rig.count(GET), told(&rig)), (1, vec![]));
    rig.answer_get(7, r#"{"a":5,"b":6,"c":7}"#);
    assert_eq!(told(&rig), [(Some(7), json!({"a": 5, "b": 6, "c": 7}))]);
}

#[test]
fn a_hub_that_makes_gaps_for_ever_is_not_hammered() {
    let mut rig = Rig::in_step();
    let start = rig.now;
    let mut version = 5;
    for _ in 0..12 {
        version += 2;
        rig.desire(version, "{}");
        if rig.count(GET) == 0 {
            wait_for_question(&mut rig);
        }
        rig.puback_all();
        rig.answer_get(version, "{}");
        rig.clear();
        rig.packet(Inbound::PingResp);
    }
    let took = rig.now.since(start);
    assert!(took > secs(100), "12 gaps within {took:?}");
}

#[test]
fn checklist_38_a_change_before_the_first_answer_is_not_lost() {
    let mut rig = Rig::asking();
    rig.desire(6, r#"{"b":6,"$version":6}"#);
    assert_eq!(told(&rig), []);
    rig.answer_get(5, r#"{"a":5}"#);
    assert_eq!(told(&rig), [(Some(6), json!({"a": 5, "b": 6}))]);
}

#[test]
fn a_change_may_come_before_the_subscription_is_answered() {
    let mut rig = Rig::with(whole_config(), 1);
    rig.dialled();
    rig.connack(true);
    rig.desire(3, r#"{"a":3}"#);
    rig.suback();
    rig.answer_get(3, r#"{"a":3,"b":2}"#);
    assert_eq!(told(&rig), [(Some(3), json!({"a": 3, "b": 2}))]);
}

#[test]
fn a_change_that_cannot_be_read_costs_a_question_and_nothing_else() {
    let mut rig = Rig::in_step();
    rig.desire(6, "[]");
    assert_eq!(failures(&rig).len(), 1);
    assert_eq!(rig.session.desired().unwrap().version, Some(5));
    wait_for_question(&mut rig);
    rig.answer_get(6, r#"{"a":6}"#);
    assert_eq!(told(&rig), [(Some(6), json!({"a": 6}))]);
    assert_eq!(rig.last_loss(), None);
}

#[test]
fn checklist_23a_what_a_hub_sends_at_qos_1_is_acknowledged_in_its_turn() {
    let mut rig = Rig::in_step();
    let at_least_once = |rig: &mut Rig, topic: &str, packet_id| {
        rig.packet(Inbound::Publish {
            topic: topic.into(),
            qos: 1,
            packet_id,
            payload: bytes::Bytes::from_static(b"{}"),
        });
    };
    let desired = "$iothub/twin/PATCH/properties/desired/?$version=6";
    at_least_once(&mut rig, desired, 1);
    assert_eq!(rig.pubacks(), [1], "at once");
    let delivery = rig.deliver(1);
    at_least_once(&mut rig, desired, 1);
    at_least_once(&mut rig, "$iothub/twin/res/200/?$rid=none", 1);
    at_least_once(&mut rig, "$iothub/methods/POST/m/?$rid=1", 1);
    assert_eq!(rig.pubacks(), [1], "not before the delivery's");
    assert!(rig.acknowledge(delivery));
    assert_eq!(rig.pubacks(), [1; 5]);
    assert_eq!(rig.session.desired().unwrap().version, Some(6));
}

#[test]
fn a_hub_may_grant_more_than_was_asked_for_but_not_refuse() {
    let answered = |granted: Vec<Option<u8>>| {
        let mut rig = Rig::with(whole_config(), 1);
        rig.dialled();
        rig.connack(false);
        rig.packet(Inbound::SubAck {
            packet_id: 1,
            granted,
        });
        rig.last_loss().map(|(cause, _)| cause)
    };
    assert_eq!(answered(vec![Some(1); 4]), None);
    let refused = answered(vec![Some(1), Some(0), None, Some(0)]);
    assert_eq!(
        refused,
        Some(Cause::SubscriptionRefused {
            granted: None,
            asked: 0
        })
    );
}

#[test]
fn a_hub_that_confirms_no_request_is_not_asked_without_end() {
    let mut rig = Rig::asking();
    rig.idle(secs(1800));
    assert_eq!(rig.last_loss(), None);
    let asked = rig.count(GET);
    assert!(asked <= 8, "{asked} questions without PUBACK");
    rig.puback_all();
    rig.idle(secs(60));
    assert!(rig.count(GET) > asked);
}

#[test]
fn twin_topics_that_were_not_asked_for_are_acknowledged_and_passed_over() {
    let mut rig = Rig::connected();
    rig.packet(Inbound::Publish {
        topic: "$iothub/twin/PATCH/properties/desired/?$version=6".into(),
        qos: 1,
        packet_id: 4,
        payload: bytes::Bytes::from_static(b"{}"),
    });
    assert_eq!(rig.pubacks(), [4]);
    assert!(matches!(rig.events[..], [Event::Stray { .. }]));
    assert!(!rig.session.can_report());
}
