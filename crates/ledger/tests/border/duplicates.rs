//! Which deliveries are the same frame.

use ledger::{LedgerOptions, Recorded, Repeat};

use crate::support::{Fixture, NEW, frame};

const REUSED: Recorded = Recorded::Counted { reused_id: true };

#[test]
fn checklist_25_a_second_delivery_counts_as_duplicate_only() {
    let mut counts = Fixture::new();
    let first = frame("cam", 1, 0);
    assert!(!counts.ledger.is_duplicate(&first.key).unwrap());
    assert_eq!(counts.record(&first), NEW);
    assert!(counts.ledger.is_duplicate(&first.key).unwrap());
    assert_eq!(counts.record(&first), Recorded::Duplicate { reply: None });
    let sums = counts.ledger.totals().unwrap().whole;
    assert_eq!(
        (
            sums.frames.received,
            sums.frames.classified,
            sums.frames.duplicate
        ),
        (2, 1, 1)
    );
    assert_eq!(sums.counts["ripe"], 1);
    counts.assert_right();
}

#[test]
fn a_duplicate_is_known_after_reopening() {
    let mut counts = Fixture::new();
    counts.record(&frame("cam", 1, 0));
    let mut counts = counts.reopen();
    assert_eq!(
        counts.record(&frame("cam", 1, 5)),
        Recorded::Duplicate { reply: None }
    );
}

#[test]
fn checklist_25_a_reused_id_with_other_bytes_is_a_new_frame_and_a_warning() {
    let mut counts = Fixture::new();
    counts.record(&frame("cam", 1, 0));
    let mut reused = frame("cam", 2, 1);
    reused.key.message_id = Some("m-1".into());
    assert_eq!(counts.record(&reused), REUSED);
    assert_eq!(counts.record(&reused), Recorded::Duplicate { reply: None });
    assert_eq!(
        counts.record(&frame("cam", 1, 0)),
        Recorded::Duplicate { reply: None },
        "both are remembered"
    );
}

#[test]
fn another_creation_stamp_or_camera_is_another_frame() {
    let mut counts = Fixture::new();
    let mut stamped = frame("cam", 1, 0);
    stamped.key.created = Some("2026-11-23T10:00:00Z".into());
    assert_eq!(counts.record(&stamped), NEW);
    let mut later = stamped.clone();
    later.key.created = Some("2026-11-23T10:00:01Z".into());
    assert_eq!(counts.record(&later), REUSED);
    let mut unstamped = stamped.clone();
    unstamped.key.created = None;
    assert_eq!(counts.record(&unstamped), REUSED);
    let mut elsewhere = stamped.clone();
    elsewhere.key.camera = "cam/module".into();
    assert_eq!(counts.record(&elsewhere), NEW);
    assert_eq!(counts.record(&stamped), Recorded::Duplicate { reply: None });
}

/// The first four bytes of their SHA-256 are the same, which is what is held in memory.
const ALIKE: [&str; 2] = ["m-12568", "m-36864"];

#[test]
fn ids_that_look_alike_in_memory_are_told_apart() {
    let mut counts = Fixture::new();
    let frames = [0, 1].map(|number| {
        let mut taken = frame("cam", number, 0);
        taken.key.message_id = Some(ALIKE[number as usize].into());
        taken.key.reused_id = ledger::ReusedId::IsConflict;
        taken
    });
    let mut same_bytes = frames[0].clone();
    same_bytes.key.message_id = Some(ALIKE[1].into());
    for taken in &frames {
        assert_eq!(counts.record(taken), NEW);
    }
    assert_eq!(counts.record(&same_bytes), Recorded::Conflict);
    for taken in &frames {
        assert_eq!(counts.record(taken), Recorded::Duplicate { reply: None });
    }
}

#[test]
fn equal_bytes_under_ids_that_look_alike_in_memory_count_each() {
    let mut counts = Fixture::new();
    for id in ALIKE {
        let mut taken = frame("cam", 1, 0);
        taken.key.message_id = Some(id.into());
        assert_eq!(counts.record(&taken), NEW);
        assert_eq!(counts.record(&taken), Recorded::Duplicate { reply: None });
    }
}

#[test]
fn equal_pictures_with_different_ids_count_each() {
    let mut counts = Fixture::new();
    let first = frame("cam", 1, 0);
    counts.record(&first);
    let mut second = first.clone();
    second.key.message_id = Some("m-2".into());
    second.key.repeat = Repeat::InBatch;
    assert_eq!(counts.record(&second), NEW);
}

