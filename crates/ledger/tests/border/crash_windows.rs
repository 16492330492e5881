//! The tables of the ledger's contract, row by row: a process is stopped there, another one goes on,
//! and what it finds is compared with the truth. Those of opening are in `crash_windows_opening`,
//! power cuts in `torn_log`.

use std::fs;
use std::path::Path;

use ledger::{Ledger, Recorded, SealedReport};
use tempfile::TempDir;

use crate::stopped::{
    Act, LATER, PUBLISHED, Stopped, copy, group, next_frame, open, stop, stop_everywhere,
};
use crate::support::{NEW, at, folder_in_memory, frame, model, software};

const FRAMES: u32 = 12;

/// A ledger that a process left which was stopped after `prepare`; its log is longer than any other
/// file that an act writes.
fn left_behind(prepare: impl FnOnce(&mut Ledger)) -> TempDir {
    let dir = folder_in_memory();
    let mut ledger = open(dir.path());
    for number in 0..FRAMES {
        let second = if number < FRAMES / 2 { 0 } else { 90 };
        let camera = format!("cam-{}", number % 2);
        ledger
            .record(&frame(&camera, number, second), &model())
            .unwrap();
    }
    prepare(&mut ledger);
    // Copied while it is open: closing it would fold the log into the store.
    copy(dir.path())
}

/// Everything sealed and sent, so that the next window is the only one.
fn sealed_and_sent(ledger: &mut Ledger) {
    ledger.seal_all(at(120), &software()).unwrap();
    while let Some(report) = ledger.unsent(1).unwrap().first() {
        ledger.mark_sent(report.sequence, at(120)).unwrap();
    }
}

fn one_more_window(ledger: &mut Ledger) {
    sealed_and_sent(ledger);
    ledger.record(&frame("cam-0", 500, 300), &model()).unwrap();
}

fn received(ledger: &Ledger) -> u32 {
    let whole = ledger.totals().unwrap().whole;
    u32::try_from(whole.frames.received - whole.frames.duplicate).unwrap()
}

fn assert_right(ledger: &Ledger) {
    let findings = ledger.verify().unwrap().findings;
    assert!(findings.is_empty(), "{findings:#?}");
}

fn unsent(ledger: &Ledger) -> Vec<SealedReport> {
    ledger.unsent(usize::MAX).unwrap()
}

/// Seals and sends what is left, and compares all that is known with the truth.
fn go_on_to_the_end(mut ledger: Ledger, frames: u32) {
    ledger.seal_all(at(LATER + 60), &software()).unwrap();
    while let Some(report) = ledger.unsent(1).unwrap().first() {
        ledger.mark_sent(report.sequence, at(LATER + 60)).unwrap();
    }
    assert_eq!(received(&ledger), frames);
    assert_eq!(ledger.totals().unwrap().open_windows, 0);
    assert_right(&ledger);
}

#[test]
fn record_a_stop_before_the_flush_leaves_nothing_and_one_after_it_leaves_a_duplicate() {
    let base = left_behind(|_| {});
    stop_everywhere(base.path(), Act::Record, |dir, stopped| {
        let mut ledger = open(dir);
        assert_eq!(ledger.set_aside(), None);
        let (left, expected) = match stopped {
            Stopped::Writing => (FRAMES, NEW),
            Stopped::Returned => (FRAMES + 1, Recorded::Duplicate { reply: None }),
        };
        assert_eq!(received(&ledger), left);
        assert_right(&ledger);
        // It was not acknowledged, so the hub delivers it again.
        assert_eq!(ledger.record(&next_frame(), &model()).unwrap(), expected);
        go_on_to_the_end(ledger, FRAMES + 1);
    });
}

#[test]
fn record_a_stop_after_the_acknowledgement_changes_nothing() {
    let base = left_behind(|_| {});
    let dir = copy(base.path());
    assert_eq!(stop(dir.path(), Act::Record, None), Stopped::Returned);
    // Acknowledged: the hub delivers the next one and not this one.
    let mut ledger = open(dir.path());
    let after = frame("cam-next", 9_001, LATER);
    assert_eq!(ledger.record(&after, &model()).unwrap(), NEW);
    go_on_to_the_end(ledger, FRAMES + 2);
}

