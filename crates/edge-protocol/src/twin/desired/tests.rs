//! The tracker against every order in which a hub may tell things.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("not an object: {other}"),
    }
}

fn document(version: Option<u64>, desired: Value) -> TwinDocument {
    TwinDocument {
        desired: Section {
            version,
            properties: members(desired),
        },
        reported: Section::default(),
    }
}

fn change(version: u64, changes: Value) -> DesiredChange {
    DesiredChange {
        version,
        changes: members(changes),
    }
}

fn held(tracker: &DesiredTracker) -> (Option<u64>, Value) {
    let state = tracker.state().expect("a state");
    (state.version, Value::Object((*state.properties).clone()))
}

/// A tracker in step with version 5 and `{"a":1,"b":{"c":2}}`.
fn in_step() -> DesiredTracker {
    let mut tracker = DesiredTracker::new();
    let progress = tracker.whole(document(Some(5), json!({"a": 1, "b": {"c": 2}})));
    assert_eq!(progress, Progress::CHANGED);
    tracker
}

#[test]
fn checklist_38_the_next_version_is_merged_and_null_removes() {
    let mut tracker = in_step();
    let changes = json!({"a": null, "b": {"c": null, "d": [1]}, "e": {"f": null}});
    assert_eq!(tracker.change(change(6, changes)), Progress::CHANGED);
    assert_eq!(held(&tracker), (Some(6), json!({"b": {"d": [1]}, "e": {}})));
}

#[test]
fn checklist_38_a_stale_or_replayed_version_is_ignored() {
    let mut tracker = in_step();
    for version in [0, 4, 5] {
        let progress = tracker.change(change(version, json!({"a": 9})));
        assert_eq!(progress, Progress::NOTHING, "version {version}");
    }
    assert_eq!(
        tracker.change(change(6, json!({"a": 2}))),
        Progress::CHANGED
    );
    assert_eq!(
        tracker.change(change(6, json!({"a": 9}))),
        Progress::NOTHING
    );
    assert_eq!(held(&tracker), (Some(6), json!({"a": 2, "b": {"c": 2}})));
}

#[test]
fn checklist_38_a_gap_asks_for_the_whole_and_the_early_change_counts_after_it() {
    let mut tracker = in_step();
    assert_eq!(tracker.change(change(7, json!({"a": 7}))), Progress::ASK);
    assert!(!tracker.is_in_step());
    assert_eq!(
        tracker.change(change(8, json!({"z": 8}))),
        Progress::NOTHING
    );
    assert_eq!(held(&tracker).0, Some(5), "the last good state stays");
    let progress = tracker.whole(document(Some(7), json!({"a": 7, "y": 0})));
    assert_eq!(progress, Progress::CHANGED);
    assert_eq!(held(&tracker), (Some(8), json!({"a": 7, "y": 0, "z": 8})));
}

#[test]
fn checklist_38_a_change_before_the_first_document_waits_for_it() {
    let mut tracker = DesiredTracker::new();
    assert_eq!(
        tracker.change(change(6, json!({"a": 6}))),
        Progress::NOTHING
    );
    assert_eq!(tracker.state(), None);
    // The document may be older than the change.
    assert_eq!(
        tracker.whole(document(Some(5), json!({"a": 5, "b": 5}))),
        Progress::CHANGED
    );
    assert_eq!(held(&tracker), (Some(6), json!({"a": 6, "b": 5})));
}

#[test]
fn a_document_too_old_for_the_changes_seen_is_asked_for_again() {
    let mut tracker = in_step();
    tracker.start_over();
    assert_eq!(
        tracker.change(change(9, json!({"a": 9}))),
        Progress::NOTHING
    );
    let progress = tracker.whole(document(Some(7), json!({"a": 7})));
    let expected = Progress {
        changed: true,
        ask: true,
    };
    assert_eq!(progress, expected);
    assert_eq!(held(&tracker).0, Some(7), "better than what was held");
    let progress = tracker.whole(document(Some(9), json!({"a": 9})));
    assert_eq!(progress, Progress::CHANGED);
}

#[test]
fn a_new_identity_counts_from_one_again() {
    let mut tracker = in_step();
    tracker.start_over();
    let progress = tracker.whole(document(Some(1), json!({})));
    assert_eq!(progress, Progress::CHANGED);
    assert_eq!(held(&tracker), (Some(1), json!({})));
}

#[test]
fn checklist_37_a_document_without_version_counts_only_when_nothing_better_is_held() {
    let mut tracker = DesiredTracker::new();
    assert_eq!(tracker.whole(document(None, json!({}))), Progress::CHANGED);
    assert_eq!(held(&tracker), (None, json!({})));
    let mut tracker = in_step();
    tracker.start_over();
    assert_eq!(tracker.whole(document(None, json!({}))), Progress::NOTHING);
    assert_eq!(held(&tracker).0, Some(5), "the last good copy stays");
    // The hub has the twin now; what its change builds on we cannot know.
    assert_eq!(tracker.change(change(6, json!({"a": 6}))), Progress::ASK);
}

