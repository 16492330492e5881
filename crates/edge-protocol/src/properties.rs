//! The property bag at the end of a topic: `key=value` pairs joined by `&`.
//!
//! Both sides are percent-encoded as RFC 3986 (`+` is a plus, never a space). A key
//! without a value means null, and so does an empty value: edgeHub turns both into a
//! bare key. What it would drop with a PUBACK and no word (an empty key, `&&`, a second
//! `=`) is a typed error here. [edgeHub `MessageAddressConverter`, C# SDK
//! `UrlEncodedDictionarySerializer`]

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use thiserror::Error;

use crate::percent;

/// Properties of one message, application and system ones alike, in order; each key
/// once. Keys are compared exactly.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Properties {
    entries: Vec<(String, Option<String>)>,
}

impl Properties {
    /// An empty bag.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `key` to `value`, in place when the key is there. An empty value is stored as
    /// null, because that is what arrives.
    ///
    /// # Errors
    ///
    /// [`PropertiesError::EmptyKey`]; everything else can be encoded.
    pub fn insert(
        &mut self,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<(), PropertiesError> {
        let value = value.into();
        self.set(key.into(), (!value.is_empty()).then_some(value))
    }

    /// Sets `key` to null: it travels as a bare key.
    ///
    /// # Errors
    ///
    /// [`PropertiesError::EmptyKey`].
    pub fn insert_null(&mut self, key: impl Into<String>) -> Result<(), PropertiesError> {
        self.set(key.into(), None)
    }

    fn set(&mut self, key: String, value: Option<String>) -> Result<(), PropertiesError> {
        if key.is_empty() {
            return Err(PropertiesError::EmptyKey {
                pair: self.entries.len() + 1,
            });
        }
        match self.entries.iter_mut().find(|(known, _)| *known == key) {
            Some((_, slot)) => *slot = value,
            None => self.entries.push((key, value)),
        }
        Ok(())
    }

    /// The value of `key`; `None` when the key is absent or null.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries
            .iter()
            .find(|(known, _)| known == key)
            .and_then(|(_, value)| value.as_deref())
    }

    /// True when `key` is there, null or not.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.entries.iter().any(|(known, _)| known == key)
    }

    /// All pairs in order; a null value is `None`.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.entries
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_deref()))
    }

    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True without any key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The topic segment. Every reserved character, `$`, `/`, `+` and `#` among them, is
    /// escaped, so the result is always a legal topic level.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut segment = String::new();
        for (key, value) in self.iter() {
            push_pair(&mut segment, key, value);
        }
        segment
    }

    /// Reads a topic segment. Raw `$` and `+` stand for themselves, an escape that is not
    /// one (`%zz`) stays as it is, and a repeated key takes its last value.
    ///
    /// # Errors
    ///
    /// [`PropertiesError`] with the number of the pair, counted from 1.
    pub fn decode(segment: &str) -> Result<Self, PropertiesError> {
        let mut properties = Properties::new();
        if segment.is_empty() {
            return Ok(properties);
        }
        for (index, text) in segment.split('&').enumerate() {
            let pair = index + 1;
            let (key, value) = match text.split_once('=') {
                Some((_, value)) if value.contains('=') => {
                    return Err(PropertiesError::SecondEquals { pair });
                }
                Some((key, value)) => (key, Some(value)),
                None => (text, None),
            };
            if key.is_empty() {
                return Err(PropertiesError::EmptyKey { pair });
            }
            let key = unescape(key, pair)?.into_owned();
            let value = value
                .filter(|value| !value.is_empty())
                .map(|value| unescape(value, pair));
            let value = value.transpose()?.map(Cow::into_owned);
            properties.set(key, value)?;
        }
        Ok(properties)
    }
}

impl<'a> IntoIterator for &'a Properties {
    type Item = (&'a str, Option<&'a str>);
    type IntoIter = Box<dyn Iterator<Item = Self::Item> + 'a>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}

/// Appends one encoded pair to a segment, with its separator when it is not the first.
pub(crate) fn push_pair(segment: &mut String, key: &str, value: Option<&str>) {
    if !segment.is_empty() {
        segment.push('&');
    }
    segment.push_str(&percent::encode(key));
    if let Some(value) = value {
        segment.push('=');
        segment.push_str(&percent::encode(value));
    }
}

fn unescape(text: &str, pair: usize) -> Result<Cow<'_, str>, PropertiesError> {
    percent_decode_str(text)
        .decode_utf8()
        .map_err(|source| PropertiesError::NotUtf8 { pair, source })
}

