//! Which messages a route can take at all: never, possibly, undecided.

use routes::{Reach, Route, Senders, reach};

fn route(text: &str) -> Route {
    Route::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

fn where_leaf(condition: &str) -> Reach {
    let route = route(&format!(
        "FROM /messages/* WHERE {condition} INTO $upstream"
    ));
    reach(&[&route], Senders::LeafDevices)
}

/// No message of a leaf device passes this condition.
#[track_caller]
fn never(condition: &str) {
    let found = where_leaf(condition);
    assert!(found.is_never(), "{condition}: {found:?}");
}

/// A message of a leaf device passes it, and is told so.
#[track_caller]
fn possibly(condition: &str, example: &str) {
    match where_leaf(condition) {
        Reach::Possibly(found) => assert_eq!(found.to_string(), example, "{condition}"),
        other => panic!("{condition}: {other:?}"),
    }
}

/// Nobody knows, and it is told over which part.
#[track_caller]
fn undecided(condition: &str, part: &str) {
    match where_leaf(condition) {
        Reach::Undecided(why) => assert!(why.to_string().contains(part), "{condition}: {why}"),
        other => panic!("{condition}: {other:?}"),
    }
}

#[test]
fn a_module_that_must_have_sent_it_excludes_every_leaf_device() {
    for condition in [
        "IS_DEFINED({$connectionModuleId})",
        "{$connectionModuleId} = 'FruitCounter'",
        "'FruitCounter' = {$CONNECTIONMODULEID}",
        "{$connectionModuleId} <> 'Camera'",
        "NOT ({$connectionModuleId} = 'Camera')",
        "NOT (NOT IS_DEFINED({$connectionModuleId}))",
        "fruit = 'ripe' AND {$connectionModuleId} = 'FruitCounter'",
        "{$connectionModuleId} = 'a' OR {$connectionModuleId} = 'b'",
        "lower({$connectionModuleId}) = 'fruitcounter'",
        "starts_with({$connectionModuleId}, 'Fruit')",
        "length({$connectionModuleId}) > 0",
        "is_string({$connectionModuleId}) AND $body.ripe > 0",
        "({$connectionModuleId} ?? 'none') = 'FruitCounter'",
        "concat({$connectionModuleId}, 'x') <> 'y'",
    ] {
        never(condition);
    }
}

#[test]
fn a_property_of_the_same_name_lets_a_camera_pass_for_a_module() {
    possibly(
        "$connectionModuleId = 'FruitCounter'",
        "a message of the leaf device \"cam-01\" with the property $connectionModuleId=\"FruitCounter\"",
    );
    possibly(
        "IS_DEFINED($connectionModuleId)",
        "a message of the leaf device \"cam-01\" with the property $connectionModuleId=\"x\"",
    );
}

#[test]
fn what_contradicts_itself_or_is_never_true_takes_nothing() {
    for condition in [
        "false",
        "undefined",
        "1 = 2",
        "3 % 0 > 1",
        "kind = 'a' AND kind = 'b'",
        "KIND = 'a' AND kind <> 'a'",
        "is_defined(kind) AND NOT is_defined(kind)",
        "(kind = 'a' OR kind = 'b') AND kind = 'c'",
        "$body.kind = 'a' AND $body.kind = 1",
        "kind = 'a' AND NOT (kind = 'a' OR other = 'b')",
        "true AND (false OR NOT true)",
        "is_number(kind)",
        "'a' || 'b' = 'c'",
        "length(7 ?? 8) = 1 AND false",
    ]
    .into_iter()
    .filter(|condition| Route::parse(&format!("FROM /x WHERE {condition} INTO $upstream")).is_ok())
    {
        never(condition);
    }
}

#[test]
fn what_a_camera_can_say_comes_with_a_message_that_says_it() {
    let camera = "a message of the leaf device \"cam-01\"";
    possibly("NOT IS_DEFINED($connectionModuleId)", camera);
    possibly("true", camera);
    possibly(
        "kind = 'alarm'",
        &format!("{camera} with the property kind=\"alarm\""),
    );
    possibly(
        "as_number(weight) > 5",
        &format!("{camera} with the property weight=\"6\""),
    );
    possibly(
        "{$contentType} = 'image/jpeg'",
        &format!("{camera} with the system property $contentType=\"image/jpeg\""),
    );
    possibly(
        "$connectionDeviceId = 'gate'",
        "a message of the leaf device \"gate\"",
    );
    possibly(
        "$body.fruit.ripe > 3",
        &format!(
            "{camera} with the system property $contentType=\"application/json\" and the system \
             property $contentEncoding=\"utf-8\" and the body {{\"fruit\":{{\"ripe\":4.0}}}}"
        ),
    );
}

#[test]
fn what_is_not_seen_through_is_not_taken_for_a_no() {
    undecided("length(kind) = 17", "length(kind) = 17.0");
    undecided(
        "kind = 'x' AND starts_with(name, 'zz') AND ends_with(name, 'y')",
        "starts_with",
    );
    // edgeHub takes `$.on` from leaf devices too, though their messages have no such path.
    undecided("{$outputName} = 'counts'", "outputName");
}

/// edgeHub's functions answer otherwise than ours at the edges; a proof that folds ours is none.
#[test]
fn no_proof_rests_on_what_a_function_answers() {
    for condition in [
        "NOT IS_DEFINED(substring('abc', 3, 0))",
        "NOT IS_DEFINED(substring('abc', 1.7, 2))",
        "NOT IS_DEFINED(as_number('- 5'))",
        "IS_DEFINED(as_number('5\u{0}'))",
        "as_number('5') = 6",
        "upper('ı') = 'ı'",
        "lower('İ') = 'İ'",
        "exp(1) = 2",
        "power(2, 0.5) = 1.5",
        "length('abc') = 4",
        "index_of('abc', 'b') = 2",
        "starts_with('abc', 'b')",
        "concat('a', 'b') = 'c'",
        "is_string(substring('abc', 9))",
        "IS_NULL(lower('A'))",
    ] {
        let found = where_leaf(condition);
        assert!(!found.is_never(), "{condition}: {found:?}");
    }
}

/// To Rust `ı` is the lower case of `I`, to .NET it is another letter.
#[test]
fn names_that_only_one_folding_takes_for_the_same_are_two() {
    for (left, right) in [("kınd", "kind"), ("ſize", "size"), ("ɤ", "Ɤ"), ("ä", "Ä")] {
        let found = where_leaf(&format!("{left} = 'a' AND {right} = 'b'"));
        assert!(!found.is_never(), "{left} {right}: {found:?}");
        never(&format!("{left} = 'a' AND {left} = 'b'"));
    }
    never("KIND = 'a' AND kind = 'b'");
    // Another module than `Kıwı` may well be called `KIWI`.
    let own = route("FROM /messages/modules/KIWI INTO $upstream");
    assert!(!reach(&[&own], Senders::OtherModules("Kıwı")).is_never());
    assert!(!reach(&[&own], Senders::Module("Kıwı")).is_never());
}

/// Whoever checks a deployment waits for it.
#[test]
fn a_condition_beyond_the_budget_is_undecided_at_once() {
    let many: Vec<_> = (0..200)
        .map(|n| format!("(a{n} = 'x' OR b{n} = 'y')"))
        .collect();
    let began = std::time::Instant::now();
    let found = where_leaf(&many.join(" AND "));
    assert!(matches!(found, Reach::Undecided(_)), "{found:?}");
    let took = began.elapsed();
    assert!(took < std::time::Duration::from_secs(1), "{took:?}");
}

#[test]
fn sources_that_no_leaf_device_has_are_never_reached() {
    for (source, is_never) in [
        ("/*", false),
        ("/messages", false),
        ("/MESSAGES/*", false),
        ("/messages/modules/*", true),
        ("/messages/modules/FruitCounter/outputs/counts", true),
        ("/messages/events", true),
        ("/twinChangeNotifications", true),
    ] {
        let route = route(&format!("FROM {source} INTO $upstream"));
        let found = reach(&[&route], Senders::LeafDevices);
        assert_eq!(found.is_never(), is_never, "{source}: {found:?}");
    }
}

#[test]
fn two_routes_meet_only_in_messages_that_both_take() {
    let meets = |first: &str, second: &str, senders: Senders<'_>| {
        let first = route(&format!("FROM {first} INTO $upstream"));
        let second = route(&format!("FROM {second} INTO $upstream"));
        reach(&[&first, &second], senders)
    };
    let others = Senders::OtherModules("FruitCounter");
    for (first, second) in [
        (
            "/messages/modules/Proxy/outputs/pictures",
            "/messages/modules/Proxy/outputs/alarms",
        ),
        ("/messages/modules/Proxy", "/messages/modules/FruitCounter"),
        ("/messages/modules/FruitCounter", "/messages/*"),
        (
            "/messages/modules/Proxy",
            "/messages/* WHERE {$connectionModuleId} = 'FruitCounter'",
        ),
        (
            "/messages/modules/Proxy/outputs/a",
            "/messages/* WHERE {$outputName} = 'b'",
        ),
        (
            "/messages/* WHERE kind = 'picture'",
            "/messages/* WHERE kind <> 'picture'",
        ),
        (
            "/messages/modules/* WHERE {$connectionModuleId} <> 'FruitCounter'",
            "/messages/* WHERE {$connectionModuleId} = 'FruitCounter'",
        ),
        // The name is one letter's case away, and still that module.
        (
            "/messages/*",
            "/messages/* WHERE {$connectionModuleId} = 'fruitcounter'",
        ),
        (
            "/messages/* WHERE NOT IS_DEFINED($connectionModuleId)",
            "/messages/modules/*",
        ),
    ] {
        let found = meets(first, second, others);
        assert!(found.is_never(), "{first} and {second}: {found:?}");
        let found = meets(second, first, others);
        assert!(found.is_never(), "{second} and {first}: {found:?}");
    }
    for (first, second, example) in [
        (
            "/messages/modules/proxy/outputs/pictures",
            "/messages/modules/Proxy/*",
            "a message of the module \"Proxy\" on its output \"pictures\"",
        ),
        ("/messages/*", "/*", "a message of the module \"sorter\""),
        (
            "/messages/* WHERE kind = 'picture'",
            "/messages/* WHERE size <> 'large' AND is_defined(kind)",
            "a message of the module \"sorter\" with the property kind=\"picture\" and the property \
             size=\"picture\"",
        ),
    ] {
        match meets(first, second, others) {
            Reach::Possibly(found) => assert_eq!(found.to_string(), example),
            other => panic!("{first} and {second}: {other:?}"),
        }
    }
    let own = Senders::Module("FruitCounter");
    assert!(!meets("/messages/*", "/messages/modules/fruitcounter", own).is_never());
    assert!(meets("/messages/*", "/messages/modules/Proxy", own).is_never());
    assert!(!meets("/*", "/twinChangeNotifications", Senders::TwinChanges).is_never());
    assert!(
        meets(
            "/messages/*",
            "/twinChangeNotifications",
            Senders::TwinChanges
        )
        .is_never()
    );
}

#[test]
fn a_large_condition_is_answered_and_never_with_a_false_never() {
    let many: Vec<_> = (0..60)
        .map(|n| format!("(a{n} = 'x' OR b{n} = 'y')"))
        .collect();
    possibly_anything(&many.join(" AND "));
    let mut nested = "z = 'z'".to_owned();
    for n in 0..60 {
        nested = format!("(a{n} = 'x' OR b{n} = 'y') AND ({nested})");
    }
    possibly_anything(&nested);
    never(&format!("{} AND z = '1' AND z = '2'", many.join(" AND ")));
}

#[test]
fn zero_may_be_minus_zero_which_divides_to_another_end() {
    possibly_anything("$body.n = 0 AND 1 / $body.n < 0");
    never("$body.n = 2 AND 1 / $body.n < 0");
}

#[track_caller]
fn possibly_anything(condition: &str) {
    let found = where_leaf(condition);
    assert!(!found.is_never(), "{condition}: {found:?}");
}
