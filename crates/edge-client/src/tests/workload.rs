//! The workload client against a daemon that is a script, on a unix socket.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use edge_protocol::EdgeEnvironment;
use edge_protocol::sas::{SharedKey, TokenRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::hub::{NAME, pki};
use crate::dial::server_name;
use crate::{ClientConfig, Credentials, SetupError, SetupErrorKind, WorkloadClient, WorkloadError};

pub(super) const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

pub(super) fn environment(socket: &Path) -> EdgeEnvironment {
    let variables = HashMap::from([
        (
            "IOTEDGE_WORKLOADURI",
            format!("unix://{}", socket.display()),
        ),
        ("IOTEDGE_MODULEGENERATIONID", "gen/1".to_owned()),
        (
            "IOTEDGE_IOTHUBHOSTNAME",
            "hub1.azure-devices.net".to_owned(),
        ),
        ("IOTEDGE_GATEWAYHOSTNAME", NAME.to_owned()),
        ("IOTEDGE_DEVICEID", "edge-dev".to_owned()),
        ("IOTEDGE_MODULEID", "ripeness".to_owned()),
        ("IOTEDGE_APIVERSION", "2022-08-03".to_owned()),
    ]);
    EdgeEnvironment::parse(|name| variables.get(name).cloned()).unwrap()
}

/// Reads one request: its head and its body.
pub(super) async fn request(stream: &mut UnixStream) -> (String, String) {
    let mut text = String::new();
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length: ")
                        .map(str::to_owned)
                })
                .map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return (head.to_owned(), body.to_owned());
            }
        }
        let mut bytes = [0; 4096];
        let read = stream.read(&mut bytes).await.unwrap();
        assert!(read > 0, "the request ended early: {text}");
        text.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
    }
}

pub(super) async fn reply(stream: &mut UnixStream, status: &str, body: &str) {
    let text = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn checklist_12_signing_sends_what_the_daemon_expects_and_meets_the_vector() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("w.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let env = environment(&socket);
    let daemon = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (head, body) = request(&mut stream).await;
        let body: HashMap<String, String> = serde_json::from_str(&body).unwrap();
        let data =
            base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &body["data"]);
        let digest = SharedKey::from_base64(KEY)
            .unwrap()
            .sign_base64(&data.unwrap());
        reply(
            &mut stream,
            "200 OK",
            &format!("{{\"digest\":\"{digest}\"}}"),
        )
        .await;
        (head, body)
    });
    let request = TokenRequest::new(&env.identity, 1_893_456_000);
    let digest = WorkloadClient::new(&env)
        .sign(&request.to_sign())
        .await
        .unwrap();
    assert_eq!(digest, "9yyPuqKI26EIxYWvmv+31mEkkaQgzC0YkNAEcII6DsU=");
    let (head, body) = daemon.await.unwrap();
    let line = "POST /modules/ripeness/genid/gen%2F1/sign?api-version=2022-08-03 HTTP/1.1";
    assert_eq!(head.lines().next(), Some(line));
    let head = head.to_ascii_lowercase();
    assert!(
        head.contains("content-type: application/json") && head.contains("host: "),
        "{head}"
    );
    assert_eq!(
        (body["keyId"].as_str(), body["algo"].as_str()),
        ("primary", "HMACSHA256")
    );
}

#[tokio::test]
async fn checklist_14_a_reset_a_500_and_a_slow_answer_are_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("w.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let bundle = pki("test CA", NAME).ca_pem;
    let answer = serde_json::json!({ "certificate": bundle }).to_string();
    let daemon = tokio::spawn(async move {
        drop(listener.accept().await.unwrap());
        let (mut second, _) = listener.accept().await.unwrap();
        request(&mut second).await;
        reply(
            &mut second,
            "500 Internal Server Error",
            r#"{"message":"busy"}"#,
        )
        .await;
        let (mut slow, _) = listener.accept().await.unwrap();
        request(&mut slow).await;
        let (mut fourth, _) = listener.accept().await.unwrap();
        request(&mut fourth).await;
        reply(&mut fourth, "200 OK", &answer).await;
        slow
    });
    let timeout = Duration::from_millis(300);
    let workload = WorkloadClient::with_try_timeout(&environment(&socket), timeout);
    assert_eq!(workload.trust_bundle().await.unwrap(), bundle);
    daemon.await.unwrap();
}

