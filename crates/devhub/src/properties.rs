//! The property segment of a topic: `key=value` pairs joined by `&`, percent-encoded
//! (sheet 5.3), and the table of system properties with their two names (sheet 5.4).
//!
//! Pure. Sources: edgeHub's `UrlEncodedDictionarySerializer.cs`, `SystemProperties.cs`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use thiserror::Error;

/// Pairs in their order; `None` is a key that stands alone, edgeHub's null.
pub type Pairs = Vec<(String, Option<String>)>;

/// RFC 3986: all but the unreserved characters is encoded, as `Uri.EscapeDataString` does.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Why a segment is not a property bag. edgeHub acknowledges such a message and drops it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PropertyError {
    /// `&&`, a leading or trailing `&`, or `=value`.
    #[error("pair {position} of the property bag has no key")]
    EmptyKey {
        /// Number of the pair, from 1.
        position: usize,
    },
    /// `a=b=c`.
    #[error("pair {position} of the property bag has a second `=`; encode it as %3D")]
    SecondEquals {
        /// Number of the pair, from 1.
        position: usize,
    },
    /// Bytes that are not UTF-8 once decoded.
    #[error("pair {position} of the property bag is not UTF-8 once decoded")]
    NotUtf8 {
        /// Number of the pair, from 1.
        position: usize,
    },
}

/// Reads a property segment; an empty one holds no pairs. `+` stays `+`, `key=` and `key` are both
/// null, the last of several equal keys wins (in the place of the first).
///
/// # Errors
/// See [`PropertyError`].
pub fn decode(segment: &str) -> Result<Pairs, PropertyError> {
    let mut pairs: Pairs = Vec::new();
    // Where each key stands: a bag may have thousands of them.
    let mut known: HashMap<String, usize> = HashMap::new();
    if segment.is_empty() {
        return Ok(pairs);
    }
    for (index, pair) in segment.split('&').enumerate() {
        let position = index + 1;
        let (key, value) = match pair.split_once('=') {
            Some((_, value)) if value.contains('=') => {
                return Err(PropertyError::SecondEquals { position });
            }
            Some((key, value)) => (key, Some(value).filter(|value| !value.is_empty())),
            None => (pair, None),
        };
        if key.is_empty() {
            return Err(PropertyError::EmptyKey { position });
        }
        let text = |part: &str| match percent_decode_str(part).decode_utf8() {
            Ok(text) => Ok(text.into_owned()),
            Err(_) => Err(PropertyError::NotUtf8 { position }),
        };
        let (key, value) = (text(key)?, value.map(text).transpose()?);
        match known.entry(key) {
            Entry::Occupied(at) => pairs[*at.get()].1 = value,
            Entry::Vacant(vacant) => {
                let key = vacant.key().clone();
                vacant.insert(pairs.len());
                pairs.push((key, value));
            }
        }
    }
    Ok(pairs)
}

/// Writes a property segment; null is a bare key.
pub fn encode<'a>(pairs: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> String {
    let mut segment = String::new();
    for (key, value) in pairs {
        if !segment.is_empty() {
            segment.push('&');
        }
        segment.extend(utf8_percent_encode(key, ENCODED));
        if let Some(value) = value {
            segment.push('=');
            segment.extend(utf8_percent_encode(value, ENCODED));
        }
    }
    segment
}

/// One system property's two names and the ways it travels.
#[derive(Debug)]
pub struct SystemProperty {
    /// Name on the wire, decoded.
    pub wire: &'static str,
    /// Name inside the hub, the one routes use.
    pub internal: &'static str,
    /// Whether the hub passes it on to modules.
    pub delivered: bool,
}

const fn both(wire: &'static str, internal: &'static str) -> SystemProperty {
    SystemProperty {
        wire,
        internal,
        delivered: true,
    }
}

const fn inbound(wire: &'static str, internal: &'static str) -> SystemProperty {
    SystemProperty {
        wire,
        internal,
        delivered: false,
    }
}

