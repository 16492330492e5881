//! What is proved of routes, held to the evaluator: where *never* is said, no message of that
//! sender passes, and an example passes always.

use std::cell::Cell;

use proptest::prelude::*;
use routes::{Origin, Reach, Route, RoutedMessage, Senders, reach};

use crate::properties::config;

/// A name that a condition may ask about.
fn name() -> impl Strategy<Value = String> {
    proptest::sample::select(vec![
        "a",
        "A",
        "b",
        // One name to Rust, two to .NET.
        "ı",
        "I",
        "$connectionModuleId",
        "{$connectionModuleId}",
        "$connectionDeviceId",
        "$outputName",
        "{$outputName}",
        "$contentType",
        "{$userId}",
    ])
    .prop_map(str::to_owned)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => name(),
        3 => proptest::sample::select(vec!["'x'", "'y'", "'X'", "''", "'5'"]).prop_map(str::to_owned),
        1 => (name(), name()).prop_map(|(l, r)| format!("({l} ?? {r})")),
        1 => (name(), name()).prop_map(|(l, r)| format!("({l} || {r})")),
        1 => (proptest::sample::select(vec!["lower", "upper"]), name())
            .prop_map(|(function, name)| format!("{function}({name})")),
        1 => name().prop_map(|name| format!("substring({name}, 0, 1)")),
    ]
}

fn number() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        proptest::sample::select(vec![
            "0",
            "-0",
            "1",
            "5",
            "1e999",
            "(5 % 0)",
            "$body.n",
            "{$body.n}"
        ])
        .prop_map(str::to_owned),
        name().prop_map(|name| format!("as_number({name})")),
        text().prop_map(|text| format!("length({text})")),
        text().prop_map(|text| format!("index_of({text}, 'x')")),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            (
                inner.clone(),
                proptest::sample::select(vec!["+", "-", "*", "/", "??"]),
                inner.clone()
            )
                .prop_map(|(l, operator, r)| format!("({l} {operator} {r})")),
            inner.prop_map(|inner| format!("abs({inner})")),
        ]
    })
}

/// Conditions about who sent a message and what the sender says, most of them well typed.
fn condition() -> impl Strategy<Value = String> {
    let comparison = proptest::sample::select(vec!["=", "<>", "<", ">="]);
    let leaf = prop_oneof![
        1 => proptest::sample::select(vec!["true", "false", "undefined", "null"]).prop_map(str::to_owned),
        6 => (text(), comparison.clone(), text()).prop_map(|(l, o, r)| format!("{l} {o} {r}")),
        3 => (number(), comparison.clone(), number()).prop_map(|(l, o, r)| format!("{l} {o} {r}")),
        3 => (
            proptest::sample::select(vec!["$body.n", "{$body.n}", "$body.m"]),
            comparison,
            proptest::sample::select(vec!["'x'", "5", "0", "true", "null", "a", "$body.m"]),
        )
            .prop_map(|(l, o, r)| format!("{l} {o} {r}")),
        4 => name().prop_map(|name| format!("is_defined({name})")),
        2 => (
            proptest::sample::select(vec!["is_null", "is_string", "is_number", "is_bool", "is_defined"]),
            prop_oneof![text(), number(), Just("$body.n".to_owned())],
        )
            .prop_map(|(function, of)| format!("{function}({of})")),
        1 => (name(), text()).prop_map(|(l, r)| format!("contains({l}, {r})")),
        1 => Just("$body.n".to_owned()),
    ];
    leaf.prop_recursive(4, 20, 2, |inner| {
        prop_oneof![
            3 => (inner.clone(), proptest::sample::select(vec!["AND", "OR"]), inner.clone())
                .prop_map(|(l, operator, r)| format!("({l} {operator} {r})")),
            2 => inner.clone().prop_map(|inner| format!("NOT ({inner})")),
            1 => (inner.clone(), inner).prop_map(|(l, r)| format!("(({l}) ?? ({r}))")),
        ]
    })
}

#[derive(Debug, Clone)]
struct Sent {
    module: Option<&'static str>,
    output: Option<&'static str>,
    device: &'static str,
    properties: Vec<(String, Option<String>)>,
    system: Vec<(String, Option<String>)>,
    body: &'static str,
}

