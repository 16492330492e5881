//! The answer to `getReports`: page by page, each report once, never too large.

use std::collections::BTreeMap;

use ledger::{
    KeepSent, LedgerOptions, LedgerReader, MAX_ANSWER_BYTES, QueryError, ReportsError, ReportsPage,
    ReportsQuery, Sums,
};
use serde_json::{Value, json};

use crate::support::{Fixture, at, classified, frame, software};

fn ask(reader: &LedgerReader, payload: &Value) -> ReportsPage {
    let page = reader
        .reports(&ReportsQuery::parse(payload).unwrap())
        .unwrap();
    let bytes = serde_json::to_vec(&page).unwrap().len();
    assert!(bytes <= MAX_ANSWER_BYTES, "{bytes} bytes");
    page
}

/// All pages from the first question on; `between` is called after each.
fn all(
    reader: &LedgerReader,
    payload: &Value,
    mut between: impl FnMut(&ReportsPage),
) -> Vec<ReportsPage> {
    let mut pages = vec![ask(reader, payload)];
    loop {
        let page = pages.last().unwrap();
        between(page);
        let Some(next) = page.next.clone() else {
            return pages;
        };
        pages.push(ask(reader, &json!({ "token": next })));
        assert!(pages.len() < 1000, "the pages have no end");
    }
}

fn sequences(pages: &[ReportsPage]) -> Vec<u64> {
    let reports = pages.iter().flat_map(|page| &page.reports);
    reports.map(|report| report.sequence.unwrap()).collect()
}

fn seal_one(counts: &mut Fixture, minute: u32) {
    let second = i64::from(minute) * 60;
    counts.record(&frame("cam", minute, second));
    counts.ledger.seal_all(at(second), &software()).unwrap();
}

fn keep(at_most: usize) -> Fixture {
    Fixture::in_memory(LedgerOptions {
        keep_sent: KeepSent {
            at_least: 1,
            at_most,
            ..KeepSent::default()
        },
        ..LedgerOptions::default()
    })
}

#[test]
fn every_report_comes_once_while_others_are_sealed() {
    let mut counts = keep(10_000);
    for minute in 0..700 {
        seal_one(&mut counts, minute);
    }
    let reader = LedgerReader::open(counts.dir.path()).unwrap();
    let mut minute = 700;
    let pages = all(&reader, &Value::Null, |_| {
        seal_one(&mut counts, minute);
        minute += 1;
    });
    assert!(pages.len() > 2, "{}", pages.len());
    assert_eq!(sequences(&pages), (1..=700).collect::<Vec<u64>>());
    assert!(pages.iter().all(|page| page.through == 700));
    assert!(
        pages
            .iter()
            .all(|page| page.let_go.is_none() && page.open_windows.is_none())
    );
    let well_filled = pages[..pages.len() - 1]
        .iter()
        .all(|page| serde_json::to_vec(page).unwrap().len() > MAX_ANSWER_BYTES * 9 / 10);
    assert!(well_filled, "no more pages than needed");
}

#[test]
fn reports_that_are_let_go_between_two_pages_are_named_and_still_add_up() {
    let mut counts = keep(1000);
    for minute in 0..900 {
        seal_one(&mut counts, minute);
    }
    counts.send_all(at(0));
    let reader = LedgerReader::open(counts.dir.path()).unwrap();
    let first = ask(&reader, &Value::Null);
    let after = first.reports.last().unwrap().sequence.unwrap();
    assert_eq!(first.carried_forward.through, 0);
    // Sixteen go with each report that is taken.
    let mut counts = counts.reopen_with(LedgerOptions {
        keep_sent: KeepSent {
            at_least: 1,
            at_most: 300,
            ..KeepSent::default()
        },
        ..LedgerOptions::default()
    });
    for minute in 900..960 {
        seal_one(&mut counts, minute);
        counts.send_all(at(0));
    }
    let token = json!({ "token": first.next.as_ref().unwrap() });
    let pages = all(&reader, &token, |_| {});
    let carried = &pages[0].carried_forward;
    assert_eq!(carried.through, 660);
    let let_go = pages[0].let_go.unwrap();
    assert_eq!((let_go.first, let_go.last), (after + 1, 660));
    assert_eq!(sequences(&pages), (661..=900).collect::<Vec<u64>>());
    // The rule of the guide: what is carried forward, and the reports behind it.
    let last = &pages.last().unwrap().carried_forward;
    let reports = [&[first][..], &pages[..]].concat();
    let behind = reports
        .iter()
        .flat_map(|page| &page.reports)
        .filter(|report| report.sequence.unwrap() > last.through)
        .map(|report| report.frames.received);
    assert_eq!(last.frames.received + behind.sum::<u64>(), 900);
}

