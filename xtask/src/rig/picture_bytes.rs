//! Looks for pictures in what goes upstream, as bytes, as text, or in pieces.
//!
//! The promise of the module is that none is ever there, so this errs on the
//! side of finding one: anything that is not JSON counts whole.

use serde_json::Value;

/// Base64 or hexadecimal text longer than this is taken for an encoded picture.
/// The longest honest one in a report is a SHA-256 with 64 characters.
const LONGEST_HONEST_TEXT: usize = 256;
/// A list of so many numbers from 0 to 255 is taken for bytes written as numbers.
const LONGEST_HONEST_LIST: usize = 64;
/// How the first bytes of JPEG, PNG, GIF, WebP (RIFF) and TIFF look in base64,
/// then in hexadecimal.
const BEGINNINGS: [&str; 12] = [
    "/9j/",
    "_9j_",
    "iVBORw0KGgo",
    "R0lGOD",
    "UklGR",
    "SUkqA",
    "TU0AK",
    "ffd8ff",
    "FFD8FF",
    "89504e47",
    "89504E47",
    "47494638",
];
/// Shorter texts than this hold no picture, however they begin.
const SHORTEST_PICTURE_TEXT: usize = 48;

/// Bytes of a message body that are, or may be, part of a picture.
///
/// `body` is the body as JSON; a body that is something else comes as `None`
/// and counts whole, `bytes` being its size.
pub(crate) fn in_body(body: Option<&Value>, bytes: u64) -> u64 {
    body.map_or(bytes, in_value)
}

/// The same within a JSON value, keys included.
pub(crate) fn in_value(value: &Value) -> u64 {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => in_text(text),
        Value::Array(items) => {
            let is_byte = |item: &Value| item.as_u64().is_some_and(|number| number <= 255);
            if items.len() > LONGEST_HONEST_LIST && items.iter().all(is_byte) {
                return items.len() as u64;
            }
            items
                .iter()
                .map(in_value)
                .sum::<u64>()
                .max(in_pieces(items))
        }
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| in_text(key) + in_value(value))
            .sum(),
    }
}

fn in_text(text: &str) -> u64 {
    // `data:image/jpeg;base64,` and its kind.
    let payload = text.rsplit_once(',').map_or(text, |(_, payload)| payload);
    let begins_like_one = BEGINNINGS.iter().any(|mark| payload.starts_with(mark));
    let is_one = text.starts_with("data:image/")
        || (payload.len() >= SHORTEST_PICTURE_TEXT && begins_like_one)
        || (payload.len() > LONGEST_HONEST_TEXT && is_encoded(payload));
    if is_one { text.len() as u64 } else { 0 }
}

/// Encoded text cut into a list of short strings.
fn in_pieces(items: &[Value]) -> u64 {
    let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
    texts
        .filter(|texts| texts.len() > 1)
        .map_or(0, |texts| in_text(&texts.concat()))
}

/// Only letters of base64 (both alphabets) and line ends; hexadecimal is a part of it.
fn is_encoded(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"+/-_=\r\n".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn honest_report_holds_no_picture() {
        let report = json!({
            "schema": "fruit-counts/1", "reportId": "0d5b-42", "sequence": 42,
            "counts": {"ripe": 12, "unripe": 3},
            "cameras": {"cam-01": {"counts": {"ripe": 12}, "frames": {"received": 17}}},
            "model": {"sha256": "e36c187006e7a7c8b8d6d57f1a209dd63f52430dca6c282b177718ad6b841054"},
            "note": "a long sentence for people, ".repeat(30),
            "list": [1, 2, 3],
        });
        assert_eq!(in_body(Some(&report), 900), 0);
    }

    #[test]
    fn body_that_is_not_json_counts_whole() {
        assert_eq!(in_body(None, 4321), 4321);
    }

    #[test]
    fn pictures_are_found_in_every_disguise() {
        let base64 = "QUJD".repeat(100);
        let cases = [
            json!({ "picture": base64 }),
            json!({ "picture": format!("data:image/jpeg;base64,{}", "QUJD") }),
            json!({ "picture": format!("/9j/{}", "4AAQSkZJRgABAQAAAQABAAD_".repeat(2)) }),
            json!({ "deep": [{ "er": format!("iVBORw0KGgo{}", "AAAANSUhEUgAA".repeat(4)) }] }),
            json!({ "hexadecimal": "0123456789abcdef".repeat(20) }),
            json!({ "numbers": (0..200).collect::<Vec<u8>>() }),
            json!({ "pieces": vec!["QUJDREVG".repeat(4); 20] }),
            json!({ base64.as_str(): 1 }),
        ];
        for case in cases {
            assert!(in_body(Some(&case), 1) > 0, "{case}");
        }
    }

    #[test]
    fn as_many_bytes_are_reported_as_there_are() {
        let value = json!({ "a": "QUJD".repeat(100), "b": [1, "QUJD".repeat(100)] });
        assert_eq!(in_body(Some(&value), 1), 800);
    }
}