#[test]
fn a_change_that_overtook_an_unnumbered_document_is_followed_by_another_question() {
    let mut tracker = DesiredTracker::new();
    assert_eq!(
        tracker.change(change(1, json!({"a": 1}))),
        Progress::NOTHING
    );
    assert_eq!(tracker.whole(document(None, json!({}))), Progress::ASK);
    assert_eq!(
        tracker.whole(document(Some(1), json!({"a": 1}))),
        Progress::CHANGED
    );
}

#[test]
fn an_unreadable_change_asks_for_the_whole_once_more() {
    let mut tracker = in_step();
    assert_eq!(tracker.unreadable_change(), Progress::ASK);
    assert_eq!(tracker.unreadable_change(), Progress::NOTHING);
    // The answer may be from before the second one.
    let progress = tracker.whole(document(Some(6), json!({"a": 6})));
    assert!(progress.ask);
    let progress = tracker.whole(document(Some(7), json!({"a": 7})));
    assert_eq!(progress, Progress::CHANGED);
}

#[test]
fn more_early_changes_than_fit_cost_another_question_and_no_value() {
    let mut tracker = DesiredTracker::new();
    let last = 2 + EARLY_CHANGES as u64;
    for version in 2..=last {
        let _ = tracker.change(change(version, json!({ "v": version })));
    }
    let progress = tracker.whole(document(Some(1), json!({})));
    assert!(progress.ask, "version 2 was forgotten");
    let progress = tracker.whole(document(Some(last), json!({ "v": last })));
    assert_eq!(progress, Progress::CHANGED);
    assert_eq!(held(&tracker), (Some(last), json!({ "v": last })));
}

/// A hub whose twin moves on, seen through a connection that loses, repeats and delays.
#[derive(Debug, Clone)]
enum Step {
    /// The operator sets member `name` to `value`, or removes it.
    Set(u8, Option<u8>),
    /// The next change not yet sent arrives.
    Arrive,
    /// The next change not yet sent is lost.
    Lose,
    /// An earlier change arrives again.
    Replay(u8),
    /// A GET that is wanted is answered, by the hub's state of now.
    Answer,
    /// The connection is replaced.
    Reconnect,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u8..4, proptest::option::of(0_u8..9)).prop_map(|(n, v)| Step::Set(n, v)),
        4 => Just(Step::Arrive),
        1 => Just(Step::Lose),
        1 => any::<u8>().prop_map(Step::Replay),
        2 => Just(Step::Answer),
        1 => Just(Step::Reconnect),
    ]
}

proptest! {
    #[test]
    fn whatever_is_lost_or_repeated_the_state_in_step_is_the_hubs(
        steps in proptest::collection::vec(step(), 0..60)
    ) {
        let mut tracker = DesiredTracker::new();
        let (mut hub, mut version) = (Map::new(), 1_u64);
        let mut history = vec![(1, Map::new(), hub.clone())];
        let mut sent = 1;
        let mut asked = true;
        for step in steps {
            let progress = match step {
                Step::Set(name, value) => {
                    version += 1;
                    let name = name.to_string();
                    let value = value.map_or(Value::Null, Value::from);
                    let changes = Map::from_iter([(name, value)]);
                    merge(&mut hub, changes.clone());
                    history.push((version, changes, hub.clone()));
                    continue;
                }
                Step::Arrive if sent < history.len() => {
                    let (version, changes, _) = history[sent].clone();
                    sent += 1;
                    tracker.change(DesiredChange { version, changes })
                }
                Step::Lose if sent < history.len() => {
                    sent += 1;
                    continue;
                }
                Step::Replay(which) => {
                    let (version, changes, _) = history[usize::from(which) % sent].clone();
                    tracker.change(DesiredChange { version, changes })
                }
                Step::Answer if asked => {
                    asked = false;
                    tracker.whole(document(Some(version), Value::Object(hub.clone())))
                }
                Step::Reconnect => {
                    tracker.start_over();
                    sent = history.len();
                    asked = true;
                    continue;
                }
                Step::Arrive | Step::Lose | Step::Answer => continue,
            };
            asked |= progress.ask;
            prop_assert!(asked || tracker.is_in_step(), "nobody would ask");
            // Every state shown is one the hub has had.
            if let Some(state) = tracker.state() {
                let known = history.iter().find(|(v, ..)| Some(*v) == state.version);
                prop_assert_eq!(&*state.properties, &known.expect("a version of the hub").2);
            }
        }
        // Once asked and answered with nothing on the way, it is the hub's last word.
        tracker.start_over();
        let progress = tracker.whole(document(Some(version), Value::Object(hub.clone())));
        prop_assert!(!progress.ask && tracker.is_in_step());
        prop_assert_eq!(&*tracker.state().unwrap().properties, &hub);
    }
}