#[tokio::test]
async fn checklist_14_what_no_retry_can_mend_is_returned_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("w.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let daemon = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
        reply(&mut stream, "403 Forbidden", r#"{"message":"forbidden"}"#).await;
    });
    let refused = WorkloadClient::new(&environment(&socket))
        .sign("x")
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, WorkloadError::Refused { status: 403, message } if message == "forbidden"),
        "{refused}"
    );
    daemon.await.unwrap();
}

#[tokio::test]
async fn the_edge_environment_makes_a_whole_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("w.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let answer = serde_json::json!({ "certificate": pki("test CA", NAME).ca_pem }).to_string();
    let daemon = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
        reply(&mut stream, "200 OK", &answer).await;
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
        reply(&mut stream, "200 OK", r#"{"certificate":""}"#).await;
    });
    let env = environment(&socket);
    let config = ClientConfig::from_edge_environment(&env, "test/1")
        .await
        .unwrap();
    assert_eq!((config.gateway_host.as_str(), config.port), (NAME, 8883));
    assert!(config.receives_inputs && matches!(config.credentials, Credentials::Workload(_)));
    let empty = ClientConfig::from_edge_environment(&env, "test/1")
        .await
        .unwrap_err();
    assert!(matches!(empty, SetupError::Trust(_)), "{empty}");
    daemon.await.unwrap();
}

#[tokio::test]
async fn a_reply_without_end_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("w.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let daemon = tokio::spawn(async move {
        let mut tries = 0;
        while let Ok((mut stream, _)) = listener.accept().await {
            tries += 1;
            request(&mut stream).await;
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n";
            stream.write_all(head.as_bytes()).await.unwrap();
            while stream.write_all(&[b' '; 65536]).await.is_ok() {}
            if tries == 4 {
                return;
            }
        }
    });
    let error = WorkloadClient::new(&environment(&socket))
        .trust_bundle()
        .await
        .unwrap_err();
    assert!(matches!(error, WorkloadError::Body { .. }), "{error}");
    daemon.await.unwrap();
}

/// What making a configuration ends with when the daemon gives each try this answer.
async fn setup_error(status: &'static str, body: &'static str) -> SetupError {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("w.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let daemon = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            request(&mut stream).await;
            reply(&mut stream, status, body).await;
        }
    });
    let result = ClientConfig::from_edge_environment(&environment(&socket), "test/1").await;
    daemon.abort();
    result.unwrap_err()
}

#[tokio::test]
async fn a_setup_error_tells_whether_a_retry_can_mend_it() {
    let nobody = environment(Path::new("/nonexistent/w.sock"));
    let absent = ClientConfig::from_edge_environment(&nobody, "test/1").await;
    let forbidden = r#"{"message":"forbidden"}"#;
    let no_root =
        r#"{"certificate":"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}"#;
    let timed_out = WorkloadError::TimedOut {
        after: Duration::from_secs(8),
    };
    let bad_name = server_name("not a name").unwrap_err();
    let cases = [
        (absent.unwrap_err(), SetupErrorKind::WorkloadUnavailable),
        (timed_out.into(), SetupErrorKind::WorkloadUnavailable),
        (
            setup_error("503 Service Unavailable", "{}").await,
            SetupErrorKind::WorkloadUnavailable,
        ),
        (
            setup_error("408 Request Timeout", "{}").await,
            SetupErrorKind::WorkloadUnavailable,
        ),
        (
            setup_error("403 Forbidden", forbidden).await,
            SetupErrorKind::WorkloadRefused,
        ),
        (
            setup_error("404 Not Found", "{}").await,
            SetupErrorKind::WorkloadRefused,
        ),
        (
            setup_error("200 OK", "not JSON").await,
            SetupErrorKind::WorkloadRefused,
        ),
        (
            setup_error("200 OK", no_root).await,
            SetupErrorKind::TrustBundle,
        ),
        (bad_name.into(), SetupErrorKind::GatewayName),
    ];
    for (error, kind) in cases {
        assert_eq!(error.kind(), kind, "{error:?}");
        let retryable = kind == SetupErrorKind::WorkloadUnavailable;
        assert_eq!(error.is_retryable(), retryable, "{error:?}");
    }
}
