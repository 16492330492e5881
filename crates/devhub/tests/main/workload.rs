//! The workload API over its socket, in plain text, so that the test sees what a parser would.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use devhub::identities::{Hosts, Identities, Wanted};
use devhub::testing::TestHub;
use devhub::unix_socket::SocketError;
use devhub::workload::Workload;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::client::PATIENCE;

const VERSION: &str = "?api-version=2019-01-30";
const SIGN: &str = "/modules/ripeness/genid/1/sign?api-version=2019-01-30";

/// One request; headers, body. Returns status and JSON body, and checks Content-Length.
async fn call(socket: &Path, head: &str, headers: &str, body: &str) -> (u16, serde_json::Value) {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    let length = body.len();
    let request = format!(
        "{head} HTTP/1.1\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let (status_line, headers) = head.split_once("\r\n").unwrap();
    let mut words = status_line.splitn(3, ' ');
    assert_eq!(words.next(), Some("HTTP/1.1"));
    let status = words.next().unwrap().parse().unwrap();
    assert!(
        words.next().is_some_and(|reason| !reason.is_empty()),
        "a reason phrase"
    );
    let length = format!("content-length: {}", body.len());
    assert!(
        headers
            .to_ascii_lowercase()
            .lines()
            .any(|line| line == length),
        "{headers}"
    );
    (status, serde_json::from_str(body).unwrap())
}

fn message(text: &str) -> serde_json::Value {
    serde_json::json!({ "message": text })
}

#[tokio::test]
async fn checklist_12_sign_answers_the_sheets_vector() {
    let folder = tempfile::tempdir().unwrap();
    // The vectors' key, put where a state directory keeps it.
    let state = devhub::state::StateDir::open(folder.path()).unwrap();
    let stored = serde_json::json!({"ca": "", "devices": {},
        "modules": {"ripeness": {"key": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}}});
    state.write_json("identities.json", &stored, 0o600).unwrap();
    let hosts = Hosts {
        hub: "h".into(),
        gateway: "g".into(),
        edge_device: "edge-dev".into(),
    };
    let identities = Identities::load(&state, hosts, &Wanted::default(), "1").unwrap();
    let socket = folder.path().join("w.sock");
    let handle = Workload::new(identities, "PEM").listen(&socket).unwrap();
    assert_eq!(handle.uri(), format!("unix://{}", socket.display()));
    let data = "aHViMS5henVyZS1kZXZpY2VzLm5ldCUyRmRldmljZXMlMkZlZGdlLWRldiUyRm1vZHVsZXMlMkZyaXBlbmVzcwoxODkzNDU2MDAw";
    for body in [
        format!("{{\"keyId\":\"primary\",\"algo\":\"HMACSHA256\",\"data\":\"{data}\"}}"),
        format!("{{\"data\":\"{data}\"}}"),
    ] {
        let digest = serde_json::json!({"digest": "9yyPuqKI26EIxYWvmv+31mEkkaQgzC0YkNAEcII6DsU="});
        assert_eq!(
            call(&socket, &format!("POST {SIGN}"), "", &body).await,
            (200, digest)
        );
    }
    handle.stop().await;
    assert!(!socket.exists());
}

#[tokio::test]
async fn checklist_13_refusals_are_the_daemons() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("w.sock");
    let hub = TestHub::builder().module("ripeness").start().await.unwrap();
    let workload = hub.serve_workload(&socket).unwrap();
    let good = format!("{{\"data\":\"{}\"}}", STANDARD.encode("x"));
    let json = "Content-Type: application/json\r\n";
    let text = "Content-Type: text/plain\r\n";
    let no_version = SIGN.split('?').next().unwrap();
    let missing = "missing parameter: request body";
    for (head, headers, body, status, expected) in [
        (
            format!("POST {no_version}"),
            "",
            good.as_str(),
            400,
            "api-version not specified",
        ),
        (
            format!("POST {no_version}?api-version=1999-01-01"),
            "",
            &good,
            400,
            "invalid api-version \"1999-01-01\"",
        ),
        (format!("GET {SIGN}"), "", &good, 400, "method not allowed"),
        (
            format!("POST /trust-bundle{VERSION}"),
            "",
            "",
            400,
            "method not allowed",
        ),
        (format!("GET /nothing{VERSION}"), "", "", 404, "not found"),
        (format!("POST {SIGN}"), text, &good, 400, missing),
        (format!("POST {SIGN}"), json, "", 400, missing),
        (
            format!("POST /modules/other/genid/1/sign{VERSION}"),
            json,
            &good,
            403,
            "forbidden",
        ),
        (
            format!("POST /modules/other/certificate/identity{VERSION}"),
            json,
            "",
            403,
            "forbidden",
        ),
        (
            format!("POST /modules/ripeness/genid/1/certificate/server{VERSION}"),
            json,
            "{}",
            500,
            "devhub offers sign and trust-bundle only",
        ),
    ] {
        assert_eq!(
            call(&socket, &head, headers, body).await,
            (status, message(expected)),
            "{head}"
        );
    }
    let (status, body) = call(&socket, &format!("POST {SIGN}"), "", "{}").await;
    assert_eq!(
        (status, body),
        (422, message("missing field `data` at line 1 column 2"))
    );
    let (status, _) = call(&socket, &format!("POST {SIGN}"), "", "{\"data\":\"?\"}").await;
    assert_eq!(status, 400);
    for headers in [
        "",
        json,
        "Host: workload.sock:80\r\nContent-Type: application/json; charset=utf-8\r\n",
    ] {
        assert_eq!(
            call(&socket, &format!("POST {SIGN}"), headers, &good)
                .await
                .0,
            200,
            "{headers}"
        );
    }
    workload.stop().await;
    hub.stop().await;
}

