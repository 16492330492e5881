//! What is counted of requests that name no camera, where a setting says that all are.

use super::bench::{Bench, picture};
use crate::settings::CountMode;

const KEY: &str = "Idempotency-Key: picture-1";

async fn counting(count: CountMode) -> Bench {
    let bench = Bench::new().await;
    bench.count_by(count);
    bench
}

/// Cameras and how many pictures each sent.
fn received(bench: &Bench) -> Vec<(String, u64)> {
    let cameras = bench.totals().cameras;
    cameras
        .iter()
        .map(|(camera, sums)| (camera.clone(), sums.frames.received))
        .collect()
}

fn expected(cameras: &[(&str, u64)]) -> Vec<(String, u64)> {
    let owned = cameras
        .iter()
        .map(|(name, sent)| ((*name).to_owned(), *sent));
    owned.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_are_counted_by_project_and_a_named_camera_stays_itself() {
    let bench = counting(CountMode::Project).await;
    for path in [
        "/line-1/image",
        "/line-1/classify/iterations/N/image",
        "/customvision/v3.1/prediction/line-2/classify/iterations/N/image",
        "/image",
        "/My%20Project/image",
        "/line-1/image?camera=gate",
        "/line-1/image/nostore",
        "/line-1/image/nostore?camera=gate",
    ] {
        let answer = bench.post(path, &[], &picture(1)).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
    assert_eq!(
        received(&bench),
        expected(&[
            ("http:gate", 1),
            ("http:line-1", 2),
            ("http:line-2", 1),
            ("http:unnamed", 2),
        ])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn all_are_counted_by_the_senders_address() {
    let bench = counting(CountMode::Address).await;
    for path in [
        "/image",
        "/line-1/image",
        "/image?camera=gate",
        "/image/nostore",
    ] {
        // Whoever is asked to believe this header could be told anything.
        let answer = bench
            .post(path, &["X-Forwarded-For: 10.0.0.9"], &picture(1))
            .await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
    assert_eq!(
        received(&bench),
        expected(&[("http:127.0.0.1", 2), ("http:gate", 1)])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_counts_once_and_bad_pictures_are_rejected_as_with_a_name() {
    let bench = counting(CountMode::Project).await;
    let first = bench.post("/P/image", &[KEY], &picture(1)).await;
    let again = bench.post("/P/image", &[KEY], &picture(1)).await;
    assert!(!first.was_replayed() && again.was_replayed());
    let elsewhere = bench.post("/Q/image", &[KEY], &picture(1)).await;
    assert!(!elsewhere.was_replayed(), "keys are each project's own");
    let bad = bench.post("/P/image", &[], b"no picture").await;
    assert_eq!(bad.status, 400);
    assert_eq!(bench.counted("http:P"), (3, 1, 1));
    assert_eq!(bench.counted("http:Q"), (1, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_mode_holds_from_the_next_request_on() {
    let bench = Bench::new().await;
    bench.post("/P/image", &[], b"no picture").await;
    assert_eq!(received(&bench), []);
    bench.count_by(CountMode::Project);
    bench.post("/P/image", &[], b"no picture").await;
    bench.count_by(CountMode::Named);
    bench.post("/P/image", &[], b"no picture").await;
    assert_eq!(received(&bench), expected(&[("http:P", 1)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn projects_beyond_the_maximum_of_names_are_counted_together() {
    let bench = Bench::with(|settings| {
        settings.cameras = 1;
    })
    .await;
    bench.count_by(CountMode::Project);
    for project in ["a", "b", "c", "a"] {
        let path = format!("/{project}/image");
        bench.post(&path, &[], b"no picture").await;
    }
    assert_eq!(
        received(&bench),
        expected(&[("http:a", 2), ("http:other", 2)])
    );
}
