//! Reports: sent, answered, timed out, and waited for before a planned end.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{GET, REPORT, Rig, secs};
use crate::session::{Event, Outbound, REPORT_WINDOW, ReportFailure, ReportId};
use crate::twin::{ReportedPatch, Setting};

fn patch(patch: &Value) -> ReportedPatch {
    ReportedPatch::new(patch).unwrap()
}

fn report(rig: &mut Rig, value: u64) -> ReportId {
    let id = rig.session.report(rig.now, patch(&json!({ "v": value })));
    rig.collect();
    id.expect("room for a report")
}

fn result(rig: &Rig, wanted: ReportId) -> Option<Result<Option<u64>, ReportFailure>> {
    rig.events.iter().find_map(|event| match event {
        Event::Reported { report, result } if *report == wanted => Some(*result),
        _ => None,
    })
}

#[test]
fn checklist_37_a_report_is_confirmed_with_and_without_a_version() {
    let mut rig = Rig::in_step();
    let plain = report(&mut rig, 1);
    let Some(Outbound::Publish { payload, .. }) = rig.packets.last() else {
        panic!("{:?}", rig.packets)
    };
    assert_eq!(payload.as_ref(), br#"{"v":1}"#);
    rig.respond(REPORT, 204, "");
    assert_eq!(result(&rig, plain), Some(Ok(None)));
    let versioned = report(&mut rig, 2);
    let rid = rig.last_rid(REPORT);
    rig.told(format!("$iothub/twin/res/204/?$rid={rid}&$version=8"), "");
    assert_eq!(result(&rig, versioned), Some(Ok(Some(8))));
}

#[test]
fn checklist_37_a_report_that_is_refused_unanswered_or_cut_off_says_so() {
    let mut rig = Rig::in_step();
    let refused = report(&mut rig, 1);
    rig.respond(REPORT, 400, "");
    let failure = ReportFailure::Refused { status: 400 };
    assert_eq!(result(&rig, refused), Some(Err(failure)));

    let unanswered = report(&mut rig, 2);
    let late = rig.last_rid(REPORT);
    rig.advance(Duration::from_millis(29_999));
    assert_eq!(result(&rig, unanswered), None);
    rig.advance(Duration::from_millis(1));
    let failure = ReportFailure::TimedOut { after: secs(30) };
    assert_eq!(result(&rig, unanswered), Some(Err(failure)));
    rig.clear();
    rig.told(format!("$iothub/twin/res/204/?$rid={late}"), "");
    assert_eq!(rig.events, [], "too late to matter");

    let cut_off = report(&mut rig, 3);
    rig.closed();
    assert_eq!(
        result(&rig, cut_off),
        Some(Err(ReportFailure::ConnectionLost))
    );
}

#[test]
fn reports_are_bounded_and_leave_the_window_of_messages_alone() {
    let mut rig = Rig::in_step();
    for n in 0..REPORT_WINDOW {
        report(&mut rig, n as u64);
    }
    assert!(!rig.session.can_report());
    let refused = rig.session.report(rig.now, patch(&json!({"v": 9})));
    assert!(refused.is_err(), "the patch comes back");
    for n in 0..8 {
        rig.publish(&n.to_string());
    }
    assert!(!rig.session.can_publish());
    rig.respond(REPORT, 204, "");
    assert!(rig.session.can_report(), "a full window does not matter");
}

#[test]
fn checklist_10_a_planned_reconnect_waits_for_the_answer_to_a_report() {
    let mut rig = Rig::in_step();
    rig.idle(secs(3600 * 80 / 100 - 10));
    let mut outstanding = report(&mut rig, 1);
    while rig.session.can_report() {
        rig.respond(REPORT, 204, "");
        rig.puback_all();
        rig.clear();
        outstanding = report(&mut rig, 1);
        rig.idle(secs(20));
    }
    assert_eq!(rig.last_loss(), None, "it waits");
    assert_eq!(result(&rig, outstanding), None);
    rig.respond(REPORT, 204, "");
    assert_eq!(result(&rig, outstanding), Some(Ok(None)));
    assert_eq!(rig.packets.last(), Some(&Outbound::Disconnect));
}

#[test]
fn a_shutdown_waits_for_the_answer_to_a_report_and_asks_nothing_more() {
    let mut rig = Rig::asking();
    let outstanding = report(&mut rig, 1);
    // The twin would be asked for again within a second.
    rig.respond(GET, 500, "");
    rig.session.shut_down(rig.now, secs(5), None);
    rig.advance(secs(4));
    assert_eq!(rig.count(GET), 1);
    assert!(!rig.packets.contains(&Outbound::Disconnect));
    rig.respond(REPORT, 204, "");
    assert_eq!(result(&rig, outstanding), Some(Ok(None)));
    assert_eq!(rig.packets.last(), Some(&Outbound::Disconnect));
}

#[test]
fn checklist_38_an_invalid_desired_value_keeps_the_old_one_and_is_reported() {
    let mut rig = Rig::asking();
    let mut interval = Setting::new("interval", 60_u64);
    let read = |value: &Value| value.as_u64().ok_or("expected whole seconds");
    rig.answer_get(5, r#"{"interval":10}"#);
    rig.desire(6, r#"{"interval":"fast","$version":6}"#);
    let states: Vec<_> = rig
        .take_events()
        .into_iter()
        .filter_map(|event| match event {
            Event::DesiredChanged(state) => Some(state),
            _ => None,
        })
        .collect();
    let answers: Vec<_> = states.iter().map(|s| interval.follow(s, read)).collect();
    assert_eq!(*interval.value(), 10, "the old value stays");
    let refused = json!({ interval.name(): answers[1].to_value() });
    let id = rig.session.report(rig.now, patch(&refused));
    rig.collect();
    let Some(Outbound::Publish { topic, payload, .. }) = rig.packets.last() else {
        panic!("{:?}", rig.packets)
    };
    assert!(topic.starts_with(REPORT));
    let body: Value = serde_json::from_slice(payload).unwrap();
    assert_eq!(
        body,
        json!({"interval": {"value": 10, "ac": 400, "av": 6, "ad": "expected whole seconds"}})
    );
    rig.respond(REPORT, 204, "");
    assert_eq!(result(&rig, id.unwrap()), Some(Ok(None)));
}
