//! What is counted, how often, and what is said to it.

use ledger::{AttemptKey, AttemptLog};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::bench::{Answer, BOOT, Bench, picture};
use crate::settings::{PredictionKey, UrlAccess};

const KEY: &str = "Idempotency-Key: picture-1";

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_without_a_camera_is_answered_and_not_counted() {
    let bench = Bench::new().await;
    let answer = bench.post("/image", &[KEY], &picture(1)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let json = answer.json();
    let labels = json["predictions"].as_array().unwrap();
    assert!(!labels.is_empty(), "{json}");
    assert!(labels.iter().all(|label| label["tagName"].is_string()));
    assert_eq!(bench.totals().whole.frames.received, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_counted_when_it_is_answered() {
    let bench = Bench::new().await;
    let by_query = bench.post("/image?camera=gate", &[], &picture(1)).await;
    assert_eq!((by_query.status, bench.counted("http:gate").0), (200, 1));
    let by_header = bench.post("/image", &["X-Camera: gate"], &picture(2)).await;
    assert_eq!((by_header.status, bench.counted("http:gate").0), (200, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_under_nostore_is_never_counted_even_with_a_camera_and_a_key() {
    let bench = Bench::new().await;
    for path in [
        "/image/nostore?camera=gate",
        "/P/image/nostore?camera=gate",
        "/P/classify/iterations/N/image/nostore?camera=gate",
        "/customvision/v3.1/prediction/P/classify/iterations/N/image/nostore?camera=gate",
    ] {
        let answer = bench.post(path, &[KEY], &picture(1)).await;
        assert_eq!(
            (answer.status, answer.was_replayed()),
            (200, false),
            "{path}"
        );
    }
    let bad = bench
        .post("/image/nostore?camera=a%20b", &[], &picture(1))
        .await;
    assert_eq!(bad.status, 400, "a bad name is one all the same");
    assert_eq!(bench.totals().whole.frames.received, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_equal_picture_without_a_key_is_a_new_one() {
    let bench = Bench::new().await;
    for _ in 0..2 {
        let answer = bench.post("/image?camera=gate", &[], &picture(1)).await;
        assert!(answer.status == 200 && !answer.was_replayed());
    }
    assert_eq!(bench.counted("http:gate"), (2, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_picture_is_refused_and_counted_with_its_reason() {
    let bench = Bench::new().await;
    for (body, reason) in [(&b"no picture"[..], "unsupported_format"), (b"", "empty")] {
        let answer = bench.post("/image?camera=gate", &[], body).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert_eq!(answer.json()["code"], "BadRequestImageFormat");
        let message = answer.json()["message"].to_string();
        assert!(message.contains(reason), "{message}");
    }
    assert_eq!(bench.counted("http:gate"), (2, 0, 2));
    let answer = bench.post("/image", &[], b"no picture").await;
    assert_eq!((answer.status, bench.counted("http:gate").0), (400, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_with_its_key_gets_the_same_bytes_and_counts_once() {
    let bench = Bench::new().await;
    for (camera, body) in [("good", picture(1)), ("bad", b"no picture".to_vec())] {
        let path = format!("/image?camera={camera}");
        let first = bench.post(&path, &[KEY], &body).await;
        assert!(!first.was_replayed());
        let again = bench.post(&path, &[KEY], &body).await;
        assert!(again.was_replayed(), "{again:?}");
        assert_eq!((again.status, &again.body), (first.status, &first.body));
        let (received, duplicate, _) = bench.counted(&format!("http:{camera}"));
        assert_eq!((received, duplicate), (2, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_reply_outlives_the_process() {
    let bench = Bench::new().await;
    let first = bench.post("/image?camera=gate", &[KEY], &picture(1)).await;
    let bench = bench.crash().await;
    let again = bench.post("/image?camera=gate", &[KEY], &picture(1)).await;
    assert!(again.was_replayed());
    assert_eq!(again.body, first.body);
    assert_eq!(bench.counted("http:gate"), (2, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_with_another_picture_is_a_conflict_and_counts_nothing() {
    let bench = Bench::new().await;
    bench.post("/image?camera=gate", &[KEY], &picture(1)).await;
    let other = bench.post("/image?camera=gate", &[KEY], &picture(2)).await;
    assert_eq!(other.status, 409, "{other:?}");
    assert_eq!(other.json()["code"], "Conflict");
    assert_eq!(bench.counted("http:gate"), (1, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_its_cameras_own() {
    let bench = Bench::new().await;
    for camera in ["a", "b"] {
        let path = format!("/image?camera={camera}");
        let answer = bench.post(&path, &[KEY], &picture(1)).await;
        assert!(!answer.was_replayed(), "{answer:?}");
    }
    assert_eq!(bench.totals().whole.frames.duplicate, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_while_the_first_is_in_hand_waits_and_gets_the_same_bytes() {
    let bench = Bench::new().await;
    let closed = bench.gate.clone();
    // Nothing is looked at until the gate opens.
    let pass = closed.enter(true);
    let first = tokio::spawn(bench.post("/image?camera=gate", &[KEY], &picture(1)));
    bench.in_hand(1).await;
    let second = tokio::spawn(bench.post("/image?camera=gate", &[KEY], &picture(1)));
    bench.in_hand(2).await;
    drop(pass);
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(first.body, second.body);
    let replayed = [&first, &second].map(|answer| answer.was_replayed());
    assert_eq!(replayed.iter().filter(|replayed| **replayed).count(), 1);
    assert_eq!(bench.counted("http:gate"), (2, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_whose_sender_has_gone_is_counted_all_the_same() {
    let bench = Bench::new().await;
    let gate = bench.gate.clone();
    let pass = gate.enter(true);
    let sender = tokio::spawn(bench.post("/image?camera=gate", &[KEY], &picture(1)));
    bench.in_hand(1).await;
    sender.abort();
    assert!(sender.await.unwrap_err().is_cancelled());
    drop(pass);
    bench.in_hand(0).await;
    assert_eq!(bench.counted("http:gate"), (1, 0, 0));
    let again = bench.post("/image?camera=gate", &[KEY], &picture(1)).await;
    assert!(again.was_replayed());
}

#[tokio::test(flavor = "multi_thread")]
async fn cameras_beyond_the_maximum_are_counted_together() {
    let bench = Bench::with(|settings| settings.cameras = 1).await;
    for camera in ["a", "b", "c", "a"] {
        let path = format!("/image?camera={camera}");
        bench.post(&path, &[], b"no picture").await;
    }
    assert_eq!(bench.counted("http:a").0, 2);
    assert_eq!(bench.counted("http:other").0, 2);
    assert_eq!(bench.totals().cameras.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_ended_the_process_three_times_is_rejected_under_any_key() {
    let poison = b"poison";
    let bench = Bench::new().await;
    let folder = bench.folder.path().to_owned();
    let key = AttemptKey::new("/http", None, &Sha256::digest(poison).into());
    let mut bench = bench;
    for _ in 0..3 {
        AttemptLog::open(&folder, BOOT)
            .unwrap()
            .begin(&key)
            .unwrap();
        bench = bench.crash().await;
    }
    for key in [KEY, "Idempotency-Key: another"] {
        let answer = bench.post("/image?camera=gate", &[key], poison).await;
        let message = answer.json()["message"].to_string();
        assert!(
            answer.status == 400 && message.contains("crashed"),
            "{message}"
        );
    }
    let rejected = bench.totals().whole.frames.rejected;
    assert_eq!(rejected.get("crashed"), Some(&2));
    let answer = bench.post("/image?camera=gate", &[], &picture(1)).await;
    assert_eq!(answer.status, 200, "the next one flows");
}

#[tokio::test(flavor = "multi_thread")]
async fn cameras_beyond_the_maximum_may_use_the_same_key() {
    let bench = Bench::with(|settings| settings.cameras = 0).await;
    for (number, camera) in [(1, "left"), (2, "right")] {
        let path = format!("/image?camera={camera}");
        let first = bench.post(&path, &[KEY], &picture(number)).await;
        assert_eq!((first.status, first.was_replayed()), (200, false));
        let again = bench.post(&path, &[KEY], &picture(number)).await;
        assert_eq!((again.status, again.was_replayed()), (200, true));
    }
    assert_eq!(bench.counted("http:other"), (4, 2, 0));
}

/// A form as the cloud's SDKs send it, with a boundary of its own.
fn form(boundary: &str, picture: &[u8]) -> (String, Vec<u8>) {
    let mut body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"imageData\"; filename=\"imageData\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(picture);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    let header = format!("Content-Type: multipart/form-data; boundary={boundary}");
    (header, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_in_a_form_is_the_same_picture_whatever_is_around_it() {
    let bench = Bench::new().await;
    let alone = bench.post("/image", &[], &picture(1)).await;
    let (header, body) = form("first", &picture(1));
    let path = "/customvision/v3.1/prediction/P/classify/iterations/N/image?camera=gate";
    let first = bench
        .post(path, &[&header, "Idempotency-Key: 1"], &body)
        .await;
    assert_eq!(first.status, 200, "{first:?}");
    let (header, body) = form("second", &picture(1));
    let again = bench
        .post(path, &[&header, "Idempotency-Key: 1"], &body)
        .await;
    assert!(again.was_replayed());
    assert_eq!(again.body, first.body);
    assert_eq!(bench.counted("http:gate"), (2, 1, 0));

    // The cloud lists all labels, the likeliest first.
    let names = |answer: &Answer| -> Vec<String> {
        let json = answer.json();
        let tags = json["predictions"].as_array().unwrap().iter();
        tags.map(|tag| tag["tagName"].as_str().unwrap().to_owned())
            .collect()
    };
    let mut sorted = names(&alone);
    sorted.sort();
    let mut of_cloud = names(&first);
    of_cloud.sort();
    assert_eq!(of_cloud, sorted);
    let json = first.json();
    let probability = |at: usize| json["predictions"][at]["probability"].as_f64().unwrap();
    assert!(probability(0) >= probability(1));
    assert!(json["created"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_a_picture_is_refused_and_counts_nothing() {
    let bench = Bench::new().await;
    let header = "Content-Type: multipart/form-data; boundary=X";
    let other = b"--X\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nP\r\n--X--\r\n";
    let refused = bench.post("/image?camera=gate", &[header], other).await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.json()["message"]
            .as_str()
            .unwrap()
            .contains("imageData")
    );
    assert_eq!(bench.counted("http:gate"), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_without_the_key_that_is_set_is_refused_and_health_is_not() {
    let bench = Bench::with(|settings| settings.key = Some(PredictionKey::new(b"secret"))).await;
    for headers in [&[][..], &["Prediction-Key: other"]] {
        let refused = bench.post("/image?camera=gate", headers, &picture(1)).await;
        assert_eq!(
            (refused.status, &refused.json()["code"]),
            (401, &"Unauthorized".into())
        );
    }
    assert_eq!(bench.counted("http:gate"), (0, 0, 0));
    let taken = bench
        .post(
            "/P/image?camera=gate",
            &["prediction-key: secret"],
            &picture(1),
        )
        .await;
    assert_eq!(taken.status, 200);
    assert_eq!(bench.counted("http:gate"), (1, 0, 0));
    assert_eq!(bench.get("/healthz", "").await.status, 200);
}

/// Serves one picture once; gives its address.
async fn served(picture: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
            picture.len()
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.write_all(&picture).await.unwrap();
    });
    format!("http://{address}/a.jpg")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_by_its_address_is_the_same_picture_and_counts_once() {
    let bench = Bench::with(|settings| settings.url = UrlAccess::Any).await;
    let key = "Idempotency-Key: 1";
    let sent = bench.post("/image?camera=gate", &[key], &picture(1)).await;
    let body = format!("{{\"url\":\"{}\"}}", served(picture(1)).await);
    let fetched = bench
        .post("/url?camera=gate", &[key], body.as_bytes())
        .await;
    assert!(fetched.was_replayed(), "{fetched:?}");
    assert_eq!(fetched.body, sent.body);
    assert_eq!(bench.counted("http:gate"), (2, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_address_is_refused_by_default_and_counts_nothing() {
    let bench = Bench::new().await;
    let refused = bench
        .post(
            "/url?camera=gate",
            &[],
            b"{\"url\":\"http://127.0.0.1:1/a.jpg\"}",
        )
        .await;
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (400, &"BadRequestImageUrl".into())
    );
    assert_eq!(bench.counted("http:gate"), (0, 0, 0));
}
