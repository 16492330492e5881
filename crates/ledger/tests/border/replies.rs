//! Replies that are kept with a frame, conflicts, and groups in one commit.

use ledger::{
    FrameRecord, LedgerErrorKind, LedgerOptions, MAX_REPLY_BYTES, Recorded, ReusedId, Seen,
};

use crate::support::{Fixture, NEW, frame, model};

/// A frame whose id was chosen for one request, with the reply that it was given.
fn request(number: u32, reply: &str) -> FrameRecord {
    let mut request = frame("http:gate", number, 0);
    request.key.reused_id = ReusedId::IsConflict;
    request.reply = Some(reply.into());
    request
}

/// The same id with other bytes.
fn other_bytes(number: u32) -> FrameRecord {
    let mut other = request(number + 1000, "other");
    other.key.message_id = Some(format!("m-{number}"));
    other
}

fn duplicate(reply: &str) -> Recorded {
    Recorded::Duplicate {
        reply: Some(reply.into()),
    }
}

#[test]
fn a_duplicate_has_the_first_ones_reply_also_after_reopening() {
    let mut counts = Fixture::new();
    assert_eq!(
        counts.ledger.look_up(&request(1, "").key).unwrap(),
        Seen::No
    );
    assert_eq!(counts.record(&request(1, "first")), NEW);
    let mut counts = counts.reopen();
    let seen = counts.ledger.look_up(&request(1, "").key).unwrap();
    assert_eq!(
        seen,
        Seen::Counted {
            reply: Some(b"first".into())
        }
    );
    assert_eq!(counts.record(&request(1, "second")), duplicate("first"));
    assert_eq!(counts.record(&request(1, "third")), duplicate("first"));
    counts.assert_right();
}

#[test]
fn a_reused_key_with_other_bytes_is_a_conflict_that_changes_nothing() {
    let mut counts = Fixture::new();
    counts.record(&request(1, "first"));
    let before = counts.ledger.totals().unwrap();
    let seen = counts.ledger.look_up(&other_bytes(1).key).unwrap();
    assert_eq!(seen, Seen::Conflict);
    assert_eq!(counts.record(&other_bytes(1)), Recorded::Conflict);
    assert_eq!(counts.ledger.totals().unwrap(), before);
    assert_eq!(counts.record(&request(1, "again")), duplicate("first"));
    counts.assert_right();
}

#[test]
fn a_group_is_answered_frame_by_frame_as_if_one_came_after_the_other() {
    let mut counts = Fixture::new();
    let group = [
        request(1, "one"),
        request(2, "two"),
        request(1, "one again"),
        other_bytes(2),
        frame("cam", 3, 0),
    ];
    let recorded = counts.ledger.record_all(&group, &model()).unwrap();
    assert_eq!(
        recorded,
        [NEW, NEW, duplicate("one"), Recorded::Conflict, NEW]
    );
    let frames = counts.ledger.totals().unwrap().whole.frames;
    assert_eq!((frames.received, frames.duplicate), (4, 1));
    counts.assert_right();
}

#[test]
fn a_group_with_a_refused_frame_records_none_of_it() {
    let mut counts = Fixture::new();
    let mut long = request(2, "");
    long.reply = Some(vec![b'x'; MAX_REPLY_BYTES + 1]);
    let refused = counts
        .ledger
        .record_all(&[request(1, "one"), long], &model())
        .unwrap_err();
    assert_eq!(refused.kind(), LedgerErrorKind::Argument);
    assert!(refused.to_string().contains("16385 bytes"), "{refused}");
    assert_eq!(counts.ledger.totals().unwrap().whole.frames.received, 0);
}

#[test]
fn an_empty_group_is_nothing() {
    let mut counts = Fixture::new();
    assert_eq!(counts.ledger.record_all(&[], &model()).unwrap(), []);
    assert_eq!(counts.next_closing(0), None);
}

#[test]
fn replies_go_with_the_memory_of_their_camera() {
    let mut counts = Fixture::with(LedgerOptions {
        dedupe_per_camera: 8,
        ..LedgerOptions::default()
    });
    for number in 0..64 {
        counts.record(&request(number, "kept"));
    }
    assert_eq!(
        counts.ledger.look_up(&request(1, "").key).unwrap(),
        Seen::No
    );
    assert_eq!(counts.record(&request(63, "again")), duplicate("kept"));
}
