//! Sets of routes: one copy per endpoint, all mistakes at once.

use routes::{DEFAULT_PRIORITY, Origin, RouteSet, RouteSpec, RoutedMessage, Sink};

const CAMERAS: &str = "FROM /messages/* WHERE NOT IS_DEFINED($connectionModuleId) \
                       INTO BrokeredEndpoint(\"/modules/FruitCounter/inputs/images\")";

fn spec(route: &str, priority: Option<u32>, time_to_live_secs: Option<u32>) -> RouteSpec {
    RouteSpec {
        route: route.to_owned(),
        priority,
        time_to_live_secs,
    }
}

fn input(input: &str) -> Sink {
    Sink::Input {
        module: "FruitCounter".to_owned(),
        input: input.to_owned(),
    }
}

#[test]
fn checklist_31_two_routes_to_one_input_give_one_copy_and_to_two_inputs_two() {
    let set = RouteSet::parse([
        ("late", spec(CAMERAS, None, Some(60))),
        ("early", spec(CAMERAS, Some(3), Some(120))),
        ("also", spec(CAMERAS, Some(3), None)),
        ("other", RouteSpec::new(CAMERAS.replace("images", "spare"))),
        (
            "up",
            RouteSpec::new("FROM /messages/modules/* INTO $upstream"),
        ),
    ]);
    let set = set.expect("good routes");
    let camera = Origin::Leaf { device: "cam-01" };
    let targets = set.targets(&RoutedMessage::new(camera, &[], &[], b"\xff\xd8"));
    let found: Vec<_> = targets
        .iter()
        .map(|target| {
            (
                target.route,
                target.sink.clone(),
                target.priority,
                target.time_to_live_secs,
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("early", input("images"), 3, Some(120)),
            ("other", input("spare"), DEFAULT_PRIORITY, None),
        ]
    );
}

#[test]
fn a_message_that_no_route_takes_has_no_target() {
    let set = RouteSet::parse([("cameras", RouteSpec::new(CAMERAS))]).expect("a good route");
    let module = Origin::Module {
        device: "edge",
        module: "m",
        output: None,
    };
    assert_eq!(set.targets(&RoutedMessage::new(module, &[], &[], b"")), []);
}

#[test]
fn endpoints_that_differ_in_case_are_two() {
    let set = RouteSet::parse([
        ("a", RouteSpec::new(CAMERAS)),
        ("b", RouteSpec::new(CAMERAS.replace("images", "Images"))),
    ]);
    let set = set.expect("good routes");
    let camera = Origin::Leaf { device: "cam-01" };
    assert_eq!(
        set.targets(&RoutedMessage::new(camera, &[], &[], b""))
            .len(),
        2
    );
}

#[test]
fn checklist_33_one_bad_route_refuses_the_set_and_all_bad_ones_are_named() {
    let error = RouteSet::parse([
        ("good", RouteSpec::new(CAMERAS)),
        (
            "greedy",
            RouteSpec::new("FROM /* WHERE x!='y' AND z INTO $upstream"),
        ),
        ("sink", RouteSpec::new("FROM /* INTO $down")),
    ])
    .expect_err("two bad routes");
    let names: Vec<_> = error
        .refused
        .iter()
        .map(|refused| refused.name.as_str())
        .collect();
    assert_eq!(names, ["greedy", "sink"]);
    let text = error.to_string();
    assert!(
        text.contains("route \"greedy\": line 1, column 22: "),
        "{text}"
    );
    assert!(
        text.contains("route \"sink\": line 1, column 14: "),
        "{text}"
    );
}

#[test]
fn a_stated_time_to_live_of_zero_is_the_hubs_own() {
    let set = RouteSet::parse([("r", spec(CAMERAS, Some(0), Some(0)))]).expect("a good route");
    assert_eq!(set.routes()[0].time_to_live_secs(), None);
    assert_eq!(set.routes()[0].priority(), 0);
}
