//! JSON whose members keep their order.
//!
//! `createOptions` become text that other tools make as well; theirs keep the
//! order of the template, so a map that sorts its keys would make another
//! document. This is the smallest tree that keeps it. A key that stands twice
//! keeps its first place and its last value, as in the tools.

use std::fmt::{self, Write as _};

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::error::ManifestError;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Parse `text`, called `what` in an error.
    pub(crate) fn parse(text: &str, what: &str) -> Result<Self, ManifestError> {
        serde_json::from_str(text).map_err(|source| ManifestError::Json {
            what: what.to_owned(),
            hint: "",
            source,
        })
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Self::Object(members) => members
                .iter()
                .find_map(|(name, value)| (name == key).then_some(value)),
            _ => None,
        }
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Json> {
        match self {
            Self::Object(members) => members
                .iter_mut()
                .find_map(|(name, value)| (name == key).then_some(value)),
            _ => None,
        }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The same as the sorted map that the rest of the world passes around.
    pub(crate) fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(truth) => Value::Bool(*truth),
            Self::Number(number) => Value::Number(number.clone()),
            Self::String(text) => Value::String(text.clone()),
            Self::Array(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Self::Object(members) => {
                let members = members
                    .iter()
                    .map(|(key, value)| (key.clone(), value.to_value()));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }

    /// Without white space, everything beyond ASCII escaped: as Python's
    /// `json.dumps(…, separators=(',', ':'))` writes it.
    pub(crate) fn minified(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, None);
        text
    }

    /// Indented by two spaces, everything beyond ASCII escaped: as Python's
    /// `json.dumps(…, indent=2)` writes it, with a line end behind.
    pub(crate) fn pretty(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, Some(0));
        text.push('\n');
        text
    }

    /// `indent` is the level of this value, `None` for one line.
    fn write(&self, out: &mut String, indent: Option<usize>) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
            Self::Number(number) => out.push_str(&number.to_string()),
            Self::String(text) => write_text(out, text),
            Self::Array(items) => {
                write_list(out, indent, ('[', ']'), items, |out, item, indent| {
                    item.write(out, indent);
                });
            }
            Self::Object(members) => {
                write_list(
                    out,
                    indent,
                    ('{', '}'),
                    members,
                    |out, (key, value), indent| {
                        write_text(out, key);
                        out.push_str(if indent.is_some() { ": " } else { ":" });
                        value.write(out, indent);
                    },
                );
            }
        }
    }
}

fn write_list<T>(
    out: &mut String,
    indent: Option<usize>,
    brackets: (char, char),
    items: &[T],
    write_item: impl Fn(&mut String, &T, Option<usize>),
) {
    let line = |out: &mut String, level: Option<usize>| {
        if let Some(level) = level {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', 2 * level));
        }
    };
    let inner = indent.map(|level| level + 1);
    out.push(brackets.0);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        line(out, inner);
        write_item(out, item, inner);
    }
    if !items.is_empty() {
        line(out, indent);
    }
    out.push(brackets.1);
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    out.push_str(&escaped(text));
    out.push('"');
}

/// `text` as it stands between the quotes of a JSON string, in ASCII.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    // Writing into a `String` cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Json, E> {
        Ok(Json::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Json, E> {
        Number::from_f64(number)
            .map(Json::Number)
            .ok_or_else(|| E::custom("a number out of range"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Json, E> {
        Ok(Json::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element()? {
            array.push(item);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut object: Vec<(String, Json)> = Vec::new();
        while let Some((key, value)) = members.next_entry::<String, Json>()? {
            match object.iter_mut().find(|(known, _)| *known == key) {
                Some((_, place)) => *place = value,
                None => object.push((key, value)),
            }
            if object.len() > MAX_MEMBERS {
                return Err(A::Error::custom(format!(
                    "an object of more than {MAX_MEMBERS} members"
                )));
            }
        }
        Ok(Json::Object(object))
    }
}

/// More members than any twin takes; keys are searched one after another.
const MAX_MEMBERS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_the_last_of_two_equal_keys_counts() {
        let json = Json::parse(r#"{"b":1,"a":{"d":[],"c":{}},"b":-2.5}"#, "test").expect("JSON");
        assert_eq!(json.minified(), r#"{"b":-2.5,"a":{"d":[],"c":{}}}"#);
    }

    #[test]
    fn text_is_written_in_ascii_as_the_tools_write_it() {
        let json = Json::parse(r#"["ä😀\u0000\"\\/\n\u007f"]"#, "test").expect("JSON");
        assert_eq!(
            json.minified(),
            r#"["\u00e4\ud83d\ude00\u0000\"\\/\n\u007f"]"#
        );
    }

    #[test]
    fn pretty_text_is_indented_by_two() {
        let json = Json::parse(r#"{"a":[1,{"b":null}],"c":[],"d":{}}"#, "test").expect("JSON");
        assert_eq!(
            json.pretty(),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": null\n    }\n  ],\n  \"c\": [],\n  \"d\": {}\n}\n"
        );
    }

    #[test]
    fn deep_nesting_is_refused_instead_of_overflowing() {
        let text = "[".repeat(100_000);
        assert!(Json::parse(&text, "test").is_err());
    }
}
