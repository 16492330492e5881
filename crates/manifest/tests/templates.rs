//! The two templates of this repository: what they promise, and what the tools of others say of
//! the manifests that they become.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use manifest::{BuildContext, Document, Manifest, Terms, build, check, files_under};
use serde_json::{Value, json};

const TEMPLATES: [&str; 2] = [
    "deployment.template.json",
    "deployment.layered.template.json",
];

/// What the module takes by its twin. The templates set all of these and no others, and
/// docs/manifests.md names every one. The module's own tests hold the values to its defaults.
///
/// MODULE TWIN: the module's own table decides; whoever adds a setting there adds it here.
const TWIN_SETTINGS: [&str; 12] = [
    "cameraNames",
    "currentLot",
    "heartbeat",
    "http",
    "httpCount",
    "labelConfidence",
    "labels",
    "logLevel",
    "minConfidence",
    "provider",
    "reportInterval",
    "threads",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn variables(name: &str) -> Option<String> {
    let value = match name {
        "CONTAINER_REGISTRY_SERVER" => "farm.example",
        "CONTAINER_REGISTRY_USERNAME" => "puller",
        "CONTAINER_REGISTRY_PASSWORD" => "a \"quoted\" one",
        _ => return None,
    };
    Some(value.to_owned())
}

fn built(name: &str, platform: &str) -> Value {
    let read = files_under(root());
    let context = BuildContext {
        platform,
        read: &read,
    };
    build(&text(name), &variables, &context).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The module of a template, full or layer.
fn module(document: &Value) -> Value {
    let full = &document["modulesContent"]["$edgeAgent"]["properties.desired"]["modules"];
    let layer = &document["content"]["modulesContent"]["$edgeAgent"];
    let found = full
        .get("FruitCounter")
        .or_else(|| layer.get("properties.desired.modules.FruitCounter"));
    found.expect("the module").clone()
}

fn twin(document: &Value) -> Value {
    let content = document
        .get("modulesContent")
        .unwrap_or(&document["content"]["modulesContent"]);
    content["FruitCounter"]["properties.desired"].clone()
}

#[test]
fn the_templates_and_what_they_become_may_go_out() {
    let parsed = |name: &str, text: &str| {
        Document::parse(name, text, &|_| None).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let [full, layer] = TEMPLATES.map(|name| parsed(name, &text(name)));
    assert_eq!(check(std::slice::from_ref(&full), &Terms::default()), []);
    // The full one is a base too: then the layer says the same once more.
    assert_eq!(check(&[full, layer], &Terms::default()), []);
    for platform in ["amd64", "arm64v8"] {
        let [full, layer] = TEMPLATES.map(|name| parsed(name, &built(name, platform).to_string()));
        assert_eq!(check(std::slice::from_ref(&full), &Terms::default()), []);
        assert_eq!(check(&[full, layer], &Terms::default()), []);
    }
}

#[test]
fn the_module_is_bounded_supervised_and_kept_as_promised() {
    for name in TEMPLATES {
        let template: Value = serde_json::from_str(&text(name)).expect("JSON");
        let module = module(&template);
        let options = &module["settings"]["createOptions"];
        let host = &options["HostConfig"];
        assert!(
            host["Memory"]
                .as_u64()
                .is_some_and(|bytes| bytes <= 256_000_000),
            "{name}"
        );
        // Without it as much again may be swapped.
        assert_eq!(host["MemorySwap"], host["Memory"], "{name}");
        assert_eq!(
            host["Ulimits"],
            json!([{"Name": "core", "Soft": 0, "Hard": 0}]),
            "{name}"
        );
        assert_eq!(
            host["LogConfig"]["Config"],
            json!({"max-size": "10m", "max-file": "3"})
        );
        assert_eq!(host["ReadonlyRootfs"], true, "{name}");
        assert_eq!(
            host["Sysctls"],
            json!({"net.ipv4.ip_unprivileged_port_start": "0"})
        );
        assert_eq!(
            host["PortBindings"]["80/tcp"],
            json!([{"HostPort": "80"}]),
            "{name}"
        );
        let health: Vec<_> = options["Healthcheck"]["Test"]
            .as_array()
            .expect("a command")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(
            health,
            ["CMD", "fruit-counter", "healthcheck", "--alive"],
            "{name}"
        );
        assert_eq!(module["restartPolicy"], "always", "{name}");
        assert_eq!(module["startupOrder"], 1, "{name}");
    }
    let template: Value = serde_json::from_str(&text(TEMPLATES[0])).expect("JSON");
    let agent = &template["modulesContent"]["$edgeAgent"]["properties.desired"];
    for system in ["edgeAgent", "edgeHub"] {
        let options = &agent["systemModules"][system]["settings"]["createOptions"];
        let log = &options["HostConfig"]["LogConfig"]["Config"];
        assert_eq!(
            *log,
            json!({"max-size": "10m", "max-file": "3"}),
            "{system}"
        );
    }
    assert_eq!(agent["systemModules"]["edgeHub"]["startupOrder"], 0);
}

#[test]
fn the_layer_brings_the_same_module_routes_and_settings() {
    let [full, layer] =
        TEMPLATES.map(|name| serde_json::from_str::<Value>(&text(name)).expect("JSON"));
    assert_eq!(module(&full), module(&layer));
    assert_eq!(twin(&full), twin(&layer));
    let routes = &full["modulesContent"]["$edgeHub"]["properties.desired"]["routes"];
    let layered = &layer["content"]["modulesContent"]["$edgeHub"];
    for (name, route) in routes.as_object().expect("routes") {
        assert_eq!(layered[format!("properties.desired.routes.{name}")], *route);
    }
    assert_eq!(layered.as_object().map(serde_json::Map::len), Some(2));
}

#[test]
fn the_twin_sets_every_setting_that_there_is_and_no_other() {
    let template: Value = serde_json::from_str(&text(TEMPLATES[0])).expect("JSON");
    let twin = twin(&template);
    let set: Vec<_> = twin.as_object().expect("an object").keys().collect();
    assert_eq!(set, TWIN_SETTINGS);
    let guide = text("docs/manifests.md");
    for name in TWIN_SETTINGS {
        assert!(
            guide.contains(&format!("`{name}`")),
            "docs/manifests.md: {name}"
        );
    }
}

#[test]
fn registry_credentials_are_placeholders_until_the_build() {
    let credentials = |document: &Value| {
        document["modulesContent"]["$edgeAgent"]["properties.desired"]["runtime"]["settings"]
            ["registryCredentials"]["registry"]
            .clone()
    };
    let template: Value = serde_json::from_str(&text(TEMPLATES[0])).expect("JSON");
    assert_eq!(
        credentials(&template)["password"],
        "$CONTAINER_REGISTRY_PASSWORD"
    );
    let built = credentials(&built(TEMPLATES[0], "amd64"));
    assert_eq!(
        built,
        json!({"address": "farm.example", "username": "puller", "password": "a \"quoted\" one"})
    );
}

#[test]
fn the_image_is_the_one_of_the_platform() {
    for platform in ["amd64", "arm64v8"] {
        let manifest = Manifest::from_value(&built(TEMPLATES[0], platform)).expect("a manifest");
        let image = &manifest.module("FruitCounter").expect("the module").image;
        assert!(
            image.starts_with("farm.example/fruit-counter:") && image.ends_with(platform),
            "{image}"
        );
        assert_eq!(
            module(&built(TEMPLATES[1], platform))["settings"]["image"],
            **image
        );
    }
}

/// Ends with 0 if both system modules hold to the schemas that `az iot edge set-modules` picks by
/// their schemaVersion, with 1 and the mistakes if not, with 3 without the package.
const VALIDATE: &str = r#"
import json, sys
try:
    import jsonschema
except ImportError:
    sys.exit(3)
folder, manifest = sys.argv[1], json.load(sys.stdin)
content = manifest.get("content", manifest)["modulesContent"]
mistakes = 0
for twin, kind in (("$edgeAgent", "edgeagent"), ("$edgeHub", "edgehub")):
    version = content[twin]["properties.desired"]["schemaVersion"]
    with open(f"{folder}/azure-iot-{kind}-deployment-{version}.json") as file:
        schema = json.load(file)
    validator = jsonschema.validators.validator_for(schema)(schema)
    for error in validator.iter_errors({twin: content[twin]}):
        mistakes += 1
        print("/".join(map(str, error.absolute_path)), error.message)
sys.exit(1 if mistakes else 0)
"#;

/// Whether the schemas of the Azure CLI pass a manifest, and what they say; `None` where there is
/// no Python package to ask, or no schemas.
fn az_says(manifest: &Value) -> Option<(bool, String)> {
    use std::io::Write as _;
    use std::process::Stdio;

    let folder = root().join("../shared/data/schemas/az-cli-extension");
    if !folder.is_dir() {
        println!(
            "skipped: the schemas are not beside this clone ({})",
            folder.display()
        );
        return None;
    }
    let python = Command::new("python3")
        .arg("-c")
        .arg(VALIDATE)
        .arg(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut python = match python {
        Ok(python) => python,
        Err(error) => {
            println!("skipped: python3 cannot be run: {error}");
            return None;
        }
    };
    let mut input = python.stdin.take().expect("a pipe");
    // Without the package it ends before it has read.
    let _ = input.write_all(manifest.to_string().as_bytes());
    drop(input);
    let output = python.wait_with_output().expect("the end of python3");
    match output.status.code() {
        Some(3) => {
            println!("skipped: python3 has no package jsonschema (pip install jsonschema)");
            None
        }
        Some(code @ (0 | 1)) => Some((
            code == 0,
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )),
        other => panic!("python3 ended with {other:?}"),
    }
}

#[test]
fn what_is_built_passes_the_schemas_of_the_azure_cli_and_broken_copies_fail() {
    for platform in ["amd64", "arm64v8"] {
        let good = built(TEMPLATES[0], platform);
        let Some((passes, said)) = az_says(&good) else {
            return;
        };
        assert!(passes, "{said}");
        let agent = "/modulesContent/$edgeAgent/properties.desired";
        let hub = "/modulesContent/$edgeHub/properties.desired";
        for (place, value) in [
            (
                format!("{agent}/modules/FruitCounter/restartPolicy"),
                json!("sometimes"),
            ),
            (
                format!("{agent}/modules/FruitCounter/settings/createOptions"),
                json!({}),
            ),
            (format!("{agent}/systemModules"), json!({})),
            (format!("{hub}/routes/CountsToCloud/priority"), json!(10)),
            (format!("{hub}/routes/CamerasToFruitCounter"), json!(7)),
        ] {
            let mut broken = good.clone();
            let (parent, key) = place.rsplit_once('/').expect("a path");
            broken.pointer_mut(parent).expect("the parent")[key] = value;
            let (passes, said) = az_says(&broken).expect("as before");
            assert!(!passes, "{place}");
            assert!(!said.is_empty(), "{place}");
        }
    }
}
