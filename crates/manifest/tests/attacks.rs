//! Ways around the check that somebody thought of: each a change to a deployment that may go out.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use manifest::{Document, Finding, Terms, check};
use serde_json::{Value, json};

fn plain() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/good/plain.json");
    serde_json::from_str(&fs::read_to_string(path).expect("a sample")).expect("JSON")
}

const AGENT: &str = "/modulesContent/$edgeAgent/properties.desired";
const HUB: &str = "/modulesContent/$edgeHub/properties.desired";
const HUB_MODULE: &str = "/modulesContent/$edgeAgent/properties.desired/systemModules/edgeHub";
const COUNTER: &str = "/modulesContent/$edgeAgent/properties.desired/modules/FruitCounter";

/// The plain deployment with other members at a place; `null` takes one away.
fn with(place: &str, members: Value) -> Value {
    let mut document = plain();
    put(&mut document, place, members);
    document
}

fn put(document: &mut Value, place: &str, members: Value) {
    let at = document.pointer_mut(place).expect(place);
    let at = at.as_object_mut().expect(place);
    let Value::Object(members) = members else {
        panic!("{members}");
    };
    for (name, value) in members {
        match value {
            Value::Null => at.remove(&name),
            value => at.insert(name, value),
        };
    }
}

/// A deployment whose edgeHub has these options too.
fn hub_options(members: Value) -> Value {
    let mut options = json!({"HostConfig": {"Binds": ["/srv/hub:/iotedge/storage"]}});
    put(&mut options, "", members);
    with(
        &format!("{HUB_MODULE}/settings"),
        json!({"createOptions": options.to_string()}),
    )
}

fn route(name: &str, route: Value) -> Value {
    let mut member = json!({});
    member[name] = route;
    with(&format!("{HUB}/routes"), member)
}

fn found(documents: &[&Value]) -> Vec<Finding> {
    let documents: Vec<_> = documents
        .iter()
        .map(|value| Document::parse("a.json", &value.to_string(), &|_| None).expect("a document"))
        .collect();
    check(&documents, &Terms::default())
}

fn refusals(document: &Value) -> Vec<&'static str> {
    found(&[document])
        .iter()
        .filter(|finding| finding.is_refusal())
        .map(|finding| finding.rule.name())
        .collect()
}

#[track_caller]
fn refused(document: &Value, rule: &str) {
    let rules = refusals(document);
    assert!(rules.contains(&rule), "{rules:?} for {document:#}");
}

#[track_caller]
fn accepted(document: &Value) {
    let found = found(&[document]);
    assert_eq!(found, [], "{document:#}");
}

#[test]
fn the_deployment_that_is_changed_here_may_go_out() {
    accepted(&plain());
    accepted(&hub_options(json!({})));
}