#[test]
fn record_all_a_stop_leaves_the_whole_group_or_none_of_it_and_replies_are_kept() {
    let base = left_behind(|_| {});
    stop_everywhere(base.path(), Act::RecordAll, |dir, stopped| {
        let mut ledger = open(dir);
        let group = group();
        let size = u32::try_from(group.len()).unwrap();
        let left = match stopped {
            Stopped::Writing => FRAMES,
            Stopped::Returned => FRAMES + size,
        };
        assert_eq!(received(&ledger), left);
        assert_right(&ledger);
        let recorded = ledger.record_all(&group, &model()).unwrap();
        for (recorded, frame) in recorded.into_iter().zip(&group) {
            let expected = match stopped {
                Stopped::Writing => NEW,
                Stopped::Returned => Recorded::Duplicate {
                    reply: frame.reply.clone(),
                },
            };
            assert_eq!(recorded, expected);
        }
        go_on_to_the_end(ledger, FRAMES + size);
    });
}

#[test]
fn seal_a_stop_before_the_flush_leaves_the_open_window_and_the_same_sequence() {
    let base = left_behind(one_more_window);
    let undisturbed = copy(base.path());
    let mut undisturbed = open(undisturbed.path());
    Act::Seal.run(&mut undisturbed, base.path());
    let expected = unsent(&undisturbed);
    stop_everywhere(base.path(), Act::Seal, |dir, stopped| {
        let mut ledger = open(dir);
        let (windows, reports) = match stopped {
            Stopped::Writing => (1, 0),
            Stopped::Returned => (0, 1),
        };
        assert_eq!(ledger.totals().unwrap().open_windows, windows);
        assert_eq!(unsent(&ledger).len(), reports, "sent now");
        assert_right(&ledger);
        ledger.seal_due(at(LATER), &software()).unwrap();
        assert_eq!(unsent(&ledger), expected, "sequence, id and bytes");
        go_on_to_the_end(ledger, FRAMES + 1);
    });
}

#[test]
fn seal_a_stop_between_publishing_and_the_note_sends_the_same_bytes_again() {
    let base = left_behind(|ledger| {
        one_more_window(ledger);
        ledger.seal_due(at(LATER), &software()).unwrap();
    });
    let dir = copy(base.path());
    assert_eq!(stop(dir.path(), Act::Publish, None), Stopped::Returned);
    let published = fs::read(dir.path().join(PUBLISHED)).unwrap();
    // Another window closes meanwhile, and the module was updated.
    let mut ledger = open(dir.path());
    ledger.record(&next_frame(), &model()).unwrap();
    let newer = ledger::Software {
        version: "9.9.9".into(),
    };
    ledger.seal_due(at(LATER + 120), &newer).unwrap();
    let again = unsent(&ledger);
    assert_eq!(again.len(), 2);
    assert_eq!(again[0].body, published);
    go_on_to_the_end(ledger, FRAMES + 2);
}

#[test]
fn seal_a_stop_while_the_note_is_written_leaves_the_report_as_it_was_or_sent() {
    let base = left_behind(|ledger| {
        one_more_window(ledger);
        ledger.seal_due(at(LATER), &software()).unwrap();
    });
    let sealed = unsent(&open(copy(base.path()).path()));
    assert_eq!(sealed.len(), 1);
    stop_everywhere(base.path(), Act::MarkSent, |dir, stopped| {
        let mut ledger = open(dir);
        let left: &[SealedReport] = match stopped {
            Stopped::Writing => &sealed,
            Stopped::Returned => &[],
        };
        assert_eq!(unsent(&ledger), left);
        assert_right(&ledger);
        ledger.mark_sent(sealed[0].sequence, at(LATER)).unwrap();
        assert_eq!(unsent(&ledger), []);
        go_on_to_the_end(ledger, FRAMES + 1);
    });
}