fn by_camera(pages: &[ReportsPage]) -> BTreeMap<String, Sums> {
    let mut cameras: BTreeMap<String, Sums> = BTreeMap::new();
    for report in pages.iter().flat_map(|page| &page.reports) {
        let mut own = Sums::default();
        for (id, camera) in report.cameras.as_ref().unwrap() {
            cameras.entry(id.clone()).or_default().add(&camera.sums);
            own.add(&camera.sums);
        }
        assert_eq!((&own.counts, &own.frames), (&report.counts, &report.frames));
    }
    cameras
}

#[test]
fn a_report_that_is_larger_than_a_page_comes_in_pieces_that_add_up_to_it() {
    let mut counts = Fixture::in_memory(LedgerOptions::default());
    for number in 0..2000_u32 {
        // 257 bytes, some of which JSON writes as two.
        let camera = format!("{number:04}/{}", "\"x".repeat(126));
        counts.record(&frame(&camera, number, 1));
    }
    counts.seal(60);
    let reader = LedgerReader::open(counts.dir.path()).unwrap();
    let pages = all(&reader, &json!({"from": "2026-11-23"}), |_| {});
    let pieces: Vec<(u64, usize, usize)> = pages
        .iter()
        .flat_map(|page| &page.reports)
        .filter_map(|report| {
            report
                .piece
                .map(|it| (report.sequence.unwrap(), it.number, it.of))
        })
        .collect();
    let of_first: Vec<usize> = pieces
        .iter()
        .filter(|(sequence, ..)| *sequence == 1)
        .map(|(_, number, _)| *number)
        .collect();
    assert_eq!(of_first, (1..=pieces[0].2).collect::<Vec<usize>>());
    assert!(of_first.len() > 3, "{of_first:?}");
    assert_eq!(by_camera(&pages), counts.ledger.totals().unwrap().cameras);
}

#[test]
fn very_many_labels_leave_the_page_below_its_limit() {
    let mut counts = Fixture::in_memory(LedgerOptions {
        keep_sent: KeepSent {
            at_least: 1,
            at_most: 1,
            ..KeepSent::default()
        },
        ..LedgerOptions::default()
    });
    for number in 0..400 {
        let mut taken = frame("cam", number, 1);
        taken.outcome = classified(&format!("{number:0>280}"));
        counts.record(&taken);
    }
    counts.seal(60);
    let reader = LedgerReader::open(counts.dir.path()).unwrap();
    let pages = all(&reader, &Value::Null, |_| {});
    assert_eq!(by_camera(&pages), counts.ledger.totals().unwrap().cameras);
    counts.send_all(at(61));
    seal_one(&mut counts, 1000);
    counts.send_all(at(61));
    counts.record(&frame("cam", 2000, 120_000));
    let page = ask(&reader, &json!({"open": true}));
    assert!(page.carried_forward.through > 0);
    assert_eq!(page.carried_forward.counts, None, "they would not fit");
    assert!(page.carried_forward.frames.received >= 400);
    assert_eq!(page.open_windows.unwrap().windows.len(), 1);
}

#[test]
fn a_span_has_its_windows_and_the_open_ones_where_they_are_asked_for() {
    let mut counts = keep(100);
    for minute in 0..5 {
        seal_one(&mut counts, minute);
    }
    counts.record(&frame("cam", 100, 300));
    let reader = LedgerReader::open(counts.dir.path()).unwrap();
    let span = json!({"from": "2026-11-23T10:01:00Z", "to": "2026-11-23T12:03:00+02:00"});
    assert_eq!(sequences(&all(&reader, &span, |_| {})), [2, 3]);
    let open = |payload| ask(&reader, &payload).open_windows;
    assert_eq!(open(json!({"from": "2026-11-23"})), None);
    let seen = open(json!({"from": "2026-11-23", "open": true})).unwrap();
    assert_eq!((seen.windows.len(), seen.left_out), (1, 0));
    assert_eq!(seen.windows[0].frames.received, 1);
    assert_eq!(seen.windows[0].cameras, None);
    let none = open(json!({"to": "2026-11-23T10:05:00Z", "open": true})).unwrap();
    assert_eq!(none.windows.len(), 0);
}

