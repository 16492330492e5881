//! A ledger that is damaged: while the module is stopped, and under its hands.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use end_to_end::{Site, wait_for};
use rusqlite::Connection;

use crate::faults::send_steadily;
use crate::time::ledger_in_twin;

/// Writes over all pages of the store but the first two.
fn damage(store: &Path) {
    let file = fs::OpenOptions::new().write(true).open(store).unwrap();
    let pages = file.metadata().unwrap().len() / 1024;
    assert!(pages > 8, "{pages}");
    for page in 2..pages {
        file.write_all_at(&[0xa5; 512], page * 1024).unwrap();
    }
}

/// The second camera's pictures are counted by a new ledger, which says of which file it took the
/// place, and nothing of the first one's changes.
fn goes_on_with_a_new_ledger(site: &Site, old: &str) {
    let mut camera = send_steadily(site, "cam-02", "10");
    assert_eq!(camera.confirmed().unwrap(), 10);
    site.wait_until_counted("cam-02", 10).unwrap();
    let told = wait_for("the new ledger in the twin", || {
        let told = ledger_in_twin(site);
        let new = told["id"].as_str().is_some_and(|id| id != old);
        Ok(new.then_some(told))
    })
    .unwrap_or_else(|error| panic!("{error:#}\n{}", site.logs()));
    let file = told["setAside"]["file"].as_str().unwrap();
    assert!(site.ledger().join(file).is_file(), "{told}");
    let stamp = file.strip_prefix("counts-damaged-").unwrap();
    let year = told["setAside"]["at"].as_str().unwrap()[..4].to_owned();
    assert!(stamp.starts_with(&year) && stamp.contains('T'), "{file}");
    assert!(site.module_log().contains("the ledger was damaged"));
    for (camera, pictures) in [("cam-01", 10), ("cam-02", 10)] {
        let sums = site.upstream().camera(camera).unwrap();
        assert_eq!(sums.distinct(), pictures, "{camera}: {sums:?}");
    }
    for report in site.upstream().reports().unwrap() {
        let camera = if report["ledger"] == old {
            "cam-02"
        } else {
            "cam-01"
        };
        assert!(report["cameras"][camera].is_null(), "{report}");
    }
}

fn counted_site() -> (Site, String) {
    let site = Site::builder()
        .device("cam-01")
        .device("cam-02")
        .start()
        .unwrap();
    let mut camera = send_steadily(&site, "cam-01", "10");
    assert_eq!(camera.confirmed().unwrap(), 10);
    site.wait_until_counted("cam-01", 10).unwrap();
    let reports = site.upstream().reports().unwrap();
    let id = reports[0]["ledger"].as_str().unwrap().to_owned();
    (site, id)
}

#[test]
fn a_ledger_damaged_while_the_module_is_stopped_is_set_aside_and_told_of() {
    let (mut site, old) = counted_site();
    assert!(site.stop_agent().unwrap().success());
    damage(&site.ledger().join("counts.db"));
    site.start_agent().unwrap();
    goes_on_with_a_new_ledger(&site, &old);
}

#[test]
fn a_ledger_damaged_under_the_running_module_ends_it_and_the_next_one_begins_anew() {
    let (site, old) = counted_site();
    let path = site.ledger().join("counts.db");
    let store = Connection::open(&path).unwrap();
    // All pages are in the store and none in the log. The change by another hand makes the module
    // read again what it has in memory.
    store
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    store
        .execute_batch("BEGIN IMMEDIATE; UPDATE ledger SET probes = probes + 1")
        .unwrap();
    damage(&path);
    store.execute_batch("COMMIT").unwrap();
    drop(store);
    goes_on_with_a_new_ledger(&site, &old);
    let ended = fs::read_to_string(site.folder().join("agent.log")).unwrap();
    assert!(ended.contains("module ended"), "{ended}");
}
