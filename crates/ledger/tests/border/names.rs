//! Names of cameras: where reports show them, and that they change nothing else.

use std::collections::BTreeMap;

use ledger::{
    CameraNames, LedgerError, LedgerOptions, LedgerReader, Report, ReportsQuery, Span, Sums,
};
use serde_json::{Value, json};

use crate::support::{Fixture, at, frame, software};

fn names<const N: usize>(names: [(&str, &str); N]) -> CameraNames {
    let owned = names.map(|(camera, name)| (camera.to_owned(), name.to_owned()));
    BTreeMap::from(owned).try_into().unwrap()
}

/// A report that waits, as it is sent.
fn sent(counts: &Fixture, index: usize) -> Value {
    let sealed = counts.ledger.unsent(usize::MAX).unwrap();
    serde_json::from_slice(&sealed[index].body).unwrap()
}

#[test]
fn a_camera_with_a_name_shows_it_and_one_without_shows_none() {
    let mut counts = Fixture::new();
    counts.record(&frame("cam-1", 1, 5));
    counts.record(&frame("cam-2", 2, 5));
    // One is known to nobody, and the set name takes the place of the one before.
    counts.ledger.set_camera_names(names([("cam-2", "Gate")]));
    counts
        .ledger
        .set_camera_names(names([("cam-1", "Gate \"2\", é"), ("cam-9", "Roof")]));
    counts.seal(60);
    let frames = json!({"received": 1, "classified": 1, "unsure": 0, "ignored": 0, "duplicate": 0,
        "rejected": {}});
    assert_eq!(
        sent(&counts, 0)["cameras"],
        json!({
            "cam-1": {"name": "Gate \"2\", é", "counts": {"ripe": 1}, "frames": frames},
            "cam-2": {"counts": {"ripe": 1}, "frames": frames}
        })
    );
    counts.assert_right();
}

#[test]
fn a_change_of_names_neither_opens_nor_doubles_nor_changes_what_is_sealed() {
    let mut counts = Fixture::new();
    counts.ledger.set_camera_names(names([("cam-1", "Gate")]));
    counts.record(&frame("cam-1", 1, 5));
    counts.seal(60);
    let sealed = counts.ledger.unsent(10).unwrap();
    counts.record(&frame("cam-1", 2, 61));
    // Another camera's name, and the id of a third as the name of this one.
    counts
        .ledger
        .set_camera_names(names([("cam-1", "cam-3"), ("cam-2", "Gate")]));
    counts.record(&frame("cam-1", 1, 62));
    counts.record(&frame("cam-1", 3, 63));
    counts.record(&frame("cam-2", 1, 64));
    counts.seal(120);
    assert_eq!(counts.ledger.unsent(1).unwrap()[..], sealed[..]);
    let reports = counts.unsent();
    let name = |report: &Report, camera: &str| report.cameras[camera].name.clone();
    assert_eq!(name(&reports[0], "cam-1").as_deref(), Some("Gate"));
    assert_eq!(name(&reports[1], "cam-1").as_deref(), Some("cam-3"));
    assert_eq!(reports.len(), 2, "one report for one window");
    let totals = counts.ledger.totals().unwrap();
    let of = |camera: &str| {
        let frames = &totals.cameras[camera].frames;
        (frames.classified, frames.duplicate)
    };
    assert_eq!((of("cam-1"), of("cam-2")), ((3, 1), (1, 0)));
    assert_eq!(totals.cameras.len(), 2);
    counts.assert_right();
}

#[test]
fn names_are_not_stored_but_for_what_reports_show() {
    let mut counts = Fixture::new();
    counts.ledger.set_camera_names(names([("cam-1", "Gate")]));
    counts.record(&frame("cam-1", 1, 5));
    counts.seal(60);
    counts.record(&frame("cam-1", 2, 61));
    let mut counts = counts.reopen();
    let reports = counts.seal(120);
    let shown: Vec<_> = reports
        .iter()
        .map(|report| report.cameras["cam-1"].name.as_deref())
        .collect();
    assert_eq!(shown, [Some("Gate"), None]);
}

