use std::sync::Arc;

use serde_json::json;

use super::*;

fn desired(version: u64, properties: Value) -> DesiredState {
    let Value::Object(properties) = properties else {
        panic!("{properties} is no object");
    };
    DesiredState {
        version: Some(version),
        properties: Arc::new(properties),
        ..DesiredState::default()
    }
}

/// Follows a state; `refuses` is the one property whose change cannot be carried out. Gives the
/// names of the changes that were tried.
fn follow(following: &mut Following, state: DesiredState, refuses: &str) -> Vec<&'static str> {
    let mut tried = Vec::new();
    let mut round = following.begin(state);
    while let Some(change) = round.next_change() {
        tried.push(change.name);
        round.tried(if change.name == refuses {
            Err("it cannot be done".to_owned())
        } else {
            Ok(None)
        });
    }
    tried
}

fn answer(following: &Following, name: &str) -> Value {
    let (_, answer) = following.answers().find(|(one, _)| *one == name).unwrap();
    answer.to_value()
}

#[test]
fn what_is_desired_is_tried_and_taken_and_the_rest_is_at_its_default() {
    let mut following = Following::new(Behaviour::on(2));
    let state = desired(3, json!({"reportInterval": "5s", "minConfidence": 0.9}));
    assert_eq!(
        follow(&mut following, state, ""),
        ["reportInterval", "minConfidence"]
    );
    assert_eq!(
        answer(&following, "reportInterval"),
        json!({"value": "5s", "ac": 200, "av": 3})
    );
    assert_eq!(
        answer(&following, "heartbeat"),
        json!({"value": "15m", "ac": 203, "av": 3, "ad": "default"})
    );
    assert_eq!(following.answers().count(), PROPERTIES.len());
}

#[test]
fn a_bad_value_keeps_the_old_one_and_holds_up_no_other() {
    let mut following = Following::new(Behaviour::on(2));
    follow(&mut following, desired(3, json!({"threads": 3})), "");
    let state = desired(4, json!({"threads": 65, "heartbeat": "off"}));
    assert_eq!(follow(&mut following, state, ""), ["heartbeat"]);
    let refused = answer(&following, "threads");
    assert_eq!(
        (&refused["value"], &refused["ac"], &refused["av"]),
        (&json!(3), &json!(400), &json!(4))
    );
    let why = refused["ad"].as_str().unwrap();
    assert!(
        why.contains("out of range") && why.contains("1 to 64"),
        "{why}"
    );
    assert_eq!(following.taken()["threads"], 3);
    assert_eq!(answer(&following, "heartbeat")["ac"], 200);
}

#[test]
fn a_change_that_cannot_be_carried_out_is_refused_and_the_next_one_is_built_without_it() {
    let mut following = Following::new(Behaviour::on(2));
    let state = desired(3, json!({"minConfidence": 0.9, "threads": 3}));
    let mut round = following.begin(state);
    assert_eq!(round.next_change().unwrap().name, "minConfidence");
    round.tried(Err("it cannot be done".to_owned()));
    let change = round.next_change().unwrap();
    assert_eq!(change.behaviour.threads, 3);
    assert!((change.behaviour.min_confidence - 0.6).abs() < 1e-6);
    round.tried(Ok(None));
    assert_eq!(round.next_change(), None);
    let refused = answer(&following, "minConfidence");
    assert_eq!(
        (&refused["value"], &refused["ad"]),
        (&json!(0.6), &json!("it cannot be done"))
    );
}

#[test]
fn what_is_not_desired_any_more_goes_back_to_the_environments_value() {
    let base = Behaviour {
        threads: 2,
        ..Behaviour::on(8)
    };
    let mut following = Following::new(base.clone());
    follow(&mut following, desired(3, json!({"threads": 3})), "");
    let mut round = following.begin(desired(4, json!({})));
    let change = round.next_change().unwrap();
    assert_eq!((change.name, &change.behaviour), ("threads", &base));
    round.tried(Ok(None));
    assert_eq!(round.next_change(), None);
    let back = answer(&following, "threads");
    assert_eq!((&back["value"], &back["ac"]), (&json!(2), &json!(203)));
    assert!(following.taken().is_empty());
}

#[test]
fn a_property_that_did_not_change_is_not_tried_and_its_answer_stands_for_the_new_version() {
    let mut following = Following::new(Behaviour::on(2));
    let refused = json!({"threads": 3, "logLevel": "loud", "heartbeat": "1m"});
    follow(&mut following, desired(3, refused.clone()), "");
    let before: Vec<_> = following
        .answers
        .values()
        .map(|a| a.acknowledgement.clone())
        .collect();
    assert!(follow(&mut following, desired(9, refused), "").is_empty());
    let after: Vec<_> = following
        .answers
        .values()
        .map(|a| a.acknowledgement.clone())
        .collect();
    for (mut before, after) in before.into_iter().zip(after) {
        assert_eq!((before.version, after.version), (3, 9));
        before.version = 9;
        assert_eq!(after, before);
    }
}