/// The internal name of a message's output.
pub const OUTPUT_NAME: &str = "outputName";
/// Internal name of the id that a sender gave its message.
pub const MESSAGE_ID: &str = "messageId";
/// The internal name of a message's media type.
pub const CONTENT_TYPE: &str = "contentType";
/// The wire name of the sender's device id on a delivery.
pub const CONNECTION_DEVICE: &str = "$.cdid";
/// The wire name of the sender's module id on a delivery.
pub const CONNECTION_MODULE: &str = "$.cmid";

/// Properties that a client may set, sheet 5.4.
pub const SYSTEM: &[SystemProperty] = &[
    both("$.mid", MESSAGE_ID),
    both("$.cid", "cid"),
    both("$.uid", "userId"),
    both("$.to", "to"),
    both("$.exp", "absolute-expiry-time"),
    both("$.ct", CONTENT_TYPE),
    both("$.ce", "contentEncoding"),
    inbound("$.on", OUTPUT_NAME),
    both("$.schema", "messageSchema"),
    both("$.ctime", "creationTime"),
    inbound("$.ifid", "iothub-interface-id"),
    both("$.sub", "dt-subject"),
    both("ack", "ack"),
    both("iothub-operation", "operation"),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(segment: &str, expected: &[(&str, Option<&str>)]) {
        let expected: Pairs = expected
            .iter()
            .map(|(k, v)| ((*k).to_owned(), v.map(str::to_owned)))
            .collect();
        assert_eq!(decode(segment), Ok(expected), "{segment}");
    }

    #[test]
    fn checklist_15_awkward_characters_survive_and_a_plus_stays_a_plus() {
        check("", &[]);
        check("a=b&c=d", &[("a", Some("b")), ("c", Some("d"))]);
        check("k%20ey=v%2F%C3%A4%26%3D", &[("k ey", Some("v/ä&="))]);
        check("a+b=c+d%2B", &[("a+b", Some("c+d+"))]);
        check(
            "%24.mid=1&$.cid=2",
            &[("$.mid", Some("1")), ("$.cid", Some("2"))],
        );
        check("null&empty=", &[("null", None), ("empty", None)]);
        check("a=1&b=2&a=3", &[("a", Some("3")), ("b", Some("2"))]);
        check("?a=1", &[("?a", Some("1"))]);
    }

    #[test]
    fn checklist_18_malformed_bags_name_the_pair() {
        let cases = [
            ("&a=1", PropertyError::EmptyKey { position: 1 }),
            ("a=1&&b=2", PropertyError::EmptyKey { position: 2 }),
            ("a=1&=2", PropertyError::EmptyKey { position: 2 }),
            ("a=1&", PropertyError::EmptyKey { position: 2 }),
            ("a=b=c", PropertyError::SecondEquals { position: 1 }),
            ("a=1&b=%ff", PropertyError::NotUtf8 { position: 2 }),
        ];
        for (segment, error) in cases {
            assert_eq!(decode(segment), Err(error), "{segment}");
        }
    }

    #[test]
    fn what_is_written_is_encoded_as_the_sheet_shows() {
        let pairs = [
            ("Foo", Some("Bar")),
            ("$.ct", Some("application/json")),
            ("bare", None),
        ];
        assert_eq!(encode(pairs), "Foo=Bar&%24.ct=application%2Fjson&bare");
    }

    proptest! {
        #[test]
        fn any_bag_comes_back_from_its_own_writing(
            bag in prop::collection::btree_map(".{1,12}", prop::option::of(".{1,12}"), 0..8)
        ) {
            let written = encode(bag.iter().map(|(k, v)| (k.as_str(), v.as_deref())));
            prop_assert_eq!(decode(&written), Ok(bag.into_iter().collect::<Pairs>()));
        }

        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in ".{0,64}") {
            let _outcome = decode(&text);
        }
    }
}
