//! The official Python SDK (`azure-iot-device`) as a camera and as a module.
//!
//! It dials port 8883 and nothing else, so the hub gets a loopback address of this process's own.
//! Skips with a reason where the SDK is not installed (`pip install azure-iot-device`);
//! `DEVHUB_TEST_PYTHON` names another interpreter than `python3`.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::client::PATIENCE;
use crate::command::Ground;

#[tokio::test]
async fn the_official_python_sdk_works_as_camera_and_as_module() {
    let python = std::env::var("DEVHUB_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let mut installed = Command::new(&python);
    installed
        .args(["-c", "import azure.iot.device"])
        .stderr(Stdio::null());
    if !matches!(installed.status().await, Ok(status) if status.success()) {
        println!("skipped: {python} has no azure-iot-device (pip install azure-iot-device)");
        return;
    }
    let pid = std::process::id().to_be_bytes();
    let address = SocketAddr::from(([127, pid[1].max(1), pid[2], pid[3].clamp(2, 254)], 8883));
    let host = address.ip().to_string();
    let ground = Ground::new();
    let text = fs::read_to_string(&ground.template).unwrap();
    let mut template: Value = serde_json::from_str(&text).unwrap();
    template["modulesContent"]["FruitCounter"] = json!({"properties.desired": {"limit": 3}});
    fs::write(&ground.template, template.to_string()).unwrap();

    let program = ground.folder.path().join("module.sh");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/official_sdk.py");
    let (state, folder) = (ground.state.display(), ground.folder.path().display());
    let shell = format!(
        "#!/bin/sh\n\"{python}\" \"{}\" {state}/identities.json > {folder}/out 2>&1\necho $? > {folder}/code\nexec sleep 600\n",
        script.display()
    );
    fs::write(&program, shell).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&program, mode).unwrap();
    let upstream = ground.folder.path().join("upstream.jsonl");
    let module = format!("FruitCounter={}", program.display());
    let listen = address.to_string();
    let devhub = ground
        .command(
            "run",
            &[
                "--listen",
                &listen,
                "--host",
                &host,
                "--upstream",
                upstream.to_str().unwrap(),
                "--module",
                &module,
            ],
        )
        .spawn()
        .unwrap();

    let code = ground.folder.path().join("code");
    let ended = tokio::time::timeout(PATIENCE * 3, async {
        while !fs::read_to_string(&code).is_ok_and(|code| code.ends_with('\n')) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    });
    let ended = ended.await;
    let output = fs::read_to_string(ground.folder.path().join("out")).unwrap_or_default();
    println!("{output}");
    ended.expect("the script did not end");
    assert_eq!(fs::read_to_string(&code).unwrap(), "0\n", "{output}");
    let upstream = fs::read_to_string(&upstream).unwrap();
    let report: Value = serde_json::from_str(upstream.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&report["output"], &report["body"]),
        (&json!("counts"), &json!({"ripe": 3}))
    );
    crate::command::signal(&devhub, rustix::process::Signal::TERM);
    assert_eq!(crate::command::ends(devhub).await, Some(0));
}