impl Sent {
    fn message(&self) -> RoutedMessage<'_> {
        let device = self.device;
        let origin = match self.module {
            None => Origin::Leaf { device },
            Some(module) => Origin::Module {
                device,
                module,
                output: self.output,
            },
        };
        RoutedMessage::new(origin, &self.properties, &self.system, self.body.as_bytes())
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    let value = || {
        proptest::option::weighted(
            0.85,
            proptest::sample::select(vec!["x", "y", "X", "", "5", "0", "-0", "FruitCounter"])
                .prop_map(str::to_owned),
        )
    };
    let property = proptest::sample::select(vec![
        "a",
        "b",
        "ı",
        "$connectionModuleId",
        "$outputName",
        "$connectionDeviceId",
        "$body.n",
        "$contentType",
    ])
    .prop_map(str::to_owned);
    let is_json = proptest::sample::select(vec![true, false]);
    (
        proptest::option::of(proptest::sample::select(vec![
            "x",
            "X",
            "y",
            "FruitCounter",
        ])),
        proptest::option::of(proptest::sample::select(vec!["x", "X", "y"])),
        proptest::sample::select(vec!["x", "y", "cam"]),
        proptest::collection::vec((property, value()), 0..4),
        is_json,
        proptest::sample::select(vec![
            "{}",
            r#"{"n":5}"#,
            r#"{"n":0.0,"m":-0.0}"#,
            r#"{"n":-0.0,"m":"x"}"#,
            r#"{"n":"x","m":5}"#,
            r#"{"n":true,"m":null}"#,
            r#"{"n":null,"m":false}"#,
            r#"{"n":[],"m":1e300}"#,
            "\u{fffd}",
        ]),
        proptest::option::of(value()),
    )
        .prop_map(
            |(module, output, device, properties, is_json, body, user)| {
                let mut system: Vec<(String, Option<String>)> = Vec::new();
                if is_json {
                    system.push((
                        "contentType".to_owned(),
                        Some("application/json".to_owned()),
                    ));
                    system.push(("contentEncoding".to_owned(), Some("utf-8".to_owned())));
                }
                system.extend(user.map(|user| ("userId".to_owned(), user)));
                Sent {
                    module,
                    output,
                    device,
                    properties,
                    system,
                    body,
                }
            },
        )
}

/// Counts of what was answered, so that a property that never met its case does not pass.
#[derive(Default)]
struct Answers {
    never: Cell<u32>,
    possibly: Cell<u32>,
    taken: Cell<u32>,
}

fn add(counter: &Cell<u32>) {
    counter.set(counter.get() + 1);
}

fn holds(
    routes: &[&Route],
    senders: Senders<'_>,
    messages: &[&Sent],
    answers: &Answers,
) -> Result<(), TestCaseError> {
    let found = reach(routes, senders);
    for sent in messages {
        let message = sent.message();
        if routes.iter().all(|route| route.matches(&message)) {
            add(&answers.taken);
            prop_assert!(!found.is_never(), "{routes:?} take {sent:?}");
        }
    }
    match found {
        Reach::Never => add(&answers.never),
        Reach::Possibly(example) => {
            add(&answers.possibly);
            let message = example.message();
            prop_assert!(
                routes.iter().all(|route| route.matches(&message)),
                "{example}"
            );
        }
        Reach::Undecided(_) => {}
    }
    Ok(())
}

#[test]
fn where_never_is_said_no_message_of_a_leaf_device_passes() {
    let answers = Answers::default();
    proptest!(config(800), |(
        condition in condition(),
        messages in proptest::collection::vec(sent(), 20),
    )| {
        let text = format!("FROM /* WHERE {condition} INTO $upstream");
        let Ok(route) = Route::parse(&text) else { return Ok(()) };
        let leaves: Vec<Sent> = messages
            .into_iter()
            .map(|sent| Sent { module: None, output: None, ..sent })
            .collect();
        holds(&[&route], Senders::LeafDevices, &leaves.iter().collect::<Vec<_>>(), &answers)?;
    });
    assert_well_mixed(&answers);
}

#[test]
fn where_never_is_said_of_two_routes_no_message_of_another_module_passes_both() {
    let answers = Answers::default();
    let source = || {
        proptest::sample::select(vec![
            "/*",
            "/messages/modules/*",
            "/messages/modules/x",
            "/messages/modules/y/outputs/x",
            "/messages/modules/X/outputs/x",
        ])
    };
    proptest!(config(800), |(
        (first, second) in (source(), source()),
        (left, right) in (condition(), condition()),
        messages in proptest::collection::vec(sent(), 20),
    )| {
        let first = Route::parse(&format!("FROM {first} WHERE {left} INTO $upstream"));
        let second = Route::parse(&format!("FROM {second} WHERE {right} INTO $upstream"));
        let (Ok(first), Ok(second)) = (first, second) else { return Ok(()) };
        let others = |sent: &&Sent| sent.module.is_some_and(|module| module != "FruitCounter");
        let others: Vec<_> = messages.iter().filter(others).collect();
        holds(&[&first, &second], Senders::OtherModules("fruitCOUNTER"), &others, &answers)?;
        let own = |sent: &&Sent| sent.module == Some("FruitCounter");
        let own: Vec<_> = messages.iter().filter(own).collect();
        holds(&[&first, &second], Senders::Module("FruitCounter"), &own, &answers)?;
    });
    assert_well_mixed(&answers);
}

fn assert_well_mixed(answers: &Answers) {
    let (never, possibly, taken) = (
        answers.never.get(),
        answers.possibly.get(),
        answers.taken.get(),
    );
    println!("never {never}, possibly {possibly}, messages taken {taken}");
    assert!(
        never > 40 && possibly > 40 && taken > 40,
        "never {never}, possibly {possibly}, messages taken {taken}: the test lost its point"
    );
}
