//! Payloads, good and bad, and what is said of them.

use super::*;

#[tokio::test]
async fn a_bad_payload_is_told_key_value_and_cure() {
    let bench = bench();
    let check = async |name: &str, payload: Value, expected: &str| {
        let (status, code, message) = bench.refused(name, payload.clone()).await;
        assert_eq!((status, code.as_str()), (400, "badPayload"), "{message}");
        assert_eq!(message, expected, "{name} {payload}");
    };
    check(
        "ping",
        json!({"a": 1}),
        "\"a\" is no key of ping, expected none: {} or null",
    )
    .await;
    check(
        "ping",
        json!(5),
        "the payload is 5, expected an object such as {}, or null",
    )
    .await;
    let counts = "getCounts";
    check(
        counts,
        json!({"From": "2026-11-23"}),
        "\"From\" is no key of getCounts, expected from, to, camera, cameras or after",
    )
    .await;
    check(
        counts,
        json!({"from": 5}),
        "from is 5, expected a time: RFC 3339 such as \"2026-11-23T10:00:00Z\", or a date",
    )
    .await;
    check(
        counts,
        json!({"to": "noon"}),
        "to: \"noon\" is no time, expected RFC 3339 such as 2026-11-23T10:00:00Z, or a date such \
         as 2026-11-23, which is its midnight in UTC",
    )
    .await;
    check(
        counts,
        json!({"from": "2026-11-24", "to": "2026-11-23"}),
        "from is 2026-11-24T00:00:00Z and to is 2026-11-23T00:00:00Z, expected from before to: \
         `to` is the first moment that does not belong to the span",
    )
    .await;
    check(
        counts,
        json!({"camera": ["a"]}),
        "camera is a list, expected text",
    )
    .await;
    check(
        counts,
        json!({"cameras": "yes"}),
        "cameras is \"yes\", expected true or false",
    )
    .await;
    check(
        counts,
        json!({"camera": "a", "cameras": true}),
        "camera is beside cameras, expected camera alone for one camera, or cameras for a list of \
         them",
    )
    .await;
    check(
        counts,
        json!({"after": "a"}),
        "cameras is false, expected true beside after, which goes on in the list of cameras",
    )
    .await;
    let reports = "getReports";
    check(
        reports,
        json!({"limit": 0}),
        "limit is 0, expected a whole number from 1 to 200",
    )
    .await;
    check(
        reports,
        json!({"sequence": -1}),
        "sequence is -1, expected a whole number from 1 to 9223372036854775807",
    )
    .await;
    check(
        reports,
        json!({"last": 1, "sequence": 2}),
        "last is beside sequence, expected one of them",
    )
    .await;
    check(
        reports,
        json!({"sequence": 2, "open": true}),
        "sequence is beside open, expected sequence or last, with limit, for reports as they are \
         sent; or from, to, open or token for windows",
    )
    .await;
    check(
        reports,
        json!({"token": "x"}),
        "token is \"x\", expected `next` of the page before as it is, or no token",
    )
    .await;
    check(
        reports,
        json!({"from": "noon"}),
        "from: \"noon\" is no time, expected RFC 3339 such as 2026-11-23T10:00:00Z, or a date such \
         as 2026-11-23, which is its midnight in UTC",
    )
    .await;
}

#[tokio::test]
async fn a_message_stays_short_whatever_is_sent() {
    let bench = bench();
    let long = "x".repeat(100_000);
    for (name, payload) in [
        (long.as_str(), Value::Null),
        ("getCounts", json!({ (long.clone()): 1 })),
        ("getCounts", json!({"from": long})),
        ("getCounts", json!({"camera": long})),
        ("getReports", json!({"token": long})),
        ("ping", json!(long)),
    ] {
        let (status, _, message) = bench.refused(name, payload).await;
        assert!((400..500).contains(&status), "{status}: {message}");
        assert!(message.len() < 800, "{}: {message}", message.len());
    }
}

/// What the schema says of a payload is what the parser does, but for times, tokens and keys that do
/// not go together, of which a schema cannot speak.
#[test]
fn the_schemas_of_payloads_agree_with_what_is_taken() {
    let methods = ["ping", "getCounts", "getReports", "getDiagnostics"];
    let values = [
        json!(null),
        json!(true),
        json!("2026-11-23"),
        json!(1),
        json!(200),
        json!(0),
        json!(-1),
        json!(201),
        json!([]),
        json!({}),
    ];
    let keys = [
        "from", "to", "camera", "cameras", "after", "open", "sequence", "last", "limit", "x",
    ];
    let mut taken = 0;
    for method in methods {
        let check = |payload: &Value| {
            let by_schema = mistakes(&format!("{method}.request"), payload).is_empty();
            let parsed = Request::parse(method, payload).is_ok();
            assert_eq!(by_schema, parsed, "{method} {payload}");
            usize::from(parsed)
        };
        for value in &values {
            // A bare text is no payload, nor is a number.
            taken += check(value);
            for key in keys {
                let mut payload = json!({ (key): value });
                if key == "after" {
                    payload["cameras"] = json!(true);
                }
                taken += check(&payload);
            }
        }
    }
    assert!(taken > 30, "{taken}");
}
