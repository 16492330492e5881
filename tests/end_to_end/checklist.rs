//! Lines of the checklist that only the real binary can show whole: what it does while its hub does
//! not let it in, and how it ends in the middle of a picture.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use end_to_end::{Site, get, metrics_address, wait_for};
use serde_json::Value;

use crate::http::{address_of, counted};
use crate::logs::has_runtime_prefix;
use crate::metrics::{page, sum};
use crate::poison::{CAMERA, send, small_picture};
use crate::watchdog::{endless_model, white_picture};

const NOT_CONNECTED: &str = "not connected";

/// Of each failed connection: why, and how long the module waits then.
fn failures(site: &Site) -> Vec<(String, Duration)> {
    let log = site.module_log();
    let lines = log.lines().filter(|line| line.contains(NOT_CONNECTED));
    lines
        .map(|line| {
            let (_, reason) = line.split_once("reason=").unwrap();
            let (_, wait) = line.split_once("retry_in=Some(").unwrap();
            (reason.to_owned(), duration(wait.split(')').next().unwrap()))
        })
        .collect()
}

/// As the language shows one, such as `147.5ms`.
fn duration(text: &str) -> Duration {
    let at = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap();
    let (number, unit) = text.split_at(at);
    let seconds = match unit {
        "s" => 1.0,
        "ms" => 1e-3,
        "µs" => 1e-6,
        "ns" => 1e-9,
        other => panic!("{other} is no unit"),
    };
    Duration::from_secs_f64(number.parse::<f64>().unwrap() * seconds)
}

fn wait_for_failures(site: &Site, count: usize, why: &str) -> Vec<(String, Duration)> {
    wait_for(&format!("{count} connections that failed: {why}"), || {
        let mut failures = failures(site);
        failures.retain(|(reason, _)| reason.contains(why));
        Ok((failures.len() >= count).then_some(failures))
    })
    .unwrap_or_else(|error| panic!("{error:#}\n{}", site.logs()))
}

/// What `/readyz` says, with its status.
fn readiness(door: SocketAddr) -> (u16, Value) {
    let answer = get(door, "/readyz").unwrap();
    (answer.status, answer.json())
}

