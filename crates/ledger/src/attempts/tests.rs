//! Crashes are simulated by dropping the log, which writes nothing.

use super::*;

const BOOT: &str = "0e4a6e8e-boot-one";

fn key(number: u8) -> AttemptKey {
    AttemptKey::new("cam", Some("1"), &[number; 32])
}

fn open(dir: &tempfile::TempDir) -> AttemptLog {
    AttemptLog::open(dir.path(), BOOT).unwrap()
}

/// The crashes of frames 1, 2 and 3.
fn crashes(log: &AttemptLog) -> [u32; 3] {
    [1, 2, 3].map(|number| log.crashes(&key(number)))
}

#[test]
fn a_frame_that_kills_the_process_is_found_out_at_the_third_time() {
    let dir = tempfile::tempdir().unwrap();
    for crashes in 0..AttemptLog::CRASH_LIMIT {
        let log = open(&dir);
        assert_eq!(log.crashes(&key(1)), crashes);
        log.begin(&key(1)).unwrap();
    }
    assert_eq!(open(&dir).crashes(&key(1)), AttemptLog::CRASH_LIMIT);
}

#[test]
fn frames_beside_it_are_suspected_once_and_cleared_when_they_pass_alone() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&dir);
    for number in 1..=3 {
        log.begin(&key(number)).unwrap();
    }
    drop(log);
    let log = open(&dir);
    assert_eq!(crashes(&log), [1, 1, 1]);
    log.begin(&key(2)).unwrap();
    log.finish(&key(2)).unwrap();
    log.begin(&key(1)).unwrap();
    drop(log);
    assert_eq!(crashes(&open(&dir)), [2, 0, 1]);
}

#[test]
fn being_in_company_again_proves_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..5 {
        let log = open(&dir);
        log.begin(&key(1)).unwrap();
        log.begin(&key(2)).unwrap();
    }
    assert_eq!(crashes(&open(&dir)), [1, 1, 0]);
}

#[test]
fn a_finished_frame_is_not_suspected() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&dir);
    log.begin(&key(1)).unwrap();
    log.finish(&key(1)).unwrap();
    log.begin(&key(2)).unwrap();
    drop(log);
    assert_eq!(crashes(&open(&dir)), [0, 1, 0]);
}

#[test]
fn one_frame_in_flight_twice_is_one_and_noted_until_both_are_done() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&dir);
    log.begin(&key(1)).unwrap();
    log.begin(&key(1)).unwrap();
    log.finish(&key(1)).unwrap();
    drop(log);
    let log = open(&dir);
    assert_eq!(log.crashes(&key(1)), 1);
    log.begin(&key(1)).unwrap();
    log.begin(&key(1)).unwrap();
    drop(log);
    assert_eq!(open(&dir).crashes(&key(1)), 2, "alone with itself");
}

#[test]
fn an_orderly_stop_counts_nothing_and_keeps_what_was_known() {
    let dir = tempfile::tempdir().unwrap();
    open(&dir).begin(&key(1)).unwrap();
    let log = open(&dir);
    log.begin(&key(2)).unwrap();
    log.close_orderly().unwrap();
    assert_eq!(crashes(&open(&dir)), [1, 0, 0]);
}

#[test]
fn a_kill_after_the_request_to_stop_counts_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&dir);
    log.begin(&key(1)).unwrap();
    log.stopping().unwrap();
    log.begin(&key(2)).unwrap();
    drop(log);
    let log = open(&dir);
    assert_eq!(crashes(&log), [0, 0, 0]);
    log.begin(&key(1)).unwrap();
    drop(log);
    assert_eq!(
        open(&dir).crashes(&key(1)),
        1,
        "the mark is of that process only"
    );
}

#[test]
fn another_boot_forgets_everything() {
    let dir = tempfile::tempdir().unwrap();
    open(&dir).begin(&key(1)).unwrap();
    open(&dir).begin(&key(1)).unwrap();
    let log = AttemptLog::open(dir.path(), "boot-two").unwrap();
    assert_eq!(log.crashes(&key(1)), 0);
    drop(log);
    assert_eq!(open(&dir).crashes(&key(1)), 0, "not found again either");
}

#[test]
fn a_file_of_something_else_counts_nothing_and_is_used() {
    for content in [&b""[..], b"short", &[0xff; PAGE], &[b'F'; 3 * PAGE]] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), content).unwrap();
        let log = open(&dir);
        assert_eq!(log.crashes(&key(1)), 0);
        log.begin(&key(1)).unwrap();
        drop(log);
        assert_eq!(open(&dir).crashes(&key(1)), 1, "{} bytes", content.len());
    }
}

#[test]
fn a_rejected_frame_is_forgotten_when_it_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    open(&dir).begin(&key(1)).unwrap();
    let log = open(&dir);
    log.finish(&key(1)).unwrap();
    assert_eq!(log.crashes(&key(1)), 0);
    drop(log);
    assert_eq!(open(&dir).crashes(&key(1)), 0);
}

#[test]
fn suspects_that_never_come_again_make_room_and_frames_in_flight_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let suspects = u8::try_from(AttemptLog::CAPACITY).unwrap();
    let log = open(&dir);
    for number in 0..suspects {
        log.begin(&key(number)).unwrap();
    }
    let refused = log.begin(&key(200)).unwrap_err();
    let in_flight = AttemptLog::CAPACITY;
    assert!(matches!(refused, AttemptError::Full { in_flight: seen } if seen == in_flight));
    drop(log);
    let log = open(&dir);
    for number in 200..210 {
        log.begin(&key(number)).unwrap();
    }
    let known = (0..suspects)
        .filter(|number| log.crashes(&key(*number)) == 1)
        .count();
    assert_eq!(known, AttemptLog::CAPACITY - 10);
    assert!(
        (0..10).all(|number| log.crashes(&key(number)) == 0),
        "the oldest made room"
    );
    let length = std::fs::metadata(dir.path().join(FILE)).unwrap().len();
    assert_eq!(length, PAGE as u64, "the file does not grow");
}

#[test]
fn camera_id_and_bytes_each_make_another_frame() {
    let of = AttemptKey::new;
    let base = of("cam", Some("1"), &[0; 32]);
    assert_eq!(base, of("cam", Some("1"), &[0; 32]));
    assert_ne!(base, of("cam", Some("2"), &[0; 32]));
    assert_ne!(base, of("cam", None, &[0; 32]));
    assert_ne!(base, of("cam1", Some(""), &[0; 32]));
    assert_ne!(base, of("cam", Some("1"), &[1; 32]));
    assert_ne!(of("cam", Some(""), &[0; 32]), of("cam", None, &[0; 32]));
}

#[test]
fn threads_note_their_own_frames() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&dir);
    std::thread::scope(|scope| {
        for number in 1..=4 {
            let log = &log;
            scope.spawn(move || {
                for _ in 0..200 {
                    log.begin(&key(number)).unwrap();
                    log.finish(&key(number)).unwrap();
                }
                if number == 3 {
                    log.begin(&key(number)).unwrap();
                }
            });
        }
    });
    drop(log);
    assert_eq!(crashes(&open(&dir)), [0, 0, 1]);
}
