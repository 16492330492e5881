//! A container that may write nothing but the ledger's folder, as the deployment's does: no temporary
//! file can be made.

use ledger::{FrameRecord, Ledger, LedgerOptions};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::namespace;
use crate::support::{at, folder_in_memory, frame, model, software};

/// SQLite would make its temporary files in the first of these that can be written.
const NOWHERE: &str = "mount -t tmpfs -o ro tmpfs /var/tmp && mount -t tmpfs -o ro tmpfs /tmp \
    && unset TMPDIR SQLITE_TMPDIR && cd /tmp";

/// A folder that the mounts leave in sight.
fn folder_beside_tmp() -> Option<TempDir> {
    let dir = folder_in_memory();
    if dir.path().starts_with("/dev/shm") {
        return Some(dir);
    }
    println!("skipped: there is no folder in memory beside /tmp");
    None
}

#[test]
fn a_large_file_of_an_older_format_is_migrated_where_no_temporary_file_can_be_made() {
    let Some(dir) = folder_beside_tmp() else {
        return;
    };
    let mut ledger = Ledger::open(dir.path(), LedgerOptions::default(), at(0)).unwrap();
    for camera in 0..60 {
        let camera = format!("cam-{camera}");
        let frames: Vec<FrameRecord> = (0..1000).map(|number| frame(&camera, number, 0)).collect();
        ledger.record_all(&frames, &model()).unwrap();
    }
    drop(ledger);
    let tool = Connection::open(dir.path().join("counts.db")).unwrap();
    tool.execute_batch(
        "CREATE TABLE by_id (
            camera  INTEGER NOT NULL REFERENCES camera,
            id      BLOB    NOT NULL,
            content BLOB    NOT NULL,
            ordinal INTEGER NOT NULL,
            reply   BLOB,
            PRIMARY KEY (camera, id, content)
         ) STRICT, WITHOUT ROWID;
         INSERT INTO by_id SELECT camera, id, content, ordinal, reply FROM remembered;
         DROP TABLE remembered;
         ALTER TABLE by_id RENAME TO remembered;
         PRAGMA user_version = 4;",
    )
    .unwrap();
    drop(tool);
    namespace::run(NOWHERE, "read_only_root::child_that_migrates", dir.path());
}

#[test]
#[ignore = "run as a child process by the test above"]
fn child_that_migrates() {
    let dir = namespace::folder();
    let mut ledger = Ledger::open(&dir, LedgerOptions::default(), at(0)).unwrap();
    assert_eq!(ledger.set_aside(), None);
    let known = |number: &u32| {
        ledger
            .is_duplicate(&frame("cam-7", *number, 0).key)
            .unwrap()
    };
    assert_eq!((0..1000).filter(known).count(), 1000);
    assert_eq!(ledger.verify().unwrap().findings, [""; 0]);
    ledger.record(&frame("cam-7", 1000, 0), &model()).unwrap();
}

#[test]
fn a_window_of_ten_thousand_cameras_is_sealed_where_no_temporary_file_can_be_made() {
    let Some(dir) = folder_beside_tmp() else {
        return;
    };
    namespace::run(NOWHERE, "read_only_root::child_that_seals", dir.path());
}

#[test]
#[ignore = "run as a child process by the test above"]
fn child_that_seals() {
    let dir = namespace::folder();
    let mut ledger = Ledger::open(&dir, LedgerOptions::default(), at(0)).unwrap();
    let frames: Vec<FrameRecord> = (0..10_000)
        .map(|camera| frame(&format!("camera-{camera}"), camera, 0))
        .collect();
    for group in frames.chunks(1000) {
        ledger.record_all(group, &model()).unwrap();
    }
    assert!(ledger.seal_all(at(1), &software()).unwrap() > 1);
    assert_eq!(ledger.verify().unwrap().findings, [""; 0]);
}
