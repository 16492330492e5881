//! What holds for every text and every message.
//!
//! The seed is fixed, so that a run repeats; `ROUTES_TEST_SEED=n` tries another.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use routes::{Origin, Route, RoutedMessage};

use crate::properties;

pub(crate) fn config(cases: u32) -> Config {
    let seed = std::env::var("ROUTES_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or(0x5EED_F00D);
    println!("seed {seed} (set ROUTES_TEST_SEED to change it)");
    Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..Config::default()
    }
}

/// Words of the language and of its edges, so that soups of them often parse.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(vec![
            "fruit",
            "weight",
            "missing",
            "empty",
            "$tray",
            "{$tray}",
            "$connectionModuleId",
            "$body.a",
            "$body.b[1].c",
            "{$body.a}",
            "3",
            "-4.5",
            "0x1F",
            "1e300",
            "e5",
            "'x'",
            "\"it\\u0041\"",
            "true",
            "false",
            "null",
            "undefined",
            "(",
            ")",
            ",",
            "NOT",
            "-",
            "+",
            "*",
            "/",
            "%",
            "||",
            "<",
            "<=",
            ">",
            ">=",
            "=",
            "!=",
            "<>",
            "AND",
            "or",
            "??",
            "abs(",
            "as_number(",
            "is_defined(",
            "is_null(",
            "is_number(",
            "is_string(",
            "concat(",
            "substring(",
            "index_of(",
            "length(",
            "upper(",
            "power(",
            "sqrt(",
            "sign(",
        ])
        .prop_map(str::to_owned),
        any::<f64>().prop_map(|number| number.to_string()),
        "[a-z'!+.-]{1,4}",
    ]
}

/// A condition that is well typed by construction, with a type of its own.
fn number() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (-1000_i32..1000).prop_map(|number| number.to_string()),
        proptest::sample::select(vec![
            "as_number(weight)",
            "$body.a",
            "1e300",
            "(3 % 0)",
            "length(fruit)"
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (
                inner.clone(),
                proptest::sample::select(vec!["+", "-", "*", "/", "??"]),
                inner.clone()
            )
                .prop_map(|(left, operator, right)| format!("({left} {operator} {right})")),
            (inner.clone(), inner.clone())
                .prop_map(|(left, right)| format!("(as_number({left}) % as_number({right}))")),
            (
                proptest::sample::select(vec![
                    "abs",
                    "exp",
                    "sqrt",
                    "floor",
                    "sign",
                    "- as_number"
                ]),
                inner.clone()
            )
                .prop_map(|(function, number)| format!("{function}({number})")),
            (inner.clone(), inner)
                .prop_map(|(start, length)| format!("length(substring(fruit, {start}, {length}))")),
        ]
    })
}

fn truth() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        proptest::sample::select(vec![
            "true",
            "false",
            "undefined",
            "fruit = 'banana'",
            "missing = 'x'",
            "is_defined(empty)",
            "contains(fruit, 'nan')",
        ])
        .prop_map(str::to_owned),
        (
            number(),
            proptest::sample::select(vec!["=", "<>", "<", "<=", ">", ">="]),
            number()
        )
            .prop_map(|(left, operator, right)| format!("{left} {operator} {right}")),
    ];
    leaf.prop_recursive(3, 16, 2, |inner| {
        prop_oneof![
            (
                inner.clone(),
                proptest::sample::select(vec!["AND", "OR"]),
                inner.clone()
            )
                .prop_map(|(left, operator, right)| format!("({left}) {operator} ({right})")),
            inner.prop_map(|inner| format!("NOT ({inner})")),
        ]
    })
}