/// Why a segment is not a property bag.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PropertiesError {
    /// A pair without a key, such as the middle of `a=1&&b=2`.
    #[error("property {pair} has no key")]
    EmptyKey {
        /// Its place, counted from 1.
        pair: usize,
    },
    /// More than one raw `=` in a pair.
    #[error("property {pair} has a second '=', expected it as %3D")]
    SecondEquals {
        /// Its place, counted from 1.
        pair: usize,
    },
    /// The escapes do not spell UTF-8.
    #[error("property {pair} is not UTF-8 after decoding")]
    NotUtf8 {
        /// Its place, counted from 1.
        pair: usize,
        /// Where it stops being UTF-8.
        #[source]
        source: std::str::Utf8Error,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bag(pairs: &[(&str, Option<&str>)]) -> Properties {
        let mut properties = Properties::new();
        for (key, value) in pairs {
            properties
                .set((*key).to_owned(), value.map(str::to_owned))
                .unwrap();
        }
        properties
    }

    #[test]
    fn checklist_15_awkward_characters_are_escaped_both_ways() {
        let properties = bag(&[
            ("k ey", Some("v/ä&=")),
            ("$.cdid", Some("a+b%")),
            ("flag", None),
        ]);
        let segment = properties.encode();
        assert_eq!(segment, "k%20ey=v%2F%C3%A4%26%3D&%24.cdid=a%2Bb%25&flag");
        assert_eq!(Properties::decode(&segment).unwrap(), properties);
    }

    #[test]
    fn the_hubs_own_example_is_read() {
        let segment = "Foo=Bar&%24.ce=utf-8&%24.ct=application%2Fjson&%24.cdid=fromDevice1&%24.cmid=fromModule1";
        let properties = Properties::decode(segment).unwrap();
        assert_eq!(properties.get("Foo"), Some("Bar"));
        assert_eq!(properties.get("$.ct"), Some("application/json"));
        assert_eq!(properties.get("$.cmid"), Some("fromModule1"));
    }

    #[test]
    fn checklist_15_raw_dollar_and_plus_stand_for_themselves() {
        let properties = Properties::decode("$.mid=a+b&x=%zz").unwrap();
        assert_eq!(properties.get("$.mid"), Some("a+b"));
        assert_eq!(properties.get("x"), Some("%zz"));
    }

    #[test]
    fn checklist_15_bare_and_empty_values_are_null_and_come_out_bare() {
        let properties = Properties::decode("a&b=").unwrap();
        assert_eq!((properties.get("a"), properties.get("b")), (None, None));
        assert!(properties.contains_key("a") && properties.contains_key("b"));
        assert_eq!(properties.encode(), "a&b");
        let mut inserted = Properties::new();
        inserted.insert("c", "").unwrap();
        assert_eq!(inserted.encode(), "c");
    }

    #[test]
    fn the_last_value_of_a_repeated_key_wins() {
        let properties = Properties::decode("a=1&b=2&a=3").unwrap();
        assert_eq!(properties, bag(&[("a", Some("3")), ("b", Some("2"))]));
    }

    #[test]
    fn what_the_hub_drops_in_silence_is_an_error_with_its_place() {
        let check = |segment: &str, expected| {
            assert_eq!(
                Properties::decode(segment).unwrap_err(),
                expected,
                "{segment}"
            );
        };
        check("a=1&&b=2", PropertiesError::EmptyKey { pair: 2 });
        check("=1", PropertiesError::EmptyKey { pair: 1 });
        check("a=1&", PropertiesError::EmptyKey { pair: 2 });
        check("a=b=c", PropertiesError::SecondEquals { pair: 1 });
        assert!(matches!(
            Properties::decode("a=%FF"),
            Err(PropertiesError::NotUtf8 { pair: 1, .. })
        ));
        assert_eq!(
            Properties::new().insert("", "x"),
            Err(PropertiesError::EmptyKey { pair: 1 })
        );
    }

    proptest! {
        #[test]
        fn checklist_15_any_bag_survives_the_wire(
            pairs in proptest::collection::vec((".{1,12}", proptest::option::of(".{1,12}")), 0..8)
        ) {
            let mut properties = Properties::new();
            for (key, value) in pairs {
                properties.set(key, value).unwrap();
            }
            let segment = properties.encode();
            prop_assert!(!segment.contains(['/', '+', '#', '$', ' ', '\0']));
            prop_assert_eq!(Properties::decode(&segment).unwrap(), properties);
        }

        #[test]
        fn decoding_any_text_ends_in_a_bag_or_an_error(text in ".{0,40}") {
            if let Ok(properties) = Properties::decode(&text) {
                prop_assert_eq!(Properties::decode(&properties.encode()).unwrap(), properties);
            }
        }
    }
}
