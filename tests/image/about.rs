//! What the image says of itself, and how large it is.

use std::process::Command;

use serde_json::{Value, json};

use crate::container::{call, image};

/// Bytes, unpacked, with the bundled model.
const UNPACKED: u64 = 80_000_000;
/// Bytes as a registry keeps and a box fetches it.
const COMPRESSED: u64 = 60_000_000;

fn inspected(image: &str) -> Value {
    let shown = call(&["image", "inspect", image]).unwrap();
    let shown: Value = serde_json::from_str(&shown).unwrap();
    shown[0].clone()
}

#[test]
fn the_image_tells_engines_how_to_run_it() {
    let Some(image) = image() else { return };
    let about = inspected(&image);
    let config = &about["Config"];
    assert_eq!(config["User"], "10001:10001", "{about:#}");
    assert_eq!(config["Entrypoint"], json!(["/app/fruit-counter"]));
    assert_eq!(config["Volumes"], json!({"/var/lib/fruit-counter": {}}));
    // Podman gives the number of the signal.
    let signal = config["StopSignal"].as_str().unwrap();
    assert!(["SIGTERM", "15"].contains(&signal), "{signal}");
    // Podman has it beside the configuration, docker in it.
    let check = [&about["Healthcheck"], &config["Healthcheck"]];
    let check = check.into_iter().find(|check| !check.is_null()).unwrap();
    assert_eq!(
        check["Test"],
        json!(["CMD", "/app/fruit-counter", "healthcheck", "--alive"])
    );
    let labels = &config["Labels"];
    for (name, value) in [
        ("title", "fruit-counter"),
        ("licenses", "MIT OR Apache-2.0"),
        ("version", env!("CARGO_PKG_VERSION")),
    ] {
        assert_eq!(
            labels[format!("org.opencontainers.image.{name}")],
            value,
            "{labels:#}"
        );
    }
    let revision = labels["org.opencontainers.image.revision"]
        .as_str()
        .unwrap();
    assert!(revision.len() >= 40, "no commit: {revision}");
}

#[test]
fn the_image_is_small_unpacked_and_compressed() {
    let Some(image) = image() else { return };
    let unpacked = inspected(&image)["Size"].as_u64().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("image.tar");
    let archive = archive.to_str().unwrap();
    call(&["save", "--output", archive, &image]).unwrap();
    let packed = Command::new("gzip").args(["-c", archive]).output().unwrap();
    assert!(packed.status.success(), "{packed:?}");
    let compressed = packed.stdout.len() as u64;
    println!(
        "{:.1} MB unpacked, {:.1} MB compressed",
        unpacked as f64 / 1e6,
        compressed as f64 / 1e6
    );
    assert!(unpacked <= UNPACKED, "{unpacked} bytes");
    assert!(compressed <= COMPRESSED, "{compressed} bytes");
}
