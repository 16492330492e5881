//! What `docs/dashboards` reads of the message, held to the types that write it; and the board for
//! Grafana, held to the queries beside it. With `UPDATE_DESCRIPTIONS=1` the board's queries are written
//! anew. The queries themselves are parsed and run by `cargo xtask interop dashboards`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::described::schema;

/// What the data connection adds to the message.
const ADDED: [&str; 2] = ["device", "enqueued"];

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/dashboards")
        .join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap()
}

/// The queries by their names.
fn queries() -> BTreeMap<String, String> {
    let files = fs::read_dir(path("queries")).unwrap();
    let named = files.map(|file| {
        let file = file.unwrap().path();
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(file).unwrap())
    });
    named.collect()
}

/// A query with the board's time range, interval and box in its `let` lines.
fn on_the_board(query: &str) -> String {
    let line = |line: &str| match line.split_once(" = ") {
        Some(("let since", _)) => "let since = $__timeFrom;".to_owned(),
        Some(("let until", _)) => "let until = $__timeTo;".to_owned(),
        Some(("let bucket", _)) => "let bucket = $__timeInterval;".to_owned(),
        Some(("let box", _)) => "let box = \"$box\";".to_owned(),
        _ => line.to_owned(),
    };
    query.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_table_takes_every_field_of_the_message_as_it_is_called() {
    let setup = text("setup.kql");
    let (_, mapping) = setup.split_once("```").unwrap();
    let (mapping, _) = mapping.split_once("```").unwrap();
    let mapping: Vec<Value> = serde_json::from_str(mapping).unwrap();
    let mut columns = BTreeSet::new();
    for entry in &mapping {
        let column = entry["column"].as_str().unwrap();
        if !ADDED.contains(&column) {
            assert_eq!(entry["Properties"]["Path"], format!("$.{column}"));
        }
        columns.insert(column.to_owned());
    }
    let message = schema();
    let fields = message["properties"].as_object().unwrap().keys().cloned();
    let wanted: BTreeSet<String> = fields.chain(ADDED.map(str::to_owned)).collect();
    assert_eq!(columns, wanted);
}

#[test]
fn the_board_asks_every_query_as_it_stands_beside_it() {
    let mut board: Value = serde_json::from_str(&text("board.json")).unwrap();
    let kept = board.clone();
    let update = std::env::var_os("UPDATE_DESCRIPTIONS").is_some();
    let queries = queries();
    let mut asked = BTreeSet::new();
    for panel in board["panels"].as_array_mut().unwrap() {
        for target in panel["targets"].as_array_mut().unwrap() {
            let name = target["refId"].as_str().unwrap().to_owned();
            let query = queries.get(&name);
            target["query"] = on_the_board(query.unwrap_or_else(|| panic!("no {name}.kql"))).into();
            asked.insert(name);
        }
    }
    if update {
        let text = serde_json::to_string_pretty(&board).unwrap() + "\n";
        fs::write(path("board.json"), text).unwrap();
        return;
    }
    // Not the texts: whether keys are sorted depends on how serde_json was built.
    assert!(
        kept == board,
        "docs/dashboards/board.json has other queries than lie beside it: write them anew with \
         `UPDATE_DESCRIPTIONS=1 cargo test -p ledger --lib dashboards`"
    );
    assert_eq!(asked, queries.into_keys().collect());
    for macro_or_variable in ["$__timeFrom", "$__timeTo", "$__timeInterval", "$box"] {
        let is_asked = kept.to_string().contains(macro_or_variable);
        assert!(is_asked, "no panel has {macro_or_variable}");
    }
}

#[test]
fn the_guide_names_every_query() {
    let guide = text("../dashboards.md");
    for name in queries().into_keys() {
        let link = format!("(dashboards/queries/{name}.kql)");
        assert!(guide.contains(&link), "docs/dashboards.md has no {link}");
    }
}