fn wait_until_ready(site: &Site, door: SocketAddr) {
    wait_for("the module to be ready", || {
        Ok((readiness(door).0 == 200).then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error:#}\n{}", site.logs()));
}

#[test]
fn checklist_9_a_hub_that_withholds_connack_is_hung_up_on_and_tried_again_ever_more_patiently() {
    let mut site = Site::builder().start_without_module().unwrap();
    site.fault(&["connects", "ignored"]).unwrap();
    site.start_agent().unwrap();
    let door = address_of(&site);
    let module = site.module_pid().unwrap();
    let why = "did not answer CONNECT within";
    let first = wait_for_failures(&site, 1, why);
    let (status, said) = readiness(door);
    assert_eq!(status, 503, "{said}");
    assert_eq!(said["ready"], false);
    assert!(first[0].0.contains("20s"), "{first:?}");
    // The socket is gone, also on the other side.
    wait_for("the hub to see the end of the connection", || {
        Ok(sockets_to(site.port()?)?.is_empty().then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error:#}\n{}", site.logs()));
    // The next waits longer for its CONNACK.
    let second = wait_for_failures(&site, 2, why);
    assert!(second[1].0.contains("40s"), "{second:?}");
    site.fault(&["connects", "answered"]).unwrap();
    wait_until_ready(&site, door);
    assert_eq!(site.module_pid().unwrap(), module, "{}", site.logs());
    assert!(site.module_log().lines().all(has_runtime_prefix));
}

/// Connections to this port on the loopback that nobody has closed, as the kernel lists them.
fn sockets_to(port: u16) -> anyhow::Result<Vec<String>> {
    let table = fs::read_to_string("/proc/net/tcp")?;
    let port = format!(":{port:04X}");
    let is_open = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // 01 is ESTABLISHED.
        fields.len() > 3 && fields[2].ends_with(&port) && fields[3] == "01"
    };
    Ok(table.lines().filter(is_open).map(str::to_owned).collect())
}

#[test]
fn checklist_9_connack_5_brings_a_new_token_at_once_then_patience_and_the_process_stays_up() {
    let site = Site::builder().start().unwrap();
    let door = address_of(&site);
    wait_until_ready(&site, door);
    let module = site.module_pid().unwrap();
    site.fault(&["connects", "refused"]).unwrap();
    site.fault(&["drop-connections"]).unwrap();
    let refused = wait_for_failures(&site, 2, "refused CONNECT with code 5");
    assert!(refused[0].1 < Duration::from_secs(1), "{refused:?}");
    assert!(refused[1].1 >= Duration::from_secs(3), "{refused:?}");
    let (status, said) = readiness(door);
    assert_eq!(status, 503, "{said}");
    assert_eq!(said["hub"], "not connected", "{said}");
    assert!(!said["reasons"].as_array().unwrap().is_empty(), "{said}");
    // Slow, and without an end.
    let refused = wait_for_failures(&site, 3, "refused CONNECT with code 5");
    assert!(refused[2].1 >= Duration::from_secs(3), "{refused:?}");
    assert_eq!(readiness(door).0, 503);
    site.fault(&["connects", "answered"]).unwrap();
    wait_until_ready(&site, door);
    assert_eq!(site.module_pid().unwrap(), module, "{}", site.logs());
    // The second connection brought no news of the twin.
    let log = site.module_log();
    assert_eq!(
        log.matches("desired properties changed").count(),
        1,
        "{log}"
    );
    // The first token would have less time left by now.
    let lifetimes = token_lifetimes(&site.hub_log());
    let (first, last) = (lifetimes[0], *lifetimes.last().unwrap());
    assert!(lifetimes.len() == 2 && last + 2 >= first, "{lifetimes:?}");
}

/// How long the module's token was good for at each of its connections, in seconds.
fn token_lifetimes(log: &str) -> Vec<u64> {
    log.lines()
        .filter(|line| line.contains("client connected") && line.contains("FruitCounter"))
        .map(|line| {
            let (_, seconds) = line.split_once("token_seconds=").unwrap();
            let digits: String = seconds.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().unwrap()
        })
        .collect()
}

/// Pictures that the hub handed over and the module acknowledged, by the hub's own journal.
fn handed_and_acknowledged(journal: &Path) -> (u64, u64) {
    let text = fs::read_to_string(journal).unwrap();
    let events = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["event"].as_str().unwrap().to_owned()
    });
    events.fold((0, 0), |(handed, acknowledged), event| {
        match event.as_str() {
            "handed" => (handed + 1, acknowledged),
            "acknowledged" => (handed, acknowledged + 1),
            _ => (handed, acknowledged),
        }
    })
}

/// Each number of the page is one; edgeAgent's collector passes over infinite ones.
fn assert_finite(page: &str) {
    let numbers = page.lines().filter(|line| !line.starts_with('#'));
    let mut count = 0;
    for line in numbers {
        let value: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        assert!(value.is_finite(), "{line}");
        count += 1;
    }
    assert!(count > 50, "{page}");
}

/// Asks for metrics until nobody answers. Gives how many pages came and when the last did.
fn watch_metrics(beside: SocketAddr) -> (u32, Instant) {
    let (mut pages, mut last) = (0, Instant::now());
    while let Ok(answer) = get(beside, "/metrics") {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_finite(&answer.body);
        pages += 1;
        last = Instant::now();
        thread::sleep(Duration::from_millis(5));
    }
    (pages, last)
}

#[test]
fn checklist_40_sigterm_during_inference_keeps_what_is_done_and_leaves_the_rest_to_the_hub() {
    let model = endless_model();
    let journals = tempfile::tempdir().unwrap();
    let journal = journals.path().join("journal.jsonl");
    let mut site = Site::builder()
        .device(CAMERA)
        .module_env("FRUIT_COUNTER_MODEL", model.path().to_str().unwrap())
        .module_env("FRUIT_COUNTER_LOG", "debug")
        .hub_option("--journal")
        .hub_option(journal.to_str().unwrap())
        .start()
        .unwrap();
    site.wait_for_module_line("metrics are served").unwrap();
    let beside = metrics_address(&site.module_log()).unwrap();
    // The model never comes to an end with the white one.
    let pictures = [small_picture(10), small_picture(20), white_picture()];
    assert_eq!(send(&site, &pictures), 3);
    wait_for("two pictures done and the third in hand", || {
        let in_flight = sum(&page(beside).1, "fruit_counter_frames_in_flight", &[]);
        Ok((handed_and_acknowledged(&journal) == (3, 2) && in_flight > 0.5).then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error:#}\n{}", site.logs()));

    let watching = thread::spawn(move || watch_metrics(beside));
    let asked = Instant::now();
    let status = site.stop_agent().unwrap();
    let took = asked.elapsed();
    assert!(status.success(), "{status}\n{}", site.logs());
    assert!(took < Duration::from_secs(8), "{took:?}\n{}", site.logs());
    let agent = fs::read_to_string(site.folder().join("agent.log")).unwrap();
    let line = agent.lines().find(|line| line.contains("module stopped"));
    assert!(
        line.is_some_and(|line| line.contains("exit=exit code 0")),
        "{agent}"
    );

    // It took the grace to end: the picture was in hand all the time.
    assert!(took > Duration::from_secs(4), "{took:?}\n{}", site.logs());
    let (pages, last) = watching.join().unwrap();
    let silent = took.saturating_sub(last - asked);
    assert!(
        pages > 20 && silent < Duration::from_secs(1),
        "{pages} pages, the last {silent:?} before the end\n{}",
        site.logs()
    );
    assert_eq!(handed_and_acknowledged(&journal), (3, 2), "{}", site.logs());
    assert_eq!(
        counted(site.folder()).whole.frames.received,
        2,
        "{}",
        site.logs()
    );
    let log = site.module_log();
    let said = "a picture was still being worked on; it was not acknowledged";
    assert!(log.contains(said), "{log}");
    assert!(log.lines().all(has_runtime_prefix), "{log}");
}
