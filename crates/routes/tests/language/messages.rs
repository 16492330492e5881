//! What holds for every message: each condition of the tables has a worth, the
//! same one twice, at a cost that limits bound.

use std::fmt::Write;

use proptest::prelude::*;
use routes::{
    MAX_DEPTH, MAX_NESTING, MAX_ROUTE_BYTES, Origin, Route, RouteErrorKind, RoutedMessage,
};

use crate::properties::config;
use crate::{cases, properties};

/// Every condition of the tables that compiles.
fn table_routes() -> Vec<Route> {
    let tables = [
        include_str!("../cases/conditions.txt"),
        include_str!("../cases/operators.txt"),
        include_str!("../cases/functions.txt"),
        include_str!("../cases/bodies.txt"),
    ];
    let lines = tables.into_iter().flat_map(cases);
    lines
        .filter_map(|(_, line)| {
            let (_, condition) = line.split_once(char::is_whitespace)?;
            let condition = condition.trim();
            Route::parse(&format!("FROM /* WHERE {condition} INTO $upstream")).ok()
        })
        .collect()
}

/// JSON text: what the tables ask for, between values of every kind and size.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        proptest::sample::select(vec![
            "null",
            "true",
            "1e999",
            "-1e999",
            "NaN",
            "-0.0",
            "1e-400",
            "18446744073709551616",
            "123456789012345678901234567890",
            "\"2030-01-01T00:00:00Z\"",
            "\"/Date(0)/\"",
            "\"\\ud83d\"",
            "\"\\u0000\"",
        ])
        .prop_map(str::to_owned),
        any::<f64>().prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<String>().prop_map(|text| serde_json::Value::String(text).to_string()),
    ];
    let name = proptest::sample::select(vec![
        "lot", "name", "weight", "past", "crates", "n", "open", "$", "*", "a.b",
    ]);
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[{}]", items.join(","))),
            proptest::collection::vec((name.clone(), inner), 0..6).prop_map(|members| {
                let members = members
                    .iter()
                    .map(|(name, value)| format!("\"{name}\":{value}"));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }),
        ]
    })
}

/// Bodies: JSON in an encoding, right or wrong, whole or cut; or just bytes.
fn body() -> impl Strategy<Value = (Option<String>, Vec<u8>)> {
    let encoding = proptest::sample::select(vec![
        Some("utf-8"),
        Some("UTF-8"),
        Some("utf-16"),
        Some("Utf-32"),
        Some("latin-1"),
        Some(""),
        None,
    ]);
    let text = prop_oneof![
        json(),
        json().prop_map(|json| format!("{{\"lot\":{json}}}")),
        (1_usize..2000).prop_map(|depth| "{\"lot\":".repeat(depth)),
        (1_usize..2000).prop_map(|depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth))),
    ];
    let encoded = (text, 0..4_u8, any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(text, form, cut, is_whole)| {
            let mut bytes: Vec<u8> = match form {
                0 | 1 => text.into_bytes(),
                2 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                _ => text
                    .chars()
                    .flat_map(|character| u32::from(character).to_le_bytes())
                    .collect(),
            };
            if !is_whole && !bytes.is_empty() {
                bytes.truncate(cut.index(bytes.len()));
            }
            bytes
        },
    );
    let bytes = prop_oneof![
        4 => encoded,
        1 => proptest::collection::vec(any::<u8>(), 0..200),
    ];
    (
        encoding.prop_map(|encoding| encoding.map(str::to_owned)),
        bytes,
    )
}

