//! What keeps the file small, however many cameras there are and whatever they send.

use ledger::{FrameRecord, LedgerOptions, OTHER_CAMERAS, Recorded};

use crate::support::{Fixture, NEW, frame, model};

const DUPLICATE: Recorded = Recorded::Duplicate { reply: None };

/// The smallest memory: 8192 frames of 128 bytes.
fn small_memory() -> LedgerOptions {
    LedgerOptions {
        dedupe_bytes: 1 << 20,
        dedupe_per_camera: 6000,
        ..LedgerOptions::default()
    }
}

fn is_known(counts: &Fixture, frame: &FrameRecord) -> bool {
    counts.ledger.is_duplicate(&frame.key).unwrap()
}

fn record(counts: &mut Fixture, camera: &str, numbers: std::ops::Range<u32>) {
    let frames: Vec<FrameRecord> = numbers.map(|number| frame(camera, number, 1)).collect();
    counts.ledger.record_all(&frames, &model()).unwrap();
}

#[test]
fn a_camera_that_is_silent_makes_room_for_one_that_is_not() {
    let mut counts = Fixture::in_memory(small_memory());
    record(&mut counts, "silent", 0..4000);
    record(&mut counts, "busy", 0..4000);
    assert!(is_known(&counts, &frame("silent", 0, 1)), "all have room");
    record(&mut counts, "busy", 4000..5000);
    assert!(!is_known(&counts, &frame("silent", 0, 1)));
    assert!(is_known(&counts, &frame("silent", 3999, 1)));
    assert!(is_known(&counts, &frame("busy", 0, 1)));
    // 5000 and 3192 fill it; some more go at a time.
    assert!(is_known(&counts, &frame("silent", 1000, 1)));
    counts.assert_right();
}

#[test]
fn one_camera_alone_keeps_to_the_memory_of_all() {
    let mut counts = Fixture::in_memory(LedgerOptions {
        dedupe_per_camera: 1_000_000,
        ..small_memory()
    });
    for thousand in 0..12 {
        record(&mut counts, "only", thousand * 1000..(thousand + 1) * 1000);
    }
    assert!(!is_known(&counts, &frame("only", 3700, 1)));
    // A hundred and twenty-eight more go at a time.
    assert!(is_known(&counts, &frame("only", 3940, 1)));
    assert_eq!(counts.record(&frame("only", 11_999, 1)), DUPLICATE);
}

#[test]
fn over_all_cameras_the_oldest_frames_go_first_also_after_a_start() {
    let mut counts = Fixture::in_memory(small_memory());
    record(&mut counts, "early", 0..4000);
    record(&mut counts, "later", 0..4000);
    record(&mut counts, "early", 4000..4012);
    let mut counts = counts.reopen();
    record(&mut counts, "new", 0..1000);
    // 9012 frames, of which 8192 fill it; some more go at a time.
    assert!(!is_known(&counts, &frame("early", 819, 1)));
    assert!(is_known(&counts, &frame("early", 1000, 1)));
    assert!(is_known(&counts, &frame("later", 0, 1)));
    counts.assert_right();
}

#[test]
fn the_last_ten_of_silent_cameras_stay_while_a_busy_one_is_cut_down_over_many_commits() {
    let mut counts = Fixture::in_memory(LedgerOptions {
        dedupe_per_camera: 100_000,
        ..LedgerOptions::default()
    });
    for camera in 0..10 {
        record(&mut counts, &format!("silent-{camera}"), 0..10);
    }
    for thousand in 0..30 {
        record(&mut counts, "busy", thousand * 1000..(thousand + 1) * 1000);
    }
    // More has to go than one commit lets go.
    let mut counts = counts.reopen_with(LedgerOptions {
        dedupe_per_camera: 100_000,
        ..small_memory()
    });
    for number in 30_000..30_010 {
        record(&mut counts, "busy", number..number + 1);
    }
    assert!(!is_known(&counts, &frame("busy", 20_000, 1)));
    for camera in 0..10 {
        let known =
            |number: &u32| is_known(&counts, &frame(&format!("silent-{camera}"), *number, 1));
        assert_eq!((0..10).filter(known).count(), 10, "silent-{camera}");
    }
}