#[test]
fn a_camera_that_numbers_from_1_after_each_boot_loses_nothing() {
    let mut counts = Fixture::new();
    for boot in 0..3_u32 {
        for number in 0..20 {
            let mut taken = frame("cam", boot * 100 + number, 0);
            taken.key.message_id = Some(number.to_string());
            let expected = Recorded::Counted {
                reused_id: boot > 0,
            };
            assert_eq!(counts.record(&taken), expected);
        }
    }
    assert_eq!(counts.ledger.totals().unwrap().whole.frames.classified, 60);
}

#[test]
fn the_memory_of_a_camera_is_by_count_and_of_its_own() {
    let options = LedgerOptions {
        dedupe_per_camera: 50,
        ..LedgerOptions::default()
    };
    let mut counts = Fixture::with(options);
    counts.record(&frame("quiet", 0, 0));
    for number in 0..200 {
        counts.record(&frame("busy", number, 0));
    }
    let is_known = |number| {
        let key = frame("busy", number, 0).key;
        counts.ledger.is_duplicate(&key).unwrap()
    };
    let known = (0..200).filter(|number| is_known(*number)).count();
    assert!((50..=66).contains(&known), "{known} are remembered");
    assert!((150..200).all(is_known), "the last fifty are among them");
    assert!(
        counts
            .ledger
            .is_duplicate(&frame("quiet", 0, 0).key)
            .unwrap()
    );
}

#[test]
fn a_smaller_memory_takes_effect_at_the_next_opening() {
    let small = LedgerOptions {
        dedupe_per_camera: 5,
        ..LedgerOptions::default()
    };
    let mut counts = Fixture::new();
    for number in 0..100 {
        counts.record(&frame("cam", number, 0));
    }
    let Fixture { dir, ledger, .. } = counts;
    drop(ledger);
    let mut ledger = ledger::Ledger::open(dir.path(), small, crate::support::at(0)).unwrap();
    ledger
        .record(&frame("cam", 100, 0), &crate::support::model())
        .unwrap();
    assert!(!ledger.is_duplicate(&frame("cam", 95, 0).key).unwrap());
    assert!(ledger.is_duplicate(&frame("cam", 96, 0).key).unwrap());
}

#[test]
fn a_ledger_that_is_often_opened_keeps_to_the_number_of_a_camera() {
    let mut counts = Fixture::in_memory(LedgerOptions {
        dedupe_per_camera: 50,
        ..LedgerOptions::default()
    });
    for day in 0..20 {
        for number in 0..10 {
            counts.record(&frame("cam", day * 10 + number, 0));
        }
        counts = counts.reopen();
    }
    let is_known = |number: &u32| {
        let key = frame("cam", *number, 0).key;
        counts.ledger.is_duplicate(&key).unwrap()
    };
    let known = (0..200).filter(is_known).count();
    assert!((50..=66).contains(&known), "{known} are remembered");
}

fn without_id(number: u32, repeat: Repeat) -> ledger::FrameRecord {
    let mut taken = frame("cam", number, 0);
    taken.key.message_id = None;
    taken.key.repeat = repeat;
    taken
}

#[test]
fn without_an_id_only_a_possible_redelivery_is_compared() {
    let mut counts = Fixture::new();
    assert_eq!(counts.record(&without_id(1, Repeat::InBatch)), NEW);
    assert_eq!(
        counts.record(&without_id(1, Repeat::No)),
        NEW,
        "a fixed camera sends equal pictures"
    );
    assert_eq!(
        counts.record(&without_id(1, Repeat::InBatch)),
        Recorded::Duplicate { reply: None }
    );
    assert_eq!(counts.record(&without_id(2, Repeat::InBatch)), NEW);
}

#[test]
fn without_an_id_the_last_ten_of_the_input_are_compared() {
    let mut counts = Fixture::new();
    counts.record(&without_id(0, Repeat::No));
    for number in 1..10 {
        counts.record(&frame("other", number, 0));
    }
    // Other inputs do not push it out.
    for number in 0..30 {
        let mut elsewhere = frame("third", number, 0);
        elsewhere.key.input = "elsewhere".into();
        counts.record(&elsewhere);
    }
    assert_eq!(
        counts.record(&without_id(0, Repeat::InBatch)),
        Recorded::Duplicate { reply: None },
        "the tenth last"
    );
    counts.record(&frame("other", 10, 0));
    assert_eq!(
        counts.record(&without_id(0, Repeat::InBatch)),
        NEW,
        "eleven ago is another picture"
    );
}

