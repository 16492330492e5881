//! Ways around the check that somebody thought of: each a change to a deployment that may go out.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use manifest::{Document, Finding, Terms, check};
use serde_json::{Value, json};

fn plain() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/good/plain.json");
    serde_json::from_str(&fs::read_to_string(path).expect("a sample")).expect("JSON")
}

const AGENT: &str = "/modulesContent/$edgeAgent/properties.desired";
const HUB: &str = "/modulesContent/$edgeHub/properties.desired";
const HUB_MODULE: &str = "/modulesContent/$edgeAgent/properties.desired/systemModules/edgeHub";
const COUNTER: &str = "/modulesContent/$edgeAgent/properties.desired/modules/FruitCounter";

/// The plain deployment with other members at a place; `null` takes one away.
fn with(place: &str, members: Value) -> Value {
    let mut document = plain();
    put(&mut document, place, members);
    document
}

fn put(document: &mut Value, place: &str, members: Value) {
    let at = document.pointer_mut(place).expect(place);
    let at = at.as_object_mut().expect(place);
    let Value::Object(members) = members else {
        panic!("{members}");
    };
    for (name, value) in members {
        match value {
            Value::Null => at.remove(&name),
            value => at.insert(name, value),
        };
    }
}

/// A deployment whose edgeHub has these options too.
fn hub_options(members: Value) -> Value {
    let mut options = json!({"HostConfig": {"Binds": ["/srv/hub:/iotedge/storage"]}});
    put(&mut options, "", members);
    with(
        &format!("{HUB_MODULE}/settings"),
        json!({"createOptions": options.to_string()}),
    )
}

fn found(documents: &[&Value]) -> Vec<Finding> {
    let documents: Vec<_> = documents
        .iter()
        .map(|value| Document::parse("a.json", &value.to_string(), &|_| None).expect("a document"))
        .collect();
    check(&documents, &Terms::default())
}

#[track_caller]
fn accepted(document: &Value) {
    let found = found(&[document]);
    assert_eq!(found, [], "{document:#}");
}

#[test]
fn the_deployment_that_is_changed_here_may_go_out() {
    accepted(&plain());
    accepted(&hub_options(json!({})));
}

#[test]
fn a_chain_of_two_hundred_modules_is_judged_in_a_moment() {
    let mut document = plain();
    let mut routes = json!({});
    let mut modules = json!({});
    let module = document.pointer(COUNTER).expect("the module").clone();
    let mut from = "/messages/*".to_owned();
    for n in 0..200 {
        let name = format!("m{n}");
        modules[&name] = module.clone();
        let mut text = String::new();
        let _ = write!(
            text,
            "FROM {from} INTO BrokeredEndpoint(\"/modules/{name}/inputs/i\")"
        );
        // Against the order in which they are found.
        routes[format!("r{:03}", 200 - n)] = text.into();
        from = format!("/messages/modules/{name}/*");
    }
    put(&mut document, &format!("{AGENT}/modules"), modules);
    put(&mut document, &format!("{HUB}/routes"), routes);
    let began = Instant::now();
    let found = found(&[&document]);
    let took = began.elapsed();
    let elsewhere = found
        .iter()
        .filter(|finding| finding.rule.name() == "pictures-elsewhere");
    assert_eq!(elsewhere.count(), 200);
    assert!(took < Duration::from_secs(3), "{took:?}");
}
