//! The payload of a call, read key by key.
//!
//! Every mistake names the key, what was seen and what is taken. Texts of the caller are shown cut
//! short. Null in place of a value is an absent key. Pure.

use std::ops::RangeInclusive;

use ledger::{QueryError, SpanError, parse_instant};
use serde_json::{Map, Value};
use time::OffsetDateTime;

/// A payload that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// It is no object.
    #[error("the payload is {seen}, expected an object such as {example}, or null")]
    NoObject {
        /// It, cut short.
        seen: String,
        /// One that would do.
        example: &'static str,
    },
    /// A key that there is not.
    #[error(
        "{key:?} is no key of {method}, expected {}",
        if known.is_empty() { "none: {} or null".to_owned() } else { list(known, "or") }
    )]
    UnknownKey {
        /// The key, cut short.
        key: String,
        /// The method.
        method: &'static str,
        /// Its keys.
        known: &'static [&'static str],
    },
    /// A value of another kind, or out of range.
    #[error("{key} is {seen}, expected {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// Its value, cut short.
        seen: String,
        /// What is taken.
        expected: String,
    },
    /// A time that is none.
    #[error("{key}: {why}")]
    Time {
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        why: SpanError,
    },
    /// A span without a moment in it.
    #[error(transparent)]
    Span(#[from] SpanError),
    /// Keys that do not go together.
    #[error("{key} is beside {other}, expected {expected}")]
    Together {
        /// The one.
        key: &'static str,
        /// The other.
        other: &'static str,
        /// What goes.
        expected: &'static str,
    },
    /// What only the ledger knows: a token that is none, or another ledger's.
    #[error(transparent)]
    Reports(#[from] QueryError),
}

/// The keys of one payload.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys<'a>(Option<&'a Map<String, Value>>);

/// What a method takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub(super) method: &'static str,
    pub(super) keys: &'static [&'static str],
    pub(super) example: &'static str,
}

impl<'a> Keys<'a> {
    /// Null, or an object whose keys are all known.
    pub(super) fn read(payload: &'a Value, taken: Taken) -> Result<Self, PayloadError> {
        let object = match payload {
            Value::Null => return Ok(Keys(None)),
            Value::Object(object) => object,
            other => {
                return Err(PayloadError::NoObject {
                    seen: shown_value(other),
                    example: taken.example,
                });
            }
        };
        match object
            .keys()
            .find(|key| !taken.keys.contains(&key.as_str()))
        {
            Some(key) => Err(PayloadError::UnknownKey {
                key: shown(key),
                method: taken.method,
                known: taken.keys,
            }),
            None => Ok(Keys(Some(object))),
        }
    }

    fn get(self, key: &str) -> Option<&'a Value> {
        self.0?.get(key).filter(|value| !value.is_null())
    }

    /// An object of those of these keys that have a value.
    pub(super) fn only(self, keys: &[&'static str]) -> Value {
        let having = |key: &&'static str| Some(((*key).to_owned(), self.get(key)?.clone()));
        Value::Object(keys.iter().filter_map(having).collect())
    }

    /// The first of these keys that has a value.
    pub(super) fn any_of(self, keys: &[&'static str]) -> Option<&'static str> {
        keys.iter().copied().find(|key| self.get(key).is_some())
    }

    pub(super) fn text(self, key: &'static str) -> Result<Option<&'a str>, PayloadError> {
        self.value(key, "text", Value::as_str)
    }

    pub(super) fn flag(self, key: &'static str) -> Result<Option<bool>, PayloadError> {
        self.value(key, "true or false", Value::as_bool)
    }

    pub(super) fn whole(
        self,
        key: &'static str,
        range: &RangeInclusive<u64>,
    ) -> Result<Option<u64>, PayloadError> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.value(key, &expected, |value| {
            value.as_u64().filter(|number| range.contains(number))
        })
    }

    pub(super) fn instant(self, key: &'static str) -> Result<Option<OffsetDateTime>, PayloadError> {
        let expected = "a time: RFC 3339 such as \"2026-11-23T10:00:00Z\", or a date";
        self.value(key, expected, Value::as_str)?
            .map(parse_instant)
            .transpose()
            .map_err(|why| PayloadError::Time { key, why })
    }

    fn value<T>(
        self,
        key: &'static str,
        expected: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, PayloadError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        match read(value) {
            Some(read) => Ok(Some(read)),
            None => Err(PayloadError::Value {
                key,
                seen: shown_value(value),
                expected: expected.to_owned(),
            }),
        }
    }
}

/// Texts of the caller are shown up to so many characters.
const SHOWN: usize = 60;

/// A text of the caller, cut short.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

/// A value of the caller: its JSON where that is short, else its kind.
fn shown_value(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) => format!("{:?}", shown(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => shown(&value.to_string()),
    }
}

/// `a, b or c`.
pub(super) fn list(words: &[&str], joint: &str) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} {joint} {last}", first.join(", ")),
    }
}
