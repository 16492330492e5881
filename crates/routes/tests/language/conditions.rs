//! `conditions.txt`, `operators.txt`, `functions.txt` and `bodies.txt`: what a
//! condition is worth for one message.

use routes::{Origin, Route, RoutedMessage};

use crate::{cases, properties};

/// Every line of `table` must come to its verdict for `message`.
pub(crate) fn check(table: &'static str, message: &RoutedMessage<'_>) {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (number, line) in cases(table) {
        let (expected, condition) = line.split_once(char::is_whitespace).expect("a verdict");
        let condition = condition.trim();
        let found = match Route::parse(&format!("FROM /* WHERE {condition} INTO $upstream")) {
            Err(_) => "refused",
            Ok(route) => {
                let truth = route.condition().expect("a condition").truth(message);
                assert_eq!(
                    route.matches(message),
                    truth == Some(true),
                    "line {number}: {condition}"
                );
                match truth {
                    Some(true) => "true",
                    Some(false) => "false",
                    None => "undefined",
                }
            }
        };
        if found != expected {
            wrong.push(format!(
                "line {number}: {condition}: found {found}, expected {expected}"
            ));
        }
        seen += 1;
    }
    assert!(
        wrong.is_empty(),
        "{} of {seen} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn checklist_33_conditions_are_worth_what_the_tables_say() {
    let own = properties(&[
        ("fruit", Some("banana")),
        ("weight", Some("3")),
        ("SHOUT", Some("LOUD")),
        ("empty", None),
        ("$tray", Some("own")),
    ]);
    let system = properties(&[
        ("contentType", Some("text/plain")),
        ("tray", Some("7")),
        ("batch", None),
        ("messageId", Some("m-1")),
    ]);
    let origin = Origin::Module {
        device: "edge",
        module: "sorter",
        output: Some("out"),
    };
    let message = RoutedMessage::new(origin, &own, &system, b"\xff\xd8\xff");
    check(include_str!("../cases/conditions.txt"), &message);
    check(include_str!("../cases/operators.txt"), &message);
    check(include_str!("../cases/functions.txt"), &message);
}

const BODY: &str = r#"{"lot": {"name": "A", "weight": 50, "frost": -50.4, "open": true, "shut": false,
    "none": null, "when": "2030-01-01T00:00:00Z", "past": [20, 30],
    "crates": [{"n": 1}, {"n": 2}], "own": "body"}}"#;

#[test]
fn checklist_33_body_questions_are_worth_what_the_table_says() {
    let own = properties(&[
        ("site", Some("A")),
        ("$body.lot.own", Some("property")),
        ("$body.lot.past", Some("x")),
    ]);
    let system = properties(&[
        ("contentType", Some("application/json")),
        ("contentEncoding", Some("UTF-8")),
    ]);
    let message = RoutedMessage::new(Origin::Leaf { device: "d" }, &own, &system, BODY.as_bytes());
    check(include_str!("../cases/bodies.txt"), &message);
}

#[test]
fn checklist_34_a_charset_behind_the_content_type_makes_body_questions_undefined() {
    let route = Route::parse("FROM /* WHERE $body.lot.weight = 50 INTO $upstream").expect("good");
    for (content_type, encoding, expected) in [
        (Some("application/json"), Some("utf-8"), Some(true)),
        (Some("application/json; charset=utf-8"), Some("utf-8"), None),
        (Some("application/json"), None, None),
        (Some("application/json"), Some("latin-1"), None),
        (None, Some("utf-8"), None),
    ] {
        let system = properties(&[("contentType", content_type), ("contentEncoding", encoding)]);
        let origin = Origin::Leaf { device: "d" };
        let message = RoutedMessage::new(origin, &[], &system, BODY.as_bytes());
        let truth = route.condition().expect("a condition").truth(&message);
        assert_eq!(truth, expected, "{content_type:?} {encoding:?}");
    }
}

#[test]
fn a_twin_change_is_asked_by_its_path() {
    let route = Route::parse(
        "FROM /twinChangeNotifications WHERE twin_change_includes(properties.reported.state) \
         INTO $upstream",
    );
    let route = route.expect("a good route");
    let system = properties(&[
        ("contentType", Some("application/json")),
        ("contentEncoding", Some("utf-8")),
    ]);
    for (body, expected) in [
        (
            r#"{"properties":{"reported":{"state":{"a":1}}}}"#,
            Some(true),
        ),
        (r#"{"properties":{"reported":{"state":null}}}"#, Some(true)),
        (r#"{"properties":{"reported":{"other":1}}}"#, Some(false)),
        ("no json", None),
    ] {
        let origin = Origin::TwinChange {
            device: "edge",
            module: Some("m"),
        };
        let message = RoutedMessage::new(origin, &[], &system, body.as_bytes());
        let truth = route.condition().expect("a condition").truth(&message);
        assert_eq!(truth, expected, "{body}");
    }
}
