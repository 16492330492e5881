//! Real reports against the schema that the docs give to others.
//!
//! The check below knows the keywords that the schema uses and fails at any other, so that none is
//! passed over.

use ledger::{LedgerOptions, Outcome, RejectReason};
use serde_json::{Value, json};

use crate::support::{Fixture, at, frame, model, software};

fn schema() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/fruit-counts-1.schema.json"
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Adds what is wrong with `seen` to `wrong`, each with its place.
fn validate(root: &Value, schema: &Value, place: &str, seen: &Value, wrong: &mut Vec<String>) {
    let mut refuse = |why: String| wrong.push(format!("{place}: {why}"));
    for (keyword, rule) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "default" => {}
            "$ref" => {
                let pointer = rule.as_str().unwrap().strip_prefix('#').unwrap();
                let target = root.pointer(pointer).unwrap();
                validate(root, target, place, seen, wrong);
                return assert!(
                    schema
                        .as_object()
                        .unwrap()
                        .keys()
                        .all(|key| key == "$ref" || key == "description"),
                    "{schema}"
                );
            }
            "type" => {
                let fits = match rule.as_str().unwrap() {
                    "object" => seen.is_object(),
                    "string" => seen.is_string(),
                    "integer" => seen.is_i64() || seen.is_u64(),
                    other => panic!("the check does not know the type {other}"),
                };
                if !fits {
                    return refuse(format!("{seen} is no {rule}"));
                }
            }
            "const" if rule != seen => refuse(format!("{seen} is not {rule}")),
            "const" => {}
            "oneOf" => {
                let fitting = rule.as_array().unwrap().iter().filter(|one| {
                    let mut wrong = Vec::new();
                    validate(root, one, place, seen, &mut wrong);
                    wrong.is_empty()
                });
                if fitting.count() != 1 {
                    refuse(format!("{seen} is none of {rule}"));
                }
            }
            "required" => {
                for key in rule.as_array().unwrap() {
                    if seen.get(key.as_str().unwrap()).is_none() {
                        refuse(format!("{key} is missing"));
                    }
                }
            }
            "properties" | "additionalProperties" => {}
            "minimum" => {
                if seen.as_u64() < rule.as_u64() {
                    refuse(format!("{seen} is less than {rule}"));
                }
            }
            "format" => match (rule.as_str().unwrap(), seen.as_str()) {
                ("uint64", _) => {}
                ("date-time", Some(text)) => {
                    if ledger::parse_instant(text).is_err() || !text.contains('T') {
                        refuse(format!("{text:?} is no {rule}"));
                    }
                }
                other => panic!("the check does not know the format {other:?}"),
            },
            "pattern" => {
                if !fits(rule.as_str().unwrap(), seen.as_str().unwrap_or_default()) {
                    refuse(format!("{seen} does not fit {rule}"));
                }
            }
            other => panic!("the check does not know the keyword {other}"),
        }
    }
    for (key, value) in seen.as_object().into_iter().flatten() {
        let inner = match schema["properties"].get(key) {
            Some(inner) => inner,
            None if schema["additionalProperties"].is_object() => &schema["additionalProperties"],
            None => continue,
        };
        validate(root, inner, &format!("{place}.{key}"), value, wrong);
    }
}

/// The patterns that the schema has.
fn fits(pattern: &str, text: &str) -> bool {
    let hexadecimal = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| b"0123456789abcdef".contains(&byte))
    };
    match pattern {
        "Z$" => text.ends_with('Z'),
        "^[0-9a-f]{16}$" => hexadecimal(text, 16),
        "^[0-9a-f]{64}$" => hexadecimal(text, 64),
        "^[0-9a-f]{16}-[1-9][0-9]*$" => text.split_once('-').is_some_and(|(ledger, sequence)| {
            let digits = sequence.bytes().all(|byte| byte.is_ascii_digit());
            hexadecimal(ledger, 16) && digits && !sequence.starts_with('0') && !sequence.is_empty()
        }),
        other => panic!("the check does not know the pattern {other}"),
    }
}

