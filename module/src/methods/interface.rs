//! The methods as commands of a digital twin: `docs/fruit-methods-1.dtdl.json` (DTDL v2, for IoT
//! Central and Digital Twins), made out of the JSON Schemas. With `UPDATE_DESCRIPTIONS=1` it is
//! written anew.
//!
//! DTDL nests five deep at most, so that the answers of `getReports` and `getDiagnostics` have no
//! description there; their JSON Schemas have it.

use serde_json::{Value, json};

use crate::described::dtdl::whole;
use crate::described::hold_in_docs;

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
    hold_in_docs("fruit-methods-1.dtdl.json", &described);
}