#[test]
fn replies_count_for_their_length() {
    let mut counts = Fixture::in_memory(small_memory());
    for number in 0..200 {
        let mut taken = frame("cam", number, 1);
        taken.reply = Some(vec![b'x'; 16 << 10]);
        counts.record(&taken);
    }
    assert!(!is_known(&counts, &frame("cam", 0, 1)));
    let kept = (0..200).filter(|number| is_known(&counts, &frame("cam", *number, 1)));
    let kept = kept.count();
    assert!(kept < 64, "{kept} of 16 KiB are over 1 MiB");
}

#[test]
fn a_silent_camera_keeps_its_last_ten_frames_whatever_others_send() {
    let mut counts = Fixture::in_memory(small_memory());
    record(&mut counts, "slow", 0..20);
    for thousand in 0..10 {
        record(
            &mut counts,
            "busy-1",
            thousand * 1000..(thousand + 1) * 1000,
        );
        record(
            &mut counts,
            "busy-2",
            thousand * 1000..(thousand + 1) * 1000,
        );
    }
    assert!(!is_known(&counts, &frame("slow", 9, 1)));
    let mut counts = counts.reopen();
    record(&mut counts, "busy-1", 10_000..10_200);
    for number in 10..20 {
        assert_eq!(counts.record(&frame("slow", number, 1)), DUPLICATE);
    }
    counts.assert_right();
}

#[test]
fn a_reply_that_is_too_much_for_the_memory_does_not_let_its_own_frame_go() {
    let mut counts = Fixture::in_memory(small_memory());
    for number in 0..130 {
        let mut taken = frame("cam", number, 1);
        taken.reply = Some(vec![b'x'; 16 << 10]);
        counts.record(&taken);
        for known in number.saturating_sub(60)..=number {
            assert!(is_known(&counts, &frame("cam", known, 1)), "{known}");
        }
    }
}

#[test]
fn replies_of_many_cameras_leave_each_its_last_frame() {
    let mut counts = Fixture::in_memory(small_memory());
    for number in 0..90 {
        let mut taken = frame(&format!("cam-{}", number % 30), number, 1);
        taken.reply = Some(vec![b'x'; 16 << 10]);
        counts.record(&taken);
    }
    let known =
        |number: &u32| is_known(&counts, &frame(&format!("cam-{}", number % 30), *number, 1));
    assert_eq!((60..90).filter(known).count(), 30);
    let all = (0..90).filter(known).count();
    assert!(all < 65, "{all} of 16 KiB are over 1 MiB");
}

#[test]
fn a_smaller_memory_of_all_takes_effect_after_an_opening() {
    let mut counts = Fixture::in_memory(LedgerOptions {
        dedupe_per_camera: 20_000,
        ..LedgerOptions::default()
    });
    record(&mut counts, "cam", 0..16_000);
    let mut counts = counts.reopen_with(small_memory());
    record(&mut counts, "other", 0..1);
    assert!(!is_known(&counts, &frame("cam", 7000, 1)));
    assert!(is_known(&counts, &frame("cam", 15_999, 1)));
    assert!(is_known(&counts, &frame("other", 0, 1)));
    counts.assert_right();
}

#[test]
fn cameras_beyond_the_most_are_counted_together_and_each_frame_of_them_once() {
    let mut counts = Fixture::with(LedgerOptions {
        max_cameras: 2,
        ..LedgerOptions::default()
    });
    let cameras = ["a", "b", "c", "d"];
    for camera in cameras {
        // All with the same id and bytes: only the camera tells them apart.
        assert_eq!(counts.record(&frame(camera, 1, 1)), NEW, "{camera}");
        assert!(is_known(&counts, &frame(camera, 1, 1)));
    }
    let mut counts = counts.reopen_with(LedgerOptions {
        max_cameras: 2,
        ..LedgerOptions::default()
    });
    for camera in cameras {
        assert_eq!(counts.record(&frame(camera, 1, 1)), DUPLICATE, "{camera}");
    }
    assert!(!is_known(&counts, &frame("e", 1, 1)));
    let totals = counts.ledger.totals().unwrap();
    let names: Vec<&str> = totals.cameras.keys().map(String::as_str).collect();
    assert_eq!(names, [OTHER_CAMERAS, "a", "b"]);
    let other = &totals.cameras[OTHER_CAMERAS].frames;
    assert_eq!((other.received, other.duplicate), (4, 2));
    counts.assert_right();
}
