//! As in a container: a network of its own, port 80, no setting, the image's own volume.
//!
//! Each test runs itself again in namespaces that look so ([`crate::apart`]). The privacy of the
//! network is why port 80 can be had here.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use end_to_end::{Alone, Site, post, wait_for};

use crate::apart::{NOT_ALLOWED, run_apart};
use crate::curl::{curl, predictions_of};
use crate::faults::send_steadily;
use crate::refusals::png;

/// Not with the prefix of the module's settings: it refuses those that it does not know.
const FOLDER: &str = "END_TO_END_CONTAINER";
/// Where a module without a setting keeps its ledger.
const LEDGER: &str = "/var/lib/fruit-counter";
/// What the kernel asks a privilege for: the ports below.
const FIRST_FREE_PORT: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

/// The loopback is up, Podman's mark is there, and the ledger's folder is a volume that has no name.
fn run_in_container(child: &str) {
    let folder = tempfile::tempdir().unwrap();
    let set_up = format!(
        "ip link set lo up || exit {NOT_ALLOWED}\n\
         mount -t tmpfs tmpfs /run && touch /run/.containerenv || exit {NOT_ALLOWED}\n\
         mount -t tmpfs tmpfs /var/lib && mkdir {LEDGER} || exit {NOT_ALLOWED}\n\
         volume=\"$1/volumes/{}/_data\"\n\
         mkdir -p \"$volume\" && mount --bind \"$volume\" {LEDGER} || exit {NOT_ALLOWED}",
        "0123456789abcdef".repeat(4)
    );
    run_apart(child, &["--net"], &set_up, (FOLDER, folder.path()));
}

/// In the child: a folder for what is not in the container.
fn folder() -> String {
    std::env::var(FOLDER).expect("the parent names the folder")
}

fn port_80() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 80))
}

/// The warning of a ledger that its container takes along.
fn assert_warned(log: &str) {
    let warning = format!("the ledger's folder {LEDGER} is in ");
    let lines = log.lines().filter(|line| line.contains(&warning));
    assert_eq!(lines.count(), 1, "{log}");
    assert!(
        log.contains("give /var/lib/fruit-counter a volume"),
        "{log}"
    );
}

#[test]
fn a_plain_container_without_a_setting_answers_on_port_80_and_says_what_becomes_of_the_ledger() {
    run_in_container("container::plain");
}

#[test]
#[ignore = "needs a container: the test above runs it in one"]
fn plain() {
    let folder = folder();
    let mut module = Alone::start_plain(Path::new(&folder), &[]).unwrap();
    assert_eq!(module.address().unwrap().port(), 80);
    let answer = post(port_80(), "/image?camera=gate", &[], &png(64, 48)).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let picture = format!("{folder}/fruit.png");
    fs::write(&picture, png(64, 48)).unwrap();
    let data = format!("@{picture}");
    let answer = curl(&[
        "--location",
        "--request",
        "POST",
        "http://localhost/image",
        "--header",
        "Content-Type: image/png",
        "--data-binary",
        &data,
    ]);
    if let Some(answer) = answer {
        predictions_of(&answer);
    }
    assert_warned(&module.log());
    assert!(module.terminate().unwrap().success(), "{}", module.log());
    assert!(Path::new(LEDGER).join("counts.db").is_file());
}

#[test]
fn port_80_without_the_right_to_it_is_refused_with_a_cure_that_helps() {
    run_in_container("container::refused");
}

#[test]
#[ignore = "needs a container: the test above runs it in one"]
fn refused() {
    let folder = folder();
    // Root without the one right, as any other user.
    let through = ["setpriv", "--bounding-set=-net_bind_service"];
    let mut module = Alone::start_plain(Path::new(&folder), &through).unwrap();
    assert_eq!(module.wait().unwrap().code(), Some(78), "{}", module.log());
    let log = module.log();
    let last = log.lines().last().unwrap();
    assert!(
        last.contains("0.0.0.0:80") && last.contains("8080"),
        "{log}"
    );
    assert!(
        last.contains("net.ipv4.ip_unprivileged_port_start=0"),
        "{log}"
    );
    assert!(last.contains("Permission denied"), "{log}");
    fs::write(FIRST_FREE_PORT, "0").unwrap();
    let mut module = Alone::start_plain(Path::new(&folder), &through).unwrap();
    assert_eq!(module.address().unwrap().port(), 80);
    assert!(module.terminate().unwrap().success(), "{}", module.log());
}

