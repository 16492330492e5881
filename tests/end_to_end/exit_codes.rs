//! What another start does not mend has an exit code of its own, and a sentence that says the cure.

use std::path::Path;
use std::process::{Command, Stdio};

use end_to_end::{Binary, Certificates, binary, workspace_root};
use rusqlite::Connection;
use tempfile::TempDir;

/// `EX_CONFIG`.
const NEEDS_ANOTHER_SETUP: i32 = 78;

/// A module with a connection string, which would start if it were not for `changed`.
fn assert_refused(folder: &Path, changed: (&str, &Path), expected: &[&str]) {
    let ca = folder.join("ca.pem");
    std::fs::write(&ca, Certificates::for_name("localhost").unwrap().ca).unwrap();
    let output = Command::new(binary(Binary::FruitCounter).unwrap())
        .env("FRUIT_COUNTER_LEDGER", folder.join("ledger"))
        .env("FRUIT_COUNTER_MODEL", workspace_root().join("model"))
        .env(
            "EdgeHubConnectionString",
            "HostName=h;DeviceId=d;ModuleId=m;SharedAccessKey=a2V5",
        )
        .env("EdgeModuleCACertificateFile", ca)
        .env(changed.0, changed.1)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(NEEDS_ANOTHER_SETUP), "{log}");
    let last = log.lines().last().unwrap();
    assert!(last.starts_with("<3>"), "{log}");
    for text in expected {
        assert!(last.contains(text), "{text} is not in: {last}");
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_model_that_is_not_there_is_a_bad_setup() {
    let folder = folder();
    let model = folder.path().join("no-such-model");
    let expected = ["no model package at", "no-such-model"];
    assert_refused(folder.path(), ("FRUIT_COUNTER_MODEL", &model), &expected);
}

#[test]
fn a_model_folder_without_a_model_is_a_bad_setup() {
    let folder = folder();
    let model = folder.path().join("empty");
    std::fs::create_dir(&model).unwrap();
    let expected = ["holds no .onnx file", "export the model as ONNX"];
    assert_refused(folder.path(), ("FRUIT_COUNTER_MODEL", &model), &expected);
}

#[test]
fn a_label_that_the_model_does_not_have_is_a_bad_setup_that_names_those_it_has() {
    let folder = folder();
    for (setting, value) in [
        ("FRUIT_COUNTER_LABELS", r#"{"yellow":["Ripe"]}"#),
        (
            "FRUIT_COUNTER_LABEL_CONFIDENCE",
            r#"[{"label":"Ripe","min":0.8}]"#,
        ),
    ] {
        let expected = [
            r#"no label "Ripe" (did you mean "ripe"?)"#,
            r#"its labels are "ripe", "unripe""#,
        ];
        assert_refused(folder.path(), (setting, Path::new(value)), &expected);
    }
}

#[test]
fn roots_that_are_not_there_are_a_bad_setup() {
    let folder = folder();
    let ca = folder.path().join("no-such-roots.pem");
    let expected = ["EdgeModuleCACertificateFile", "no-such-roots.pem"];
    assert_refused(
        folder.path(),
        ("EdgeModuleCACertificateFile", &ca),
        &expected,
    );
}

#[test]
fn roots_that_are_no_certificates_are_a_bad_setup() {
    let folder = folder();
    let ca = folder.path().join("text.pem");
    std::fs::write(&ca, "not a certificate").unwrap();
    let expected = ["EdgeModuleCACertificateFile", "text.pem"];
    assert_refused(
        folder.path(),
        ("EdgeModuleCACertificateFile", &ca),
        &expected,
    );
}

#[test]
fn a_ledger_of_a_newer_program_is_a_bad_setup_and_left_alone() {
    let folder = folder();
    let ledger = folder.path().join("newer");
    std::fs::create_dir(&ledger).unwrap();
    let file = ledger.join("counts.db");
    let store = Connection::open(&file).unwrap();
    store
        .execute_batch(
            "CREATE TABLE ledger (of_another_shape TEXT);
             PRAGMA application_id = 0x46434e54;
             PRAGMA user_version = 9000;",
        )
        .unwrap();
    drop(store);
    let before = std::fs::read(&file).unwrap();
    let expected = ["has format 9000", "start the newer", "another folder"];
    assert_refused(folder.path(), ("FRUIT_COUNTER_LEDGER", &ledger), &expected);
    assert_eq!(std::fs::read(&file).unwrap(), before);
}