fn property() -> impl Strategy<Value = (String, Option<String>)> {
    let name = prop_oneof![
        proptest::sample::select(vec![
            "fruit",
            "FRUIT",
            "weight",
            "empty",
            "$tray",
            "$body.lot.weight",
            "site",
            "",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    let value = prop_oneof![
        Just(None),
        any::<String>().prop_map(Some),
        any::<f64>().prop_map(|number| Some(number.to_string())),
        proptest::sample::select(vec!["NaN", "-∞", "1e999", "(1)", "ß", "😀"])
            .prop_map(|text| Some(text.to_owned())),
    ];
    (name, value)
}

#[test]
fn every_condition_has_a_worth_for_every_message_and_the_same_one_twice() {
    let routes = table_routes();
    assert!(routes.len() > 600, "only {} conditions", routes.len());
    let own = proptest::collection::vec(property(), 0..5);
    proptest!(config(100), |(own in own, (encoding, body) in body(), origin in 0..4_u8)| {
        let system = [
            ("contentType".to_owned(), Some("application/json".to_owned())),
            ("contentEncoding".to_owned(), encoding),
        ];
        let origin = match origin {
            0 => Origin::Leaf { device: "cam-01" },
            1 => Origin::Module { device: "edge", module: "m", output: None },
            2 => Origin::Module { device: "edge", module: "m", output: Some("out") },
            _ => Origin::TwinChange { device: "edge", module: None },
        };
        let message = RoutedMessage::new(origin, &own, &system, &body);
        let again = RoutedMessage::new(origin, &own, &system, &body);
        for route in &routes {
            let truth = |message| route.condition().expect("a condition").truth(message);
            prop_assert_eq!(truth(&message), truth(&again), "{}", route);
            prop_assert_eq!(route.matches(&message), truth(&message) == Some(true), "{}", route);
        }
    });
}

#[test]
fn text_that_nests_or_runs_on_without_end_is_refused_with_a_place() {
    for unit in [
        "(",
        "NOT ",
        "NOT(",
        "- ",
        "-(",
        "abs(",
        "concat('a', ",
        "{",
        "$body.a[0] + ",
        "a = 'b' OR ",
        "/*",
        "' ",
        "\"",
        "\\",
        "🍎 ",
        "??",
        "*/",
        "\n",
    ] {
        // Far beyond the length that is read, and just within it.
        for times in [100_000, (MAX_ROUTE_BYTES - 40) / unit.len()] {
            let text = format!("FROM /x WHERE {} INTO $upstream", unit.repeat(times));
            let error = Route::parse(&text).expect_err(unit);
            assert!(error.position.offset <= text.len(), "{unit}");
            assert!(error.to_string().len() < 1000, "{unit}");
            if text.len() > MAX_ROUTE_BYTES {
                let kind = RouteErrorKind::TooLong {
                    found: text.len(),
                    limit: MAX_ROUTE_BYTES,
                };
                assert_eq!(error.kind, kind, "{unit}");
            }
        }
    }
}

#[test]
fn the_deepest_condition_needs_no_more_than_a_small_stack() {
    // Less than any thread has by default, and this is a build without
    // optimisation, whose frames are the largest.
    const STACK: usize = 1024 * 1024;
    let work = || {
        let deepest = [
            // A chain as long as it may be, inside as many parentheses.
            format!(
                "{}{}{}",
                "(".repeat(MAX_NESTING),
                vec!["a = 'b'"; MAX_DEPTH - 1].join(" OR "),
                ")".repeat(MAX_NESTING)
            ),
            format!("{}true", "NOT ".repeat(MAX_NESTING)),
            format!(
                "{}1{} = 1",
                "abs(".repeat(MAX_NESTING),
                ")".repeat(MAX_NESTING)
            ),
            format!("{}1 = 1", "- ".repeat(MAX_NESTING)),
        ];
        for condition in deepest {
            let route = Route::parse(&format!("FROM /* WHERE {condition} INTO $upstream"))
                .expect("within the limits");
            let origin = Origin::Leaf { device: "d" };
            let message = RoutedMessage::new(origin, &[], &[], b"");
            route.matches(&message);
            assert_eq!(route.clone(), route);
        }
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(work);
    thread.expect("a thread").join().expect("no overflow");
}

#[test]
fn a_route_that_makes_the_most_of_the_longest_message_ends() {
    let mut body = String::from("{\"t\":\"");
    body.push_str(&"x".repeat(200_000));
    body.push_str("\",\"m\":{");
    for index in 0..3000 {
        write!(body, "\"{index}\":{{\"a\":{index}}},").expect("text");
    }
    body.push_str("\"z\":0}}");
    let system = properties(&[
        ("contentType", Some("application/json")),
        ("contentEncoding", Some("utf-8")),
    ]);
    let origin = Origin::Leaf { device: "d" };
    let fill = |head: &str, unit: &str, tail: &str, limit: usize| {
        let room = MAX_ROUTE_BYTES - head.len() - tail.len() - 60;
        let times = (room / unit.len()).min(limit);
        format!(
            "FROM /* WHERE {head}{}{tail} INTO $upstream",
            unit.repeat(times)
        )
    };
    for (route, expected) in [
        // Joined beyond any length that a message has: undefined, not memory.
        (
            fill("$body.t", " || $body.t", " = 'x'", MAX_DEPTH - 3),
            None,
        ),
        (
            fill("concat($body.t", ", $body.t", ") = 'x'", usize::MAX),
            None,
        ),
        (
            fill(
                "index_of($body.t, 'xxxxxy') = 0",
                " OR contains($body.t, 'xxy')",
                "",
                100,
            ),
            Some(false),
        ),
        (
            fill(
                "is_defined($body.m.*.a)",
                " OR is_defined($body.m.*.a)",
                "",
                100,
            ),
            Some(false),
        ),
        (
            fill(
                "is_defined(upper($body.t))",
                " AND is_defined(lower($body.t))",
                "",
                20,
            ),
            Some(true),
        ),
    ] {
        let route = Route::parse(&route).unwrap_or_else(|error| panic!("{error}"));
        let message = RoutedMessage::new(origin, &[], &system, body.as_bytes());
        let truth = route.condition().expect("a condition").truth(&message);
        assert_eq!(truth, expected, "{:.60}", route.text());
    }
}
