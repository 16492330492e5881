//! The methods as commands of a digital twin: `docs/fruit-methods-1.dtdl.json` (DTDL v2, for IoT
//! Central and Digital Twins), made out of the JSON Schemas. With `UPDATE_DESCRIPTIONS=1` it is
//! written anew.
//!
//! DTDL nests five deep at most, so that the answers of `getReports` and `getDiagnostics` have no
//! description there; their JSON Schemas have it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::described::{path, read};

/// So deep DTDL v2 lets schemas nest.
const DEEPEST: usize = 5;

/// A schema in its file.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a Path,
    root: &'a Value,
}

impl Place<'_> {
    /// What DTDL calls one part; `depth` counts it.
    fn twin(self, part: &Value, depth: usize) -> Value {
        if let Some(target) = part["$ref"].as_str() {
            return self.follow(target, depth);
        }
        if let Some(variants) = part["oneOf"].as_array().or(part["enum"].as_array()) {
            let value = |variant: &Value| {
                let value = variant.get("const").unwrap_or(variant).clone();
                json!({"name": value, "enumValue": value})
            };
            let values: Vec<Value> = variants.iter().map(value).collect();
            return json!({"@type": "Enum", "valueSchema": "string", "enumValues": values});
        }
        // DTDL has no null; what may be null may be absent.
        let kind = match &part["type"] {
            Value::Array(kinds) => kinds.iter().find(|kind| **kind != "null").unwrap(),
            kind => kind,
        };
        let format = part["format"].as_str();
        match (kind.as_str().unwrap(), format) {
            ("string", Some("date-time")) => json!("dateTime"),
            ("string", None) => json!("string"),
            ("integer", _) => json!("long"),
            ("boolean", None) => json!("boolean"),
            ("object", _) => {
                assert!(depth <= DEEPEST, "too deep for DTDL: {part}");
                self.object(part, depth)
            }
            other => panic!("DTDL has no word for {other:?} in {part}"),
        }
    }

    fn object(self, part: &Value, depth: usize) -> Value {
        let Some(fields) = part["properties"].as_object() else {
            let values = self.twin(&part["additionalProperties"], depth + 1);
            return json!({
                "@type": "Map",
                "mapKey": {"name": "name", "schema": "string"},
                "mapValue": {"name": "value", "schema": values}
            });
        };
        let field = |(name, field): (&String, &Value)| {
            let mut described = json!({"name": name, "schema": self.twin(field, depth + 1)});
            described_as(&mut described, field);
            described
        };
        let fields: Vec<Value> = fields.iter().map(field).collect();
        json!({"@type": "Object", "fields": fields})
    }

    fn follow(self, target: &str, depth: usize) -> Value {
        let (file, pointer) = target.split_once('#').unwrap_or((target, ""));
        if file.is_empty() {
            return self.twin(self.root.pointer(pointer).unwrap(), depth);
        }
        let file = self.file.parent().unwrap().join(file);
        let root = read(&file);
        let place = Place {
            file: &file,
            root: &root,
        };
        place.twin(root.pointer(pointer).unwrap(), depth)
    }
}

fn described_as(twin: &mut Value, part: &Value) {
    if let Some(description) = part["description"].as_str() {
        assert!(description.len() <= 512, "DTDL takes 512: {description}");
        twin["description"] = json!(description);
    }
}

fn whole(name: &str) -> Value {
    let file = path(name);
    let root = read(&file);
    let place = Place {
        file: &file,
        root: &root,
    };
    place.twin(&root, 1)
}

fn command(method: &str, description: &str, takes_keys: bool, answer: bool) -> Value {
    let mut command = json!({"@type": "Command", "name": method, "description": description});
    if takes_keys {
        let schema = whole(&format!("{method}.request"));
        command["request"] = json!({"name": "payload", "schema": schema});
    }
    if answer {
        let schema = whole(&format!("{method}.answer"));
        command["response"] = json!({"name": "answer", "schema": schema});
    }
    command
}

fn interface() -> Value {
    let contents = [
        command("ping", "Is it there?", false, true),
        command(
            "getCounts",
            "The counts of a span, of all cameras, of one, or camera by camera.",
            true,
            true,
        ),
        command(
            "getReports",
            "The windows of a span, or sealed reports as they are sent.",
            true,
            false,
        ),
        command(
            "getDiagnostics",
            "One page for a support ticket.",
            false,
            false,
        ),
    ];
    json!({
        "@context": "dtmi:dtdl:context;2",
        "@id": "dtmi:fruitCounter:Methods;1",
        "@type": "Interface",
        "displayName": "Fruit counter, methods",
        "description": "Questions that the module answers.",
        "contents": contents
    })
}

#[test]
fn the_dtdl_in_docs_has_a_command_for_each_method() {
    let described = interface();
    let names: Vec<&str> = described["contents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|command| command["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, super::request::NAMES);
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/fruit-methods-1.dtdl.json");
    let text = serde_json::to_string_pretty(&described).unwrap() + "\n";
    if std::env::var_os("UPDATE_DESCRIPTIONS").is_some() {
        fs::write(&file, text).unwrap();
        return;
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        serde_json::from_str::<Value>(&kept).is_ok_and(|kept| kept == described),
        "docs/fruit-methods-1.dtdl.json does not describe the methods: write it anew with \
         `UPDATE_DESCRIPTIONS=1 cargo test -p fruit-counter --lib methods`. Expected:\n{text}"
    );
}
