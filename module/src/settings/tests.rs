use super::*;

const EDGE: &[(&str, &str)] = &[
    (
        "IOTEDGE_WORKLOADURI",
        "unix:///var/run/iotedge/workload.sock",
    ),
    ("IOTEDGE_AUTHSCHEME", "sasToken"),
    ("IOTEDGE_MODULEGENERATIONID", "638012345678901234"),
    ("IOTEDGE_IOTHUBHOSTNAME", "hub1.azure-devices.net"),
    ("IOTEDGE_GATEWAYHOSTNAME", "edge-box-1"),
    ("IOTEDGE_DEVICEID", "edge-dev"),
    ("IOTEDGE_MODULEID", "FruitCounter"),
    ("IOTEDGE_APIVERSION", "2022-08-03"),
];

fn read(extra: &[(&str, &str)]) -> Result<(Settings, Connection), SettingsError> {
    let variables = EDGE
        .iter()
        .chain(extra)
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    Settings::read(variables, 2)
}

fn mistakes(extra: &[(&str, &str)]) -> Vec<String> {
    read(extra).unwrap_err().mistakes
}

#[test]
fn the_agents_environment_alone_gives_the_defaults() {
    let (settings, connection) = read(&[]).unwrap();
    assert_eq!(settings.behaviour.report_interval, Duration::from_secs(60));
    assert_eq!(settings.ledger, PathBuf::from("/var/lib/fruit-counter"));
    assert_eq!(
        (settings.edgehub_port, settings.behaviour.threads),
        (8883, 2)
    );
    assert!((settings.behaviour.min_confidence - 0.6).abs() < f32::EPSILON);
    assert_eq!(settings.behaviour.log, Level::Info);
    assert!(matches!(connection, Connection::Edge(_)));
}

#[test]
fn every_mistake_is_in_one_message() {
    let found = mistakes(&[
        ("FRUIT_COUNTER_REPORT_INTERVAL", "60"),
        ("FRUIT_COUNTER_MIN_CONFIDENCE", "1.2"),
        ("FRUIT_COUNTER_EDGEHUB_PORT", "0"),
        ("FRUIT_COUNTER_LOG", "loud"),
        ("FRUIT_COUNTER_MODLE", "/model"),
    ]);
    assert_eq!(found.len(), 5, "{found:#?}");
    for (name, value) in [
        ("FRUIT_COUNTER_REPORT_INTERVAL", "\"60\""),
        ("FRUIT_COUNTER_MIN_CONFIDENCE", "\"1.2\""),
        ("FRUIT_COUNTER_EDGEHUB_PORT", "\"0\""),
        ("FRUIT_COUNTER_LOG", "\"loud\""),
        ("FRUIT_COUNTER_MODLE", "FRUIT_COUNTER_MODEL"),
    ] {
        assert!(
            found.iter().any(|m| m.contains(name) && m.contains(value)),
            "{name}: {found:#?}"
        );
    }
}

#[test]
fn missing_edge_variables_join_the_other_mistakes() {
    let error = Settings::read(
        [
            ("IOTEDGE_DEVICEID".to_owned(), "edge-dev".to_owned()),
            ("FRUIT_COUNTER_THREADS".to_owned(), "none".to_owned()),
        ],
        2,
    )
    .unwrap_err();
    let text = error.to_string();
    for part in [
        "IOTEDGE_WORKLOADURI",
        "IOTEDGE_MODULEID",
        "FRUIT_COUNTER_THREADS",
    ] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
}

#[test]
fn without_any_way_to_a_hub_the_module_stands_alone() {
    let (settings, connection) = Settings::read([], 2).unwrap();
    assert!(matches!(connection, Connection::Standalone));
    assert_eq!(settings.http, Some(HttpSettings::default()));
}

