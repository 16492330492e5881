//! What the module says when there is nothing to count, no hub, or a ledger that was damaged.

use std::collections::BTreeSet;
use std::process::Command;

use end_to_end::{Binary, Site, binary, wait_for};
use serde_json::Value;

/// Gives an order to the running hub, or asks it something.
pub(crate) fn devhub(site: &Site, arguments: &[&str]) -> String {
    let output = Command::new(binary(Binary::Devhub).unwrap())
        .args(arguments)
        .arg("--state")
        .arg(site.state())
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn ledger_in_twin(site: &Site) -> Value {
    let twin: Value =
        serde_json::from_str(&devhub(site, &["twin", "get", "FruitCounter"])).unwrap();
    twin["reported"]["status"]["ledger"].clone()
}

#[test]
fn an_idle_module_says_that_it_lives() {
    let site = Site::builder()
        .module_env("FRUIT_COUNTER_HEARTBEAT", "1s")
        .start()
        .unwrap();
    let reports = wait_for("two heartbeats", || {
        let reports = site.upstream().reports()?;
        Ok((reports.len() >= 2).then_some(reports))
    })
    .unwrap_or_else(|error| panic!("{error:#}\n{}", site.logs()));
    for (at, report) in reports.iter().enumerate() {
        assert_eq!(report["sequence"].as_u64(), Some(at as u64 + 1));
        assert_eq!(report["cameras"], serde_json::json!({}));
        assert_eq!(report["frames"]["received"], 0);
        assert_eq!(report["totals"]["frames"]["received"], 0);
    }
}

#[test]
fn a_damaged_ledger_and_the_new_one_are_in_the_twin_and_a_twin_that_fails_holds_up_nothing() {
    let mut site = Site::builder()
        .device("cam-01")
        .start_without_module()
        .unwrap();
    std::fs::create_dir_all(site.ledger()).unwrap();
    std::fs::write(site.ledger().join("counts.db"), "garbage ".repeat(1000)).unwrap();
    devhub(&site, &["fault", "twins", "failing"]);
    site.start_agent().unwrap();
    let mut camera = crate::faults::send_steadily(&site, "cam-01", "10");
    assert_eq!(camera.confirmed().unwrap(), 10);
    site.wait_until_counted("cam-01", 10).unwrap();
    devhub(&site, &["fault", "twins", "answered"]);
    let told = wait_for("the ledger in the twin", || {
        let told = ledger_in_twin(&site);
        Ok((!told.is_null()).then_some(told))
    })
    .unwrap_or_else(|error| panic!("{error:#}\n{}", site.logs()));
    assert_eq!(
        told["id"],
        site.upstream().reports().unwrap()[0]["ledger"],
        "{told}"
    );
    let file = told["setAside"]["file"].as_str().unwrap();
    assert!(site.ledger().join(file).is_file(), "{told}");
    assert_eq!(told["setAside"]["at"], told["since"], "{told}");
    assert!(!told["setAside"]["finding"].as_str().unwrap().is_empty());
}

#[test]
fn windows_of_a_long_outage_share_reports_and_nothing_is_lost_or_doubled() {
    let cameras = ["cam-0", "cam-1", "cam-2", "cam-3", "cam-4"];
    let site = cameras
        .iter()
        .fold(Site::builder(), |site, camera| site.device(camera))
        .module_env("FRUIT_COUNTER_MERGE_AFTER", "1s")
        .module_env("FRUIT_COUNTER_LOG", "debug")
        .start()
        .unwrap();
    site.wait_for_module_line("connected").unwrap();
    // Pictures still come; what the module sends is never confirmed.
    devhub(&site, &["fault", "pubacks", "withheld"]);
    let mut senders = Vec::new();
    for (number, camera) in cameras.iter().enumerate() {
        senders.push(crate::faults::send_steadily(&site, camera, "1"));
        wait_for("the picture to be recorded", || {
            let recorded = site.module_log().matches("recorded=Counted").count();
            Ok((recorded > number).then_some(()))
        })
        .unwrap_or_else(|error| panic!("{error:#}\n{}", site.logs()));
        if number == 0 {
            site.wait_for_module_line("joined by the hour").unwrap();
        }
        // The next one is in another window of a second.
        let second = seconds();
        wait_for("the next second", || Ok((seconds() > second).then_some(()))).unwrap();
    }
    devhub(&site, &["fault", "pubacks", "at-once"]);
    devhub(&site, &["fault", "drop-connections"]);
    for camera in cameras {
        site.wait_until_counted(camera, 1)
            .unwrap_or_else(|error| panic!("{error:#}"));
        let sums = site.upstream().camera(camera).unwrap();
        assert_eq!(sums.distinct(), 1, "{camera}: {sums:?}");
    }
    let reports = site.upstream().reports().unwrap();
    let with_pictures = |report: &&Value| report["frames"]["classified"].as_u64() > Some(0);
    let sequences: BTreeSet<u64> = reports
        .iter()
        .filter(with_pictures)
        .map(|report| report["sequence"].as_u64().unwrap())
        .collect();
    // The first one, and the others in one for the hour, or in two where it ended meanwhile.
    assert!(sequences.len() <= 3, "{reports:#?}\n{}", site.logs());
}

fn seconds() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs()
}