#[test]
fn without_an_id_an_equal_picture_of_another_camera_or_stamp_counts() {
    let mut counts = Fixture::new();
    counts.record(&without_id(1, Repeat::No));
    let mut other_camera = without_id(1, Repeat::InBatch);
    other_camera.key.camera = "cam-2".into();
    assert_eq!(counts.record(&other_camera), NEW);
    let mut other_stamp = without_id(1, Repeat::InBatch);
    other_stamp.key.created = Some("2026-11-23T10:00:01Z".into());
    assert_eq!(counts.record(&other_stamp), NEW);
}

#[test]
fn the_comparison_without_an_id_is_bounded_over_many_inputs() {
    let mut counts = Fixture::new();
    for number in 0..200 {
        let mut taken = without_id(number, Repeat::No);
        taken.key.input = format!("images-{number}");
        counts.record(&taken);
    }
    let mut known = 0;
    for number in 0..200 {
        let mut again = without_id(number, Repeat::InBatch);
        again.key.input = format!("images-{number}");
        known += u32::from(counts.ledger.is_duplicate(&again.key).unwrap());
    }
    assert_eq!(known, 64, "the inputs that were used last");
}

#[test]
fn a_frame_that_its_sender_marked_is_known_whatever_other_cameras_sent_since() {
    let mut counts = Fixture::new();
    assert_eq!(counts.record(&without_id(0, Repeat::No)), NEW);
    for number in 1..40 {
        counts.record(&frame("other", number, 0));
    }
    assert_eq!(
        counts.record(&without_id(0, Repeat::InBatch)),
        NEW,
        "the hub cannot deliver it again, so this is an equal picture"
    );
    for number in 40..80 {
        counts.record(&frame("other", number, 0));
    }
    let marked = without_id(0, Repeat::MarkedBySender);
    assert!(counts.ledger.is_duplicate(&marked.key).unwrap());
    assert_eq!(counts.record(&marked), Recorded::Duplicate { reply: None });
    let mut counts = counts.reopen();
    assert_eq!(counts.record(&marked), Recorded::Duplicate { reply: None });
    let mut other_camera = marked;
    other_camera.key.camera = "other".into();
    assert_eq!(counts.record(&other_camera), NEW);
    counts.assert_right();
}

#[test]
fn a_marked_frame_that_was_never_counted_is_new() {
    let mut counts = Fixture::new();
    counts.record(&without_id(1, Repeat::No));
    let marked = without_id(2, Repeat::MarkedBySender);
    assert_eq!(counts.record(&marked), NEW, "its first try never arrived");
    assert_eq!(counts.record(&marked), Recorded::Duplicate { reply: None });
}

#[test]
fn the_memory_for_marked_frames_is_by_count_and_an_equal_picture_renews_it() {
    let options = LedgerOptions {
        dedupe_per_camera: 50,
        ..LedgerOptions::default()
    };
    let mut counts = Fixture::with(options);
    for number in 0..200 {
        assert_eq!(counts.record(&without_id(number, Repeat::No)), NEW);
        // A fixed camera whose picture does not change takes one place, the newest.
        assert_eq!(counts.record(&without_id(1000, Repeat::No)), NEW);
    }
    let is_known = |number| {
        let marked = without_id(number, Repeat::MarkedBySender);
        counts.ledger.is_duplicate(&marked.key).unwrap()
    };
    let known = (0..200).filter(|number| is_known(*number)).count();
    assert!((49..=65).contains(&known), "{known} are remembered");
    assert!((151..200).all(is_known), "the last fifty but one place");
    assert!(is_known(1000));
}

#[test]
fn a_mark_does_not_make_frames_with_other_ids_equal() {
    let mut counts = Fixture::new();
    counts.record(&without_id(1, Repeat::No));
    let mut named = without_id(1, Repeat::MarkedBySender);
    named.key.message_id = Some(String::new());
    assert_eq!(counts.record(&named), NEW, "an empty id is an id");
    assert_eq!(counts.record(&named), Recorded::Duplicate { reply: None });
}
