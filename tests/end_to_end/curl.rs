//! The lesson's own command, by the real curl.

use std::path::{Path, PathBuf};
use std::process::Command;

use end_to_end::Alone;
use serde_json::Value;

use crate::refusals::{jpeg, png};

/// What curl writes for these arguments; `None` where there is no curl, which is said.
pub(crate) fn curl(arguments: &[&str]) -> Option<String> {
    let run = Command::new("curl")
        .args(arguments)
        // Whatever proxy this machine has is not on the way.
        .env("NO_PROXY", "*")
        .output();
    let run = match run {
        Ok(run) => run,
        Err(cause) => {
            println!("skipped: curl cannot be started: {cause}");
            return None;
        }
    };
    assert!(run.status.success(), "curl {arguments:?}: {run:?}");
    Some(String::from_utf8(run.stdout).unwrap())
}

/// The predictions of an answer that is the container's to the byte, but for its values.
pub(crate) fn predictions_of(answer: &str) -> Value {
    let read: Value =
        serde_json::from_str(answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
    let created = read["created"].as_str().unwrap_or_default();
    // Such as 2026-11-23T07:29:52.143911.
    let shape: String = created
        .chars()
        .map(|each| if each.is_ascii_digit() { '9' } else { each })
        .collect();
    assert_eq!(shape, "9999-99-99T99:99:99.999999", "{answer}");
    let predictions = read["predictions"].as_array().unwrap();
    let labels = ["ripe", "unripe"];
    let places: Vec<usize> = predictions
        .iter()
        .map(|each| labels.iter().position(|label| each["tagName"] == *label))
        .map(Option::unwrap)
        .collect();
    assert!(places.is_sorted() && !places.is_empty(), "{answer}");
    let written: Vec<String> = predictions
        .iter()
        .map(|each| {
            let probability = each["probability"].as_f64().unwrap();
            assert!((0.0..=1.0).contains(&probability), "{answer}");
            format!(
                r#"{{"boundingBox":null,"probability":{},"tagId":"","tagName":{}}}"#,
                each["probability"], each["tagName"]
            )
        })
        .collect();
    // Keys in their order, none more and none less.
    let expected = format!(
        r#"{{"created":"{created}","id":"","iteration":"","predictions":[{}],"project":""}}"#,
        written.join(",")
    );
    assert_eq!(answer.trim_end(), expected);
    read["predictions"].clone()
}

fn file(folder: &Path, name: &str, picture: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, picture).unwrap();
    path
}

#[test]
fn the_lessons_curl_gets_the_containers_reply_with_and_without_its_header_and_as_a_form() {
    let folder = tempfile::tempdir().unwrap();
    let mut module = Alone::start(folder.path(), &[]).unwrap();
    let port = module.address().unwrap().port();
    let url = format!("http://localhost:{port}/image");
    for (path, content_type) in [
        (file(folder.path(), "fruit.png", &png(64, 48)), "image/png"),
        (
            file(folder.path(), "fruit.jpg", &jpeg(320, 240)),
            "image/jpeg",
        ),
    ] {
        let data = format!("@{}", path.display());
        let header = format!("Content-Type: {content_type}");
        let form = format!("imageData={data}");
        let lesson = ["--location", "--request", "POST", &url, "--header", &header];
        let ways: [&[&str]; 4] = [
            &[&lesson[..], &["--data-binary", &data]].concat(),
            // curl then says application/x-www-form-urlencoded.
            &[
                "--location",
                "--request",
                "POST",
                &url,
                "--data-binary",
                &data,
            ],
            &["--data-binary", &data, &url],
            &["-F", &form, &url],
        ];
        let mut seen = Vec::new();
        for way in ways {
            let Some(answer) = curl(way) else { return };
            seen.push(predictions_of(&answer));
        }
        assert!(seen.iter().all(|each| *each == seen[0]), "{seen:#?}");
    }
    assert!(module.terminate().unwrap().success(), "{}", module.log());
}
