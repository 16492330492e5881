//! The module's numbers, asked for as Prometheus and IoT Edge's collector do.

use std::net::{SocketAddr, TcpListener};
use std::process::Command;

use end_to_end::{Alone, Binary, Site, binary, get, metrics_address, post, wait_for};

use crate::refusals::png;

/// The page, with its head.
pub(crate) fn page(address: SocketAddr) -> (String, String) {
    let answer = get(address, "/metrics").unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    (answer.head, answer.body)
}

/// The sum of all numbers of this name whose labels contain these.
pub(crate) fn sum(page: &str, name: &str, labels: &[&str]) -> f64 {
    page.lines()
        .filter_map(|line| line.strip_prefix(name))
        .filter(|rest| rest.starts_with('{') && labels.iter().all(|label| rest.contains(label)))
        .map(|rest| rest.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum()
}

fn assert_is(page: &str, name: &str, labels: &[&str], expected: f64) {
    let seen = sum(page, name, labels);
    assert!((seen - expected).abs() < 1e-9, "{name} {labels:?}: {seen}");
}

#[test]
fn pictures_by_http_are_on_both_pages_and_no_camera_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut module = Alone::start(folder.path(), &[]).unwrap();
    let address = module.address().unwrap();
    let beside = metrics_address(&module.log()).unwrap();
    assert_ne!(address, beside);
    for body in [&png(64, 48)[..], b"no picture", b"no picture"] {
        post(address, "/image?camera=gate", &["Idempotency-Key: 1"], body).unwrap();
    }
    post(address, "/image", &[], &png(64, 48)).unwrap();
    for door in [address, beside] {
        let (head, page) = page(door);
        assert!(
            head.contains("content-type: application/openmetrics-text"),
            "{head}"
        );
        let http = r#"way="http""#;
        // The second is another picture under the same key, and is refused.
        assert_is(&page, "fruit_counter_frames_total", &[http], 1.0);
        let none = r#"way="edgehub""#;
        assert_is(&page, "fruit_counter_frames_total", &[none], 0.0);
        let conflict = r#"code="409""#;
        assert_is(
            &page,
            "fruit_counter_http_responses_total",
            &[conflict],
            2.0,
        );
        let looked_at = "fruit_counter_stage_duration_seconds_count";
        assert_is(&page, looked_at, &[http, r#"stage="classify""#], 2.0);
        assert!(!page.contains("gate"), "{page}");
        assert!(!page.contains("fruit_counter_hub_"), "it stands alone");
    }
}

#[test]
fn a_connected_module_tells_of_its_pictures_reports_and_connection() {
    let site = Site::builder().device("cam-01").start().unwrap();
    let arguments = [
        "--rendered",
        "--truth",
        "ripe",
        "--count",
        "5",
        "--rate",
        "20",
    ];
    let mut camera = site.camera("cam-01", &arguments).unwrap();
    let sent = camera.confirmed().unwrap();
    site.wait_until_counted("cam-01", sent).unwrap();
    let beside = metrics_address(&site.module_log()).unwrap();
    let page = wait_for("the report to be confirmed", || {
        let (_, page) = page(beside);
        let confirmed = sum(&page, "fruit_counter_reports_sent_total", &[]) > 0.5;
        Ok(confirmed.then_some(page))
    })
    .unwrap();
    let pictures = u32::try_from(sent).unwrap();
    let edgehub = r#"way="edgehub""#;
    assert_is(
        &page,
        "fruit_counter_frames_total",
        &[edgehub],
        pictures.into(),
    );
    let whole = "fruit_counter_frame_duration_seconds_count";
    assert_is(&page, whole, &[edgehub], pictures.into());
    assert_is(&page, "fruit_counter_frames_in_flight", &[], 0.0);
    let connected = r#"state="connected""#;
    assert_is(&page, "fruit_counter_hub_connection", &[connected], 1.0);
    let age = sum(&page, "fruit_counter_hub_token_age_seconds", &[]);
    assert!(age > 0.0 && age < 3600.0, "{age}");
    assert!(page.contains(r#"module_name="FruitCounter""#), "{page}");
    assert!(!page.contains("cam-01"), "{page}");
}

#[test]
fn where_http_is_off_the_metrics_port_answers_the_health_check() {
    let site = Site::builder()
        .module_env("FRUIT_COUNTER_HTTP", "off")
        .start()
        .unwrap();
    site.wait_for_module_line("connected").unwrap();
    let beside = metrics_address(&site.module_log()).unwrap().to_string();
    let output = Command::new(binary(Binary::FruitCounter).unwrap())
        .env("FRUIT_COUNTER_HTTP", "off")
        .env("FRUIT_COUNTER_METRICS", &beside)
        .args(["healthcheck", "--json"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_metrics_port_that_is_taken_is_a_warning_and_pictures_are_counted() {
    let somebody = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = somebody.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let mut module = Alone::start(folder.path(), &[("FRUIT_COUNTER_METRICS", &taken)]).unwrap();
    let address = module.address().unwrap();
    let answer = post(address, "/image?camera=gate", &[], &png(64, 48)).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let log = module.log();
    let warning = log
        .lines()
        .find(|line| line.contains("no metrics"))
        .unwrap();
    assert!(warning.starts_with("<4>"), "{warning}");
    for told in [&*taken, "FRUIT_COUNTER_METRICS"] {
        assert!(warning.contains(told), "{warning}");
    }
}
