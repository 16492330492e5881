//! A picture on which the model never ends: a real one, in a model that is made so.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;

use end_to_end::{Alone, Site, post, workspace_root};
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _, Rgb, RgbImage};
use tempfile::TempDir;

use crate::poison::{CAMERA, endings, send, small_picture};

/// What `crates/vision/tests/data/make_models.py` says of the model that never ends for white.
const WANTS: &str = r#"
labels = ["unripe", "ripe", "Negative"]
[input]
range = "0..1"
[resize]
fit = "stretch"
[output]
scores = "none"
"#;

pub(crate) fn endless_model() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let model = workspace_root().join("crates/vision/tests/data/endless.onnx");
    fs::copy(model, folder.path().join("model.onnx")).unwrap();
    fs::write(folder.path().join("model.toml"), WANTS).unwrap();
    folder
}

pub(crate) fn white_picture() -> Vec<u8> {
    let plain = RgbImage::from_pixel(64, 48, Rgb([255, 255, 255]));
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(&plain, 64, 48, ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

#[test]
fn a_picture_without_an_end_is_rejected_after_three_tries_and_the_next_are_counted() {
    let model = endless_model();
    let site = Site::builder()
        .device(CAMERA)
        .module_env("FRUIT_COUNTER_MODEL", model.path().to_str().unwrap())
        .module_env("FRUIT_COUNTER_WATCHDOG", "5s")
        .start()
        .unwrap();
    let pictures = [
        small_picture(10),
        white_picture(),
        small_picture(20),
        small_picture(30),
    ];
    assert_eq!(send(&site, &pictures), 4);
    site.wait_until_counted(CAMERA, 4).unwrap();
    let sums = site.upstream().camera(CAMERA).unwrap();
    let crashed = sums.rejected.get("crashed");
    assert_eq!(crashed, Some(&1), "{sums:?}\n{}", site.logs());
    assert_eq!(sums.rejected.values().sum::<u64>(), 1, "{sums:?}");
    assert_eq!(sums.distinct(), 4, "{sums:?}");
    assert_eq!(endings(&site), 3, "{}", site.logs());
    let log = site.module_log();
    let said = log
        .lines()
        .filter(|line| line.contains("in hand for too long"));
    let said: Vec<&str> = said.collect();
    assert_eq!(said.len(), 3, "{log}");
    assert!(
        said[0].starts_with("<3>") && said[0].contains(CAMERA),
        "{log}"
    );
}

#[test]
fn a_picture_by_http_without_an_end_ends_the_process_with_its_own_code() {
    let (model, folder) = (endless_model(), tempfile::tempdir().unwrap());
    let settings = [
        ("FRUIT_COUNTER_MODEL", model.path().to_str().unwrap()),
        ("FRUIT_COUNTER_WATCHDOG", "2s"),
    ];
    let mut module = Alone::start(folder.path(), &settings).unwrap();
    let address = module.address().unwrap();
    let answer = post(address, "/image?camera=gate", &[], &small_picture(10)).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let white = white_picture();
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /image?camera=gate HTTP/1.1\r\nHost: box\r\nContent-Length: {}\r\n\r\n",
        white.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&white).unwrap();
    let status = module.wait().unwrap();
    assert_eq!(status.code(), Some(70), "{status}\n{}", module.log());
}
