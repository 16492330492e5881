//! Whole documents: built, read, refused.
//!
//! `fixtures/deployment.amd64.json` was written by iotedgedev 3.3.9 from the
//! template beside it (`iotedgedev solution genconfig -P amd64`, with the
//! variables below and `camera/` under `modules/` as well); it is the proof
//! that our build makes the document that the tools make.

use std::io;
use std::path::{Path, PathBuf};

use manifest::{
    BuildContext, FOREVER_SECS, ImagePullPolicy, LAST_STARTUP_ORDER, Manifest, ManifestError,
    RestartPolicy, Status, build, build_text, files_under,
};
use serde_json::{Value, json};

fn fixture(name: &str) -> String {
    let path = fixtures().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn variables(name: &str) -> Option<String> {
    let value = match name {
        "REGISTRY" => "Reg.Example:5000",
        "REGISTRY_USER" => "grower",
        "PICTURE_SECONDS" => "7200",
        "CONTAINER_TAG" => "rc1",
        // The fixture's modules folder is the folder of the fixtures.
        "MODULES_PATH" => ".",
        _ => return None,
    };
    Some(value.to_owned())
}

#[test]
fn the_build_writes_what_the_iot_edge_tools_write() {
    let read = files_under(fixtures());
    let context = BuildContext {
        platform: "amd64",
        read: &read,
    };
    let template = fixture("deployment.template.json");
    let expected = fixture("deployment.amd64.json");
    let text = build_text(&template, &variables, &context).expect("a good template");
    assert_eq!(text.trim_end(), expected.trim_end());
    let value = build(&template, &variables, &context).expect("a good template");
    assert_eq!(
        value,
        serde_json::from_str::<Value>(&expected).expect("JSON")
    );
}

#[test]
fn a_template_and_its_manifest_read_the_same_but_for_images() {
    let from_manifest = Manifest::parse(&fixture("deployment.amd64.json")).expect("a manifest");
    let template = fixture("deployment.template.json");
    let from_template = Manifest::from_template(&template, &variables).expect("a template");
    let settings = |manifest: &Manifest| {
        let mut modules = manifest.modules().to_vec();
        modules.iter_mut().for_each(|module| module.image.clear());
        modules
    };
    assert_eq!(settings(&from_template), settings(&from_manifest));
    assert_eq!(from_template.routes(), from_manifest.routes());
    assert_eq!(
        from_template.time_to_live_secs(),
        from_manifest.time_to_live_secs()
    );
    let image = |manifest: &Manifest| manifest.modules()[1].image.clone();
    assert_eq!(image(&from_template), "${MODULEDIR<./camera>}");
    assert_eq!(
        image(&from_manifest),
        "reg.example:5000/fruit/counter:0.1.0-rc1-amd64"
    );
}

#[test]
fn a_manifest_answers_what_hub_and_agent_ask() {
    let manifest = Manifest::parse(&fixture("deployment.amd64.json")).expect("a manifest");
    let names: Vec<_> = manifest
        .modules()
        .iter()
        .map(|module| module.name.as_str())
        .collect();
    assert_eq!(names, ["Debugged", "FruitCounter"]);
    let counter = manifest.module("FruitCounter").expect("the module");
    assert_eq!(counter.status, Status::Running);
    assert_eq!(counter.restart_policy, RestartPolicy::OnUnhealthy);
    assert_eq!(counter.image_pull_policy, ImagePullPolicy::OnCreate);
    assert_eq!(counter.startup_order, 1);
    let env = [
        ("A_NUMBER", "9600"),
        ("A_TRUTH", "true"),
        ("RuntimeLogLevel", "debug"),
    ];
    assert_eq!(
        counter.env,
        env.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert_eq!(
        counter.create_options["HostConfig"]["Memory"],
        json!(268_435_456)
    );
    assert_eq!(
        counter.create_options["Labels"]["größe"]
            .as_str()
            .map(|t| &t[..13]),
        Some("beyond ASCII:")
    );
    let other = manifest.module("Debugged").expect("the module");
    assert_eq!(
        (other.status, other.startup_order),
        (Status::Stopped, LAST_STARTUP_ORDER)
    );
    assert_eq!(manifest.system_modules().len(), 2);
    assert_eq!(
        manifest.module_desired("FruitCounter"),
        Some(&json!({"reportInterval": "60s"}))
    );
    assert_eq!(manifest.module_desired("Debugged"), None);
    assert_eq!(manifest.time_to_live_secs(), 2_592_000);

    let routes = manifest.routes();
    assert_eq!(routes.len(), 2);
    assert_eq!(
        (routes[0].0.as_str(), routes[0].1.priority),
        ("CamerasToCounter", Some(3))
    );
    assert_eq!(routes[0].1.time_to_live_secs, Some(7200));
    assert_eq!(
        (routes[1].0.as_str(), routes[1].1.priority),
        ("CountsToCloud", None)
    );
    let set = routes::RouteSet::parse(routes.iter().cloned()).expect("good routes");
    let camera = routes::Origin::Leaf { device: "cam-01" };
    let targets = set.targets(&routes::RoutedMessage::new(camera, &[], &[], b""));
    assert_eq!(targets.len(), 1);
    assert_eq!(targets[0].route, "CamerasToCounter");
}

#[test]
fn the_template_of_this_repository_is_good() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let template = std::fs::read_to_string(root.join("deployment.template.json"))
        .expect("the template at the root of the repository");
    let read = files_under(&root);
    for platform in ["amd64", "arm64v8"] {
        let context = BuildContext {
            platform,
            read: &read,
        };
        let built = build(&template, &|_| None, &context).expect("a good template");
        let manifest = Manifest::from_value(&built).expect("a good manifest");
        let counter = manifest.module("FruitCounter").expect("the module");
        assert!(
            counter.image.ends_with(&format!("-{platform}")),
            "{}",
            counter.image
        );
        routes::RouteSet::parse(manifest.routes().iter().cloned()).expect("good routes");
    }
    let context = BuildContext {
        platform: "arm32v7",
        read: &read,
    };
    let error = build(&template, &|_| None, &context).expect_err("no such platform");
    assert!(matches!(error, ManifestError::Platform { .. }), "{error}");
}

/// A small good manifest, changed by `change`.
fn changed(change: impl FnOnce(&mut Value)) -> Result<Manifest, ManifestError> {
    let mut manifest = json!({"modulesContent": {
        "$edgeAgent": {"properties.desired": {
            "schemaVersion": "1.1",
            "modules": {"m": {
                "type": "docker", "status": "running", "restartPolicy": "always",
                "settings": {"image": "i", "createOptions": "{}"}}}}},
        "$edgeHub": {"properties.desired": {
            "schemaVersion": "1.1",
            "routes": {"r": "FROM /* INTO $upstream"},
            "storeAndForwardConfiguration": {"timeToLiveSecs": 7200}}}}});
    change(&mut manifest["modulesContent"]);
    Manifest::from_value(&manifest)
}

fn desired<'v>(content: &'v mut Value, twin: &str) -> &'v mut Value {
    &mut content[twin]["properties.desired"]
}

