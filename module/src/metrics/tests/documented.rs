//! The page against `docs/metrics.md`, and the rules and the board against the page.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::read::read;
use super::{metrics, whole_page};

fn docs(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(file)
}

fn text(file: &str) -> String {
    std::fs::read_to_string(docs(file)).unwrap()
}

/// Of every number.
const COMMON: [&str; 4] = ["iothub", "edge_device", "module_name", "instance_number"];

/// Names as they are asked for, each with its type and its own labels.
type Described = BTreeMap<String, (String, String)>;

/// What the page has.
fn served() -> Described {
    let page = whole_page(&metrics(&["ripe"]));
    let samples = read(&page).unwrap();
    let types = page.lines().filter_map(|line| {
        let (name, kind) = line.strip_prefix("# TYPE ")?.split_once(' ')?;
        Some((name, kind))
    });
    types
        .map(|(name, kind)| {
            let (shown, sampled) = match kind {
                "counter" => (format!("{name}_total"), format!("{name}_total")),
                "info" => (format!("{name}_info"), format!("{name}_info")),
                "histogram" => (name.to_owned(), format!("{name}_count")),
                _ => (name.to_owned(), name.to_owned()),
            };
            let sample = samples.iter().find(|sample| sample.name == sampled);
            let sample = sample.unwrap_or_else(|| panic!("no sample of {shown}"));
            let labels: Vec<String> = sample
                .labels
                .iter()
                .filter(|(label, _)| !COMMON.contains(&label.as_str()))
                .map(|(label, _)| format!("`{label}`"))
                .collect();
            (shown, (kind.to_owned(), labels.join(", ")))
        })
        .collect()
}

/// What the table has: name, type, labels, meaning.
fn documented() -> Described {
    let page = text("metrics.md");
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| `fruit_counter_"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let name = cells[0].trim_matches('`').to_owned();
        (name, (cells[1].to_owned(), cells[2].to_owned()))
    })
    .collect()
}

#[test]
fn every_number_is_documented_with_its_type_and_labels_and_no_other_is() {
    let (served, documented) = (served(), documented());
    assert!(served.len() > 15, "{}", served.len());
    for (name, described) in &served {
        assert_eq!(documented.get(name), Some(described), "docs: {name}");
    }
    for name in documented.keys() {
        assert!(served.contains_key(name), "docs, not on the page: {name}");
    }
}

#[test]
fn the_alert_rules_and_the_board_ask_for_what_there_is() {
    let served = served();
    let names: BTreeSet<String> = served
        .iter()
        .flat_map(|(name, (kind, _))| match kind.as_str() {
            "histogram" => ["bucket", "sum", "count"]
                .map(|part| format!("{name}_{part}"))
                .to_vec(),
            _ => vec![name.clone()],
        })
        .collect();
    for file in ["monitoring/alerts.yml", "monitoring/board.json"] {
        let text = text(file);
        let asked: BTreeSet<&str> = text
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .filter(|word| word.starts_with("fruit_counter_"))
            .collect();
        assert!(asked.len() > 5, "{file}: {asked:?}");
        for name in asked {
            assert!(names.contains(name), "{file} asks for {name}");
        }
    }
    let board: serde_json::Value = serde_json::from_str(&text("monitoring/board.json")).unwrap();
    assert!(board["panels"].as_array().unwrap().len() > 5);
}
