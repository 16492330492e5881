//! Time, bytes, connections and pictures in hand have an end.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use super::bench::{Bench, answer, picture, read_one, read_to_end};

const SHORT: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_come_to_an_end_ends_its_connection() {
    let bench = Bench::with(|settings| settings.timeout = SHORT).await;
    for beginning in ["", "POST /ima", "POST /image HTTP/1.1\r\nHost: box\r\n"] {
        let mut stream = bench.connect().await;
        stream.write_all(beginning.as_bytes()).await.unwrap();
        read_to_end(&mut stream).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_idle_after_an_answer_ends() {
    let bench = Bench::with(|settings| settings.timeout = SHORT).await;
    let mut stream = bench.connect().await;
    let request = b"GET /healthz HTTP/1.1\r\nHost: box\r\n\r\n";
    stream.write_all(request).await.unwrap();
    assert_eq!(read_one(&mut stream).await.status, 200);
    assert_eq!(read_to_end(&mut stream).await, b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_to_an_end_is_a_408_and_counts_nothing() {
    let bench = Bench::with(|settings| settings.timeout = SHORT).await;
    let mut stream = bench.connect().await;
    let head = "POST /image?camera=gate HTTP/1.1\r\nHost: box\r\nContent-Length: 99\r\n\r\nhalf";
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = answer(&read_to_end(&mut stream).await);
    assert_eq!(answer.status, 408, "{answer:?}");
    assert_eq!(bench.totals().whole.frames.received, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_a_413_and_counted_as_too_large() {
    let bench = Bench::with(|settings| settings.max_body = 1024).await;
    let key = "Idempotency-Key: big";
    let longest = bench.post("/image?camera=gate", &[], &[0; 1024]).await;
    assert_eq!(longest.status, 400, "it is looked at");
    for length in [1025, 100_000] {
        let path = format!("/image?camera=big-{length}");
        let body = vec![0; length];
        let first = bench.post(&path, &[key], &body).await;
        assert_eq!(first.status, 413, "{first:?}");
        assert_eq!(first.json()["code"], "BadRequestImageSizeBytes");
        let again = bench.post(&path, &[key], &body).await;
        assert_eq!((again.was_replayed(), &again.body), (true, &first.body));
        assert_eq!(bench.counted(&format!("http:big-{length}")), (2, 1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_body_is_a_picture_too() {
    let bench = Bench::new().await;
    let picture = picture(1);
    let mut request = b"POST /image?camera=gate HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\
        Transfer-Encoding: chunked\r\n\r\n"
        .to_vec();
    for chunk in picture.chunks(100) {
        request.extend(format!("{:x}\r\n", chunk.len()).bytes());
        request.extend(chunk);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\n\r\n");
    let mut stream = bench.connect().await;
    stream.write_all(&request).await.unwrap();
    let answer = answer(&read_to_end(&mut stream).await);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(bench.counted("http:gate"), (1, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_more_than_can_be_in_hand_is_a_429_and_counts_nothing() {
    let bench = Bench::with(|settings| settings.queue = 1).await;
    let gate = bench.gate.clone();
    let pass = gate.enter(true);
    let first = tokio::spawn(bench.post("/image?camera=gate", &[], &picture(1)));
    bench.in_hand(1).await;
    let second = bench.post("/image?camera=gate", &[], &picture(2)).await;
    assert_eq!(second.status, 429, "{second:?}");
    assert_eq!(second.header("retry-after"), Some("1"));
    drop(pass);
    assert_eq!(first.await.unwrap().status, 200);
    assert_eq!(bench.counted("http:gate"), (1, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_in_hand_are_four_of_the_largest_and_what_has_not_come_is_no_body() {
    let bench = Bench::with(|settings| settings.max_body = 4096).await;
    let gate = bench.gate.clone();
    let pass = gate.enter(true);
    let mut slow = Vec::new();
    for place in 1..=5 {
        let mut sender = bench.connect().await;
        let head = "POST /image?camera=slow HTTP/1.1\r\nHost: box\r\nContent-Length: 4096\r\n\r\n";
        sender.write_all(head.as_bytes()).await.unwrap();
        slow.push(sender);
        bench.in_hand(place).await;
    }
    let mut large = Vec::new();
    for _ in 0..4 {
        large.push(tokio::spawn(bench.post(
            "/image?camera=gate",
            &[],
            &[0; 4096],
        )));
    }
    bench.bodies_fill_their_room().await;
    let fifth = bench.post("/image?camera=gate", &[], &picture(1)).await;
    assert_eq!(fifth.status, 429, "{fifth:?}");
    assert_eq!(fifth.header("retry-after"), Some("1"));
    drop(pass);
    for large in large {
        assert_eq!(large.await.unwrap().status, 400);
    }
    let again = bench.post("/image?camera=gate", &[], &picture(1)).await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(bench.counted("http:gate"), (5, 0, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_more_than_allowed_waits_for_one_to_end() {
    let bench = Bench::with(|settings| settings.connections = 1).await;
    let request = b"GET /healthz HTTP/1.1\r\nHost: box\r\n\r\n";
    let mut first = bench.connect().await;
    first.write_all(request).await.unwrap();
    read_one(&mut first).await;
    let mut second = bench.connect().await;
    second.write_all(request).await.unwrap();
    let second = tokio::spawn(async move { read_one(&mut second).await });
    first.write_all(request).await.unwrap();
    assert_eq!(read_one(&mut first).await.status, 200);
    assert!(!second.is_finished());
    drop(first);
    assert_eq!(second.await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_paths_and_methods_are_refused_as_json() {
    let bench = Bench::new().await;
    let lost = bench.get("/images", "").await;
    assert_eq!(
        (lost.status, &lost.json()["code"]),
        (404, &"NotFound".into())
    );
    let wrong = bench.get("/image", "").await;
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("POST")));
    let bad_key = bench.post("/image", &["Idempotency-Key: a b"], b"").await;
    assert_eq!(bad_key.status, 400, "{bad_key:?}");
    let bad_name = bench.post("/image?camera=a%2Fb", &[], b"").await;
    assert_eq!(bad_name.status, 400, "{bad_name:?}");
    assert_eq!(bench.totals().whole.frames.received, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_front_is_a_page_for_people_and_the_containers_line_for_programs() {
    let bench = Bench::new().await;
    let line = bench.get("/", "").await;
    assert_eq!(line.body, b"CustomVision.ai model host harness");
    let page = bench.get("/", "Accept: text/html,*/*;q=0.8\r\n").await;
    assert!(String::from_utf8(page.body).unwrap().contains("curl"));
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_answers_the_picture_in_hand_and_lets_nobody_in() {
    let bench = Bench::new().await;
    let gate = bench.gate.clone();
    let pass = gate.enter(true);
    let in_hand = tokio::spawn(bench.post("/image?camera=gate", &[], &picture(1)));
    bench.in_hand(1).await;
    let address = bench.door.address();
    let ledger = bench.ledger.clone();
    let closing = tokio::spawn(bench.door.close(Duration::from_secs(60)));
    drop(pass);
    assert_eq!(in_hand.await.unwrap().status, 200);
    closing.await.unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    assert_eq!(ledger.lock().totals().unwrap().whole.frames.received, 1);
}
