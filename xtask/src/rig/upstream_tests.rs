//! Lines as the hub writes them, and what becomes of them.

use std::io::Write;

use serde_json::json;

use super::*;

/// One line of the hub's file with a report: for each camera its counts as
/// `(ripe, unripe, unsure, duplicate, rejected)`.
pub(crate) fn line(sequence: u64, cameras: &[(&str, [u64; 5])]) -> String {
    let counted = |[ripe, unripe, unsure, duplicate, rejected]: [u64; 5]| {
        json!({
            "counts": {"ripe": ripe, "unripe": unripe},
            "frames": {
                "received": ripe + unripe + unsure + duplicate + rejected,
                "classified": ripe + unripe, "unsure": unsure, "ignored": 0,
                "duplicate": duplicate, "rejected": {"undecodable": rejected},
            },
        })
    };
    let mut sum = [0; 5];
    for (_, numbers) in cameras {
        for (total, number) in sum.iter_mut().zip(numbers) {
            *total += number;
        }
    }
    let mut body = counted(sum);
    body["schema"] = json!("fruit-counts/1");
    body["reportId"] = json!(format!("ledger-{sequence}"));
    body["sequence"] = json!(sequence);
    body["cameras"] = cameras
        .iter()
        .map(|(id, n)| ((*id).to_owned(), counted(*n)))
        .collect();
    envelope(&body)
}

fn envelope(body: &Value) -> String {
    json!({
        "enqueuedAt": "2026-11-23T10:00:02.000Z", "deviceId": "edge-dev", "moduleId": "FruitCounter",
        "output": "counts", "systemProperties": {}, "properties": {}, "bytes": 1000, "body": body,
    })
    .to_string()
}

#[test]
fn reports_add_up_by_camera() {
    let mut upstream = Upstream::default();
    upstream.take(&line(1, &[("a", [3, 1, 0, 0, 0]), ("b", [0, 4, 1, 2, 0])]));
    upstream.take(&line(2, &[("a", [2, 0, 0, 0, 1])]));
    assert_eq!(upstream.complaints, [""; 0]);
    assert_eq!(
        (upstream.messages, upstream.bytes, upstream.image_bytes),
        (2, 2000, 0)
    );
    let a = &upstream.cameras["a"];
    assert_eq!(
        (a.counts["ripe"], a.counts["unripe"], a.frames.rejected()),
        (5, 1, 1)
    );
    assert_eq!((upstream.distinct("a"), upstream.distinct("b")), (7, 5));
    assert_eq!(upstream.distinct("absent"), 0);
    assert_eq!(upstream.total().frames.received, 14);
}

#[test]
fn report_that_comes_twice_counts_once() {
    let mut upstream = Upstream::default();
    let report = line(1, &[("a", [3, 0, 0, 0, 0])]);
    let first = upstream.take(&report).unwrap();
    let counts = BTreeMap::from([("ripe".to_owned(), 3), ("unripe".to_owned(), 0)]);
    assert_eq!(
        first.kind,
        Kind::Counts {
            sequence: 1,
            counts
        }
    );
    assert_eq!(first.from, "edge-dev/FruitCounter");
    assert_eq!(upstream.take(&report).unwrap().kind, Kind::SameAgain);
    assert_eq!((upstream.messages, upstream.distinct("a")), (2, 3));
}

#[test]
fn report_that_comes_again_with_other_numbers_is_a_complaint() {
    let mut upstream = Upstream::default();
    upstream.take(&line(1, &[("a", [3, 1, 0, 0, 0])]));
    upstream.take(&line(1, &[("a", [3, 1, 0, 0, 0])]));
    assert_eq!(upstream.complaints, Vec::<String>::new());
    upstream.take(&line(1, &[("a", [3, 2, 0, 0, 0])]));
    assert_eq!(upstream.complaints.len(), 1);
    assert_eq!(upstream.distinct("a"), 4);
}

#[test]
fn half_a_line_of_a_killed_writer_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    std::fs::write(&path, "one\ntw").unwrap();
    let mut tail = Tail::new(path.clone());
    assert_eq!(tail.lines().unwrap(), ["one"]);
    tail.forget_half_a_line();
    std::fs::write(&path, "one\nthree\n").unwrap();
    assert_eq!(tail.lines().unwrap(), ["three"]);
}

#[test]
fn report_that_contradicts_itself_is_a_complaint() {
    let good = line(1, &[("a", [3, 0, 0, 0, 0])]);
    for (what, spoilt) in [
        (
            "outcomes",
            good.replacen("\"received\":3", "\"received\":4", 1),
        ),
        ("whole", good.replacen("\"ripe\":3", "\"ripe\":2", 1)),
    ] {
        assert_ne!(spoilt, good);
        let mut upstream = Upstream::default();
        upstream.take(&spoilt);
        assert!(!upstream.complaints.is_empty(), "{what}");
    }
}

#[test]
fn whatever_is_not_a_report_is_a_complaint_and_its_bytes_are_looked_at() {
    let mut upstream = Upstream::default();
    let picture = json!({
        "enqueuedAt": "", "deviceId": "cam-1", "bytes": 5000, "bodyBase64": "/9j/4AAQ",
    });
    let arrival = upstream.take(&picture.to_string()).unwrap();
    assert_eq!(
        (arrival.from.as_str(), arrival.kind),
        ("cam-1", Kind::Other)
    );
    assert_eq!((upstream.image_bytes, upstream.complaints.len()), (5000, 1));
    assert_eq!(upstream.take("{\"half\":"), None);
    assert_eq!((upstream.messages, upstream.complaints.len()), (1, 2));
}

#[test]
fn pictures_in_properties_are_found() {
    let mut upstream = Upstream::default();
    let mut message: Value = serde_json::from_str(&line(1, &[])).unwrap();
    message["properties"]["thumbnail"] = json!("QUJD".repeat(80));
    upstream.take(&message.to_string());
    assert_eq!(upstream.image_bytes, 320);
}

#[test]
fn tail_gives_each_whole_line_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("upstream.jsonl");
    let mut tail = Tail::new(path.clone());
    assert!(tail.lines().unwrap().is_empty(), "no file yet");
    let mut file = File::create(path).unwrap();
    file.write_all(b"one\ntw").unwrap();
    assert_eq!(tail.lines().unwrap(), ["one"]);
    assert!(tail.lines().unwrap().is_empty());
    file.write_all(b"o\n\nthree\n").unwrap();
    assert_eq!(tail.lines().unwrap(), ["two", "three"]);
}
