use super::*;
use crate::settings::SETTINGS;

fn property(name: &str) -> &'static Property {
    PROPERTIES.iter().find(|one| one.name == name).unwrap()
}

#[test]
fn every_setting_with_a_name_in_the_twin_is_a_property_in_the_order_of_the_page() {
    let of_the_page: Vec<_> = SETTINGS.iter().filter_map(|setting| setting.twin).collect();
    let properties: Vec<_> = PROPERTIES.iter().map(|one| one.name).collect();
    assert_eq!(properties, of_the_page);
    for property in PROPERTIES {
        assert_eq!(property.setting.twin, Some(property.name));
        assert!(!property.schema.is_empty(), "{}", property.name);
    }
}

#[test]
fn no_secret_is_a_property() {
    for setting in SETTINGS {
        let is_secret = setting.name.contains("KEY") || setting.effect.contains("secret");
        assert!(!is_secret || setting.twin.is_none(), "{}", setting.name);
    }
}

#[test]
fn what_is_shown_is_read_as_the_same_again() {
    let mut behaviour = Behaviour::on(2);
    for (name, value) in [
        ("reportInterval", json!("1.5m")),
        ("minConfidence", json!(0.7)),
        ("labels", json!({"good": ["ripe"], "ignore": ["a leaf"]})),
        ("labelConfidence", json!([{"label": "ripe", "min": 0.9}])),
        ("heartbeat", json!("off")),
        ("http", json!(false)),
        ("logLevel", json!("debug")),
        ("threads", json!(3)),
        ("provider", json!("openvino")),
        ("httpCount", json!("project")),
        ("currentLot", json!("Lot 7")),
        (
            "cameraNames",
            json!([{"camera": "cam.01", "name": "Line 1"}]),
        ),
    ] {
        property(name).read(&mut behaviour, &value).unwrap();
    }
    for behaviour in [behaviour, Behaviour::on(4)] {
        let mut again = Behaviour::of(behaviour.given);
        for property in PROPERTIES {
            let shown = property.shown(&behaviour);
            property.read(&mut again, &shown).unwrap();
        }
        assert_eq!(again, behaviour);
    }
}

#[test]
fn text_and_json_say_the_same() {
    let (mut text, mut json) = (Behaviour::on(2), Behaviour::on(2));
    for (name, as_text, as_json) in [
        ("minConfidence", json!(" 0.7 "), json!(0.7)),
        ("threads", json!("3"), json!(3)),
        ("http", json!("false"), json!(false)),
        (
            "labels",
            json!("{\"good\":[\"ripe\"]}"),
            json!({"good": ["ripe"]}),
        ),
    ] {
        property(name).read(&mut text, &as_text).unwrap();
        property(name).read(&mut json, &as_json).unwrap();
    }
    assert_eq!(text, json);
}

#[test]
fn a_bad_value_changes_nothing_and_says_what_is_accepted() {
    let before = Behaviour::on(2);
    for (name, bad) in [
        ("reportInterval", json!(60)),
        ("reportInterval", json!("1500ms")),
        ("minConfidence", json!(1.5)),
        ("minConfidence", json!([])),
        ("labels", json!({"Ignored": ["ripe"]})),
        ("labels", json!("")),
        ("labelConfidence", json!([{"label": "ripe"}])),
        ("heartbeat", json!("never")),
        ("http", json!(1)),
        ("http", json!("8080")),
        ("logLevel", json!("loud")),
        ("threads", json!(65)),
        ("threads", json!(2.5)),
        ("provider", json!("azure")),
        ("httpCount", json!("all")),
        ("cameraNames", json!({"cam-01": "Line 1"})),
        ("currentLot", json!("a\nb")),
    ] {
        let mut behaviour = before.clone();
        let property = property(name);
        let why = property.read(&mut behaviour, &bad).unwrap_err();
        assert!(why.ends_with(property.accepts()), "{name} {bad}: {why}");
        assert_eq!(behaviour, before);
    }
}

#[test]
fn durations_are_written_in_the_largest_unit_that_leaves_no_fraction() {
    for (milliseconds, text) in [
        (1500, "1500ms"),
        (90_000, "90s"),
        (900_000, "15m"),
        (86_400_000, "1d"),
        (0, "0ms"),
    ] {
        assert_eq!(written(Duration::from_millis(milliseconds)), text);
    }
}

#[test]
fn the_templates_twin_has_every_property_at_what_holds_without_it() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (template, content) in [
        ("deployment.template.json", ""),
        ("deployment.layered.template.json", "/content"),
    ] {
        let text = std::fs::read_to_string(root.join(template)).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        let place = format!("{content}/modulesContent/FruitCounter/properties.desired");
        let twin = document.pointer(&place).and_then(Value::as_object).unwrap();
        let names: std::collections::BTreeSet<_> = twin.keys().map(String::as_str).collect();
        assert_eq!(names, PROPERTIES.iter().map(|one| one.name).collect());
        // On whatever box.
        for given in [Given::on(1, None), Given::on(8, Some(Level::Debug))] {
            let mut behaviour = Behaviour::of(given);
            for property in PROPERTIES {
                let read = property.read(&mut behaviour, &twin[property.name]);
                read.unwrap_or_else(|why| panic!("{template}, {}: {why}", property.name));
            }
            assert_eq!(behaviour, Behaviour::of(given), "{template}");
        }
    }
}

#[test]
fn what_is_left_to_the_box_is_what_the_box_gives_and_what_is_empty_is_none() {
    let given = Given::on(3, Some(Level::Debug));
    let mut behaviour = Behaviour::of(given);
    for (name, set, left) in [
        ("threads", json!(1), json!(0)),
        ("logLevel", json!("error"), json!("runtime")),
        ("labels", json!({"good": ["ripe"]}), json!({})),
        (
            "labelConfidence",
            json!([{"label": "ripe", "min": 0.9}]),
            json!([]),
        ),
        (
            "cameraNames",
            json!([{"camera": "a", "name": "b"}]),
            json!([]),
        ),
        ("currentLot", json!("7"), json!("")),
    ] {
        property(name).read(&mut behaviour, &set).unwrap();
        assert_ne!(behaviour, Behaviour::of(given), "{name}");
        property(name).read(&mut behaviour, &left).unwrap();
        assert_eq!(behaviour, Behaviour::of(given), "{name}");
    }
}