/// What a manifest has whose author knows of one classifier that is asked by HTTP: its port, and the
/// route that a new device has. No volume, no variable, no twin.
const ONE_CLASSIFIER: &str = r#"{
  "content": {
    "modulesContent": {
      "$edgeAgent": {
        "properties.desired": {
          "schemaVersion": "1.1",
          "runtime": { "type": "docker", "settings": { "minDockerVersion": "v1.25" } },
          "systemModules": {
            "edgeAgent": {
              "type": "docker",
              "settings": { "image": "mcr.microsoft.com/azureiotedge-agent:1.6", "createOptions": "{}" }
            },
            "edgeHub": {
              "type": "docker",
              "status": "running",
              "restartPolicy": "always",
              "settings": {
                "image": "mcr.microsoft.com/azureiotedge-hub:1.6",
                "createOptions": "{\"HostConfig\":{\"PortBindings\":{\"8883/tcp\":[{\"HostPort\":\"8883\"}]}}}"
              }
            }
          },
          "modules": {
            "ImageClassifier": {
              "version": "1.0",
              "type": "docker",
              "status": "running",
              "restartPolicy": "always",
              "settings": {
                "image": "registry.example/fruit-counter:1",
                "createOptions": "{\"ExposedPorts\":{\"80/tcp\":{}},\"HostConfig\":{\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"80\"}]}}}"
              }
            }
          }
        }
      },
      "$edgeHub": {
        "properties.desired": {
          "schemaVersion": "1.1",
          "routes": { "upstream": "FROM /messages/* INTO $upstream" },
          "storeAndForwardConfiguration": { "timeToLiveSecs": 7200 }
        }
      }
    }
  }
}"#;

#[test]
fn in_a_manifest_of_one_route_without_twin_and_volume_the_module_answers_connects_and_counts() {
    run_in_container("container::deployed");
}

#[test]
#[ignore = "needs a container: the test above runs it in one"]
fn deployed() {
    let site = Site::builder()
        .device("cam-01")
        .manifest(ONE_CLASSIFIER, "ImageClassifier")
        .start()
        .unwrap();
    site.wait_for_module_line("connected").unwrap();
    let answer = wait_for("an answer on port 80", || {
        Ok(post(port_80(), "/image", &[], &png(64, 48)).ok())
    })
    .unwrap_or_else(|error| panic!("{error:#}\n{}", site.logs()));
    assert_eq!(answer.status, 200, "{answer:?}");
    predictions_of(&answer.body);
    for number in 0..3 {
        let answer = post(port_80(), "/image?camera=gate", &[], &png(64 + number, 48)).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    site.wait_until_counted("http:gate", 3).unwrap();
    // By that route a camera's messages go by the module, straight upstream.
    let mut camera = send_steadily(&site, "cam-01", "2");
    assert_eq!(camera.confirmed().unwrap(), 2);
    let messages = wait_for("the camera's own messages upstream", || {
        let messages = site.upstream().messages()?;
        let own = messages.iter().filter(|each| each["deviceId"] == "cam-01");
        Ok((own.count() == 2).then_some(messages))
    })
    .unwrap_or_else(|error| panic!("{error:#}\n{}", site.logs()));
    let counts = messages
        .iter()
        .filter(|each| each["moduleId"] == "ImageClassifier");
    assert!(counts.count() >= 1, "{messages:#?}");
    assert_warned(&site.module_log());
    assert!(Path::new(LEDGER).join("counts.db").is_file());
}
