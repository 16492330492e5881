//! The module's log, as the real binary writes it.

use std::process::{Command, Stdio};

use end_to_end::{Alone, Binary, Site, binary, post};
use serde_json::Value;

/// Whether a line has the prefix that the runtime filters on: severity, time, level.
pub(crate) fn has_runtime_prefix(line: &str) -> bool {
    const SHAPE: &str = "<0> 0000-00-00 00:00:00.000 +00:00 ";
    let fits = |(shape, seen): (char, char)| match shape {
        '0' => seen.is_ascii_digit(),
        shape => shape == seen,
    };
    let (Some(stamp), Some(rest)) = (line.get(..SHAPE.len()), line.get(SHAPE.len()..)) else {
        return false;
    };
    let level = match &stamp[1..2] {
        "3" => "[ERR] - ",
        "4" => "[WRN] - ",
        "6" => "[INF] - ",
        "7" => "[DBG] - ",
        _ => return false,
    };
    SHAPE.chars().zip(stamp.chars()).all(fits) && rest.starts_with(level)
}

#[test]
fn the_prefix_is_told_from_what_only_looks_like_it() {
    let right = "<4> 2026-11-23 10:00:00.000 +00:00 [WRN] - refused";
    assert!(has_runtime_prefix(right));
    for wrong in [
        "",
        "panicked at",
        &right.replace("[WRN]", "[INF]"),
        &right.replace(".000 +", " +"),
        &right.replace("<4>", "<a>"),
        &right.replace(" - ", " "),
    ] {
        assert!(!has_runtime_prefix(wrong), "{wrong}");
    }
}

#[test]
fn in_json_each_line_is_an_object_with_time_level_message_and_fields() {
    let output = Command::new(binary(Binary::FruitCounter).unwrap())
        .env("IOTEDGE_DEVICEID", "edge-dev")
        .env("FRUIT_COUNTER_LOG_FORMAT", "json")
        .env("FRUIT_COUNTER_MIN_CONFIDENCE", "\"\n\u{2028}<3> forged")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(78));
    let log = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    assert!(lines.len() >= 3, "{log}");
    for line in &lines {
        let mut keys: Vec<&String> = line.as_object().unwrap().keys().collect();
        keys.sort();
        assert_eq!(keys, ["fields", "level", "message", "time"], "{line}");
        let time = line["time"].as_str().unwrap();
        let format = &time::format_description::well_known::Rfc3339;
        assert!(time::OffsetDateTime::parse(time, format).is_ok(), "{time}");
    }
    assert_eq!(lines[0]["level"], "info");
    assert_eq!(lines[0]["message"], "fruit-counter");
    assert!(lines[0]["fields"]["pid"].is_u64(), "{log}");
    let told = |line: &&Value| line["message"].as_str().unwrap().contains("MIN_CONFIDENCE");
    let mistake = lines.iter().find(told).unwrap();
    assert_eq!(mistake["level"], "error");
}

#[test]
fn of_a_fault_that_repeats_itself_ten_lines_are_written_and_the_rest_is_told_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut module = Alone::start(folder.path(), &[]).unwrap();
    let address = module.address().unwrap();
    for number in 0..33 {
        let key = format!("Idempotency-Key: {number}");
        post(address, "/image?camera=gate", &[&key], b"no picture").unwrap();
    }
    assert!(module.terminate().unwrap().success(), "{}", module.log());
    let log = module.log();
    // One of them is in the sum: what it is like.
    let said: Vec<&str> = log
        .lines()
        .filter(|l| l.contains("picture rejected"))
        .collect();
    assert_eq!(said.len(), 11, "{log}");
    let sum = said[10];
    assert!(
        sum.starts_with("<4> ") && sum.contains(" left_out=23 "),
        "{sum}"
    );
    assert!(log.lines().all(has_runtime_prefix), "{log}");
}

#[test]
fn the_hub_writes_no_key_into_its_log_and_says_where_they_are() {
    let site = Site::builder()
        .device("cam-01")
        .start_without_module()
        .unwrap();
    let string = site.connection_string("cam-01").unwrap();
    let (_, key) = string.split_once("SharedAccessKey=").unwrap();
    let log = site.hub_log();
    assert!(log.contains("identities.json"), "{log}");
    assert!(!log.contains(key), "{log}");
}
