//! Pictures by HTTP: the module alone, and behind a hub.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use end_to_end::{Alone, Site, http_address, post, wait_for};
use ledger::{Clock, Ledger, LedgerOptions, Now, Totals};

use crate::faults::send_steadily;
use crate::refusals::png;

/// What is in the ledger of a module that has ended, after its sums were proved.
pub(crate) fn counted(folder: &Path) -> Totals {
    let now = Now {
        wall: time::OffsetDateTime::now_utc(),
        clock: Clock::Plausible,
    };
    let options = LedgerOptions {
        window: Duration::from_secs(1),
        ..LedgerOptions::default()
    };
    let ledger = Ledger::open(&folder.join("ledger"), options, now).unwrap();
    let verification = ledger.verify().unwrap();
    assert!(verification.findings.is_empty(), "{verification:?}");
    ledger.totals().unwrap()
}

pub(crate) fn address_of(site: &Site) -> SocketAddr {
    wait_for("the module to serve HTTP", || {
        Ok(http_address(&site.module_log()))
    })
    .unwrap_or_else(|error| panic!("{error:#}\n{}", site.logs()))
}

#[test]
fn a_module_without_a_hub_says_so_counts_and_keeps_its_counts() {
    let folder = tempfile::tempdir().unwrap();
    let told = [("FRUIT_COUNTER_LOG", "debug")];
    let mut module = Alone::start(folder.path(), &told).unwrap();
    let address = module.address().unwrap();
    let answer = post(address, "/image?camera=gate", &[], &png(64, 48)).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.json()["predictions"].is_array(), "{answer:?}");
    let uncounted = post(address, "/image", &[], &png(64, 48)).unwrap();
    assert_eq!(uncounted.status, 200, "{uncounted:?}");
    let log = wait_for("a sealed window", || {
        let log = module.log();
        Ok(log.contains("kept in the ledger").then_some(log))
    })
    .unwrap();
    let said = log.lines().filter(|line| line.contains("standalone"));
    assert_eq!(said.count(), 1, "{log}");
    assert!(module.terminate().unwrap().success(), "{}", module.log());
    let totals = counted(folder.path());
    assert_eq!(totals.whole.frames.received, 1);
    assert_eq!(totals.cameras["http:gate"].frames.received, 1);
    assert_eq!((totals.sealed_reports, totals.unsent_reports), (1, 0));
}

#[test]
fn retries_with_keys_across_killed_processes_count_each_picture_once() {
    const PICTURES: u32 = 24;
    let folder = tempfile::tempdir().unwrap();
    let mut module = Alone::start(folder.path(), &[]).unwrap();
    let mut address = module.address().unwrap();
    for number in 0..PICTURES {
        let picture = png(64 + number, 48);
        let key = format!("Idempotency-Key: picture-{number}");
        let send = move |address| post(address, "/image?camera=gate", &[&key], &picture);
        if number % 4 == 3 {
            // The process dies while this one is on its way, wherever it is by then.
            let sender = std::thread::spawn({
                let send = send.clone();
                move || send(address)
            });
            module.kill().unwrap();
            let _ = sender.join().unwrap();
            module = Alone::start(folder.path(), &[]).unwrap();
            address = module.address().unwrap();
        }
        let first = send(address).unwrap();
        assert_eq!(first.status, 200, "{first:?}\n{}", module.log());
        let again = send(address).unwrap();
        assert!(again.was_replayed(), "{again:?}");
        assert_eq!(again.body, first.body);
    }
    assert!(module.terminate().unwrap().success(), "{}", module.log());
    let frames = counted(folder.path()).whole.frames;
    assert_eq!(frames.received - frames.duplicate, u64::from(PICTURES));
}

#[test]
fn pictures_through_the_hub_and_by_http_are_counted_by_one_module() {
    let site = Site::builder().device("cam-01").start().unwrap();
    let address = address_of(&site);
    let mut camera = send_steadily(&site, "cam-01", "12");
    for number in 0..6 {
        let picture = png(64 + number, 48);
        let answer = post(address, "/image?camera=gate", &[], &picture).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}\n{}", site.logs());
    }
    assert_eq!(camera.confirmed().unwrap(), 12);
    for (name, pictures) in [("cam-01", 12), ("http:gate", 6)] {
        site.wait_until_counted(name, pictures).unwrap();
        let sums = site.upstream().camera(name).unwrap();
        assert_eq!(sums.distinct(), pictures, "{name}: {sums:?}");
    }
}

#[test]
fn a_port_that_is_taken_ends_a_module_that_is_alone_with_the_code_for_settings() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let mut module = Alone::start(folder.path(), &[("FRUIT_COUNTER_HTTP", &address)]).unwrap();
    assert_eq!(module.wait().unwrap().code(), Some(78), "{}", module.log());
    let log = module.log();
    assert!(
        log.contains(&address) && log.contains("FRUIT_COUNTER_HTTP"),
        "{log}"
    );
}

#[test]
fn a_port_that_is_taken_is_a_warning_behind_a_hub_and_pictures_flow() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let site = Site::builder()
        .device("cam-01")
        .module_env("FRUIT_COUNTER_HTTP", &address)
        .start()
        .unwrap();
    let mut camera = send_steadily(&site, "cam-01", "3");
    assert_eq!(camera.confirmed().unwrap(), 3);
    site.wait_until_counted("cam-01", 3).unwrap();
    site.wait_for_module_line("no HTTP").unwrap();
}
