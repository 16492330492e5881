//! `fruit-counter healthcheck` beside real modules.

use std::process::{Command, Output, Stdio};

use end_to_end::{Alone, Binary, Certificates, Site, binary};
use serde_json::Value;

use crate::http::address_of;

/// As in the module's container: with its environment.
fn healthcheck(environment: &[(&str, &str)], arguments: &[&str]) -> Output {
    Command::new(binary(Binary::FruitCounter).unwrap())
        .env_remove("FRUIT_COUNTER_HTTP")
        // Another module of this machine may serve its metrics where they are by default.
        .env("FRUIT_COUNTER_METRICS", "off")
        .envs(environment.iter().copied())
        .arg("healthcheck")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn code_and_words(output: &Output) -> (Option<i32>, String) {
    let words = [&output.stdout[..], &output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&words).into_owned(),
    )
}

#[test]
fn a_module_that_counts_is_ready_and_one_that_has_ended_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut module = Alone::start(folder.path(), &[]).unwrap();
    let address = module.address().unwrap().to_string();
    let settings = [("FRUIT_COUNTER_HTTP", &*address)];
    let (code, words) = code_and_words(&healthcheck(&settings, &[]));
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("edgeHub standalone"), "{words}");
    module.terminate().unwrap();
    let output = healthcheck(&settings, &["--json"]);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said["ready"], false);
    assert!(said["reasons"][0].as_str().unwrap().contains(&address));
}

#[test]
fn a_module_without_its_hub_is_alive_and_says_why_it_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, Certificates::for_name("localhost").unwrap().ca).unwrap();
    let nobody = "HostName=h;DeviceId=d;ModuleId=m;SharedAccessKey=a2V5;GatewayHostName=127.0.0.1";
    let environment = [
        ("EdgeHubConnectionString", nobody),
        ("EdgeModuleCACertificateFile", ca.to_str().unwrap()),
        // Nothing listens on the port of the discard service.
        ("FRUIT_COUNTER_EDGEHUB_PORT", "9"),
    ];
    let mut module = Alone::start(folder.path(), &environment).unwrap();
    let address = module.address().unwrap().to_string();
    let output = healthcheck(&[], &["--address", &address, "--json"]);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said["reasons"][0], "edgeHub is not connected", "{said}");
    let (code, words) = code_and_words(&healthcheck(&[], &["--address", &address, "--alive"]));
    assert_eq!(code, Some(0), "{words}");
}

#[test]
fn a_connected_module_is_ready() {
    let site = Site::builder().start().unwrap();
    site.wait_for_module_line("connected").unwrap();
    let address = address_of(&site).to_string();
    let (code, words) = code_and_words(&healthcheck(&[("FRUIT_COUNTER_HTTP", &address)], &[]));
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("edgeHub connected"), "{words}");
}

#[test]
fn where_nothing_can_be_asked_it_says_so_with_another_code() {
    for (setting, arguments, expected) in [
        (
            "off",
            &[][..],
            "FRUIT_COUNTER_HTTP and FRUIT_COUNTER_METRICS are off",
        ),
        ("127.0.0.1:0", &[], "--address"),
        ("nowhere", &[], "FRUIT_COUNTER_HTTP"),
        ("off", &["--timeout", "soon"], "--timeout"),
    ] {
        let settings = [
            ("FRUIT_COUNTER_HTTP", setting),
            ("FRUIT_COUNTER_METRICS", setting),
        ];
        let output = healthcheck(&settings, arguments);
        let (code, words) = code_and_words(&output);
        assert_eq!(code, Some(2), "{words}");
        assert!(words.contains(expected), "{words}");
    }
}