/// The message about a changed manifest must be exactly this.
#[track_caller]
fn refused(expected: &str, change: impl FnOnce(&mut Value)) {
    let error = changed(change).expect_err(expected);
    assert_eq!(error.to_string(), format!("modulesContent/{expected}"));
}

#[test]
fn an_unknown_value_is_refused_with_path_found_and_accepted() {
    refused(
        "$edgeAgent/properties.desired/modules/m/restartPolicy: found \"sometimes\", \
         expected one of never, on-failure, on-unhealthy, always",
        |c| desired(c, "$edgeAgent")["modules"]["m"]["restartPolicy"] = json!("sometimes"),
    );
    refused(
        "$edgeAgent/properties.desired/modules/m/status: found nothing, \
         expected one of running, stopped",
        |c| {
            let module = desired(c, "$edgeAgent")["modules"]["m"].as_object_mut();
            module.expect("an object").remove("status");
        },
    );
    refused(
        "$edgeAgent/properties.desired/schemaVersion: found \"1.2\", expected one of \"1.0\", \"1.1\"",
        |c| desired(c, "$edgeAgent")["schemaVersion"] = json!("1.2"),
    );
    refused(
        "$edgeHub/properties.desired/schemaVersion: found 1.1, \
         expected one of \"1.0\", \"1.1\", \"1.2\", \"1.3\"",
        |c| desired(c, "$edgeHub")["schemaVersion"] = json!(1.1),
    );
    refused(
        "$edgeAgent/properties.desired/modules/m/settings/createOptions: found an object, expected text",
        |c| desired(c, "$edgeAgent")["modules"]["m"]["settings"]["createOptions"] = json!({}),
    );
    refused(
        "$edgeAgent/properties.desired/modules/m/env/A/value: found a list, \
         expected text, a number or a truth value",
        |c| desired(c, "$edgeAgent")["modules"]["m"]["env"] = json!({"A": {"value": []}}),
    );
    refused(
        "$edgeAgent/properties.desired/modules/m/startupOrder: found -1, \
         expected an integer from 0 to 4294967295",
        |c| desired(c, "$edgeAgent")["modules"]["m"]["startupOrder"] = json!(-1),
    );
}