#[tokio::test]
async fn the_trust_bundle_is_the_hubs_ca_as_plain_pem() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("w.sock");
    let hub = TestHub::builder()
        .module("$odd name".trim_end_matches(" name"))
        .start()
        .await
        .unwrap();
    let workload = hub.serve_workload(&socket).unwrap();
    let bundle = call(&socket, &format!("GET /trust-bundle{VERSION}"), "", "").await;
    assert_eq!(
        bundle,
        (200, serde_json::json!({ "certificate": hub.ca_pem() }))
    );
    let none = call(
        &socket,
        &format!("GET /manifest-trust-bundle{VERSION}"),
        "",
        "",
    )
    .await;
    assert_eq!(none, (200, serde_json::json!({ "certificate": "" })));
    // Path segments are percent-encoded.
    let head = format!("POST /modules/%24odd/genid/a%2Fb/sign{VERSION}");
    assert_eq!(call(&socket, &head, "", "{\"data\":\"eA==\"}").await.0, 200);
    workload.stop().await;
    hub.stop().await;
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_is_refused_with_the_cure() {
    let hub = TestHub::builder().start().await.unwrap();
    let path = Path::new("/tmp").join("x".repeat(120));
    let error = hub.serve_workload(&path).unwrap_err();
    assert!(
        matches!(error, SocketError::PathTooLong { length: 125, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("shorter --state"), "{error}");
    hub.stop().await;
}

#[tokio::test]
async fn idle_connections_shut_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("w.sock");
    let hub = TestHub::builder().module("ripeness").start().await.unwrap();
    let workload = hub.serve_workload(&socket).unwrap();
    let mut idle = Vec::new();
    for n in 0..30 {
        // Kept ones that had their answer, and some that never say a word.
        let mut stream = UnixStream::connect(&socket).await.unwrap();
        if n % 3 != 0 {
            let request = format!("GET /trust-bundle{VERSION} HTTP/1.1\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            assert!(heard(&mut stream).await.starts_with("HTTP/1.1 200 OK\r\n"));
        }
        idle.push(stream);
    }
    let good = format!("{{\"data\":\"{}\"}}", STANDARD.encode("x"));
    let (status, _) = call(&socket, &format!("POST {SIGN}"), "", &good).await;
    assert_eq!(status, 200);
    workload.stop().await;
    hub.stop().await;
}

#[tokio::test]
async fn an_eleventh_request_at_once_is_closed_without_a_reply() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("w.sock");
    let hub = TestHub::builder().module("ripeness").start().await.unwrap();
    let workload = hub.serve_workload(&socket).unwrap();
    let good = format!("{{\"data\":\"{}\"}}", STANDARD.encode("x"));
    let head = format!(
        "POST {SIGN} HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        good.len()
    );
    let mut busy = Vec::new();
    for _ in 0..10 {
        let mut stream = UnixStream::connect(&socket).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        // The body is wanted, so the request is being answered.
        assert_eq!(heard(&mut stream).await, "HTTP/1.1 100 Continue\r\n\r\n");
        busy.push(stream);
    }
    let mut stream = UnixStream::connect(&socket).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(heard(&mut stream).await, "", "closed without a reply");
    // The ten get their answers, and their places are free again.
    for mut stream in busy {
        stream.write_all(good.as_bytes()).await.unwrap();
        assert!(heard(&mut stream).await.starts_with("HTTP/1.1 200 OK\r\n"));
    }
    let (status, _) = call(&socket, &format!("POST {SIGN}"), "", &good).await;
    assert_eq!(status, 200);
    workload.stop().await;
    hub.stop().await;
}

/// The next bytes on a connection; none when it was closed.
async fn heard(stream: &mut UnixStream) -> String {
    let mut bytes = vec![0; 64 * 1024];
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut bytes))
        .await
        .unwrap()
        .unwrap_or_default();
    String::from_utf8(bytes[..read].to_vec()).unwrap()
}