#[test]
fn heartbeat_a_stop_leaves_one_with_the_next_sequence_or_none() {
    let base = left_behind(sealed_and_sent);
    stop_everywhere(base.path(), Act::Heartbeat, |dir, stopped| {
        let mut ledger = open(dir);
        let left = usize::from(stopped == Stopped::Returned);
        assert_eq!(unsent(&ledger).len(), left);
        assert_right(&ledger);
        let again = ledger
            .seal_heartbeat(&model(), at(LATER), &software())
            .unwrap();
        assert_eq!(again, stopped == Stopped::Writing);
        let reports = unsent(&ledger);
        assert_eq!(reports.len(), 1);
        assert_eq!(reports[0].sequence, 3, "two windows were sealed before");
        go_on_to_the_end(ledger, FRAMES);
    });
}

#[test]
fn join_a_stop_leaves_both_windows_or_the_whole() {
    let base = left_behind(|_| {});
    stop_everywhere(base.path(), Act::Join, |dir, stopped| {
        let mut ledger = open(dir);
        let windows = match stopped {
            Stopped::Writing => 2,
            Stopped::Returned => 1,
        };
        assert_eq!(ledger.totals().unwrap().open_windows, windows);
        assert_right(&ledger);
        assert_eq!(
            ledger.seal_due(at(LATER), &software()).unwrap() as u64,
            windows
        );
        // A late frame of a window that is gone opens it again.
        ledger.record(&frame("cam-0", 700, 10), &model()).unwrap();
        go_on_to_the_end(ledger, FRAMES + 1);
    });
}

#[test]
fn let_go_a_stop_leaves_the_report_or_what_is_carried_forward_and_the_sums_agree() {
    // Two reports are sent and one waits; the note of that one lets the first go.
    let base = left_behind(|ledger| {
        one_more_window(ledger);
        ledger.seal_due(at(LATER), &software()).unwrap();
    });
    stop_everywhere(base.path(), Act::MarkSent, |dir, stopped| {
        let mut ledger = open(dir);
        let kept = |ledger: &Ledger| {
            let verified = ledger.verify().unwrap();
            assert!(verified.is_right(), "{:#?}", verified.findings);
            (verified.carried_forward, verified.reports)
        };
        let left = match stopped {
            Stopped::Writing => (0, 3),
            Stopped::Returned => (1, 2),
        };
        assert_eq!(kept(&ledger), left);
        ledger.mark_sent(3, at(LATER)).unwrap();
        assert_eq!(kept(&ledger), (1, 2));
        go_on_to_the_end(ledger, FRAMES + 1);
    });
}

#[test]
fn the_log_folded_into_the_store_a_stop_loses_nothing() {
    // Grows the log up to the page at which the next commit folds it into the store.
    let dir = folder_in_memory();
    let mut ledger = open(dir.path());
    let mut frames = 0;
    let base = loop {
        let before = copy(dir.path());
        ledger.record(&frame("cam", frames, 0), &model()).unwrap();
        frames += 1;
        let folded = |dir: &Path| fs::metadata(dir.join("counts.db")).unwrap().len();
        if folded(dir.path()) > folded(before.path()) {
            break before;
        }
        assert!(frames < 2_000, "the log is folded after 1000 pages");
    };
    let store = fs::read(base.path().join("counts.db")).unwrap();
    let whole = fs::read(dir.path().join("counts.db")).unwrap();
    assert!(whole.len() > store.len());
    // What the store looked like on the way: its pages are written over in order, each in its place.
    let log = fs::read(dir.path().join("counts.db-wal")).unwrap();
    for sector in 0..=whole.len() / 512 {
        let at = sector * 512;
        let mut torn = whole[..at].to_vec();
        torn.extend_from_slice(store.get(at..).unwrap_or_default());
        let torn_dir = folder_in_memory();
        fs::write(torn_dir.path().join("counts.db"), torn).unwrap();
        fs::write(torn_dir.path().join("counts.db-wal"), &log).unwrap();
        let ledger = open(torn_dir.path());
        assert_eq!(ledger.set_aside(), None, "at sector {sector}");
        assert_eq!(received(&ledger), frames, "at sector {sector}");
        assert_right(&ledger);
    }
}
