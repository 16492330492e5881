//! One event as a value: what it says, with its fields and those of the spans around it.

use std::error::Error;
use std::fmt;

use serde::Serialize;
use time::OffsetDateTime;
use tracing::Level;
use tracing::field::{Field, Visit};

/// What is written as one line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) at: OffsetDateTime,
    pub(super) level: Level,
    pub(super) message: String,
    /// The event's own first, then those of the spans, innermost first.
    pub(super) fields: Fields,
}

/// The value of a field, as far as its kind is known.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Value {
    /// Text as such.
    Text(String),
    /// What a value of ours says of itself.
    Shown(String),
    Whole(i64),
    Natural(u64),
    Fraction(f64),
    Truth(bool),
}

/// As in a line for people: text in quotes, so that its end is seen.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => write!(f, "{text:?}"),
            Value::Shown(text) => f.write_str(text),
            Value::Whole(number) => write!(f, "{number}"),
            Value::Natural(number) => write!(f, "{number}"),
            Value::Fraction(number) => write!(f, "{number:?}"),
            Value::Truth(truth) => write!(f, "{truth}"),
        }
    }
}

/// Named values, in the order of the code.
pub(super) type Fields = Vec<(&'static str, Value)>;

/// Takes what an event or a span brings.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) message: String,
    pub(super) fields: Fields,
}

impl Collected {
    fn add(&mut self, field: &Field, value: Value) {
        let name = field.name();
        let name = name.strip_prefix("r#").unwrap_or(name);
        if name == "message" {
            self.message = match value {
                Value::Text(text) | Value::Shown(text) => text,
                number => number.to_string(),
            };
            return;
        }
        // A span can give a field its value later.
        match self.fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.fields.push((name, value)),
        }
    }
}

impl Visit for Collected {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, Value::Text(value.to_owned()));
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Value::Whole(value));
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, Value::Natural(value));
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no word for the others.
        if value.is_finite() {
            self.add(field, Value::Fraction(value));
        } else {
            self.add(field, Value::Shown(value.to_string()));
        }
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, Value::Truth(value));
    }
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.add(field, Value::Shown(crate::error_chain(value)));
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, Value::Shown(format!("{value:?}")));
    }
}