#[test]
fn route_objects_keep_to_their_ranges() {
    for (route, expected) in [
        (
            json!({"route": "r", "priority": 10}),
            "r/priority: found 10, expected an integer from 0 to 9",
        ),
        (
            json!({"route": "r", "timeToLiveSecs": 1.5}),
            "r/timeToLiveSecs: found 1.5, expected an integer from 0 to 4294967295",
        ),
        (
            json!({"priority": 1}),
            "r/route: found nothing, expected a route as text",
        ),
        (
            json!({"route": "r", "timeToLiveSec": 1}),
            "r/timeToLiveSec: found 1, expected only route, priority, timeToLiveSecs",
        ),
        (
            json!(7),
            "r: found 7, expected a route as text, or an object with route, priority, timeToLiveSecs",
        ),
    ] {
        refused(
            &format!("$edgeHub/properties.desired/routes/{expected}"),
            |c| {
                desired(c, "$edgeHub")["routes"]["r"] = route;
            },
        );
    }
    let manifest = changed(|c| {
        desired(c, "$edgeHub")["routes"]["r"] =
            json!({"route": "r", "priority": 0, "timeToLiveSecs": 0});
    });
    let manifest = manifest.expect("a good manifest");
    assert_eq!(manifest.routes()[0].1.priority, Some(0));
    assert_eq!(
        manifest.routes()[0].1.time_to_live_secs,
        None,
        "0 is the hub's own"
    );
}

#[test]
fn the_first_schema_has_text_routes_skips_blank_ones_and_needs_no_terms() {
    let manifest = changed(|c| {
        *desired(c, "$edgeHub") =
            json!({"schemaVersion": "1.0", "routes": {"a": " ", "b": "FROM /* INTO $upstream"}});
    });
    let manifest = manifest.expect("a good manifest");
    assert_eq!(manifest.routes().len(), 1);
    assert_eq!(manifest.time_to_live_secs(), 7200);
    refused(
        "$edgeHub/properties.desired/routes/r: found an object, \
         expected a route as text (an object from schemaVersion 1.1 on)",
        |c| {
            *desired(c, "$edgeHub") =
                json!({"schemaVersion": "1.0", "routes": {"r": {"route": "x"}}});
        },
    );
    for member in ["routes", "storeAndForwardConfiguration"] {
        refused(
            &format!("$edgeHub/properties.desired/{member}: found nothing, expected an object"),
            |c| {
                desired(c, "$edgeHub")
                    .as_object_mut()
                    .expect("an object")
                    .remove(member);
            },
        );
    }
}

#[test]
fn a_negative_time_to_live_keeps_for_ever() {
    let manifest = changed(|c| {
        desired(c, "$edgeHub")["storeAndForwardConfiguration"]["timeToLiveSecs"] = json!(-1);
    });
    assert_eq!(
        manifest.expect("a good manifest").time_to_live_secs(),
        FOREVER_SECS
    );
    refused(
        "$edgeHub/properties.desired/storeAndForwardConfiguration/timeToLiveSecs: \
         found 2147483648, expected an integer from 0 to 2147483647",
        |c| {
            desired(c, "$edgeHub")["storeAndForwardConfiguration"]["timeToLiveSecs"] =
                json!(2_147_483_648_u32);
        },
    );
}