fn mistakes(message: &Value) -> Vec<String> {
    let schema = schema();
    let mut wrong = Vec::new();
    validate(&schema, &schema, "$", message, &mut wrong);
    wrong
}

/// Reports of every kind: all outcomes, several cameras, split ones, a heartbeat.
fn reports() -> Vec<Value> {
    let mut counts = Fixture::with(LedgerOptions {
        report_limit: 2000,
        ..LedgerOptions::default()
    });
    counts
        .ledger
        .seal_heartbeat(&model(), at(0), &software())
        .unwrap();
    let rejected = RejectReason::ALL.map(Outcome::Rejected);
    let outcomes = [
        crate::support::classified("ripe"),
        Outcome::Unsure,
        Outcome::Ignored,
    ];
    for (number, outcome) in (0..).zip(outcomes.into_iter().chain(rejected)) {
        let mut taken = frame(&format!("cam \"{number}\"/é"), number, 1);
        taken.outcome = outcome;
        counts.record(&taken);
        counts.record(&taken);
    }
    counts.seal(60);
    let sealed = counts.ledger.unsent(100).unwrap();
    let reports = sealed
        .iter()
        .map(|report| serde_json::from_slice(&report.body).unwrap());
    reports.collect()
}

#[test]
fn every_report_that_is_sealed_fits_the_schema() {
    let reports = reports();
    assert!(reports.len() > 2, "a heartbeat and several parts");
    for report in reports {
        assert_eq!(mistakes(&report), [""; 0], "{report:#}");
    }
}

#[test]
fn a_wrong_message_does_not_fit_the_schema() {
    let right = reports().pop().unwrap();
    let check = |path: &str, value: Value, said: &str| {
        let mut message = right.clone();
        let (parent, key) = path.rsplit_once('/').unwrap();
        let object = message
            .pointer_mut(parent)
            .unwrap()
            .as_object_mut()
            .unwrap();
        match value {
            Value::Null => drop(object.remove(key).unwrap()),
            value => drop(object.insert(key.to_owned(), value)),
        }
        let wrong = mistakes(&message);
        assert!(
            wrong.iter().any(|wrong| wrong.contains(said)),
            "{path}: {wrong:?}"
        );
    };
    for key in right.as_object().unwrap().keys() {
        check(
            &format!("/{key}"),
            Value::Null,
            &format!("$: \"{key}\" is missing"),
        );
    }
    check("/schema", json!("fruit-counts/2"), "$.schema");
    check("/reportId", json!("42"), "$.reportId");
    check("/sequence", json!(0), "$.sequence: 0 is less than 1");
    check("/sequence", json!("1"), "$.sequence");
    check("/ledger", json!("A1B2C3D4E5F60718"), "$.ledger");
    check("/windowStart", json!("yesterday"), "$.windowStart");
    check(
        "/windowEnd",
        json!("2026-11-23T10:00:00+02:00"),
        "$.windowEnd",
    );
    check("/clock", json!("wrong"), "$.clock");
    check("/lot", json!(7), "$.lot");
    check("/counts/ripe", json!(-1), "$.counts.ripe");
    check("/frames/received", json!(1.5), "$.frames.received");
    check(
        "/frames/unsure",
        Value::Null,
        "$.frames: \"unsure\" is missing",
    );
    check(
        "/frames/rejected/other",
        json!("1"),
        "$.frames.rejected.other",
    );
    check(
        "/cameras/cam",
        json!({"counts": {}}),
        "$.cameras.cam: \"frames\" is missing",
    );
    check(
        "/totals/counts",
        Value::Null,
        "$.totals: \"counts\" is missing",
    );
    check("/model/sha256", json!("abc"), "$.model.sha256");
    check("/module", json!({}), "$.module: \"version\" is missing");
}