/// The worth of a condition for a few unlike messages.
fn worths(condition: &str) -> Option<Vec<Option<bool>>> {
    let route = Route::parse(&format!("FROM /* WHERE {condition} INTO $upstream")).ok()?;
    let own = properties(&[
        ("fruit", Some("banana😀")),
        ("weight", Some("3")),
        ("empty", None),
        ("$tray", Some("own")),
    ]);
    let json = properties(&[
        ("contentType", Some("application/json")),
        ("contentEncoding", Some("utf-8")),
    ]);
    let module = Origin::Module {
        device: "edge",
        module: "m",
        output: None,
    };
    let body = br#"{"a": 7, "b": [0, {"c": "x"}]}"#;
    let messages = [
        RoutedMessage::new(Origin::Leaf { device: "d" }, &[], &[], b"\xff\xd8"),
        RoutedMessage::new(module, &own, &json, body),
        RoutedMessage::new(
            Origin::TwinChange {
                device: "d",
                module: None,
            },
            &own,
            &json,
            b"{",
        ),
    ];
    let truth = |message: &RoutedMessage<'_>| {
        let truth = route
            .condition()
            .and_then(|condition| condition.truth(message));
        assert_eq!(route.matches(message), truth == Some(true));
        truth
    };
    Some(messages.iter().map(truth).collect())
}

#[test]
fn no_text_makes_the_parser_panic_and_every_error_has_a_place_in_it() {
    proptest!(config(2000), |(text in any::<String>())| {
        if let Err(error) = Route::parse(&text) {
            prop_assert!(error.position.offset <= text.len());
            prop_assert!(text.is_char_boundary(error.position.offset));
            prop_assert_eq!(error.to_string().lines().count(), 3);
        }
    });
}

#[test]
fn no_soup_of_words_makes_parsing_or_evaluation_panic() {
    let parsed = std::cell::Cell::new(0);
    proptest!(config(6000), |(words in proptest::collection::vec(word(), 1..12))| {
        let condition = words.join(" ");
        parsed.set(parsed.get() + u32::from(worths(&condition).is_some()));
        let _ = Route::parse(&condition);
        let _ = Route::parse(&words.concat());
    });
    let parsed = parsed.get();
    assert!(
        parsed > 100,
        "only {parsed} soups parsed: the test lost its point"
    );
}

#[test]
fn every_well_typed_condition_parses_and_has_a_worth() {
    proptest!(config(1500), |(condition in truth())| {
        prop_assert!(worths(&condition).is_some(), "refused: {condition}");
    });
}

#[test]
fn what_a_condition_prints_parses_to_the_same_condition() {
    let parse = |condition: &str| {
        let route = Route::parse(&format!("FROM /x WHERE {condition} INTO $upstream")).ok()?;
        route.condition().cloned()
    };
    let check = |condition: &str| -> Result<bool, TestCaseError> {
        let Some(parsed) = parse(condition) else {
            return Ok(false);
        };
        let printed = parsed.to_string();
        prop_assert_eq!(parse(&printed), Some(parsed), "{}", printed);
        Ok(true)
    };
    proptest!(config(300), |(condition in truth())| {
        prop_assert!(check(&condition)?, "refused: {condition}");
    });
    let parsed = std::cell::Cell::new(0);
    proptest!(config(3000), |(words in proptest::collection::vec(word(), 1..12))| {
        parsed.set(parsed.get() + u32::from(check(&words.join(" "))?));
    });
    let parsed = parsed.get();
    assert!(
        parsed > 40,
        "only {parsed} soups parsed: the test lost its point"
    );
    proptest!(config(300), |(text in any::<String>(), name in "[a-z'!*+.#&|%-]{1,6}")| {
        let text = text.replace('\\', r"\\").replace('\'', r"\'");
        check(&format!("'{text}' = {name}"))?;
        check(&format!("\"{text}\" = {name}"))?;
    });
}

#[test]
fn parentheses_change_nothing_and_not_twice_is_nothing() {
    proptest!(config(500), |(condition in truth())| {
        let plain = worths(&condition);
        prop_assert_eq!(&worths(&format!("({condition})")), &plain);
        prop_assert_eq!(&worths(&format!("NOT (NOT ({condition}))")), &plain);
    });
}

#[test]
fn and_and_or_are_each_others_mirror() {
    proptest!(config(500), |(a in truth(), b in truth())| {
        let both = worths(&format!("NOT (({a}) AND ({b}))"));
        prop_assert_eq!(both, worths(&format!("NOT ({a}) OR NOT ({b})")));
        let swapped = worths(&format!("({b}) OR ({a})"));
        prop_assert_eq!(worths(&format!("({a}) OR ({b})")), swapped);
    });
}
