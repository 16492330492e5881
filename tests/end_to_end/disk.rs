//! A disk that is full, cannot be written or is slow, under the running module.

use std::time::Duration;

use end_to_end::{Camera, Site, SiteBuilder, wait_for};
use rusqlite::Connection;
use rustix::process::Pid;

use crate::faults::send_steadily;
use crate::own_disk::{OwnDisk, run_on_own_disk};

const PICTURES: u64 = 40;

fn site_on(disk: &OwnDisk) -> SiteBuilder {
    Site::builder()
        .device("cam-01")
        .module_env("FRUIT_COUNTER_LEDGER", &disk.ledger().display().to_string())
        .module_env("FRUIT_COUNTER_LOG", "debug")
}

/// What all the tests here end with: the same process has counted every picture once.
fn every_picture_once(site: &Site, camera: &mut Camera, module: Pid) {
    assert_eq!(camera.confirmed().unwrap(), PICTURES);
    site.wait_until_counted("cam-01", PICTURES).unwrap();
    let sums = site.upstream().camera("cam-01").unwrap();
    assert_eq!(sums.distinct(), PICTURES, "{sums:?}\n{}", site.logs());
    let reports = site.upstream().reports().unwrap();
    let totals = &reports.last().unwrap()["totals"]["frames"];
    let distinct = |name| totals[name].as_u64().unwrap();
    assert_eq!(distinct("received") - distinct("duplicate"), PICTURES);
    assert_eq!(site.module_pid().unwrap(), module, "{}", site.logs());
}

fn times(site: &Site, text: &str) -> usize {
    site.module_log().matches(text).count()
}

fn wait_for_times(site: &Site, text: &str, at_least: usize) {
    wait_for(&format!("{text:?} {at_least} times"), || {
        Ok((times(site, text) >= at_least).then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error:#}\n{}", site.logs()));
}

/// Memory of a process that is its own, in KiB.
fn resident(module: Pid) -> u64 {
    let status = format!("/proc/{}/status", module.as_raw_nonzero());
    let status = std::fs::read_to_string(status).unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon"));
    let number = line.unwrap().split_whitespace().nth(1);
    number.unwrap().parse().unwrap()
}

const NOT_DURABLE: &str = "an outcome cannot be made durable";
const STILL_NOTHING: &str = "the ledger still takes nothing";
const AGAIN: &str = "the ledger can be written again";

#[test]
fn a_disk_that_fills_up_stops_the_counting_until_there_is_space_and_each_picture_counts_once() {
    run_on_own_disk("disk::child_whose_disk_fills_up");
}

#[test]
#[ignore = "run as a child process by the test above"]
fn child_whose_disk_fills_up() {
    let disk = OwnDisk::here();
    let site = site_on(&disk).start().unwrap();
    let mut camera = send_steadily(&site, "cam-01", "40");
    site.wait_until_counted("cam-01", 5).unwrap();
    let module = site.module_pid().unwrap();
    disk.fill();
    site.wait_for_module_line(NOT_DURABLE).unwrap();
    let (recorded, memory) = (times(&site, "recorded="), resident(module));
    // The camera is not held up: its pictures wait in the hub.
    assert_eq!(camera.confirmed().unwrap(), PICTURES);
    wait_for_times(&site, STILL_NOTHING, 3);
    let acknowledged = times(&site, "recorded=");
    assert_eq!(acknowledged, recorded, "nothing is taken meanwhile");
    assert!(recorded < PICTURES as usize);
    assert_eq!(
        times(&site, NOT_DURABLE),
        1,
        "held closed, not tried again and again"
    );
    let grown = resident(module).saturating_sub(memory);
    assert!(grown < 16 * 1024, "{grown} KiB more than when it filled up");
    disk.free();
    site.wait_for_module_line(AGAIN).unwrap();
    every_picture_once(&site, &mut camera, module);
}

#[test]
fn a_disk_that_is_full_at_the_start_is_waited_for() {
    run_on_own_disk("disk::child_whose_disk_is_full");
}

#[test]
#[ignore = "run as a child process by the test above"]
fn child_whose_disk_is_full() {
    let disk = OwnDisk::here();
    disk.fill();
    begins_when(&disk, "no space", || disk.free());
}

#[test]
fn a_disk_that_cannot_be_written_at_the_start_is_waited_for() {
    run_on_own_disk("disk::child_whose_disk_cannot_be_written");
}

#[test]
#[ignore = "run as a child process by the test above"]
fn child_whose_disk_cannot_be_written() {
    let disk = OwnDisk::here();
    // There is a ledger already.
    let mut site = site_on(&disk).start().unwrap();
    site.wait_for_module_line("connected").unwrap();
    site.stop_agent().unwrap();
    drop(site);
    disk.remount("ro");
    begins_when(&disk, "read-only", || disk.remount("rw"));
}

fn begins_when(disk: &OwnDisk, reason: &str, mended: impl FnOnce()) {
    let site = site_on(disk).start().unwrap();
    let mut camera = send_steadily(&site, "cam-01", "40");
    assert_eq!(camera.confirmed().unwrap(), PICTURES);
    wait_for_times(&site, "the ledger cannot be opened yet", 2);
    let log = site.module_log().to_lowercase();
    assert!(log.contains(reason), "{log}");
    let module = site.module_pid().unwrap();
    mended();
    every_picture_once(&site, &mut camera, module);
}

/// Keeps the store from being written, as a disk does that takes its time.
fn occupy(site: &Site) -> Connection {
    let store = Connection::open(site.ledger().join("counts.db")).unwrap();
    store.execute_batch("BEGIN IMMEDIATE").unwrap();
    store
}

fn quick_site() -> Site {
    Site::builder()
        .device("cam-01")
        .module_env("FRUIT_COUNTER_LOG", "debug")
        .start()
        .unwrap()
}

#[test]
fn a_commit_that_takes_seconds_holds_pictures_up_and_keeps_the_connection() {
    let site = quick_site();
    let mut camera = send_steadily(&site, "cam-01", "40");
    site.wait_until_counted("cam-01", 5).unwrap();
    let module = site.module_pid().unwrap();
    let occupied = occupy(&site);
    // Less than the 5 s that a commit may wait: this is the fault itself, not a wait for it.
    std::thread::sleep(Duration::from_secs(2));
    drop(occupied);
    every_picture_once(&site, &mut camera, module);
    assert_eq!(times(&site, NOT_DURABLE), 0, "{}", site.logs());
    let connected = "client connected client=edge-dev/FruitCounter";
    assert_eq!(
        site.hub_log().matches(connected).count(),
        1,
        "{}",
        site.logs()
    );
}

#[test]
fn a_commit_that_takes_too_long_gives_the_picture_back_and_counts_it_later() {
    let site = quick_site();
    let mut camera = send_steadily(&site, "cam-01", "40");
    site.wait_until_counted("cam-01", 5).unwrap();
    let module = site.module_pid().unwrap();
    let occupied = occupy(&site);
    site.wait_for_module_line(NOT_DURABLE).unwrap();
    drop(occupied);
    site.wait_for_module_line(AGAIN).unwrap();
    every_picture_once(&site, &mut camera, module);
}
