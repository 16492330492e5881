//! The module as a digital twin: `docs/fruit-counter-1.dtdl.json` (DTDL v2) has a writable property for
//! each setting, and the status; what it counts and what it can be asked it has from
//! `fruit-counts-1.dtdl.json` and `fruit-methods-1.dtdl.json`. The status has a JSON Schema too. With
//! `UPDATE_DESCRIPTIONS=1` they are written anew.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::facts::Status;
use crate::described::dtdl::whole;
use crate::described::{hold_in_docs, hold_schema, mistakes, read_docs, schema_of};
use crate::settings::PROPERTIES;

fn interface() -> Value {
    let settings = PROPERTIES.iter().map(|property| {
        json!({
            "@type": "Property",
            "name": property.name,
            "schema": property.schema,
            "writable": true,
            "description": property.setting.effect,
            "comment": property.accepts(),
        })
    });
    let told = [json!({
        "@type": "Property",
        "name": super::document::STATUS,
        "schema": whole("twin.status"),
        "description": "Versions, model, ledger and totals, clock, last error.",
    })];
    json!({
        "@context": "dtmi:dtdl:context;2",
        "@id": super::MODEL_ID,
        "@type": "Interface",
        "displayName": "Fruit counter",
        "description": "Counts ripe and unripe fruit at the edge.",
        "extends": ["dtmi:fruitCounter:Counts;1", "dtmi:fruitCounter:Methods;1"],
        "contents": settings.chain(told).collect::<Vec<_>>()
    })
}

fn names(interface: &Value) -> Vec<String> {
    let contents = interface["contents"].as_array().unwrap();
    let name = |one: &Value| one["name"].as_str().unwrap().to_owned();
    contents.iter().map(name).collect()
}

#[test]
fn the_schema_of_the_status_is_that_of_the_type() {
    hold_schema(
        "twin.status",
        &schema_of::<Status>("The reported property `status`"),
    );
}

#[test]
fn the_dtdl_in_docs_has_a_writable_property_for_each_setting_of_the_twin() {
    hold_in_docs("fruit-counter-1.dtdl.json", &interface());
}

#[test]
fn no_name_of_the_model_stands_twice_with_what_it_extends() {
    let own = interface();
    let mut seen = BTreeSet::new();
    let bases = ["fruit-counts-1.dtdl.json", "fruit-methods-1.dtdl.json"].map(read_docs);
    for (interface, base) in bases.iter().zip(own["extends"].as_array().unwrap()) {
        assert_eq!(interface["@id"], *base);
    }
    for name in bases.iter().chain([&own]).flat_map(names) {
        assert!(seen.insert(name.clone()), "{name} is there twice");
    }
}

#[test]
fn descriptions_are_as_long_as_dtdl_takes_them() {
    for content in interface()["contents"].as_array().unwrap() {
        for text in ["description", "comment"] {
            let length = content[text].as_str().unwrap_or_default().len();
            assert!(length <= 512, "{} of {}: {length}", text, content["name"]);
        }
    }
}

#[test]
fn a_real_status_is_as_its_schema_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let status = super::facts::tests::status(folder.path());
    let told = serde_json::to_value(status).unwrap();
    assert_eq!(mistakes("twin.status", &told), [""; 0], "{told:#}");
}
