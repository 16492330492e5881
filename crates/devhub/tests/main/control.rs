//! The control commands against a hub of the real binary: twins, methods, upstream, queues, faults.

use std::process::{Output, Stdio};

use rumqttc::mqttbytes::v4::ConnectAuth;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::client::{PATIENCE, RawClient, connect_packet, tls_error};
use crate::command::{Ground, INPUTS, TOPIC, ends, signal};

const COUNTS: &str =
    "devices/edge-dev/modules/FruitCounter/messages/events/%24.on=counts&%24.ct=application%2Fjson";

fn devhub(ground: &Ground, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_devhub"));
    command
        .args(words)
        .arg("--state")
        .arg(&ground.state)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn output(ground: &Ground, words: &[&str]) -> Output {
    let output = devhub(ground, words).output();
    tokio::time::timeout(PATIENCE, output)
        .await
        .unwrap_or_else(|_| panic!("{words:?} did not end"))
        .unwrap()
}

/// What a command prints, as JSON.
async fn answer(ground: &Ground, words: &[&str]) -> Value {
    let output = output(ground, words).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{words:?}: {errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a command that fails says.
async fn refusal(ground: &Ground, words: &[&str]) -> String {
    let output = output(ground, words).await;
    assert_eq!(output.status.code(), Some(1), "{words:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{words:?}");
    String::from_utf8(output.stderr).unwrap()
}

async fn module(ground: &Ground, hub: &Child) -> RawClient {
    let address = ground.hub_of(hub).await;
    ground.client(address, "modules", "FruitCounter").await.0
}

#[tokio::test]
async fn desired_properties_of_the_command_line_stand_over_those_of_the_deployment() {
    let ground = Ground::new();
    let desired = ["FruitCounter:reportInterval=2s", "FruitCounter:limit=3"];
    let more = [
        "--listen",
        "127.0.0.1:0",
        "--desired",
        desired[0],
        "--desired",
        desired[1],
    ];
    let hub = ground.command("hub", &more).spawn().unwrap();
    ground.hub_of(&hub).await;
    let twin = answer(&ground, &["twin", "get", "FruitCounter"]).await;
    assert_eq!(
        (
            &twin["desired"]["reportInterval"],
            &twin["desired"]["limit"]
        ),
        (&json!("2s"), &json!(3)),
        "{twin}"
    );
    signal(&hub, Signal::TERM);
    assert_eq!(ends(hub).await, Some(0));
    for wrong in ["FruitCounter:limit", "Other:limit=3"] {
        let hub = ground
            .command("hub", &["--desired", wrong])
            .spawn()
            .unwrap();
        assert_eq!(ends(hub).await, Some(1), "{wrong}");
    }
}

#[tokio::test]
async fn a_twin_is_read_and_its_desired_properties_are_pushed() {
    let ground = Ground::new();
    let hub = ground.hub();
    let mut module = module(&ground, &hub).await;
    module
        .subscribe("$iothub/twin/PATCH/properties/desired/#")
        .await;
    let patched = answer(
        &ground,
        &["twin", "patch", "FruitCounter", r#"{"limit":3}"#],
    )
    .await;
    assert_eq!(patched, json!({"desired": {"limit": 3, "$version": 2}}));
    let (topic, body) = module.delivery().await;
    assert_eq!(topic, "$iothub/twin/PATCH/properties/desired/?$version=2");
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body, json!({"limit": 3, "$version": 2}));
    let twin = answer(&ground, &["twin", "get", "edge-dev/FruitCounter"]).await;
    assert_eq!(twin["desired"], patched["desired"]);
    assert_eq!(twin["reported"], json!({"$version": 1}));

    let unknown = refusal(&ground, &["twin", "get", "Nobody"]).await;
    assert!(
        unknown.contains(
            "`Nobody` is unknown here; there are cam-01, edge-dev, edge-dev/FruitCounter"
        ),
        "{unknown}"
    );
    let no_object = refusal(&ground, &["twin", "patch", "FruitCounter", "[1]"]).await;
    assert!(
        no_object.contains("is a JSON object, got `[1]`"),
        "{no_object}"
    );
    let no_json = refusal(&ground, &["twin", "patch", "FruitCounter", "{limit:3}"]).await;
    assert!(
        no_json.contains("expected JSON, got `{limit:3}`"),
        "{no_json}"
    );
}

#[tokio::test]
async fn checklist_39_a_method_is_called_and_answered_or_says_why_not() {
    let ground = Ground::new();
    let hub = ground.hub();
    let mut module = module(&ground, &hub).await;
    let absent = refusal(&ground, &["method", "FruitCounter", "ping"]).await;
    assert!(
        absent.contains("404: FruitCounter is not connected, or has not subscribed to methods"),
        "{absent}"
    );
    module.subscribe("$iothub/methods/POST/#").await;
    let call = devhub(
        &ground,
        &["method", "FruitCounter", "ping", "--payload", r#"{"a":1}"#],
    )
    .spawn()
    .unwrap();
    let (topic, body) = module.delivery().await;
    let rid = topic
        .strip_prefix("$iothub/methods/POST/ping/?$rid=")
        .unwrap();
    assert_eq!(body, r#"{"a":1}"#);
    module.ack().await;
    let reply = format!("$iothub/methods/res/202/?$rid={rid}");
    module.telemetry(&reply, r#"{"pong":true}"#).await;
    let output = call.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(0));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed, json!({"status": 202, "payload": {"pong": true}}));
    let short = refusal(
        &ground,
        &["method", "FruitCounter", "ping", "--timeout", "1s"],
    )
    .await;
    assert!(short.contains("is not between 5 s and 300 s"), "{short}");
}

#[tokio::test]
async fn upstream_shows_the_last_messages_and_follows_until_the_hub_ends() {
    let ground = Ground::new();
    let hub = ground.hub();
    let mut module = module(&ground, &hub).await;
    module.telemetry(COUNTS, "1").await;
    let mut follow = devhub(&ground, &["upstream", "--follow"]).spawn().unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    let mut next = async || -> Option<Value> {
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
        let line = line.expect("a line in time").unwrap()?;
        Some(serde_json::from_str::<Value>(&line).unwrap()["body"].clone())
    };
    assert_eq!(next().await, Some(json!(1)));
    module.telemetry(COUNTS, "2").await;
    assert_eq!(next().await, Some(json!(2)));
    let printed = output(&ground, &["upstream"]).await;
    assert_eq!(printed.stdout.split(|byte| *byte == b'\n').count(), 3);
    signal(&hub, Signal::TERM);
    assert_eq!(next().await, None);
    assert_eq!(ends(follow).await, Some(0));
    assert_eq!(ends(hub).await, Some(0));
    let nobody = refusal(&ground, &["queue"]).await;
    assert!(nobody.contains("no hub listens on"), "{nobody}");
}

#[tokio::test]
async fn queues_and_faults_are_shown() {
    let ground = Ground::new();
    let hub = ground.hub();
    let address = ground.hub_of(&hub).await;
    let (mut camera, _) = ground.client(address, "devices", "cam-01").await;
    camera.telemetry(TOPIC, "picture").await;
    let queues = answer(&ground, &["queue", "--json"]).await;
    assert_eq!(
        queues,
        json!([{"endpoint": "/modules/FruitCounter/inputs/images", "priority": 2_000_000_000, "messages": 1}])
    );
    let shown = output(&ground, &["queue"]).await;
    assert_eq!(
        String::from_utf8(shown.stdout).unwrap(),
        "       1  /modules/FruitCounter/inputs/images  (priority 2000000000)\n"
    );
    answer(&ground, &["fault", "pubacks", "500ms"]).await;
    answer(&ground, &["fault", "offline", "on"]).await;
    let status = answer(&ground, &["status", "--json"]).await;
    assert_eq!(status["connected"], json!(["cam-01"]));
    assert_eq!(status["counters"]["received"], 1);
    assert_eq!(
        status["faults"],
        json!({"pubacks": {"delayedMs": 500}, "connects": "answered", "twins": "answered",
            "offline": true, "fullQueues": false, "redeliver": 0})
    );
    let ended = answer(&ground, &["fault", "drop-connections", "cam-01"]).await;
    assert_eq!(ended, json!({"connections": 1}));
    assert_eq!(camera.packet().await, None);
}

#[tokio::test]
async fn a_restart_on_demand_breaks_connections_and_keeps_queues_and_sessions() {
    let ground = Ground::new();
    let hub = ground.hub();
    let address = ground.hub_of(&hub).await;
    let (mut camera, _) = ground.client(address, "devices", "cam-01").await;
    let (mut module, _) = ground.client(address, "modules", "FruitCounter").await;
    module.subscribe(INPUTS).await;
    camera.telemetry(TOPIC, "one").await;
    camera.telemetry(TOPIC, "two").await;
    assert_eq!(module.delivery().await.1, "one");
    answer(&ground, &["fault", "restart"]).await;
    assert_eq!(module.packet().await, None);
    assert_eq!(camera.packet().await, None);
    // The same process, so the status file may still be the old one, and the kernel may close the
    // old listener after the connections: a handshake is what tells.
    let ca = std::fs::read_to_string(ground.state.join("ca.pem")).unwrap();
    let again = tokio::time::timeout(PATIENCE, async {
        while tls_error(address, &ca).await.is_some() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    });
    again.await.expect("the hub listens again");
    let (mut module, session_present) = ground.client(address, "modules", "FruitCounter").await;
    assert!(session_present);
    for body in ["one", "two"] {
        assert_eq!(module.delivery().await.1, body);
        module.ack().await;
    }
    signal(&hub, Signal::TERM);
    assert_eq!(ends(hub).await, Some(0));
}

#[tokio::test]
async fn a_wrong_certificate_is_shown_until_the_right_one_is() {
    let ground = Ground::new();
    let hub = ground.hub();
    let address = ground.hub_of(&hub).await;
    let ca = std::fs::read_to_string(ground.state.join("ca.pem")).unwrap();
    for (which, complaint) in [
        ("wrong-root", "UnknownIssuer"),
        ("wrong-name", "not valid for name"),
    ] {
        answer(&ground, &["fault", "certificate", which]).await;
        let error = tls_error(address, &ca).await.expect("a refusal");
        assert!(error.contains(complaint), "{which}: {error}");
    }
    answer(&ground, &["fault", "certificate", "right"]).await;
    assert_eq!(tls_error(address, &ca).await, None);
}

#[tokio::test]
async fn a_misspelt_habit_stops_the_start_and_names_what_exists() {
    let ground = Ground::new();
    let output = ground
        .command("hub", &["--habit", "retry=never"])
        .stderr(Stdio::piped())
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text.contains(
            "--habit retry=never: `never` is no value of the habit retry: it has at-once, backoff"
        ),
        "{text}"
    );
}

#[tokio::test]
async fn queues_in_memory_leave_nothing_on_the_disk() {
    let ground = Ground::new();
    let hub = ground
        .command("hub", &["--listen", "127.0.0.1:0", "--queues", "memory"])
        .spawn()
        .unwrap();
    let address = ground.hub_of(&hub).await;
    let (mut camera, _) = ground.client(address, "devices", "cam-01").await;
    camera.telemetry(TOPIC, "picture").await;
    assert!(!ground.state.join("hub").exists());
}

#[tokio::test]
async fn a_request_that_is_no_text_or_too_long_gets_an_error_line() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let ground = Ground::new();
    let hub = ground.hub();
    ground.hub_of(&hub).await;
    let long = format!("\"{}\"\n", "x".repeat(300 * 1024)).into_bytes();
    for (request, complaint) in [
        (b"\xff\xfe\n".to_vec(), "not a request"),
        (b"{\"twins\":1}\n".to_vec(), "unknown variant `twins`"),
        (long, "at most 262144 bytes"),
    ] {
        let socket = ground.state.join("control.sock");
        let mut stream = tokio::net::UnixStream::connect(socket).await.unwrap();
        // It may answer before all of a long one is there.
        let _sent = stream.write_all(&request).await;
        let _ended = stream.shutdown().await;
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        let _cut = tokio::time::timeout(PATIENCE, read).await.unwrap();
        assert!(answer.contains(complaint), "{answer}");
    }
}

#[tokio::test]
async fn status_shows_the_model_that_a_client_announced() {
    let ground = Ground::new();
    let hub = ground.hub();
    let address = ground.hub_of(&hub).await;
    let (_camera, _) = ground.client(address, "devices", "cam-01").await;
    let mut connect = connect_packet(&ground.connection_string("modules", "FruitCounter"));
    let ConnectAuth::UsernamePassword { username, .. } = &mut connect.auth else {
        panic!("{:?}", connect.auth)
    };
    username.push_str("&model-id=dtmi%3Aorchard%3ACounter%3B1");
    let ca = std::fs::read_to_string(ground.state.join("ca.pem")).unwrap();
    let mut module = RawClient::open(address, &ca).await;
    module.connect_with(connect).await;

    let status = answer(&ground, &["status", "--json"]).await;
    assert_eq!(
        status["models"],
        json!({"edge-dev/FruitCounter": "dtmi:orchard:Counter;1"})
    );
    let shown = output(&ground, &["status"]).await;
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.starts_with("connected: cam-01, edge-dev/FruitCounter (dtmi:orchard:Counter;1)\n"),
        "{shown}"
    );
}
