//! Direct methods: each call is answered once, on its own connection.

use serde_json::{Value, json};

use super::rig::{Rig, secs, whole_config};
use crate::methods::MethodAnswer;
use crate::session::{CallId, Event, Inbound, METHOD_CAPACITY, MethodCall, Outbound};

fn answer(rig: &mut Rig, id: CallId, status: i32) -> bool {
    let answer = MethodAnswer::new(status, &json!({"ok": true})).unwrap();
    let known = rig.session.answer(rig.now, id, &answer);
    rig.collect();
    known
}

/// Statuses of the answers sent.
fn statuses(rig: &Rig) -> Vec<&str> {
    let answers = rig.answers().into_iter();
    answers
        .map(|(topic, _)| topic.split_once('/').expect("a status").0)
        .collect()
}

#[test]
fn checklist_39_a_call_is_answered_with_its_id_and_an_integer_status() {
    let mut rig = Rig::in_step();
    let call = rig.call("getReports", "6F-a", r#"{"from":3}"#).unwrap();
    let MethodCall { id, name, payload } = call;
    assert_eq!((name.as_str(), payload), ("getReports", json!({"from": 3})));
    assert!(answer(&mut rig, id, 207));
    assert_eq!(rig.answers(), [("207/?$rid=6F-a", json!({"ok": true}))]);
    assert!(!answer(&mut rig, id, 200), "one call, one answer");
    assert_eq!(rig.answers().len(), 1);
}

#[test]
fn checklist_39_a_call_nobody_takes_is_answered_501_with_its_name() {
    let mut config = whole_config();
    config.takes_methods = false;
    let mut rig = Rig::with(config, 1);
    rig.dialled();
    rig.connack(true);
    // A hub that has kept an older subscription.
    assert!(rig.call("reset", "1", "").is_none());
    let [("501/?$rid=1", body)] = &rig.answers()[..] else {
        panic!("{:?}", rig.answers())
    };
    assert_eq!(body["method"], "reset");
    assert!(body["message"].is_string());
}

#[test]
fn checklist_39_an_answer_after_the_callers_patience_does_no_harm() {
    let mut rig = Rig::in_step();
    let call = rig.call("slow", "1", "null").unwrap();
    rig.idle(secs(600));
    assert!(answer(&mut rig, call.id, 200));
    rig.puback_all();
    assert_eq!(rig.last_loss(), None);
}

#[test]
fn a_stale_answer_is_refused_on_another_connection() {
    let mut rig = Rig::in_step();
    let old = rig.call("m", "1", "").unwrap();
    rig.closed();
    rig.come_back();
    rig.clear();
    let new = rig.call("m", "1", "").unwrap();
    assert_ne!(old.id.link(), new.id.link());
    assert!(!answer(&mut rig, old.id, 200));
    assert_eq!(rig.answers(), []);
    assert!(answer(&mut rig, new.id, 200));
    assert_eq!(rig.answers().len(), 1);
}

#[test]
fn a_call_not_yet_seen_when_its_connection_ends_is_not_shown() {
    let mut rig = Rig::in_step();
    let link = rig.the_link();
    let call = Inbound::Publish {
        topic: "$iothub/methods/POST/m/?$rid=1".into(),
        qos: 0,
        packet_id: 0,
        payload: bytes::Bytes::new(),
    };
    // Both happen before the shell asks for events.
    rig.session.handle_packet(rig.now, link, call);
    rig.closed();
    let shown = rig.events.iter().any(|e| matches!(e, Event::MethodCall(_)));
    assert!(!shown, "{:?}", rig.events);
}

#[test]
fn a_payload_may_be_missing_but_not_nonsense() {
    let mut rig = Rig::in_step();
    assert_eq!(rig.call("m", "1", "").unwrap().payload, Value::Null);
    assert!(rig.call("m", "2", "{").is_none());
    assert_eq!(statuses(&rig), ["400"]);
}

#[test]
fn the_same_request_once_more_is_one_call() {
    let mut rig = Rig::in_step();
    let call = rig.call("m", "1", "").unwrap();
    assert!(rig.call("m", "1", "").is_none());
    assert!(answer(&mut rig, call.id, 200));
    assert_eq!(rig.answers().len(), 1);
}

#[test]
fn more_calls_than_fit_are_answered_503_at_once() {
    let mut rig = Rig::in_step();
    let calls: Vec<_> = (0..METHOD_CAPACITY)
        .map(|n| rig.call("m", &n.to_string(), "").unwrap())
        .collect();
    assert!(rig.call("m", "too many", "").is_none());
    assert_eq!(statuses(&rig), ["503"]);
    assert!(answer(&mut rig, calls[0].id, 200));
    rig.puback_all();
    assert!(rig.call("m", "again", "").is_some(), "room again");
}

#[test]
fn a_flood_of_calls_that_is_never_confirmed_is_answered_a_bounded_number_of_times() {
    let mut rig = Rig::in_step();
    for n in 0..1000 {
        rig.call("m", &n.to_string(), "{");
    }
    assert_eq!(rig.answers().len(), 2 * METHOD_CAPACITY);
    assert!(
        rig.session.can_publish(),
        "messages have a window of their own"
    );
    assert!(rig.session.can_report());
}

#[test]
fn a_planned_reconnect_waits_until_the_hub_has_the_answer() {
    let mut rig = Rig::in_step();
    rig.idle(secs(3600 * 80 / 100 - 60));
    let call = rig.call("m", "1", "").unwrap();
    while rig.session.can_publish() {
        rig.idle(secs(30));
    }
    rig.clear();
    assert!(answer(&mut rig, call.id, 200));
    assert!(!rig.packets.contains(&Outbound::Disconnect));
    rig.puback_all();
    assert_eq!(rig.packets.last(), Some(&Outbound::Disconnect));
}

#[test]
fn a_shutdown_waits_for_answers_declines_what_is_unseen_and_takes_no_more_calls() {
    let mut rig = Rig::in_step();
    let seen = rig.call("m", "1", "").unwrap();
    rig.call("m", "2", "").unwrap();
    rig.session.decline_calls_after(rig.now, Some(seen.id));
    rig.session.shut_down(rig.now, secs(5), None);
    rig.collect();
    assert!(rig.call("m", "3", "").is_none());
    assert_eq!(statuses(&rig), ["503", "503"]);
    assert!(answer(&mut rig, seen.id, 200));
    assert!(!rig.packets.contains(&Outbound::Disconnect));
    rig.puback_all();
    assert_eq!(rig.packets.last(), Some(&Outbound::Disconnect));
}

#[test]
fn a_shutdown_says_which_calls_it_left() {
    let mut rig = Rig::in_step();
    rig.call("m", "1", "").unwrap();
    rig.session.shut_down(rig.now, secs(5), None);
    rig.advance(secs(6));
    let left = rig.events.iter().find_map(|event| match event {
        Event::Closed(leftovers) => Some(leftovers.unanswered_calls),
        _ => None,
    });
    assert_eq!(left, Some(1));
}
