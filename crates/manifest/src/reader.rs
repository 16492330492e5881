//! Values of a JSON document together with their path in it.

use serde_json::{Map, Value};

use crate::error::ManifestError;
use crate::module::Spelled;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct At<'v> {
    pub(crate) value: &'v Value,
    pub(crate) path: String,
}

impl<'v> At<'v> {
    pub(crate) fn root(value: &'v Value) -> Self {
        Self {
            value,
            path: String::new(),
        }
    }

    /// The refusal of this value.
    pub(crate) fn refused(&self, expected: impl Into<String>) -> ManifestError {
        let path = if self.path.is_empty() {
            "(root)".to_owned()
        } else {
            self.path.clone()
        };
        ManifestError::Value {
            found: shown(&path, self.value),
            path,
            expected: expected.into(),
        }
    }

    fn below(&self, key: &str, value: &'v Value) -> At<'v> {
        let path = if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}/{key}", self.path)
        };
        At { value, path }
    }

    pub(crate) fn object(&self) -> Result<&'v Map<String, Value>, ManifestError> {
        self.value
            .as_object()
            .ok_or_else(|| self.refused("an object"))
    }

    /// All members of an object.
    pub(crate) fn members(&self) -> Result<Vec<(&'v str, At<'v>)>, ManifestError> {
        let members = self.object()?.iter();
        Ok(members
            .map(|(key, value)| (key.as_str(), self.below(key, value)))
            .collect())
    }

    /// A member of an object, if it is there.
    pub(crate) fn get(&self, key: &str) -> Result<Option<At<'v>>, ManifestError> {
        Ok(self.object()?.get(key).map(|value| self.below(key, value)))
    }

    /// A member that must be there.
    pub(crate) fn require(&self, key: &str, expected: &str) -> Result<At<'v>, ManifestError> {
        self.get(key)?.ok_or_else(|| ManifestError::Value {
            path: self.below(key, self.value).path,
            found: "nothing".to_owned(),
            expected: expected.to_owned(),
        })
    }

    pub(crate) fn text(&self) -> Result<&'v str, ManifestError> {
        self.value.as_str().ok_or_else(|| self.refused("text"))
    }

    /// An unsigned integer up to `max`.
    pub(crate) fn integer(&self, max: u32) -> Result<u32, ManifestError> {
        let number = self
            .value
            .as_u64()
            .and_then(|number| u32::try_from(number).ok());
        number
            .filter(|number| *number <= max)
            .ok_or_else(|| self.refused(format!("an integer from 0 to {max}")))
    }

    /// One of the spellings of `S`.
    pub(crate) fn spelled<S: Spelled>(&self) -> Result<S, ManifestError> {
        let found = self.value.as_str();
        let known = S::ALL.iter().find(|(_, spelling)| Some(*spelling) == found);
        known.map(|(value, _)| *value).ok_or_else(|| {
            let all: Vec<_> = S::ALL.iter().map(|(_, spelling)| *spelling).collect();
            self.refused(format!("one of {}", all.join(", ")))
        })
    }
}

/// Members that hold a word of a few; only of these is text shown.
const WORDS: [&str; 6] = [
    "type",
    "status",
    "restartPolicy",
    "imagePullPolicy",
    "schemaVersion",
    "startupOrder",
];

/// A value for people. Text that stands in a document may be a secret: it is told by its kind, and shown
/// only where a word belongs and it looks like one.
fn shown(path: &str, value: &Value) -> String {
    const SHOWN: usize = 20;
    let is_word = |text: &str| {
        let is_plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        text.len() <= SHOWN && text.bytes().all(is_plain)
    };
    let name = path.rsplit('/').next().unwrap_or(path);
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if WORDS.contains(&name) && is_word(text) => format!("\"{text}\""),
        Value::String(text) => format!("text of {} characters", text.chars().count()),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
