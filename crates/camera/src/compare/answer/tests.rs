//! Replies of every family, and what is read in them.

use super::*;

fn raw(status: u16, body: &str) -> Raw {
    Raw {
        status,
        retry_after: None,
        location: None,
        body: body.as_bytes().to_owned(),
    }
}

fn refused(status: u16, code: Option<&str>, message: &str) -> Refusal {
    Refusal {
        status: Some(status),
        code: code.map(str::to_owned),
        message: message.to_owned(),
    }
}

#[test]
fn answers_of_container_cloud_and_old_versions_are_read() {
    let container = r#"{"created":"2026-11-23T07:29:52.143911","id":"","iteration":"","predictions":[{"boundingBox":null,"probability":0.75,"tagId":"","tagName":"ripe"},{"boundingBox":null,"probability":0.25,"tagId":"","tagName":"unripe"}],"project":""}"#;
    let cloud = r#"{"id":"0","project":"p","iteration":"i","created":"2026-11-23T07:29:52.143Z","predictions":[{"probability":0.25,"tagId":"b","tagName":"unripe","tagType":"Regular"},{"probability":0.75,"tagId":"a","tagName":"ripe"}]}"#;
    let old = r#"{"Id":"0","Predictions":[{"TagId":"a","Tag":"ripe","Probability":0.75},{"Tag":"unripe","Probability":0.25}]}"#;
    let boxes = r#"{"predictions":[{"tagName":"ripe","probability":0.5},{"tagName":"unripe","probability":0.25},{"tagName":"ripe","probability":0.75}]}"#;
    let expected = Answer::from_iter([("ripe", 0.75), ("unripe", 0.25)]);
    for body in [container, cloud, old, boxes] {
        let reply = read(&raw(200, body), None);
        assert_eq!(reply, Reply::Answer(expected.clone()), "{body}");
    }
    assert_eq!(expected.top(), Some(("ripe", 0.75)));
    let nothing = read(&raw(200, r#"{"predictions":[]}"#), None);
    assert_eq!(nothing, Reply::Answer(Answer::default()));
    assert_eq!(Answer::default().top(), None);
}

#[test]
fn of_equal_labels_the_first_by_name_is_on_top() {
    let answer = Answer::from_iter([("b", 0.5), ("a", 0.5)]);
    assert_eq!(answer.top(), Some(("a", 0.5)));
}

#[test]
fn refusals_of_every_family_keep_code_and_message() {
    let cases = [
        (
            raw(
                400,
                r#"{"code":"BadRequestImageFormat","message":"no picture"}"#,
            ),
            refused(400, Some("BadRequestImageFormat"), "no picture"),
        ),
        (
            raw(
                400,
                r#"{"error":{"code":"InvalidRequest","message":"too small"}}"#,
            ),
            refused(400, Some("InvalidRequest"), "too small"),
        ),
        (
            raw(500, "Error processing image\n"),
            refused(500, None, "Error processing image"),
        ),
        (
            raw(200, r#""Error: Could not preprocess image""#),
            refused(200, None, "Error: Could not preprocess image"),
        ),
        (raw(413, ""), refused(413, None, "nothing")),
    ];
    for (raw, expected) in cases {
        assert_eq!(read(&raw, None), Reply::Refused(expected), "{raw:?}");
    }
}

#[test]
fn busy_endpoints_say_how_long() {
    for (status, header, expected) in [
        (429, Some("3"), Some(Duration::from_secs(3))),
        (503, None, None),
        (503, Some("Fri, 27 Nov 2026 01:00:00 GMT"), None),
        (429, Some("-1"), None),
    ] {
        let mut raw = raw(status, r#"{"statusCode":429,"message":"slow down"}"#);
        raw.retry_after = header.map(str::to_owned);
        let busy = Reply::Busy {
            refusal: refused(status, Some("429"), "slow down"),
            retry_after: expected,
        };
        assert_eq!(read(&raw, None), busy, "{header:?}");
    }
}

#[test]
fn what_is_no_endpoint_for_pictures_is_told_apart() {
    let page = "<!doctype html>\n<title>Welcome</title>";
    let (excerpt, said) = ("<!doctype html> <title>Welcome</title>", "gone".to_owned());
    let foreign = |excerpt: &str| Unusable::Foreign {
        excerpt: excerpt.to_owned(),
    };
    let key = |status| Unusable::Key {
        status,
        said: said.clone(),
    };
    let path = |status| Unusable::Path {
        status,
        said: said.clone(),
    };
    let cases = [
        (raw(200, page), foreign(excerpt)),
        (raw(200, "[1,2]"), foreign("[1,2]")),
        (
            raw(200, "{\"predictions\":[1]}"),
            foreign("{\"predictions\":[1]}"),
        ),
        (raw(204, ""), foreign("nothing")),
        (raw(401, "gone"), key(401)),
        (raw(403, "gone"), key(403)),
        (raw(404, "gone"), path(404)),
        (raw(405, "gone"), path(405)),
    ];
    for (raw, expected) in cases {
        assert_eq!(read(&raw, None), Reply::Unusable(expected), "{raw:?}");
    }
    let mut moved = raw(301, "");
    moved.location = Some("https://elsewhere/image".to_owned());
    let expected = Unusable::Moved {
        status: 301,
        location: "https://elsewhere/image".to_owned(),
    };
    assert_eq!(read(&moved, None), Reply::Unusable(expected));
}

#[test]
fn a_key_that_comes_back_is_not_repeated() {
    let key: Key = "s3cret".parse().unwrap();
    let cases = [
        raw(401, r#"{"code":"s3cret","message":"s3cret is unknown"}"#),
        raw(400, r#"{"code":"s3cret","message":"s3cret is unknown"}"#),
        raw(200, "your key is s3cret"),
        raw(200, "\"s3cret\""),
        raw(
            200,
            r#"{"predictions":[{"tagName":"s3cret","probability":1}]}"#,
        ),
    ];
    for raw in cases {
        let shown = format!("{:?}", read(&raw, Some(&key)));
        assert!(
            !shown.contains("s3cret") && shown.contains("[key]"),
            "{shown}"
        );
    }
    let odd: Key = "a/b\"c".parse().unwrap();
    let shown = format!("{:?}", read(&raw(200, r#"{"a":"a\/b\"c"}"#), Some(&odd)));
    assert!(shown.contains("[key]"), "{shown}");
}
