//! What must be refused, and what is said of it.

use std::path::{Path, PathBuf};

use end_to_end::{Certificates, Site, wait_for};
use image::{ImageFormat, RgbImage};

/// Pictures that no model can see, each with the reason that must be counted.
fn bad_pictures(folder: &Path) -> Vec<&'static str> {
    let good = png(64, 48);
    let jpeg = jpeg(320, 240);
    let files: [(&str, Vec<u8>, &str); 6] = [
        ("a-empty.jpg", Vec::new(), "empty"),
        ("b-text.jpg", b"this is not a picture, whatever its name says".to_vec(), "unsupported_format"),
        ("c-truncated.jpg", jpeg[..jpeg.len() / 2].to_vec(), "truncated"),
        ("d-huge.png", huge_png(), "too_large"),
        ("e-gif.gif", b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;".to_vec(), "unsupported_format"),
        ("f-header.png", good[..40].to_vec(), "truncated"),
    ];
    files
        .into_iter()
        .map(|(name, bytes, reason)| {
            std::fs::write(folder.join(name), bytes).unwrap();
            reason
        })
        .collect()
}

fn encode(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn gradient(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([x as u8, y as u8, (x * y) as u8])
    })
}

pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    encode(&gradient(width, height), ImageFormat::Png)
}

pub(crate) fn jpeg(width: u32, height: u32) -> Vec<u8> {
    encode(&gradient(width, height), ImageFormat::Jpeg)
}

/// A small file that says it is 20 000 pixels wide.
fn huge_png() -> Vec<u8> {
    encode(&RgbImage::new(20_000, 64), ImageFormat::Png)
}

#[test]
fn checklist_27_bad_pictures_are_rejected_with_their_reason_and_the_next_one_flows() {
    let site = Site::builder().device("cam-01").start().unwrap();
    let folder = site.folder().join("pictures");
    std::fs::create_dir(&folder).unwrap();
    let reasons = bad_pictures(&folder);
    std::fs::write(folder.join("z-good.png"), png(64, 48)).unwrap();
    let pictures = reasons.len() as u64 + 1;
    let folder = folder.display().to_string();
    let mut camera = site
        .camera("cam-01", &["--pictures", &folder, "--raw", "--rate", "20"])
        .unwrap();
    assert_eq!(camera.confirmed().unwrap(), pictures);
    site.wait_until_counted("cam-01", pictures).unwrap();
    let sums = site.upstream().camera("cam-01").unwrap();
    for reason in &reasons {
        let expected = reasons.iter().filter(|r| *r == reason).count() as u64;
        assert_eq!(
            sums.rejected.get(*reason),
            Some(&expected),
            "{reason}: {sums:?}"
        );
    }
    assert_eq!(
        sums.counts.values().sum::<u64>() + sums.unsure,
        1,
        "{sums:?}"
    );
}

#[test]
fn a_device_with_a_wrong_key_is_refused_and_both_sides_say_why() {
    let site = Site::builder()
        .device("cam-01")
        .start_without_module()
        .unwrap();
    let string = site.connection_string("cam-01").unwrap();
    let (start, _key) = string.split_once("SharedAccessKey=").unwrap();
    let wrong = format!("{start}SharedAccessKey=d3Jvbmcga2V5IHdyb25nIGtleSB3cm9uZyBrZXkhIQ==");
    let one = [
        "--rendered",
        "--truth",
        "ripe",
        "--count",
        "1",
        "--seconds",
        "3",
    ];
    let mut camera = site.camera_as("cam-01", &wrong, &one).unwrap();
    wait_for("the hub's reason", || {
        let log = site.hub_log().to_lowercase();
        Ok((log.contains("signature") && log.contains("cam-01")).then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error:#}\n{}", site.logs()));
    assert!(!camera.wait().unwrap().success());
    let said = std::fs::read_to_string(site.folder().join("cam-01.log"))
        .unwrap()
        .to_lowercase();
    assert!(
        said.contains("refused") || said.contains("not authorized"),
        "{said}"
    );
}

#[test]
fn an_unknown_device_is_refused_by_name() {
    let site = Site::builder()
        .device("cam-01")
        .start_without_module()
        .unwrap();
    let string = site
        .connection_string("cam-01")
        .unwrap()
        .replace("DeviceId=cam-01", "DeviceId=cam-99");
    let one = [
        "--rendered",
        "--truth",
        "ripe",
        "--count",
        "1",
        "--seconds",
        "3",
    ];
    let _camera = site.camera_as("cam-01", &string, &one).unwrap();
    wait_for("the hub's reason", || {
        Ok(site.hub_log().contains("cam-99").then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error:#}\n{}", site.logs()));
}

/// A certificate authority and a server certificate for `name` alone, as PEM files.
fn certificate_for(name: &str, folder: &Path) -> [PathBuf; 3] {
    let made = Certificates::for_name(name).unwrap();
    [
        ("ca", made.ca),
        ("cert", made.certificate),
        ("key", made.key),
    ]
    .map(|(file, pem)| {
        let path = folder.join(format!("{file}.pem"));
        std::fs::write(&path, pem).unwrap();
        path
    })
}

#[test]
fn a_certificate_for_another_name_is_refused_and_the_module_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let [ca, cert, key] = certificate_for("some-other-box", folder.path());
    let site = Site::builder()
        .shared_option("--tls-ca")
        .shared_option(ca.display().to_string())
        .hub_option("--tls-cert")
        .hub_option(cert.display().to_string())
        .hub_option("--tls-key")
        .hub_option(key.display().to_string())
        .start()
        .unwrap();
    site.wait_for_module_line("some-other-box").unwrap();
    let log = site.module_log();
    let line = log
        .lines()
        .find(|line| line.contains("some-other-box"))
        .unwrap();
    assert!(
        line.contains("localhost") && line.contains("certificate"),
        "{line}"
    );
    assert!(!log.contains("<6> connected"), "{log}");
    assert!(site.upstream().messages().unwrap().is_empty());
}
