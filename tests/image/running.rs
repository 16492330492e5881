//! The module in its container: pictures are classified and counted, and the counts stay.

use std::io::Cursor;

use end_to_end::{get, post, wait_for};
use image::{ImageFormat, RgbImage};
use rustix::process::Signal;

use crate::container::{Container, call, image};

/// A picture of which no two sizes are alike.
pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(width, height, |x, y| {
        let shade = |value: u32, of: u32| u8::try_from(value * 255 / of).unwrap_or(u8::MAX);
        image::Rgb([shade(x, width), shade(y, height), 90])
    });
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A named volume; removed when this is dropped.
struct Volume(String);

impl Volume {
    fn new() -> Self {
        let name = format!("fruit-counter-test-{}", std::process::id());
        call(&["volume", "create", &name]).unwrap();
        Volume(name)
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let _ = call(&["volume", "rm", "--force", &self.0]);
    }
}

#[test]
fn it_classifies_and_counts_on_port_80_without_any_right_and_stops_by_its_signal() {
    let Some(image) = image() else { return };
    // Without a volume of its own: the image's nameless one belongs to its user.
    let container = Container::start(&image, &[]).unwrap();
    let address = container.address().unwrap();
    for number in 0..5 {
        let path = "/image?camera=gate";
        let answer = post(address, path, &[], &png(64 + number, 48)).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        let predictions = answer.json()["predictions"].as_array().map(Vec::len);
        assert!(predictions > Some(0), "{answer:?}");
    }
    let frames = container.frames().unwrap();
    assert_eq!(frames["received"], 5, "{frames}");
    assert_eq!(get(address, "/readyz").unwrap().status, 200);
    // What the engine asks from time to time, by the image's own words.
    container.exec(&["healthcheck", "--alive"]).unwrap();
    container.exec(&["healthcheck"]).unwrap();
    let log = container.log();
    assert_eq!(log.matches("HTTP is served").count(), 1, "{log}");
    assert_eq!(container.stop().unwrap(), 0, "{}", container.log());
    assert!(container.log().contains("stopped"), "{}", container.log());
}

#[test]
fn a_fresh_named_volume_belongs_to_the_user_and_the_next_container_counts_on() {
    let Some(image) = image() else { return };
    let volume = Volume::new();
    let mount = format!("--volume={}:/var/lib/fruit-counter", volume.0);
    for (number, counted) in [(0, 1), (1, 2)] {
        let container = Container::start(&image, &[&mount]).unwrap();
        let address = container.address().unwrap();
        let answer = post(address, "/image?camera=gate", &[], &png(64 + number, 48)).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        let frames = container.frames().unwrap();
        assert_eq!(frames["received"], counted, "{frames}");
        // The second time it finds what a power cut leaves.
        rustix::process::kill_process(container.process().unwrap(), Signal::KILL).unwrap();
        wait_for("the container to end", || {
            Ok((!container.is_running()?).then_some(()))
        })
        .unwrap();
    }
}

#[test]
fn the_module_finds_its_environment_as_it_wants_it_and_does_not_start_anew() {
    let Some(image) = image() else { return };
    let container = Container::start(&image, &[]).unwrap();
    container.address().unwrap();
    let process = container.process().unwrap().as_raw_nonzero();
    let environment = std::fs::read(format!("/proc/{process}/environ")).unwrap();
    let environment = String::from_utf8_lossy(&environment);
    assert!(
        environment.contains("ORT_DISABLE_TELEMETRY=1"),
        "{environment}"
    );
    assert!(!environment.contains("BEGUN-AFRESH"), "{environment}");
}