#[test]
fn a_page_has_the_documented_shape() {
    let mut counts = Fixture::new();
    counts.record(&frame("cam-01", 1, 1));
    counts.seal(60);
    let reader = LedgerReader::open(counts.dir.path()).unwrap();
    let id = reader.id();
    let frames = json!({"received": 1, "classified": 1, "unsure": 0, "ignored": 0, "duplicate": 0,
        "rejected": {}});
    let none = json!({"received": 0, "classified": 0, "unsure": 0, "ignored": 0, "duplicate": 0,
        "rejected": {}});
    let expected = json!({
        "schema": "fruit-reports/1", "ledger": id, "through": 1,
        "reports": [{
            "kind": "report", "sequence": 1, "reportId": format!("{id}-1"),
            "windowStart": "2026-11-23T10:00:00Z", "windowEnd": "2026-11-23T10:01:00Z",
            "clock": "plausible", "sent": false,
            "counts": {"ripe": 1}, "frames": frames,
            "cameras": {"cam-01": {"counts": {"ripe": 1}, "frames": frames}},
            "model": {"name": "bundled", "version": "1", "sha256": "ab".repeat(32)},
            "module": {"version": "0.1.0"}
        }],
        "next": null,
        "carriedForward": {"through": 0, "counts": {}, "frames": none},
        "openWindows": {"windows": [], "leftOut": 0}
    });
    let seen = serde_json::to_value(ask(&reader, &json!({"open": true}))).unwrap();
    assert_eq!(seen, expected);
}

#[test]
fn questions_that_make_no_sense_are_refused_with_directions() {
    let check = |payload: Value, said: &str| {
        let refused = ReportsQuery::parse(&payload).unwrap_err().to_string();
        assert!(refused.contains(said), "{payload}: {refused}");
        assert!(refused.len() < 400, "{refused}");
    };
    check(json!([1]), "the payload is a list, expected an object");
    check(json!("all"), "the payload is text");
    check(
        json!({"since": "2026-11-23"}),
        "\"since\" is no key of getReports, expected from, to,",
    );
    check(json!({"k".repeat(9000): 1}), "is no key of getReports");
    check(json!({"from": 3}), "from is a number, expected text");
    check(
        json!({"to": "tomorrow"}),
        "\"tomorrow\" is no time, expected RFC 3339",
    );
    check(json!({"from": "9".repeat(9000)}), "is no time");
    check(
        json!({"from": "2026-11-24", "to": "2026-11-23"}),
        "expected from before to",
    );
    check(
        json!({"open": "yes"}),
        "open is text, expected true or false",
    );
    check(
        json!({"token": "page 2"}),
        "token is \"page 2\", expected `next` of the page before",
    );
    check(
        json!({"token": "0123456789abcdef._._.3.1.0", "from": "2026-11-23"}),
        "no other key beside it",
    );
    for all in [
        json!({}),
        json!(null),
        json!({"from": null, "to": null, "open": null}),
    ] {
        assert_eq!(ReportsQuery::parse(&all), Ok(ReportsQuery::default()));
    }
}

#[test]
fn a_token_of_another_ledger_is_refused_and_one_that_was_made_up_does_no_harm() {
    let mut counts = Fixture::new();
    for minute in 0..3 {
        seal_one(&mut counts, minute);
    }
    let reader = LedgerReader::open(counts.dir.path()).unwrap();
    let other = ReportsQuery::parse(&json!({"token": "0123456789abcdef._._.3.1.0"})).unwrap();
    let refused = reader.reports(&other).unwrap_err();
    assert!(
        matches!(
            &refused,
            ReportsError::Query(QueryError::OtherLedger { .. })
        ),
        "{refused}"
    );
    assert!(
        refused.to_string().contains("ask again without a token"),
        "{refused}"
    );
    let id = reader.id();
    let far = i64::MAX;
    for (made_up, reports) in [
        (format!("{id}._._.3.1.0"), 2),
        (format!("{id}._._.{far}.0.0"), 3),
        (format!("{id}._._.{far}.{far}.{far}"), 0),
        (format!("{id}._._.2.0.77"), 1),
        (format!("{id}.9.3.3.0.0"), 0),
    ] {
        let page = ask(&reader, &json!({ "token": made_up }));
        assert_eq!(page.reports.len(), reports, "{made_up}");
        assert_eq!(page.next, None, "{made_up}");
    }
}
