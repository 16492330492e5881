//! What the model's labels count as, through the real binary.

use std::process::{Command, Stdio};

use end_to_end::{Binary, Site, binary, post, workspace_root};
use serde_json::Value;

use crate::http::address_of;
use crate::refusals::png;

const LABELS: &str = r#"{"yellow":["ripe"],"ignore":["unripe"]}"#;

#[test]
fn mapped_labels_are_counted_upstream_under_their_names_or_not_at_all() {
    const PICTURES: u64 = 12;
    let cameras = [("cam-ripe", "ripe"), ("cam-unripe", "unripe")];
    let site = cameras
        .iter()
        .fold(Site::builder(), |site, (device, _)| site.device(device))
        .module_env("FRUIT_COUNTER_LABELS", LABELS)
        .start()
        .unwrap();
    let count = PICTURES.to_string();
    let mut running = cameras.map(|(device, truth)| {
        let arguments = ["--rendered", "--truth", truth, "--count", &count];
        let arguments = [&arguments[..], &["--rate", "20", "--seed", "7"]].concat();
        site.camera(device, &arguments).unwrap()
    });
    // An answer has the model's own labels all the same.
    let answer = post(address_of(&site), "/image", &[], &png(64, 48)).unwrap();
    let predictions = answer.json()["predictions"].take();
    let tags = predictions.as_array().unwrap();
    let tags: Vec<&Value> = tags.iter().map(|each| &each["tagName"]).collect();
    assert_eq!(tags, ["ripe", "unripe"], "{answer:?}");
    for ((device, _), camera) in cameras.iter().zip(&mut running) {
        assert_eq!(camera.confirmed().unwrap(), PICTURES, "{device}");
        site.wait_until_counted(device, PICTURES).unwrap();
    }
    let [ripe, unripe] = cameras.map(|(device, _)| site.upstream().camera(device).unwrap());
    for sums in [&ripe, &unripe] {
        assert!(sums.counts.keys().all(|name| name == "yellow"), "{sums:?}");
        let yellow: u64 = sums.counts.values().sum();
        assert_eq!(yellow + sums.ignored + sums.unsure, PICTURES, "{sums:?}");
    }
    assert!(ripe.counts["yellow"] > PICTURES / 2, "{ripe:?}");
    assert!(unripe.ignored > PICTURES / 2, "{unripe:?}");
    let said = r#"labels count as set: "yellow" from "ripe" (0.6); ignored "unripe" (0.6)"#;
    site.wait_for_module_line(said).unwrap();
}

#[test]
fn classify_says_the_models_label_and_what_it_counts_as() {
    let folder = tempfile::tempdir().unwrap();
    let render = Command::new(binary(Binary::Camera).unwrap())
        .args(["render", "--count", "2", "--seed", "7", "--quiet", "--out"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(render.status.success(), "{render:?}");
    let classify = |arguments: &[&str]| {
        let output = Command::new(binary(Binary::FruitCounter).unwrap())
            .arg("classify")
            .args(arguments)
            .arg(folder.path())
            .env("FRUIT_COUNTER_MODEL", workspace_root().join("model"))
            .env("FRUIT_COUNTER_LABELS", LABELS)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let lines = classify(&["--json"]);
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [ripe, unripe] = &lines[..] else {
        panic!("{lines:#?}");
    };
    assert_eq!(ripe["outcome"], "classified", "{ripe:#}");
    assert_eq!(
        (&ripe["label"], &ripe["counts_as"]),
        (&"ripe".into(), &"yellow".into())
    );
    assert_eq!(unripe["outcome"], "ignored", "{unripe:#}");
    assert_eq!(
        (&unripe["top"], &unripe["label"]),
        (&"unripe".into(), &Value::Null)
    );
    let table = classify(&[]);
    for text in [
        "counts as yellow",
        "best: unripe",
        "2 files: ignored 1, yellow 1",
    ] {
        assert!(table.contains(text), "{text} is not in: {table}");
    }
}
