//! `docs/routes.md`: every example in it holds.
//!
//! Each fenced block says what it is, and one that says nothing known fails.

use routes::{Origin, Route, RouteSet, RouteSpec, RoutedMessage};

use crate::conditions::check;
use crate::properties;
use crate::whole_routes::check_sources;

const GUIDE: &str = include_str!("../../../../docs/routes.md");

#[test]
fn every_example_of_the_guide_holds() {
    let mut seen = std::collections::BTreeMap::new();
    for block in blocks(GUIDE) {
        match block.kind {
            // Routes that parse, one a line.
            "route" => {
                for route in block.text.lines() {
                    Route::parse(route)
                        .unwrap_or_else(|error| panic!("line {}: {error}", block.line));
                }
            }
            // A route that does not, and the message.
            "refused" => {
                let (route, message) = block.text.split_once('\n').expect("route and message");
                let error = Route::parse(route).expect_err(route);
                assert_eq!(error.to_string(), message.trim_end(), "line {}", block.line);
            }
            "condition" => check_conditions(block.text),
            "source" => check_sources(block.text),
            "json" => check_routes(block.text),
            "grammar" => {}
            other => panic!("line {}: a block of kind {other:?}", block.line),
        }
        *seen.entry(block.kind).or_insert(0) += 1;
    }
    for kind in ["route", "refused", "condition", "source", "json", "grammar"] {
        assert!(seen.contains_key(kind), "no block of kind {kind}");
    }
}

#[test]
fn the_guide_names_every_function() {
    let error = Route::parse("FROM /* WHERE nothing() INTO $upstream").expect_err("unknown");
    let text = error.to_string();
    let (_, names) = text.split_once("one of ").expect("a list");
    let names = names.lines().next().expect("one line").split(", ");
    let missing: Vec<_> = names
        .filter(|name| !GUIDE.contains(&format!("`{name}(")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

struct Block {
    /// Where it begins in the guide
    line: usize,
    kind: &'static str,
    text: &'static str,
}

/// The fenced blocks of a text.
fn blocks(text: &'static str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut parts = text.split("```");
    let mut line = 1;
    while let (Some(prose), fenced) = (parts.next(), parts.next()) {
        line += prose.matches('\n').count();
        let Some(fenced) = fenced else { break };
        let (kind, text) = fenced.split_once('\n').expect("a kind and a line");
        blocks.push(Block { line, kind, text });
        line += fenced.matches('\n').count();
    }
    blocks
}

/// The message that the guide describes.
fn check_conditions(table: &'static str) {
    let own = properties(&[("fruit", Some("apple")), ("weight", Some("120"))]);
    let system = properties(&[
        ("contentType", Some("application/json")),
        ("contentEncoding", Some("utf-8")),
    ]);
    let body = br#"{"lot": {"grade": "A", "weights": [118, 121], "sorted": true}}"#;
    let origin = Origin::Module {
        device: "edge",
        module: "Sorter",
        output: Some("graded"),
    };
    check(table, &RoutedMessage::new(origin, &own, &system, body));
}

/// The routes of a deployment.
fn check_routes(text: &str) {
    let document: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let routes = document["routes"].as_object().expect("routes");
    let specs = routes.iter().map(|(name, route)| {
        let seconds = |key: &str| {
            let number = route.get(key)?.as_u64()?;
            Some(u32::try_from(number).expect("a small number"))
        };
        let spec = RouteSpec {
            route: route
                .as_str()
                .or_else(|| route["route"].as_str())
                .expect("a route")
                .to_owned(),
            priority: seconds("priority"),
            time_to_live_secs: seconds("timeToLiveSecs"),
        };
        (name.clone(), spec)
    });
    let set = RouteSet::parse(specs).expect("good routes");
    assert!(set.routes().len() > 1);
}