#[test]
fn a_chain_of_two_hundred_modules_is_judged_in_a_moment() {
    let mut document = plain();
    let mut routes = json!({});
    let mut modules = json!({});
    let module = document.pointer(COUNTER).expect("the module").clone();
    let mut from = "/messages/*".to_owned();
    for n in 0..200 {
        let name = format!("m{n}");
        modules[&name] = module.clone();
        let mut text = String::new();
        let _ = write!(
            text,
            "FROM {from} INTO BrokeredEndpoint(\"/modules/{name}/inputs/i\")"
        );
        // Against the order in which they are found.
        routes[format!("r{:03}", 200 - n)] = text.into();
        from = format!("/messages/modules/{name}/*");
    }
    put(&mut document, &format!("{AGENT}/modules"), modules);
    put(&mut document, &format!("{HUB}/routes"), routes);
    let began = Instant::now();
    let found = found(&[&document]);
    let took = began.elapsed();
    let elsewhere = found
        .iter()
        .filter(|finding| finding.rule.name() == "pictures-elsewhere");
    assert_eq!(elsewhere.count(), 200);
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn a_hub_that_reads_no_twin_is_found_in_every_spelling() {
    for env in [
        json!({"configSource": {"value": "local"}}),
        json!({"CONFIGSOURCE": {"value": "local"}}),
        json!({"configSource": {"value": "twin"}, "CONFIGSOURCE": {"value": "local"}}),
        json!({"configSource": {"value": "twin", "Value": "local"}}),
        json!({"configSource": {"Value": "local"}}),
        json!({"configSource": "local"}),
    ] {
        for name in ["env", "Env"] {
            let mut members = json!({});
            members[name] = env.clone();
            refused(&with(HUB_MODULE, members), "pictures-upstream");
        }
    }
    for options in [
        json!({"Env": ["configSource=local"]}),
        json!({"env": ["ConfigSource=local"]}),
        json!({"Env": ["configSource=twin"], "ENV": ["configSource=local"]}),
        json!({"Env": ["configSource=twin", "CONFIGSOURCE=local"]}),
    ] {
        refused(&hub_options(options), "pictures-upstream");
    }
    let mut second = plain();
    let mut hub = second.pointer(HUB_MODULE).expect("a hub").clone();
    put(
        &mut hub,
        "",
        json!({"env": {"configSource": {"value": "local"}}}),
    );
    put(
        &mut second,
        &format!("{AGENT}/systemModules"),
        json!({"EdgeHub": hub}),
    );
    refused(&second, "pictures-upstream");
    refused(&second, "bad-value");
    let env =
        json!({"storageFolder": {"value": "/iotedge/storage"}, "configSource": {"value": "Twin"}});
    accepted(&with(HUB_MODULE, json!({"env": env})));
}

#[test]
fn names_in_another_case_are_refused_wherever_the_runtime_takes_them() {
    for (place, members) in [
        (HUB_MODULE, json!({"Env": {}})),
        (COUNTER, json!({"Status": "running"})),
        (COUNTER, json!({"env": {"A": {"value": "1", "Value": "2"}}})),
        (COUNTER, json!({"Settings": {}})),
    ] {
        refused(&with(place, members), "bad-value");
    }
    for (name, value) in [
        ("Image", "x"),
        ("CreateOptions", "{}"),
        ("createoptions01", "{}"),
    ] {
        let mut members = json!({});
        members[name] = value.into();
        refused(&with(&format!("{COUNTER}/settings"), members), "bad-value");
    }
    refused(&hub_options(json!({"hostconfig": {}})), "create-options");
    for host in [
        json!({"Binds": ["/srv/hub:/iotedge/storage"], "tmpfs": {"/iotedge/storage": ""}}),
        json!({"Binds": ["/srv/hub:/iotedge/storage"], "Mounts": [{"target": "/app", "Type": "bind"}]}),
    ] {
        refused(&hub_options(json!({"HostConfig": host})), "create-options");
    }
    let env = json!({
        "storageFolder": {"value": "/iotedge/storage"},
        "StorageFolder": {"value": "/tmp"},
    });
    refused(&with(HUB_MODULE, json!({"env": env})), "bad-value");
}

#[test]
fn a_hub_that_starts_another_way_is_refused() {
    for options in [
        json!({"Entrypoint": ["/bin/sh", "-c", "configSource=local ./hub"]}),
        json!({"Entrypoint": "sh"}),
        json!({"Cmd": ["x"]}),
    ] {
        refused(&hub_options(options), "pictures-upstream");
    }
    for host in [
        json!({"Binds": ["/srv/hub:/iotedge/storage", "/srv/x.json:/app/appsettings_hub.json"]}),
        json!({"Binds": ["/srv/hub:/iotedge/storage", "/srv/x:/x/..//app/"]}),
        json!({"Binds": ["/srv/hub:/iotedge/storage"], "VolumesFrom": ["other"]}),
        json!({
            "Binds": ["/srv/hub:/iotedge/storage"],
            "Mounts": [{"Type": "bind", "Source": "/srv/x", "Target": "/app"}],
        }),
    ] {
        refused(
            &hub_options(json!({"HostConfig": host})),
            "pictures-upstream",
        );
    }
    accepted(&hub_options(json!({"Entrypoint": [], "HostConfig": {
        "Binds": ["/srv/hub:/iotedge/storage", "/srv/x:/appendix"],
    }})));
}

#[test]
fn an_unknown_hub_image_is_told_with_its_routing() {
    let image = json!({"image": "reg.example/hub:1.6"});
    let found = found(&[&with(&format!("{HUB_MODULE}/settings"), image)]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].problem.contains("how it routes"), "{found:?}");
}

#[test]
fn a_layer_that_writes_over_all_routes_is_refused() {
    let routes = plain()
        .pointer(&format!("{HUB}/routes"))
        .expect("routes")
        .clone();
    let desired = plain().pointer(HUB).expect("a hub").clone();
    for (key, value, is_refused) in [
        ("properties.desired.routes", routes.clone(), true),
        ("properties.desired", desired, true),
        (
            "properties.desired.routes.counts",
            routes["counts"].clone(),
            false,
        ),
    ] {
        let mut layer = json!({"modulesContent": {"$edgeHub": {}}});
        layer["modulesContent"]["$edgeHub"][key] = value;
        let found = found(&[&plain(), &layer]);
        let told = found
            .iter()
            .any(|f| f.problem.contains("all routes at once"));
        assert_eq!(told, is_refused, "{key}: {found:?}");
        assert_eq!(
            found.iter().any(Finding::is_refusal),
            is_refused,
            "{key}: {found:?}"
        );
    }
}

