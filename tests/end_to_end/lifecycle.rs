//! Starting and stopping in order.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use end_to_end::{Binary, Site, binary, wait_for, workspace_root};
use rustix::process::{Signal, kill_process};

use crate::faults::send_steadily;

#[test]
fn checklist_40_sigterm_in_the_middle_ends_the_module_in_time_with_exit_0_and_nothing_lost() {
    let mut site = Site::builder().device("cam-01").start().unwrap();
    let mut camera = send_steadily(&site, "cam-01", "40");
    site.wait_until_counted("cam-01", 5).unwrap();
    let started = Instant::now();
    let status = site.stop_agent().unwrap();
    assert!(
        status.success(),
        "the agent ended with {status}\n{}",
        site.logs()
    );
    assert!(
        started.elapsed() < Duration::from_secs(8),
        "{:?}",
        started.elapsed()
    );
    let log = site.module_log();
    assert!(log.contains("stopped"), "{}", site.logs());
    assert!(!log.contains("<3>"), "{log}");
    assert_eq!(
        camera.confirmed().unwrap(),
        40,
        "the hub keeps what comes meanwhile"
    );
    site.start_agent().unwrap();
    site.wait_until_counted("cam-01", 40).unwrap();
    assert_eq!(
        site.upstream().camera("cam-01").unwrap().distinct(),
        40,
        "{}",
        site.logs()
    );
}

#[test]
fn sigterm_alone_gives_exit_0() {
    let site = Site::builder().start().unwrap();
    site.wait_for_module_line("connected").unwrap();
    terminate_module(&site);
}

/// Sends SIGTERM to the module itself and waits for the agent's word on its exit.
fn terminate_module(site: &Site) {
    let module = site.module_pid().unwrap();
    let started = Instant::now();
    kill_process(module, Signal::TERM).unwrap();
    let line = wait_for("the agent's word on the exit", || {
        let log = std::fs::read_to_string(site.folder().join("agent.log"))?;
        Ok(log
            .lines()
            .find(|line| line.contains("module ended"))
            .map(str::to_owned))
    })
    .unwrap_or_else(|error| panic!("{error:#}\n{}", site.logs()));
    assert!(
        started.elapsed() < Duration::from_secs(8),
        "{:?}\n{}",
        started.elapsed(),
        site.logs()
    );
    assert!(
        line.contains("exit=exit code 0 "),
        "{line}\n{}",
        site.logs()
    );
}

#[test]
fn checklist_40_sigterm_while_the_hub_is_frozen_ends_the_module_in_time_with_exit_0() {
    let site = Site::builder().device("cam-01").start().unwrap();
    let mut camera = send_steadily(&site, "cam-01", "20");
    camera.confirmed().unwrap();
    site.wait_until_counted("cam-01", 5).unwrap();
    site.freeze_hub().unwrap();
    terminate_module(&site);
}

#[test]
fn a_ledger_that_another_process_holds_is_refused_by_name() {
    let site = Site::builder().start().unwrap();
    site.wait_for_module_line("ledger open").unwrap();
    let second = Command::new(binary(Binary::FruitCounter).unwrap())
        .env("FRUIT_COUNTER_LEDGER", site.ledger())
        .env("FRUIT_COUNTER_MODEL", workspace_root().join("model"))
        .env(
            "EdgeHubConnectionString",
            "HostName=h;DeviceId=d;ModuleId=m;SharedAccessKey=a2V5",
        )
        .env("EdgeModuleCACertificateFile", site.ca())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&second.stdout);
    assert_eq!(second.status.code(), Some(1), "{log}");
    let holder = site.module_pid().unwrap().as_raw_nonzero().to_string();
    assert!(log.contains("held by") && log.contains(&holder), "{log}");
}

#[test]
fn all_mistakes_in_the_settings_are_said_at_once_with_their_own_exit_code() {
    let output = Command::new(binary(Binary::FruitCounter).unwrap())
        .env("IOTEDGE_DEVICEID", "edge-dev")
        .env("FRUIT_COUNTER_REPORT_INTERVAL", "60")
        .env("FRUIT_COUNTER_MIN_CONFIDENCE", "sure")
        .envs((1..=12).map(|number| (format!("FRUIT_COUNTER_TYPO_{number}"), "1")))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(78), "{log}");
    for name in [
        "IOTEDGE_WORKLOADURI",
        "IOTEDGE_MODULEID",
        "FRUIT_COUNTER_REPORT_INTERVAL",
        "FRUIT_COUNTER_MIN_CONFIDENCE",
        "FRUIT_COUNTER_TYPO_1 ",
    ] {
        assert!(log.contains(name), "{name} is not in: {log}");
    }
    // More than the log takes of one place in a minute otherwise.
    assert_eq!(log.matches("TYPO_").count(), 12, "{log}");
    assert!(log.lines().all(|line| line.starts_with('<')), "{log}");
}
