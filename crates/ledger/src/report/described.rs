//! The message described for others, out of its own types: `docs/fruit-counts-1.schema.json` (JSON
//! Schema) and `docs/fruit-counts-1.dtdl.json` (DTDL v2, for IoT Central and Digital Twins). The
//! tests hold the two files to the types; with `UPDATE_DESCRIPTIONS=1` they write them anew.

use std::fs;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::{Report, SCHEMA};

pub(super) fn schema() -> Value {
    let mut schema = schemars::schema_for!(Report).to_value();
    schema["title"] = json!(format!("The counts message {SCHEMA}"));
    schema["description"] = json!(
        "Counts of one window. `counts` and `frames` are additions: adding all reports of a ledger, \
         each reportId once, gives the truth. received = classified + unsure + ignored + duplicate \
         + all of rejected. A report without cameras is a heartbeat. More may be added to \
         the message; readers leave alone what they do not know."
    );
    on_one_line(&mut schema);
    schema
}

/// Descriptions are broken into lines where the source is.
pub(crate) fn on_one_line(part: &mut Value) {
    match part {
        Value::String(text) => *text = text.replace('\n', " "),
        Value::Array(parts) => parts.iter_mut().for_each(on_one_line),
        Value::Object(parts) => parts.values_mut().for_each(on_one_line),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What DTDL calls one thing of the schema.
fn digital_twin(whole: &Value, part: &Value) -> Value {
    if let Some(name) = part["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return digital_twin(whole, &whole["$defs"][name]);
    }
    if let Some(variants) = part["oneOf"].as_array().or(part["enum"].as_array()) {
        let value = |variant: &Value| {
            let value = variant.get("const").unwrap_or(variant).clone();
            json!({"name": value, "enumValue": value})
        };
        let values: Vec<Value> = variants.iter().map(value).collect();
        return json!({"@type": "Enum", "valueSchema": "string", "enumValues": values});
    }
    match (part["type"].as_str().unwrap(), part["format"].as_str()) {
        ("string", Some("date-time")) => json!("dateTime"),
        ("string", None) => json!("string"),
        ("integer", _) => json!("long"),
        ("object", _) if part.get("properties").is_some() => {
            let fields: Vec<Value> = properties(part)
                .iter()
                .map(|(name, part)| json!({"name": name, "schema": digital_twin(whole, part)}))
                .collect();
            json!({"@type": "Object", "fields": fields})
        }
        ("object", _) => json!({
            "@type": "Map",
            "mapKey": {"name": "name", "schema": "string"},
            "mapValue": {"name": "value", "schema": digital_twin(whole, &part["additionalProperties"])}
        }),
        other => panic!("DTDL has no word for {other:?} in {part}"),
    }
}

fn properties(part: &Value) -> &Map<String, Value> {
    part["properties"].as_object().unwrap()
}

fn interface() -> Value {
    let schema = schema();
    let contents: Vec<Value> = properties(&schema)
        .iter()
        .map(|(name, part)| {
            let mut telemetry = json!({
                "@type": "Telemetry", "name": name, "schema": digital_twin(&schema, part)
            });
            if let Some(description) = part["description"].as_str() {
                assert!(
                    description.len() <= 512,
                    "DTDL takes 512 characters: {description}"
                );
                telemetry["description"] = json!(description);
            }
            telemetry
        })
        .collect();
    json!({
        "@context": "dtmi:dtdl:context;2",
        "@id": "dtmi:fruitCounter:Counts;1",
        "@type": "Interface",
        "displayName": "Fruit counter",
        "description": format!("The counts message {SCHEMA}: what one window came to."),
        "contents": contents
    })
}

pub(crate) fn check(file: &str, described: &Value) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(file);
    let text = serde_json::to_string_pretty(described).unwrap() + "\n";
    if std::env::var_os("UPDATE_DESCRIPTIONS").is_some() {
        fs::write(&path, text).unwrap();
        return;
    }
    // Not the texts: whether keys are sorted depends on how serde_json was built.
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        serde_json::from_str::<Value>(&kept).is_ok_and(|kept| kept == *described),
        "docs/{file} does not describe it as its types have it: write it anew with \
         `UPDATE_DESCRIPTIONS=1 cargo test -p ledger --lib described`, and look at what changed: \
         a contract may only grow. Expected:\n{text}"
    );
}

#[test]
fn the_json_schema_in_docs_is_that_of_the_types() {
    check("fruit-counts-1.schema.json", &schema());
}

#[test]
fn the_dtdl_in_docs_is_that_of_the_types() {
    check("fruit-counts-1.dtdl.json", &interface());
}
