//! What the writer holds in memory of the store never disagrees with it.

use super::*;

fn of_camera(camera: &str, number: u32) -> FrameRecord {
    let mut taken = frame(number);
    taken.key.camera = camera.into();
    taken
}

fn limit_pages(ledger: &Ledger, spare: i64) {
    let pages: i64 = ledger
        .connection
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    ledger
        .connection
        .pragma_update_and_check(None, "max_page_count", pages + spare, |_| Ok(()))
        .unwrap();
}

#[test]
fn a_group_that_was_refused_leaves_no_copy_behind() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(&dir);
    ledger.record(&of_camera("first", 1), &model()).unwrap();
    limit_pages(&ledger, 2);
    let group: Vec<FrameRecord> = (0..2000)
        .map(|number| of_camera(&format!("new-{}", number % 3), 10 + number))
        .collect();
    let refused = ledger.record_all(&group, &model()).unwrap_err();
    assert_eq!(refused.kind(), LedgerErrorKind::Full);

    limit_pages(&ledger, 1000);
    // Takes the number that a camera of the refused group had.
    ledger.record(&of_camera("other", 5), &model()).unwrap();
    ledger.record_all(&group, &model()).unwrap();
    ledger.seal_all(now(1), &software()).unwrap();
    ledger.record(&of_camera("first", 2), &model()).unwrap();
    let cameras = ledger.totals().unwrap().cameras;
    let received =
        ["first", "other", "new-0", "new-1", "new-2"].map(|name| cameras[name].frames.received);
    assert_eq!(received, [2, 1, 667, 667, 666]);
    assert_eq!(super::received(&ledger), 2003);
}

#[test]
fn a_window_that_was_sealed_or_joined_is_not_counted_into() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(&dir);
    for number in 1..=3 {
        ledger.record(&frame(number), &model()).unwrap();
        ledger.seal_all(now(2), &software()).unwrap();
    }
    assert_eq!(ledger.unsent(10).unwrap().len(), 3);
    ledger.record(&frame(4), &model()).unwrap();
    let mut next = frame(5);
    next.arrival = now(61).wall;
    ledger.record(&next, &model()).unwrap();
    ledger.merge_due(now(3590), &software()).unwrap();
    ledger.record(&frame(6), &model()).unwrap();
    assert_eq!(received(&ledger), 6);
    ledger.seal_all(now(3600), &software()).unwrap();
    assert_eq!(received(&ledger), 6);
}

#[test]
fn copies_are_bounded_whatever_is_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(&dir);
    for group in 0..12 {
        let cameras: Vec<FrameRecord> = (group * 1000..(group + 1) * 1000)
            .map(|number| of_camera(&format!("cam-{number}"), number))
            .collect();
        ledger.record_all(&cameras, &model()).unwrap();
    }
    assert!(
        ledger.memo.len() <= 2 * 4096 + 10_001,
        "{}",
        ledger.memo.len()
    );
    let cameras = ledger.totals().unwrap().cameras;
    assert_eq!(cameras.len(), 10_001);
    assert_eq!(cameras[crate::OTHER_CAMERAS].frames.received, 2000);
    assert_eq!(received(&ledger), 12_000);
}