/// The longest names that JSON makes twice as long, on every one of many cameras.
#[test]
fn long_names_on_many_cameras_make_more_reports_and_none_over_the_limit() {
    let labels = ["ripe".to_owned(), "unripe".to_owned()];
    let tight = LedgerOptions {
        report_limit: 1024,
        ..LedgerOptions::default()
    };
    let refused = Fixture::in_memory(tight).ledger.fits(&labels).unwrap_err();
    let LedgerError::Labels { bytes: limit, .. } = refused else {
        panic!("{refused:?}");
    };
    let mut reports = [0; 2];
    for (is_named, reports) in [false, true].into_iter().zip(&mut reports) {
        let mut counts = Fixture::in_memory(LedgerOptions {
            report_limit: limit,
            ..LedgerOptions::default()
        });
        let cameras: Vec<String> = (0..200)
            .map(|number| format!("{number:04}{}", "\"".repeat(200)))
            .collect();
        if is_named {
            let named = cameras
                .iter()
                .map(|camera| (camera.clone(), "\"".repeat(128)));
            let named: BTreeMap<_, _> = named.collect();
            counts.ledger.set_camera_names(named.try_into().unwrap());
            counts
                .ledger
                .set_lot(Some("\\".repeat(128).parse().unwrap()));
        }
        for (number, camera) in (0..).zip(&cameras) {
            counts.record(&frame(camera, number, 1));
        }
        counts.ledger.seal_all(at(2), &software()).unwrap();
        let sealed = counts.ledger.unsent(usize::MAX).unwrap();
        for report in &sealed {
            assert!(report.body.len() <= limit, "{}", report.body.len());
        }
        *reports = sealed.len();
        let mut together: BTreeMap<String, Sums> = BTreeMap::new();
        for report in counts.unsent() {
            for (id, camera) in report.cameras {
                assert_eq!(camera.name.is_some(), is_named);
                together.entry(id).or_default().add(&camera.sums);
            }
        }
        assert_eq!(together, counts.ledger.totals().unwrap().cameras);
        counts.assert_right();
    }
    assert!(reports[0] < reports[1], "names take room: {reports:?}");
}

#[test]
fn readers_show_the_names_of_reports_and_read_reports_without() {
    let mut counts = Fixture::new();
    counts.record(&frame("cam-1", 1, 5));
    counts.seal(60);
    counts.ledger.set_camera_names(names([("cam-1", "Gate")]));
    counts.record(&frame("cam-1", 2, 65));
    counts.seal(120);
    counts.record(&frame("cam-1", 3, 125));
    let reader = LedgerReader::open(counts.dir.path()).unwrap();
    let mut shown = Vec::new();
    let mut export = reader.export(Span::ALWAYS).unwrap();
    while let Some(rows) = export.next_chunk().unwrap() {
        for row in rows {
            let cameras = row.cameras.unwrap();
            shown.push(cameras["cam-1"].name.clone());
        }
    }
    assert_eq!(shown, [None, Some("Gate".to_owned()), None]);
    let page = reader.reports(&ReportsQuery::default()).unwrap();
    let page = serde_json::to_value(&page).unwrap();
    assert_eq!(page["reports"][0]["cameras"]["cam-1"].get("name"), None);
    assert_eq!(page["reports"][1]["cameras"]["cam-1"]["name"], "Gate");
    assert!(reader.verify().unwrap().is_right());
}

#[test]
fn reports_with_names_are_carried_forward_by_id() {
    let mut counts = Fixture::with(LedgerOptions {
        keep_sent: ledger::KeepSent {
            at_least: 1,
            at_most: 1,
            ..ledger::KeepSent::default()
        },
        ..LedgerOptions::default()
    });
    for number in 0..4 {
        let name = format!("Gate {number}");
        counts.ledger.set_camera_names(names([("cam-1", &name)]));
        let second = i64::from(number) * 60;
        counts.record(&frame("cam-1", number, second + 5));
        counts.seal(second + 60);
        counts.send_all(at(second + 61));
    }
    assert_eq!(counts.ledger.verify().unwrap().carried_forward, 3);
    assert_eq!(counts.ledger.totals().unwrap().cameras.len(), 1);
    counts.assert_right();
}
