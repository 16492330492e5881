//! DTDL v2 (for IoT Central and Digital Twins) out of JSON Schema.
//!
//! DTDL nests five deep at most and has no null; what may be null may be absent.

use std::path::Path;

use serde_json::{Value, json};

use super::{path, read};

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
        if let Some(variants) = part["anyOf"].as_array() {
            let is_null = |one: &&Value| one["type"] == "null";
            let [some] = &variants
                .iter()
                .filter(|one| !is_null(one))
                .collect::<Vec<_>>()[..]
            else {
                panic!("DTDL has no word for one of several: {part}");
            };
            return self.twin(some, depth);
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
            ("number", _) => json!("double"),
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

/// What DTDL calls the whole of `docs/schemas/NAME.schema.json`.
pub(crate) fn whole(name: &str) -> Value {
    let file = path(name);
    let root = read(&file);
    let place = Place {
        file: &file,
        root: &root,
    };
    place.twin(&root, 1)
}
