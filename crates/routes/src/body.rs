//! Questions about a message's body: the path language, and the JSON it asks.
//!
//! A body is asked only if the message says `contentType` exactly
//! `application/json` (a `;charset=` behind it ends that) and names one of
//! three encodings, and only if the body is a JSON *object*. Everything else
//! answers "undefined", never an error: a camera's picture passes through a
//! condition about `$body` untouched.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value as Json};

use crate::message::same_name;
use crate::value::Value;

/// A path into a body: names joined by dots, each with at most one index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyPath {
    segments: Vec<Segment>,
    has_index: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Segment {
    name: String,
    index: Option<usize>,
}

/// What is wrong with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyPathError {
    /// No text at all, or none between two dots.
    #[error("a name before each dot and at the end")]
    MissingName,
    /// Brackets without a number in them, or more than one pair, or text behind.
    #[error("names with at most one index each, such as items[0]")]
    BadIndex,
    /// A twin path that is about something else.
    #[error("a path that begins with properties.reported., properties.desired. or tags.")]
    NotATwinPath,
}

impl BodyPath {
    /// Parse the part after `$body.`.
    pub(crate) fn parse(text: &str) -> Result<Self, BodyPathError> {
        let mut has_index = false;
        let segments = text
            .split('.')
            .map(|segment| {
                let (name, index) = match segment.split_once('[') {
                    None => (segment, None),
                    Some((name, rest)) => {
                        has_index = true;
                        let digits = rest.strip_suffix(']').ok_or(BodyPathError::BadIndex)?;
                        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                            return Err(BodyPathError::BadIndex);
                        }
                        // An index too large for memory finds nothing, as any
                        // other index beyond the end.
                        (name, Some(digits.parse().unwrap_or(usize::MAX)))
                    }
                };
                if name.is_empty() {
                    Err(BodyPathError::MissingName)
                } else if name.contains(']') {
                    Err(BodyPathError::BadIndex)
                } else {
                    Ok(Segment {
                        name: name.to_owned(),
                        index,
                    })
                }
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            segments,
            has_index,
        })
    }

    /// Parse the argument of `twin_change_includes`.
    pub(crate) fn parse_twin(text: &str) -> Result<Self, BodyPathError> {
        let path = Self::parse(text)?;
        let names: Vec<_> = path
            .segments
            .iter()
            .map(|segment| segment.name.as_str())
            .collect();
        let is_twin_path = match names[..] {
            [properties, kind, _, ..] if same_name(properties, "properties") => {
                same_name(kind, "reported") || same_name(kind, "desired")
            }
            [tags, _, ..] => same_name(tags, "tags"),
            _ => false,
        };
        if is_twin_path {
            Ok(path)
        } else {
            Err(BodyPathError::NotATwinPath)
        }
    }

    /// Whether any segment has an index. No property can have such a name.
    pub fn has_index(&self) -> bool {
        self.has_index
    }

    /// Put `value` at this path of `document`, making what is missing on the way; tells whether
    /// that was possible.
    pub(crate) fn put(&self, document: &mut Json, value: Json) -> bool {
        /// A longer list is not made for one value in it.
        const MAX_INDEX: usize = 64;
        let mut place = document;
        for segment in &self.segments {
            if segment.name == "*" || segment.name == "$" {
                return false;
            }
            if place.is_null() {
                *place = Json::Object(Map::new());
            }
            let Some(object) = place.as_object_mut() else {
                return false;
            };
            place = object.entry(segment.name.as_str()).or_insert(Json::Null);
            if let Some(index) = segment.index {
                if place.is_null() {
                    *place = Json::Array(Vec::new());
                }
                let Some(items) = place.as_array_mut().filter(|_| index <= MAX_INDEX) else {
                    return false;
                };
                if items.len() <= index {
                    items.resize(index + 1, Json::Null);
                }
                place = &mut items[index];
            }
        }
        *place = value;
        true
    }

    /// What stands at this path; names count with their case.
    ///
    /// Read as the hub's JSON library reads a path: a `*` is every member of an
    /// object, a `$` at the head is the body itself, an index that does not fit
    /// 32 bits with a sign is an error. Each step looks at a value once, so the
    /// cost is at most the body's size for each segment.
    pub(crate) fn find<'j>(&self, document: &'j Json) -> Found<'j> {
        const LAST_INDEX: usize = i32::MAX as usize;
        if self
            .segments
            .iter()
            .any(|segment| segment.index.is_some_and(|index| index > LAST_INDEX))
        {
            return Found::Error;
        }
        let mut segments = &self.segments[..];
        if let [head, rest @ ..] = segments
            && head.name == "$"
            && head.index.is_none()
        {
            segments = rest;
        }
        let mut found = vec![document];
        for segment in segments {
            found = found
                .into_iter()
                .filter_map(Json::as_object)
                .flat_map(|object| segment.members(object))
                .filter_map(|member| match segment.index {
                    None => Some(member),
                    Some(index) => member.as_array()?.get(index),
                })
                .collect();
        }
        match found[..] {
            [] => Found::Nothing,
            [one] => Found::One(one),
            _ => Found::Many,
        }
    }
}