#[test]
fn a_counts_route_must_take_every_report() {
    for condition in [
        "urgent = 'yes'",
        "$body.counts.ripe > 100",
        "NOT IS_DEFINED($body.schema)",
    ] {
        let text = format!(
            "FROM /messages/modules/FruitCounter/outputs/counts WHERE {condition} INTO $upstream"
        );
        let counts = json!({"route": text, "timeToLiveSecs": 2_592_000});
        refused(&route("counts", counts), "route-missing");
    }
    let text = "FROM /messages/modules/FruitCounter/outputs/counts \
                WHERE $body.schema = 'fruit-counts/1' INTO $upstream";
    let counts = json!({"route": text, "timeToLiveSecs": 2_592_000});
    accepted(&route("counts", counts));
}

#[test]
fn storage_that_only_looks_lasting_is_refused() {
    let binds = json!(["/srv/hub:/iotedge/storage"]);
    for host in [
        json!({"Binds": binds, "Tmpfs": {"/iotedge/storage/edgeHub": ""}}),
        json!({"Binds": ["/srv/../tmp/hub:/iotedge/storage"]}),
    ] {
        refused(&hub_options(json!({"HostConfig": host})), "hub-storage");
    }
    for source in ["/sys/fs/x", "/var/lock/x", "/dev/shm"] {
        let binds = json!([format!("{source}:/iotedge/storage")]);
        let host = json!({"HostConfig": {"Binds": binds}});
        refused(&hub_options(host), "hub-storage");
    }
    let folder = json!({"storageFolder": {"value": "/iotedge/storage/../../tmp"}});
    refused(&with(HUB_MODULE, json!({"env": folder})), "hub-storage");
    let store = format!("{HUB}/storeAndForwardConfiguration");
    refused(
        &with(&store, json!({"storeLimits": {"maxSizeBytes": 1}})),
        "hub-storage",
    );
    accepted(&with(
        &store,
        json!({"storeLimits": {"maxSizeBytes": 1_000_000_000, "checkFrequencySecs": 60}}),
    ));
    refused(&with(&store, json!({"TimeToLiveSecs": 1})), "bad-value");
    refused(
        &with(&store, json!({"storeLimits": {"MaxSizeBytes": 1}})),
        "bad-value",
    );
    // Linux tells a variable's case apart: the module does not read this one.
    let env = json!({"fruit_counter_ledger": {"value": "/elsewhere"}});
    accepted(&with(COUNTER, json!({"env": env})));
}

#[test]
fn what_does_not_run_is_refused() {
    for place in [HUB_MODULE, COUNTER] {
        refused(&with(place, json!({"status": "stopped"})), "bad-value");
        refused(&with(place, json!({"restartPolicy": "never"})), "bad-value");
    }
}

