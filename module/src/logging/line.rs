//! An entry as a line: with the prefix of the IoT Edge runtime, or as a JSON object.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use tracing::Level;

use super::entry::{Entry, Value};
use crate::settings::LogFormat;

/// In the runtime's prefix.
const STAMP: &[BorrowedFormatItem<'_>] = format_description!(
    "[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3] +00:00"
);
/// RFC 3339.
const RFC_3339: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// The line, with its end.
pub(super) fn line(entry: &Entry, format: LogFormat) -> String {
    match format {
        LogFormat::Runtime => runtime_line(entry),
        LogFormat::Json => json_line(entry),
    }
}

/// What an entry says, without its time and level: one line, whatever the text holds. A line break
/// inside would look like a second event.
pub(super) fn text(entry: &Entry) -> String {
    let mut text = entry.message.clone();
    for (name, value) in &entry.fields {
        let space = if text.is_empty() { "" } else { " " };
        // Writing to a string does not fail.
        let _ = write!(text, "{space}{name}={value}");
    }
    text.chars()
        .map(|c| if ends_lines(c) { ' ' } else { c })
        .collect()
}

fn runtime_line(entry: &Entry) -> String {
    let (number, letters) = severity(entry.level);
    let (stamp, text) = (stamp(entry.at, STAMP), text(entry));
    format!("<{number}> {stamp} [{letters}] - {text}\n")
}

/// What is in a JSON line, in this order.
#[derive(Serialize)]
struct Object<'a> {
    time: String,
    level: &'static str,
    message: &'a str,
    fields: BTreeMap<&'a str, &'a Value>,
}

fn json_line(entry: &Entry) -> String {
    let mut fields = BTreeMap::new();
    for (name, value) in &entry.fields {
        // The event's own before its span's, and the inner span's before the outer one's.
        fields.entry(*name).or_insert(value);
    }
    let object = Object {
        time: stamp(entry.at, RFC_3339),
        level: word(entry.level),
        message: &entry.message,
        fields,
    };
    // Its keys are text and its values cannot fail.
    let json = serde_json::to_string(&object).unwrap_or_default();
    let mut line = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        if ends_lines(c) {
            // Only ever inside a text, and there a reader sees the same character.
            let _ = write!(line, "\\u{:04x}", u32::from(c));
        } else {
            line.push(c);
        }
    }
    line.push('\n');
    line
}

/// Control characters, and the two others that some readers take for the end of a line.
fn ends_lines(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// A moment whose year has more than four digits shows its seconds.
fn stamp(at: OffsetDateTime, format: &[BorrowedFormatItem<'_>]) -> String {
    at.format(format)
        .unwrap_or_else(|_no_such_year| at.unix_timestamp().to_string())
}

/// The syslog severity and the three letters of a level.
fn severity(level: Level) -> (u8, &'static str) {
    match level {
        Level::ERROR => (3, "ERR"),
        Level::WARN => (4, "WRN"),
        Level::INFO => (6, "INF"),
        Level::DEBUG => (7, "DBG"),
        Level::TRACE => (7, "VRB"),
    }
}

/// A level in the words of the setting.
fn word(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warning",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "verbose",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    fn entry(message: &str, fields: &[(&'static str, Value)]) -> Entry {
        Entry {
            at: datetime!(2026-11-23 10:00:00.0019 UTC),
            level: Level::WARN,
            message: message.to_owned(),
            fields: fields.to_vec(),
        }
    }

    fn json(entry: &Entry) -> serde_json::Value {
        let line = line(entry, LogFormat::Json);
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    #[test]
    fn a_runtime_line_shows_text_in_quotes_and_the_rest_as_it_is() {
        let entry = entry(
            "refused",
            &[
                ("port", Value::Natural(8883)),
                ("why", Value::Text("no \"room\"".to_owned())),
                ("limit", Value::Shown("1 KiB".to_owned())),
                ("share", Value::Fraction(1.0)),
            ],
        );
        assert_eq!(
            line(&entry, LogFormat::Runtime),
            "<4> 2026-11-23 10:00:00.001 +00:00 [WRN] - \
             refused port=8883 why=\"no \\\"room\\\"\" limit=1 KiB share=1.0\n"
        );
    }

    #[test]
    fn a_json_line_has_time_level_message_and_fields_of_their_kinds() {
        let entry = entry(
            "refused",
            &[
                ("port", Value::Natural(8883)),
                ("camera", Value::Text("inner".to_owned())),
                ("is_alone", Value::Truth(true)),
                ("camera", Value::Text("outer".to_owned())),
            ],
        );
        assert_eq!(
            line(&entry, LogFormat::Json),
            "{\"time\":\"2026-11-23T10:00:00.001Z\",\"level\":\"warning\",\"message\":\"refused\",\
             \"fields\":{\"camera\":\"inner\",\"is_alone\":true,\"port\":8883}}\n"
        );
    }

    #[test]
    fn a_number_that_json_does_not_have_is_text() {
        let entry = entry("", &[("n", Value::Shown("inf".to_owned()))]);
        assert_eq!(json(&entry)["fields"]["n"], "inf");
        assert!(line(&entry, LogFormat::Runtime).ends_with("[WRN] - n=inf\n"));
    }

    #[test]
    fn line_ends_of_every_sort_stay_inside_a_line() {
        let text = "a\nb\r\nc\u{85}d\u{2028}e\u{2029}f\u{b}g\0h\u{7f}";
        let entry = entry(text, &[("also", Value::Shown(text.to_owned()))]);
        for format in [LogFormat::Runtime, LogFormat::Json] {
            let line = line(&entry, format);
            let body = line.strip_suffix('\n').unwrap();
            assert!(!body.contains(ends_lines), "{line:?}");
        }
        assert_eq!(json(&entry)["message"], text);
        assert_eq!(json(&entry)["fields"]["also"], text);
    }

    proptest! {
        #[test]
        fn whatever_bytes_a_text_holds_a_json_line_is_one_line_of_json_that_gives_it_back(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            characters in any::<String>(),
        ) {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let entry = entry(&text, &[("also", Value::Text(characters.clone()))]);
            let line = line(&entry, LogFormat::Json);
            prop_assert_eq!(line.matches(ends_lines).count(), 1);
            let read: serde_json::Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(&read["message"], &serde_json::Value::from(text));
            prop_assert_eq!(&read["fields"]["also"], &serde_json::Value::from(characters));
            prop_assert_eq!(&read["level"], "warning");
        }
    }
}
