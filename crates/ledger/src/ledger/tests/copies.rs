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
    let duplicates: u64 = cameras.values().map(|sums| sums.frames.duplicate).sum();
    assert_eq!(duplicates, 0, "what was refused is not known");
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
    let names = ledger.memo.names();
    assert!(names <= 4096, "{names}");
    let cameras = ledger.totals().unwrap().cameras;
    assert_eq!(cameras.len(), 10_001);
    assert_eq!(cameras[crate::OTHER_CAMERAS].frames.received, 2000);
    assert_eq!(received(&ledger), 12_000);
}

/// What is remembered and held of it, in a store that has little room for it, after groups of
/// frames of every kind.
#[test]
fn the_copy_of_what_is_remembered_is_what_the_store_would_give() {
    let mut ledger = Ledger::in_memory(
        1,
        LedgerOptions {
            dedupe_per_camera: 30,
            dedupe_bytes: 1 << 20,
            ..LedgerOptions::default()
        },
        now(0),
    )
    .unwrap();
    let mut dice = 0x5eed_u32;
    let mut throw = |sides: u32| {
        // Numerical Recipes' linear congruential generator; its high bits are good enough.
        dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (dice >> 16) % sides
    };
    let (mut most_frames, mut most_replies) = (0, 0);
    for _ in 0..400 {
        let group: Vec<FrameRecord> = (0..=throw(8))
            .map(|_| {
                let mut taken = of_camera(&format!("cam-{}", throw(9)), throw(40));
                taken.key.message_id = match throw(4) {
                    0 => None,
                    1 => Some("always the same".into()),
                    _ => taken.key.message_id,
                };
                taken.key.repeat = [Repeat::No, Repeat::MarkedBySender][throw(2) as usize];
                taken.reply = (throw(3) == 0).then(|| vec![b'x'; 16 << 10]);
                taken
            })
            .collect();
        ledger.record_all(&group, &model()).unwrap();
        let read = crate::remembered::Remembered::read(&ledger.connection, 30).unwrap();
        let held = &ledger.memo.held_memory().unwrap().remembered;
        assert_eq!(*held, read);
        assert_eq!(ledger.verify().unwrap().findings, [""; 0]);
        // More would be looked for in each commit, among all cameras.
        let (_, beyond) = held.beyond();
        assert!(beyond < 16, "{beyond} are said to be beyond");
        let (frames, replies) = held.size();
        most_frames = most_frames.max(frames);
        most_replies = most_replies.max(replies);
    }
    assert!(most_frames <= 9 * 30 + 16, "{most_frames}");
    // The group at hand is in before another goes.
    assert!(
        most_replies > 900 << 10 && most_replies <= 1 << 20,
        "{most_replies}"
    );
}

#[test]
fn cameras_that_take_turns_hold_no_more_than_those_that_do_not() {
    let mut ledger = Ledger::in_memory(
        1,
        LedgerOptions {
            dedupe_bytes: 1 << 20,
            ..LedgerOptions::default()
        },
        now(0),
    )
    .unwrap();
    for camera in 0..60 {
        let group: Vec<FrameRecord> = (0..1000)
            .map(|number| of_camera(&format!("cam-{camera}"), number))
            .collect();
        ledger.record_all(&group, &model()).unwrap();
    }
    let held = &ledger.memo.held_memory().unwrap().remembered;
    let (frames, bytes) = (held.size().0, held.bytes_held());
    // 8192 fill it; up to sixteen places of each camera are empty.
    assert!(frames <= 8192, "{frames}");
    assert!(bytes <= frames * 40 + 60 * 16 * 16, "{bytes} for {frames}");
}