#[test]
fn without_a_hub_and_without_http_the_message_says_what_to_set() {
    let off = ("FRUIT_COUNTER_HTTP".to_owned(), "off".to_owned());
    let error = Settings::read([off], 2).unwrap_err().to_string();
    for part in ["FRUIT_COUNTER_HTTP", "EdgeHubConnectionString"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn the_http_door_takes_an_address_a_port_or_off() {
    let address = |text| {
        let (settings, _) = read(&[("FRUIT_COUNTER_HTTP", text)]).ok()?;
        Some(settings.http.map(|http| http.address.to_string()))
    };
    let at = |text: &str| Some(Some(text.to_owned()));
    assert_eq!(address("127.0.0.1:8080"), at("127.0.0.1:8080"));
    assert_eq!(address("[::1]:0"), at("[::1]:0"));
    assert_eq!(address("8080"), at("0.0.0.0:8080"));
    assert_eq!(address(":8080"), at("0.0.0.0:8080"));
    assert_eq!(address("Off"), Some(None));
    for bad in ["localhost", "65536", "on", "1.2.3.4", ""] {
        assert_eq!(address(bad), None, "{bad:?}");
    }
}

#[test]
fn pictures_by_address_come_from_public_addresses_unless_it_is_set_otherwise() {
    let url = |extra: &[(&str, &str)]| read(extra).unwrap().0.http.unwrap().url;
    assert_eq!(url(&[]), UrlAccess::Public);
    for (text, access) in [
        ("public", UrlAccess::Public),
        ("any", UrlAccess::Any),
        ("off", UrlAccess::Off),
    ] {
        assert_eq!(url(&[("FRUIT_COUNTER_HTTP_URL", text)]), access, "{text}");
    }
}

#[test]
fn what_counts_by_http_has_three_words() {
    let count = |extra: &[(&str, &str)]| Some(read(extra).ok()?.0.behaviour.http_count);
    assert_eq!(count(&[]), Some(CountMode::Named));
    for (text, mode) in [
        ("named", Some(CountMode::Named)),
        ("project", Some(CountMode::Project)),
        ("address", Some(CountMode::Address)),
        ("all", None),
        ("Named", None),
        ("", None),
    ] {
        assert_eq!(count(&[("FRUIT_COUNTER_HTTP_COUNT", text)]), mode, "{text}");
    }
}

#[test]
fn mistakes_in_the_http_settings_are_told_even_when_it_is_off() {
    let found = mistakes(&[
        ("FRUIT_COUNTER_HTTP", "off"),
        ("FRUIT_COUNTER_HTTP_MAX_BODY", "17000000"),
        ("FRUIT_COUNTER_HTTP_CONNECTIONS", "0"),
        ("FRUIT_COUNTER_HTTP_QUEUE", "many"),
        ("FRUIT_COUNTER_HTTP_CAMERAS", "-1"),
        ("FRUIT_COUNTER_HTTP_TIMEOUT", "30"),
        ("FRUIT_COUNTER_HTTP_URL", "private"),
        ("FRUIT_COUNTER_HTTP_COUNT", "all"),
    ]);
    assert_eq!(found.len(), 7, "{found:#?}");
}

#[test]
fn what_is_shown_of_a_key_says_nothing_of_it() {
    assert_eq!(
        format!("{:?}", PredictionKey::new(b"secret")),
        "PredictionKey(..)"
    );
}

#[test]
fn a_key_that_is_refused_is_not_shown() {
    let found = mistakes(&[("FRUIT_COUNTER_HTTP_KEY", "with blank")]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].contains("FRUIT_COUNTER_HTTP_KEY is not shown"),
        "{found:#?}"
    );
    assert!(!found[0].contains("blank"), "{found:#?}");
}

#[test]
fn a_connection_string_wins_over_the_edge_variables_and_needs_its_roots() {
    let string = "HostName=hub1.azure-devices.net;GatewayHostName=localhost;DeviceId=edge-dev;\
                  ModuleId=FruitCounter;SharedAccessKey=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let found = mistakes(&[("EdgeHubConnectionString", string)]);
    assert!(
        found[0].contains("EdgeModuleCACertificateFile"),
        "{found:#?}"
    );
    let (_, connection) = read(&[
        ("EdgeHubConnectionString", string),
        ("EdgeModuleCACertificateFile", "/run/ca.pem"),
    ])
    .unwrap();
    assert!(matches!(connection, Connection::Development { .. }));
}

#[test]
fn durations_need_a_unit_and_keep_to_their_range() {
    let check =
        |text: &str| parse_duration(text, Duration::from_secs(1), Duration::from_secs(86_400)).ok();
    assert_eq!(check("2s"), Some(Duration::from_secs(2)));
    assert_eq!(check("1500ms"), Some(Duration::from_millis(1500)));
    assert_eq!(check("1.5h"), Some(Duration::from_secs(5400)));
    assert_eq!(check("5 min"), Some(Duration::from_secs(300)));
    for bad in [
        "",
        "60",
        "s",
        "-5s",
        "10 parsecs",
        "1ms",
        "2d",
        "1e9s",
        "9999999999999999999d",
        "1.2.3s",
    ] {
        assert_eq!(check(bad), None, "{bad:?}");
    }
}

#[test]
fn a_report_interval_with_a_fraction_of_a_second_is_refused_by_name() {
    for text in ["1500ms", "1.5s", "0.5m1s"] {
        let found = mistakes(&[("FRUIT_COUNTER_REPORT_INTERVAL", text)]);
        assert!(
            found[0].contains("FRUIT_COUNTER_REPORT_INTERVAL"),
            "{found:#?}"
        );
    }
    assert!(read(&[("FRUIT_COUNTER_REPORT_INTERVAL", "1.5m")]).is_ok());
}

#[test]
fn a_value_that_is_not_text_is_a_mistake_and_not_the_default() {
    let found = mistakes(&[("FRUIT_COUNTER_LEDGER", "/data/\u{fffd}")]);
    assert!(found[0].contains("not UTF-8"), "{found:#?}");
}

#[test]
fn the_agents_log_level_holds_unless_ours_is_set() {
    assert_eq!(
        read(&[("RuntimeLogLevel", "debug")])
            .unwrap()
            .0
            .behaviour
            .log,
        Level::Debug
    );
    let both = [
        ("RuntimeLogLevel", "debug"),
        ("FRUIT_COUNTER_LOG", "Warning"),
    ];
    assert_eq!(read(&both).unwrap().0.behaviour.log, Level::Warning);
    assert_eq!(
        read(&[("RuntimeLogLevel", "shout")])
            .unwrap()
            .0
            .behaviour
            .log,
        Level::Info
    );
}

#[test]
fn log_lines_have_the_runtimes_prefix_unless_json_is_asked_for() {
    let format = |extra: &[(&str, &str)]| read(extra).unwrap().0.log_format;
    assert_eq!(format(&[]), LogFormat::Runtime);
    let name = "FRUIT_COUNTER_LOG_FORMAT";
    assert_eq!(format(&[(name, "runtime")]), LogFormat::Runtime);
    assert_eq!(format(&[(name, "json")]), LogFormat::Json);
    let found = mistakes(&[(name, "xml")]);
    assert!(found[0].contains("\"xml\"") && found[0].contains("runtime or json"));
    // Before the mistake can be told, there is a log to tell it in.
    let log = |value: &str| log([(name.to_owned(), value.to_owned())]);
    assert_eq!(log("xml"), (Level::Info, LogFormat::Runtime));
    assert_eq!(log("json"), (Level::Info, LogFormat::Json));
}

#[test]
fn what_has_to_do_with_time_is_read_with_its_units() {
    let (settings, _) = read(&[]).unwrap();
    assert_eq!(settings.stamp_limits, StampLimits::default());
    assert_eq!(settings.clock, Trust::Kernel);
    assert_eq!(settings.behaviour.heartbeat, Some(Duration::from_secs(900)));
    assert_eq!(settings.merge_after, Some(Duration::from_secs(6 * 3600)));
    let (settings, _) = read(&[
        ("FRUIT_COUNTER_STAMP_BEHIND", "2d"),
        ("FRUIT_COUNTER_STAMP_AHEAD", "0s"),
        ("FRUIT_COUNTER_CLOCK", "trusted"),
        ("FRUIT_COUNTER_HEARTBEAT", "off"),
        ("FRUIT_COUNTER_MERGE_AFTER", "Off"),
    ])
    .unwrap();
    assert_eq!(settings.stamp_limits.behind, Duration::from_secs(172_800));
    assert_eq!(settings.stamp_limits.ahead, Duration::ZERO);
    assert_eq!(settings.clock, Trust::Always);
    assert_eq!(
        (settings.behaviour.heartbeat, settings.merge_after),
        (None, None)
    );
}

#[test]
fn frames_are_flushed_at_once_unless_relaxed_is_asked_for() {
    let durability = |extra: &[(&str, &str)]| read(extra).unwrap().0.durability;
    assert_eq!(durability(&[]), Durability::Strict);
    let name = "FRUIT_COUNTER_DURABILITY";
    assert_eq!(durability(&[(name, "strict")]), Durability::Strict);
    assert_eq!(durability(&[(name, "relaxed")]), Durability::Relaxed);
    assert_eq!(
        mistakes(&[(name, "lazy")]),
        [r#"FRUIT_COUNTER_DURABILITY is "lazy": it is neither; accepted: strict or relaxed"#]
    );
}

#[test]
fn wrong_times_are_refused_by_name() {
    for (name, value) in [
        ("FRUIT_COUNTER_STAMP_BEHIND", "31d"),
        ("FRUIT_COUNTER_STAMP_AHEAD", "25h"),
        ("FRUIT_COUNTER_CLOCK", "rtc"),
        ("FRUIT_COUNTER_HEARTBEAT", "0s"),
        ("FRUIT_COUNTER_MERGE_AFTER", "never"),
    ] {
        let found = mistakes(&[(name, value)]);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(
            found[0].contains(name) && found[0].contains(value),
            "{found:#?}"
        );
    }
}

#[test]
fn every_setting_is_in_the_table_once_with_the_prefix() {
    for (at, setting) in SETTINGS.iter().enumerate() {
        assert!(setting.name.starts_with(PREFIX));
        assert!(
            SETTINGS[at + 1..]
                .iter()
                .all(|other| other.name != setting.name)
        );
    }
}

#[test]
fn the_layout_of_pictures_is_named_or_the_packages_own() {
    let (settings, _) = read(&[]).unwrap();
    assert_eq!(settings.model.layout, Layout::Auto);
    assert_eq!(settings.model.path, None);
    let (settings, _) = read(&[("FRUIT_COUNTER_PREPROCESS", "docker-2020")]).unwrap();
    assert_eq!(settings.model.layout.to_string(), "docker-2020");
    let found = mistakes(&[("FRUIT_COUNTER_PREPROCESS", "strict")]);
    assert!(
        found[0].contains("\"strict\"") && found[0].contains("docker-2018"),
        "{found:?}"
    );
}