/// What stands at a path of a document.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Found<'j> {
    Nothing,
    One(&'j Json),
    /// Several values under a `*`
    Many,
    /// The path cannot be looked up at all.
    Error,
}

impl Segment {
    /// The members of that name, or all of them.
    fn members<'j>(&self, object: &'j Map<String, Json>) -> Vec<&'j Json> {
        match self.name.as_str() {
            "*" => object.values().collect(),
            name => object.get(name).into_iter().collect(),
        }
    }
}

impl fmt::Display for BodyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.segments.iter().enumerate() {
            if position > 0 {
                f.write_str(".")?;
            }
            f.write_str(&segment.name)?;
            if let Some(index) = segment.index {
                write!(f, "[{index}]")?;
            }
        }
        Ok(())
    }
}

/// What a place in a body is worth in a condition.
///
/// Objects and arrays are undefined, and so is text that looks like a time:
/// the hub's JSON reader turns it into a date, for which conditions have no
/// type.
pub(crate) fn value(found: Found<'_>) -> Value<'_> {
    let member = match found {
        Found::Nothing => return Value::BodyNull { present: false },
        Found::Many | Found::Error => return Value::Undefined,
        Found::One(member) => member,
    };
    match member {
        Json::Null => Value::BodyNull { present: true },
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => number.as_f64().map_or(Value::Undefined, Value::number),
        Json::String(text) if looks_like_a_time(text) => Value::Undefined,
        Json::String(text) => Value::Text(Cow::Borrowed(text)),
        Json::Array(_) | Json::Object(_) => Value::Undefined,
    }
}

/// The body as a JSON object, if the message's properties allow to ask.
pub(crate) fn document(
    content_type: Option<&str>,
    content_encoding: Option<&str>,
    body: &[u8],
) -> Option<Json> {
    if content_type != Some("application/json") {
        return None;
    }
    let encoding = content_encoding?;
    let text = if same_name(encoding, "utf-8") {
        String::from_utf8_lossy(body)
    } else if same_name(encoding, "utf-16") {
        let units = body
            .chunks_exact(2)
            .map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
        let text = char::decode_utf16(units);
        text.map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    } else if same_name(encoding, "utf-32") {
        let units = body.chunks_exact(4);
        let units = units.map(|unit| u32::from_le_bytes([unit[0], unit[1], unit[2], unit[3]]));
        units
            .map(|unit| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    } else {
        return None;
    };
    // Comments, single quotes and trailing commas, which the hub's reader lets
    // pass, are not JSON and not accepted here.
    serde_json::from_str(&text).ok().filter(Json::is_object)
}

/// Whether the hub's JSON reader would take `text` for a date:
/// `yyyy-MM-ddTHH:mm:ss`, a fraction, and `Z` or an offset, the last two
/// optional; or `/Date(…)/`.
fn looks_like_a_time(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix("/Date(") {
        return rest.ends_with(")/");
    }
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<u32> {
        let digits = bytes.get(from..to)?;
        let all_digits = digits.iter().all(u8::is_ascii_digit);
        all_digits.then(|| {
            digits
                .iter()
                .fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
        })
    };
    let sign = |at: usize, expected: u8| bytes.get(at) == Some(&expected);
    let within = |value: Option<u32>, low, high| value.is_some_and(|v| (low..=high).contains(&v));
    let has_date_and_time = within(number(0, 4), 1, 9999)
        && sign(4, b'-')
        && within(number(5, 7), 1, 12)
        && sign(7, b'-')
        && within(number(8, 10), 1, 31)
        && sign(10, b'T')
        && within(number(11, 13), 0, 24)
        && sign(13, b':')
        && within(number(14, 16), 0, 59)
        && sign(16, b':')
        && within(number(17, 19), 0, 59);
    if !has_date_and_time {
        return false;
    }
    let mut rest = &bytes[19..];
    if let [b'.', fraction @ ..] = rest {
        let digits = fraction
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if digits == 0 {
            return false;
        }
        rest = &fraction[digits..];
    }
    match rest {
        [] | [b'Z'] => true,
        [b'+' | b'-', h1, h2, m @ ..] => {
            let minutes = match m {
                [b':', minutes @ ..] => minutes,
                minutes => minutes,
            };
            h1.is_ascii_digit()
                && h2.is_ascii_digit()
                && (minutes.is_empty()
                    || (minutes.len() == 2 && minutes.iter().all(u8::is_ascii_digit)))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: Option<&str> = Some("application/json");

    #[test]
    fn paths_are_names_with_at_most_one_index_each() {
        for good in ["a", "a.b", "a[0].b[12]", "a b.c-d", "a.*"] {
            let path = BodyPath::parse(good).expect(good);
            assert_eq!(path.to_string(), good);
            assert_eq!(path.has_index(), good.contains('['));
        }
        for (bad, expected) in [
            ("", BodyPathError::MissingName),
            ("a..b", BodyPathError::MissingName),
            ("a.", BodyPathError::MissingName),
            ("[0]", BodyPathError::MissingName),
            ("a[]", BodyPathError::BadIndex),
            ("a[0][1]", BodyPathError::BadIndex),
            ("a[-1]", BodyPathError::BadIndex),
            ("a[0]b", BodyPathError::BadIndex),
            ("a]", BodyPathError::BadIndex),
            ("a[1", BodyPathError::BadIndex),
        ] {
            assert_eq!(BodyPath::parse(bad), Err(expected), "{bad:?}");
        }
    }

    #[test]
    fn twin_paths_begin_with_a_part_of_the_twin() {
        for good in [
            "properties.reported.a",
            "Properties.Desired.a.b",
            "tags.floor",
        ] {
            assert!(BodyPath::parse_twin(good).is_ok(), "{good}");
        }
        for bad in [
            "properties.reported",
            "tags",
            "reported.a",
            "properties.other.a",
            "a",
        ] {
            assert_eq!(
                BodyPath::parse_twin(bad),
                Err(BodyPathError::NotATwinPath),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_body_is_asked_only_as_json_in_a_known_encoding() {
        let body = br#"{"x":1}"#;
        assert!(document(JSON, Some("UTF-8"), body).is_some());
        for (content_type, encoding) in [
            (Some("application/json; charset=utf-8"), Some("utf-8")),
            (Some("Application/Json"), Some("utf-8")),
            (None, Some("utf-8")),
            (JSON, None),
            (JSON, Some("latin-1")),
        ] {
            assert_eq!(
                document(content_type, encoding, body),
                None,
                "{content_type:?}"
            );
        }
    }

    #[test]
    fn utf_16_and_utf_32_bodies_are_read() {
        let text = r#"{"x":"ä😀"}"#;
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let utf32: Vec<u8> = text
            .chars()
            .flat_map(|c| u32::from(c).to_le_bytes())
            .collect();
        for (encoding, body) in [("utf-16", utf16), ("UTF-32", utf32)] {
            let document = document(JSON, Some(encoding), &body).expect(encoding);
            assert_eq!(document["x"], "ä😀");
        }
    }

    #[test]
    fn anything_but_an_object_is_no_document() {
        for body in ["[1]", "1", "null", "", "{", "\u{feff}{}", "{'x':1}"] {
            assert_eq!(
                document(JSON, Some("utf-8"), body.as_bytes()),
                None,
                "{body}"
            );
        }
    }

    #[test]
    fn text_that_the_hub_reads_as_a_date_is_undefined() {
        for time in [
            "2017-03-09T00:00:00",
            "2017-03-09T00:00:00.000Z",
            "2017-03-09T00:00:00+01:00",
            "2017-03-09T00:00:00.1234567-0100",
            "/Date(1489017600000)/",
        ] {
            assert!(looks_like_a_time(time), "{time}");
        }
        for other in [
            "2017-03-09",
            "2017-13-09T00:00:00",
            "2017-03-09 00:00:00",
            "",
            "yes",
            "2017-03-09T00:00:00.",
            "2017-03-09T00:00:00ZZ",
            "ääääääääää",
        ] {
            assert!(!looks_like_a_time(other), "{other}");
        }
    }
}