#[test]
fn a_value_that_is_in_force_already_is_acknowledged_without_a_change() {
    let mut following = Following::new(Behaviour::on(2));
    follow(&mut following, desired(3, json!({"threads": 3})), "");
    // Refused, then as it was.
    follow(&mut following, desired(4, json!({"threads": "many"})), "");
    assert!(follow(&mut following, desired(5, json!({"threads": 3})), "").is_empty());
    assert_eq!(
        answer(&following, "threads"),
        json!({"value": 3, "ac": 200, "av": 5})
    );
}

#[test]
fn what_could_not_be_carried_out_is_tried_again_with_the_next_version_and_what_cannot_be_read_is_not()
 {
    let mut following = Following::new(Behaviour::on(2));
    let wanted = json!({"threads": 3, "logLevel": "loud"});
    assert_eq!(
        follow(&mut following, desired(3, wanted.clone()), "threads"),
        ["threads"]
    );
    // The same version again, as after a reconnect.
    assert!(follow(&mut following, desired(3, wanted.clone()), "").is_empty());
    assert_eq!(
        follow(&mut following, desired(4, wanted.clone()), ""),
        ["threads"]
    );
    assert_eq!(answer(&following, "threads")["ac"], 200);
    assert!(follow(&mut following, desired(5, wanted), "").is_empty());
}

#[test]
fn a_failure_that_is_forgotten_is_tried_again_at_the_same_version() {
    let mut following = Following::new(Behaviour::on(2));
    let wanted = json!({"threads": 3});
    follow(&mut following, desired(3, wanted.clone()), "threads");
    following.forget_failures();
    assert_eq!(follow(&mut following, desired(3, wanted), ""), ["threads"]);
}

#[test]
fn a_property_that_fell_back_is_tried_again_when_it_is_desired() {
    let mut following = Following::new(Behaviour::on(2));
    follow(&mut following, desired(3, json!({})), "");
    following.fall_back("http", |base| base.http = false);
    follow(&mut following, desired(4, json!({})), "");
    assert_eq!(answer(&following, "http")["value"], false);
    assert_eq!(
        follow(&mut following, desired(5, json!({"http": true})), ""),
        ["http"]
    );
}

#[test]
fn values_have_the_types_of_the_model_and_lists_come_back_as_they_were_set() {
    let mut following = Following::new(Behaviour::on(2));
    let names = json!([{"camera": "a", "name": "b"}]);
    let wanted = json!({"threads": "3", "minConfidence": " 0.7 ", "reportInterval": "90s", "cameraNames": names});
    follow(&mut following, desired(3, wanted), "");
    let value = |name| answer(&following, name)["value"].clone();
    assert_eq!(value("threads"), 3);
    assert_eq!(value("minConfidence"), 0.7);
    assert_eq!(value("reportInterval"), "90s");
    assert_eq!(value("cameraNames"), names);
    assert_eq!(
        (value("labels"), value("labelConfidence")),
        (json!("{}"), json!("[]"))
    );
}

#[test]
fn a_word_to_a_change_is_in_its_answer() {
    let mut following = Following::new(Behaviour::on(2));
    let mut round = following.begin(desired(3, json!({"threads": 3})));
    assert!(round.next_change().is_some());
    round.tried(Ok(Some("in part".to_owned())));
    assert!(round.next_change().is_none());
    assert_eq!(
        answer(&following, "threads"),
        json!({"value": 3, "ac": 200, "av": 3, "ad": "in part"})
    );
}

#[test]
fn unknown_names_are_named_without_their_values_and_cut_short() {
    let mut following = Following::new(Behaviour::on(2));
    let mut properties = json!({"httpKey": "swordfish", "Threads": 4});
    properties["x".repeat(500)] = json!(1);
    follow(&mut following, desired(3, properties), "");
    assert_eq!(following.unknown().len(), 3);
    assert!(following.unknown().contains(&"Threads".to_owned()));
    assert!(
        following
            .unknown()
            .iter()
            .all(|name| name.len() <= NAME_TOLD)
    );
    assert!(!format!("{:?}", following.unknown()).contains("swordfish"));
    follow(&mut following, desired(4, json!({})), "");
    assert!(following.unknown().is_empty());
}

#[test]
fn a_variable_that_the_twin_goes_before_is_named_where_its_value_would_be_another() {
    // One of them is set to its default.
    let set = [
        "FRUIT_COUNTER_MIN_CONFIDENCE",
        "FRUIT_COUNTER_HEARTBEAT",
        "FRUIT_COUNTER_HTTP",
    ];
    let base = Behaviour {
        min_confidence: 0.9,
        ..Behaviour::on(2)
    };
    let mut following = Following::new(base).with_variables(set);
    let state =
        json!({"minConfidence": 0.6, "heartbeat": "1m", "reportInterval": "2s", "http": false});
    follow(&mut following, desired(3, state), "");
    assert_eq!(
        following.passed_over("minConfidence"),
        Some(("FRUIT_COUNTER_MIN_CONFIDENCE", json!(0.9)))
    );
    assert_eq!(
        following.passed_over("heartbeat"),
        Some(("FRUIT_COUNTER_HEARTBEAT", json!("15m")))
    );
    // Nobody set this one, and `http` is not what the variable says.
    assert_eq!(following.passed_over("reportInterval"), None);
    assert_eq!(following.passed_over("http"), None);
    follow(
        &mut following,
        desired(4, json!({"minConfidence": 0.9})),
        "",
    );
    assert_eq!(following.passed_over("minConfidence"), None);
}
