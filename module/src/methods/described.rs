//! The methods described for others, out of their own types: `docs/schemas/` (JSON Schema). The tests
//! hold the files to the types, and real payloads and answers to the files; with
//! `UPDATE_DESCRIPTIONS=1` they write them anew. The windows of `getReports` are described where
//! their type is, in the crate `ledger`; `interface` makes DTDL of the schemas.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::answers::Pong;
use super::counts::{Counts, CountsQuery};
use super::diagnostics::Diagnostics;
use super::refusal::ErrorAnswer;
use super::reports::{ReportsPayload, SealedReports};
use crate::described::{hold_schema, schema_of};

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
    schema_of::<T>(title)
}

/// Null asks for the same as an empty object.
fn request<T: JsonSchema>(title: &str) -> Value {
    let mut schema = answer::<T>(title);
    schema["type"] = json!(["object", "null"]);
    schema
}

#[test]
fn the_json_schemas_in_docs_are_those_of_the_types() {
    for (name, described) in described() {
        hold_schema(name, &described);
    }
}
