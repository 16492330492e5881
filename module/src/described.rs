//! Types described for others, in `docs/`: JSON Schema, and DTDL made of it. For tests, which hold the
//! files to the types and real values to the files; with `UPDATE_DESCRIPTIONS=1` they write them anew.

pub(crate) mod dtdl;

use std::fs;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, schema_for};
use serde_json::{Value, json};

/// The schema of a type, under a title.
pub(crate) fn schema_of<T: JsonSchema>(title: &str) -> Value {
    let mut schema = schema_for!(T).to_value();
    schema["title"] = json!(title);
    on_one_line(&mut schema);
    schema
}

/// Holds `docs/schemas/NAME.schema.json` to what it is to be.
pub(crate) fn hold_schema(name: &str, described: &Value) {
    hold(&path(name), described);
}

/// Holds a file of `docs/` to what it is to be.
pub(crate) fn hold_in_docs(name: &str, described: &Value) {
    hold(&docs().join(name), described);
}

fn hold(file: &Path, described: &Value) {
    let text = serde_json::to_string_pretty(described).unwrap() + "\n";
    if std::env::var_os("UPDATE_DESCRIPTIONS").is_some() {
        fs::write(file, text).unwrap();
        return;
    }
    // Not the texts: whether keys are sorted depends on how serde_json was built.
    let kept = fs::read_to_string(file).unwrap_or_default();
    assert!(
        serde_json::from_str::<Value>(&kept).is_ok_and(|kept| kept == *described),
        "{} does not describe the type: write it anew with `UPDATE_DESCRIPTIONS=1 cargo test -p \
         fruit-counter --lib described`, and look at what changed. Expected:\n{text}",
        file.display()
    );
}

/// A file of `docs/`.
pub(crate) fn read_docs(name: &str) -> Value {
    read(&docs().join(name))
}

fn docs() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs")
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

pub(crate) fn path(name: &str) -> PathBuf {
    docs().join("schemas").join(format!("{name}.schema.json"))
}

/// What is wrong with a value by the schema of this name, each with its place.
pub(crate) fn mistakes(name: &str, seen: &Value) -> Vec<String> {
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

pub(crate) fn read(file: &Path) -> Value {
    let text = fs::read_to_string(file).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
    serde_json::from_str(&text).unwrap()
}

/// Knows the keywords that the schemas use and fails at any other, so that none is passed over.
struct Check<'a> {
    file: &'a Path,
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
                ("uint" | "uint32" | "uint64" | "int64" | "double", _) => true,
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
        "number" => seen.is_number(),
        "integer" => seen.is_i64() || seen.is_u64(),
        "null" => seen.is_null(),
        other => panic!("the check does not know the type {other}"),
    }
}
