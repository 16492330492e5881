//! `routes.txt` and `sources.txt`: which routes there are, how errors read, and
//! which messages a source takes.

use routes::{Origin, Route, RoutedMessage};

use crate::cases;

#[test]
fn checklist_33_routes_are_accepted_or_refused_with_their_place() {
    let mut wrong = Vec::new();
    let mut lines = cases(include_str!("../cases/routes.txt")).peekable();
    while let Some((number, line)) = lines.next() {
        let parse = |text: &str| Route::parse(text).map_err(|error| error.to_string());
        if let Some(text) = line.strip_prefix("ok ") {
            match parse(text) {
                Ok(route) => assert_eq!(route.text(), text),
                Err(error) => wrong.push(format!("line {number}: {text}: {error}")),
            }
            continue;
        }
        let rest = line.strip_prefix("refused ").expect("ok or refused");
        let (place, text) = rest.split_once(' ').unwrap_or((rest, ""));
        let (row, column) = place.split_once(':').expect("LINE:COLUMN");
        let (_, expected) = lines.next().expect("a message");
        let expected = expected.strip_prefix("> ").expect("a message");
        match parse(text) {
            Ok(_) => wrong.push(format!("line {number}: {text}: accepted")),
            Err(error) => {
                let place = format!("line {row}, column {column}: ");
                if !error.starts_with(&place) || !error.contains(expected) {
                    wrong.push(format!(
                        "line {number}: expected {place}{expected}\n{error}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn checklist_33_sources_take_what_the_table_says() {
    check_sources(include_str!("../cases/sources.txt"));
}

/// Every line of `table` must take the messages it names and no others.
pub(crate) fn check_sources(table: &'static str) {
    let origins = [
        ("leaf", Origin::Leaf { device: "cam-01" }),
        (
            "plain",
            Origin::Module {
                device: "edge",
                module: "Sorter",
                output: None,
            },
        ),
        (
            "output",
            Origin::Module {
                device: "edge",
                module: "Sorter",
                output: Some("out"),
            },
        ),
        (
            "twin",
            Origin::TwinChange {
                device: "cam-01",
                module: None,
            },
        ),
    ];
    for (number, line) in cases(table) {
        let mut words = line.split_whitespace();
        let path = words.next().expect("a path");
        let expected: Vec<_> = words.filter(|word| *word != "nothing").collect();
        let route = Route::parse(&format!("FROM {path} INTO $upstream")).expect(path);
        let matching = origins
            .into_iter()
            .filter(|(_, origin)| route.matches(&RoutedMessage::new(*origin, &[], &[], b"")));
        let found: Vec<_> = matching.map(|(name, _)| name).collect();
        assert_eq!(found, expected, "line {number}: {path}");
    }
}

#[test]
fn nesting_and_chains_are_bounded_with_a_place() {
    let route =
        |condition: &str| Route::parse(&format!("FROM /* WHERE {condition} INTO $upstream"));
    let nested =
        |levels: usize| route(&format!("{}true{}", "(".repeat(levels), ")".repeat(levels)));
    assert!(nested(routes::MAX_NESTING).is_ok());
    let error = nested(routes::MAX_NESTING + 1).expect_err("too nested");
    assert_eq!(error.kind, routes::RouteErrorKind::TooNested { limit: 64 });
    assert_eq!(error.position.offset, "FROM /* WHERE ".len() + 65);

    let chain = |operands: usize| route(&vec!["a = 'b'"; operands].join(" OR "));
    assert!(chain(routes::MAX_DEPTH - 1).is_ok());
    let error = chain(routes::MAX_DEPTH).expect_err("too deep");
    assert_eq!(error.kind, routes::RouteErrorKind::TooDeep { limit: 512 });

    for hostile in [
        "(", "NOT ", "- ", "abs(", "a = (", "{", "'", "/*", "$body.", "x ?? ",
    ] {
        let text = hostile.repeat(routes::MAX_ROUTE_BYTES / hostile.len() - 20);
        assert!(route(&text).is_err(), "{hostile}");
    }
}