#[test]
fn what_cannot_be_read_is_not_missed_as_well() {
    for (document, expected) in [
        (
            with(&format!("{HUB}/routes"), json!({"counts": {"Route": "x"}})),
            &["bad-value"][..],
        ),
        (
            with(&format!("{HUB}/routes"), json!({"pictures": 1})),
            &["bad-value"],
        ),
        (
            with(AGENT, json!({"modules": "x"})),
            &["bad-value", "input-unknown"],
        ),
        (with(HUB, json!({"routes": 1})), &["bad-value"]),
    ] {
        assert_eq!(refusals(&document), expected, "{document:#}");
    }
    let twins = json!({"modulesContent": {"$edgeAgent": null, "$edgeHub": 5}});
    assert_eq!(refusals(&twins), ["bad-value", "bad-value"]);
    let group = with(AGENT, json!({"systemModules": [1]}));
    assert_eq!(refusals(&group), ["bad-value"]);
    let error = Document::parse("a.json", r#"{"modulesContent": null}"#, &|_| None);
    let error = error.expect_err("null").to_string();
    assert_eq!(error, "modulesContent: found null, expected an object");
}

#[test]
fn a_mark_before_the_text_is_passed_over_and_two_members_of_one_name_are_not() {
    let text = plain().to_string();
    let marked = format!("\u{feff}{text}");
    let document = Document::parse("a.json", &marked, &|_| None).expect("a document");
    assert_eq!(check(&[document], &Terms::default()), []);
    let twice = text.replacen("\"status\"", "\"status\":\"stopped\",\"status\"", 1);
    let error = Document::parse("a.json", &twice, &|_| None).expect_err("twice");
    assert_eq!(error.to_string(), "the document is not JSON");
    let source = std::error::Error::source(&error)
        .expect("a reason")
        .to_string();
    assert!(source.contains("a second member \"status\""), "{source}");
    let options = json!({"createOptions": "{\"Env\":[],\"Env\":[\"a=b\"]}"});
    refused(
        &with(&format!("{HUB_MODULE}/settings"), options),
        "create-options",
    );
}

/// Each hides a secret somewhere else; it is found, or what it stands in is refused, and it is never
/// repeated.
#[test]
fn secrets_are_found_in_odd_places_and_never_repeated() {
    let policy = json!({"restartPolicy": "HostName=h;SharedAccessKey=hunter2"});
    let sas = "https://x.blob.example/c?sv=2020&sig=hunter2";
    let route_of = |text: &str| format!("FROM /messages/* WHERE a = '{text}' INTO $upstream");
    let key = format!(
        "{}=",
        "hunter2".repeat(7).chars().take(43).collect::<String>()
    );
    let mut documents = vec![
        with(COUNTER, policy),
        with(COUNTER, json!({"env": {"HTTP_KEY": "hunter2"}})),
        with(COUNTER, json!({"env": ["HTTP_KEY=hunter2"]})),
        with(COUNTER, json!({"env": {"URL": {"value": sas}}})),
        with(
            COUNTER,
            json!({"env": {"C": {"value": "hostname=h;sharedaccesskey=hunter2"}}}),
        ),
        with(
            COUNTER,
            json!({"env": {"registryCredentials": {"value": "SharedAccessKey=hunter2"}}}),
        ),
        with(COUNTER, json!({"env": {"DEVICE_KEY": {"value": key}}})),
        with(COUNTER, json!({"status": "hunter2hunter2hunter2"})),
        with(
            &format!("{COUNTER}/settings"),
            json!({"image": ["hunter2"], "createOptions": "hunter2"}),
        ),
        route("x", route_of("SharedAccessKey=hunter2").into()),
        route(
            "x",
            json!({"route": format!("FROM SharedAccessKey=hunter2")}),
        ),
        route(
            "x",
            json!({"route": {"a": "hunter2"}, "priority": "hunter2"}),
        ),
    ];
    for name in ["password", "Password"] {
        let mut template = plain();
        template["$schema-template"] = "4.0.0".into();
        let mut registry = json!({"address": "a", "username": "u"});
        registry[name] = "hunter2".into();
        let place = format!("{AGENT}/runtime/settings/registryCredentials");
        put(&mut template, &place, json!({"farm": registry.clone()}));
        documents.push(template);
    }
    for document in &documents {
        let found = found(&[document]);
        assert!(found.iter().any(Finding::is_refusal), "{document:#}");
        let said: String = found.iter().map(ToString::to_string).collect();
        assert!(!said.contains("hunter2"), "{said}");
    }
    for key in [
        "properties.desired.runtime.settings.registryCredentials.r",
        "properties.desired.runtime.settings.registryCredentials.r.Password",
    ] {
        let value = match key.ends_with(".r") {
            true => json!({"address": "a", "username": "u", "password": "hunter2"}),
            false => "hunter2".into(),
        };
        let mut layer = json!({"$schema-template": "4.0.0", "modulesContent": {"$edgeAgent": {}}});
        layer["modulesContent"]["$edgeAgent"][key] = value;
        let found = found(&[&plain(), &layer]);
        let is_told = |f: &Finding| f.problem == "found a password of a registry in clear";
        assert!(found.iter().any(is_told), "{key}: {found:?}");
    }
}

#[test]
fn a_digest_that_nobody_calls_a_key_is_a_warning() {
    let digest = format!(
        "{}=",
        "aB3+/xY9".repeat(6).chars().take(43).collect::<String>()
    );
    for (name, is_refused) in [("MODEL_DIGEST", false), ("CAMERA_KEY", true)] {
        let mut env = json!({});
        env[name] = json!({"value": digest});
        let found = found(&[&with(COUNTER, json!({"env": env}))]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].is_refusal(), is_refused, "{found:?}");
    }
}