#[test]
fn layers_and_old_spellings_are_refused_by_name() {
    let layer = json!({"content": {"modulesContent": {
        "$edgeAgent": {"properties.desired.modules.m": {}}}}});
    let error = Manifest::from_value(&layer)
        .expect_err("a layer")
        .to_string();
    assert!(
        error.starts_with("content/modulesContent/$edgeAgent/properties.desired: "),
        "{error}"
    );
    assert!(error.contains("layer"), "{error}");
    let old = json!({"moduleContent": {}});
    let error = Manifest::from_value(&old)
        .expect_err("an old spelling")
        .to_string();
    assert_eq!(
        error,
        "(root): found an object, expected the member modulesContent (not moduleContent)"
    );
    for other in ["[]", "{}", "1"] {
        assert!(
            matches!(Manifest::parse(other), Err(ManifestError::Value { .. })),
            "{other}"
        );
    }
}

#[test]
fn a_layer_is_built_under_its_dotted_keys() {
    let layer = r#"{"$schema-template": "4.0.0", "content": {"modulesContent": {
        "$edgeAgent": {"properties.desired.modules.FruitCounter": {"settings": {
            "image": "${MODULEDIR<./camera>.arm64v8}", "createOptions": {"b": 1, "a": 2}}}},
        "$edgeHub": {"properties.desired.routes.R": "FROM /* INTO $upstream"}}}}"#;
    let read = files_under(fixtures());
    let context = BuildContext {
        platform: "amd64",
        read: &read,
    };
    let built = build(layer, &variables, &context).expect("a good layer");
    assert_eq!(
        built,
        json!({"content": {"modulesContent": {
            "$edgeAgent": {"properties.desired.modules.FruitCounter": {"settings": {
                "image": "reg.example:5000/fruit/counter:0.1.0-rc1-arm64v8",
                "createOptions": "{\"b\":1,\"a\":2}"}}},
            "$edgeHub": {"properties.desired.routes.R": "FROM /* INTO $upstream"}}}})
    );
}

/// A template whose only module has this image.
fn with_image(image: &str) -> String {
    json!({"modulesContent": {"$edgeAgent": {"properties.desired": {"modules": {"m": {
        "settings": {"image": image}}}}}}})
    .to_string()
}

#[test]
fn images_that_are_no_placeholder_stay_as_they_are() {
    let read = |path: &Path| -> io::Result<String> { panic!("asked for {}", path.display()) };
    let context = BuildContext {
        platform: "amd64",
        read: &read,
    };
    for image in [
        "nginx",
        "${OTHER}",
        "$upstream:443/x",
        "x${MODULES.camera}",
        "${MODULEDIR<a>b}",
    ] {
        let built = build(&with_image(image), &|_| None, &context).expect("a good template");
        let module = &built["modulesContent"]["$edgeAgent"]["properties.desired"]["modules"]["m"];
        assert_eq!(module["settings"]["image"], image);
    }
}

#[test]
fn a_placeholder_that_leads_nowhere_is_refused() {
    let read = files_under(fixtures());
    let context = BuildContext {
        platform: "amd64",
        read: &read,
    };
    let refusal = |image: &str| {
        build(&with_image(image), &variables, &context)
            .expect_err(image)
            .to_string()
    };
    let path = "modulesContent/$edgeAgent/properties.desired/modules/m/settings/image";
    assert_eq!(
        refusal("${MODULES.camera.arm32v7}"),
        format!(
            "{path}: found ${{MODULES.camera.arm32v7}} for platform \"arm32v7\", \
             expected one of amd64, arm64v8, arm64v8.debug"
        )
    );
    assert!(refusal("${MODULES.camera.debug}").contains("platform \"amd64.debug\""));
    assert_eq!(
        refusal("${MODULEDIR<./nowhere>}"),
        format!("{path}: cannot read ./nowhere/module.json, which ${{MODULEDIR<./nowhere>}} names")
    );
}

#[test]
fn a_variable_that_breaks_the_text_is_named_as_the_suspect() {
    let read = files_under(fixtures());
    let context = BuildContext {
        platform: "amd64",
        read: &read,
    };
    let error = build("{\"a\": $TTL}", &|_| Some("7 2".to_owned()), &context).expect_err("broken");
    assert_eq!(
        error.to_string(),
        "the template is not JSON after its variables were put in"
    );
    assert!(
        std::error::Error::source(&error).is_some(),
        "the place is kept"
    );
}
