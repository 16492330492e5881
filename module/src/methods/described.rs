//! The methods described for others, out of their own types: `docs/schemas/` (JSON Schema). The tests
//! hold the files to the types, and real payloads and answers to the files; with
//! `UPDATE_DESCRIPTIONS=1` they write them anew. The windows of `getReports` are described where
//! their type is, in the crate `ledger`; `interface` makes DTDL of the schemas.

use std::fs;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema, schema_for};
use serde_json::{Value, json};

use super::answers::Pong;
use super::counts::{Counts, CountsQuery};
use super::diagnostics::Diagnostics;
use super::refusal::ErrorAnswer;
use super::reports::{ReportsPayload, SealedReports};

/// The keys of a method that takes none.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Nothing {}

pub(super) fn frames(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"$ref": "../fruit-counts-1.schema.json#/$defs/FrameSums"})
}

pub(super) fn sums(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"$ref": "../fruit-counts-1.schema.json#/$defs/Sums"})
}

pub(super) fn cameras(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": {"$ref": "../fruit-counts-1.schema.json#/$defs/Sums"}
    })
}

pub(super) fn messages(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": {"$ref": "../fruit-counts-1.schema.json"}})
}

/// Every file, by its name.
fn described() -> [(&'static str, Value); 9] {
    [
        ("ping.request", request::<Nothing>("The payload of `ping`")),
        ("ping.answer", answer::<Pong>("The answer to `ping`")),
        (
            "getCounts.request",
            request::<CountsQuery>("The payload of `getCounts`"),
        ),
        (
            "getCounts.answer",
            answer::<Counts>("The answer to `getCounts`"),
        ),
        (
            "getReports.request",
            request::<ReportsPayload>("The payload of `getReports`"),
        ),
        (
            "getReports.sealed.answer",
            answer::<SealedReports>("The answer to `getReports` with sequence, last or limit"),
        ),
        (
            "getDiagnostics.request",
            request::<Nothing>("The payload of `getDiagnostics`"),
        ),
        (
            "getDiagnostics.answer",
            answer::<Diagnostics>("The answer to `getDiagnostics`"),
        ),
        (
            "error.answer",
            answer::<ErrorAnswer>("The answer to any method with a status other than 200"),
        ),
    ]
}

fn answer<T: JsonSchema>(title: &str) -> Value {
    let mut schema = schema_for!(T).to_value();
    schema["title"] = json!(title);
    on_one_line(&mut schema);
    schema
}

/// Null asks for the same as an empty object.
fn request<T: JsonSchema>(title: &str) -> Value {
    let mut schema = answer::<T>(title);
    schema["type"] = json!(["object", "null"]);
    schema
}

/// Descriptions are broken into lines where the source is.
fn on_one_line(part: &mut Value) {
    match part {
        Value::String(text) => *text = text.replace('\n', " "),
        Value::Array(parts) => parts.iter_mut().for_each(on_one_line),
        Value::Object(parts) => parts.values_mut().for_each(on_one_line),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

pub(super) fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../docs/schemas")
        .join(format!("{name}.schema.json"))
}

#[test]
fn the_json_schemas_in_docs_are_those_of_the_types() {
    for (name, described) in described() {
        let text = serde_json::to_string_pretty(&described).unwrap() + "\n";
        if std::env::var_os("UPDATE_DESCRIPTIONS").is_some() {
            fs::write(path(name), text).unwrap();
            continue;
        }
        // Not the texts: whether keys are sorted depends on how serde_json was built.
        let kept = fs::read_to_string(path(name)).unwrap_or_default();
        assert!(
            serde_json::from_str::<Value>(&kept).is_ok_and(|kept| kept == described),
            "docs/schemas/{name}.schema.json does not describe the type: write it anew with \
             `UPDATE_DESCRIPTIONS=1 cargo test -p fruit-counter --lib described`, and look at what \
             changed. Expected:\n{text}"
        );
    }
}

/// What is wrong with a value by the schema of this name, each with its place.
pub(super) fn mistakes(name: &str, seen: &Value) -> Vec<String> {
    let file = path(name);
    let root = read(&file);
    let mut wrong = Vec::new();
    Check {
        file: &file,
        root: &root,
        wrong: &mut wrong,
    }
    .value(&root, "$", seen);
    wrong
}

pub(super) fn read(file: &std::path::Path) -> Value {
    let text = fs::read_to_string(file).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
    serde_json::from_str(&text).unwrap()
}

/// Knows the keywords that the schemas use and fails at any other, so that none is passed over.
struct Check<'a> {
    file: &'a std::path::Path,
    root: &'a Value,
    wrong: &'a mut Vec<String>,
}

impl Check<'_> {
    fn value(&mut self, schema: &Value, place: &str, seen: &Value) {
        // `true`: anything.
        let Some(rules) = schema.as_object() else {
            return assert_eq!(schema, &json!(true));
        };
        for (keyword, rule) in rules {
            if !self.follows(schema, keyword, rule, place, seen) {
                self.wrong
                    .push(format!("{place}: {seen} against {keyword} {rule}"));
            }
        }
    }

    fn follows(
        &mut self,
        schema: &Value,
        keyword: &str,
        rule: &Value,
        place: &str,
        seen: &Value,
    ) -> bool {
        match keyword {
            // The patterns are the counts message's, whose own test checks them.
            "$schema" | "$defs" | "title" | "description" | "default" | "pattern" => true,
            "$ref" => {
                self.reference(rule.as_str().unwrap(), place, seen);
                true
            }
            "type" => match rule {
                Value::Array(kinds) => kinds.iter().any(|kind| is(kind, seen)),
                kind => is(kind, seen),
            },
            "const" => rule == seen,
            "enum" => rule.as_array().unwrap().contains(seen),
            "anyOf" | "oneOf" => {
                let fits = |one: &Value| {
                    let mut wrong = Vec::new();
                    let mut check = Check {
                        wrong: &mut wrong,
                        ..*self
                    };
                    check.value(one, place, seen);
                    wrong.is_empty()
                };
                rule.as_array().unwrap().iter().any(fits)
            }
            "required" => {
                let keys = rule.as_array().unwrap();
                keys.iter()
                    .all(|key| seen.get(key.as_str().unwrap()).is_some())
            }
            "properties" => {
                for (key, value) in seen.as_object().into_iter().flatten() {
                    if let Some(rule) = rule.get(key) {
                        self.value(rule, &format!("{place}.{key}"), value);
                    }
                }
                true
            }
            "additionalProperties" => {
                let others = |key: &str| schema["properties"].get(key).is_none();
                for (key, value) in seen.as_object().into_iter().flatten() {
                    match rule {
                        Value::Bool(allowed) if others(key) && !allowed => return false,
                        Value::Object(_) if others(key) => {
                            self.value(rule, &format!("{place}.{key}"), value);
                        }
                        _ => {}
                    }
                }
                true
            }
            "items" => {
                for (at, value) in seen.as_array().into_iter().flatten().enumerate() {
                    self.value(rule, &format!("{place}[{at}]"), value);
                }
                true
            }
            // Of null there is no minimum.
            "minimum" => seen.as_i64().is_none_or(|seen| Some(seen) >= rule.as_i64()),
            "maximum" => seen.as_i64().is_none_or(|seen| Some(seen) <= rule.as_i64()),
            "format" => match (rule.as_str().unwrap(), seen.as_str()) {
                ("date-time", Some(text)) => ledger::parse_instant(text).is_ok(),
                ("date-time", None) => seen.is_null(),
                ("uint" | "uint32" | "uint64" | "int64", _) => true,
                (other, _) => panic!("the check does not know the format {other}"),
            },
            other => panic!("the check does not know the keyword {other}"),
        }
    }

    fn reference(&mut self, target: &str, place: &str, seen: &Value) {
        let (file, pointer) = target.split_once('#').unwrap_or((target, ""));
        if file.is_empty() {
            let schema = self.root.pointer(pointer).unwrap();
            return self.value(schema, place, seen);
        }
        let file = self.file.parent().unwrap().join(file);
        let root = read(&file);
        let mut check = Check {
            file: &file,
            root: &root,
            wrong: self.wrong,
        };
        check.value(root.pointer(pointer).unwrap(), place, seen);
    }
}

fn is(kind: &Value, seen: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => seen.is_object(),
        "array" => seen.is_array(),
        "string" => seen.is_string(),
        "boolean" => seen.is_boolean(),
        "integer" => seen.is_i64() || seen.is_u64(),
        "null" => seen.is_null(),
        other => panic!("the check does not know the type {other}"),
    }
}
