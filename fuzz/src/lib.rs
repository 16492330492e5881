//! What the fuzz targets share: bytes cut into a message, and ([`grammar`]) bytes
//! that choose a condition.
//!
//! ```text
//! origin NUL encoding NUL properties NUL body
//! ```
//!
//! The parts are text where a message has text, so that the fuzzer's dictionary
//! and splices find their place, and the body is everything that is left, NULs
//! included. Missing parts are empty: every input is a message.

pub mod grammar;

use routes::{Origin, RoutedMessage};

/// The parts of one message, owned for as long as a [`RoutedMessage`] looks at
/// them.
#[derive(Debug)]
pub struct Message {
    origin: Vec<u8>,
    properties: Vec<(String, Option<String>)>,
    system: Vec<(String, Option<String>)>,
    body: Vec<u8>,
}

impl Message {
    /// Cut `bytes` into the parts of a message. Total.
    pub fn cut(bytes: &[u8]) -> Self {
        let mut parts = bytes.splitn(4, |byte| *byte == 0);
        let mut part = || parts.next().unwrap_or_default();
        let (origin, encoding, properties, body) = (part(), part(), part(), part());
        let encoding = String::from_utf8_lossy(encoding).into_owned();
        Self {
            origin: origin.to_vec(),
            properties: pairs(&String::from_utf8_lossy(properties)),
            system: vec![
                (
                    "contentType".to_owned(),
                    Some("application/json".to_owned()),
                ),
                ("contentEncoding".to_owned(), Some(encoding)),
                ("messageId".to_owned(), None),
            ],
            body: body.to_vec(),
        }
    }

    /// The message as a route sees it.
    pub fn view(&self) -> RoutedMessage<'_> {
        let origin = match self.origin.first() {
            Some(b'm') => Origin::Module {
                device: "edge",
                module: "Sorter",
                output: None,
            },
            Some(b'o') => Origin::Module {
                device: "edge",
                module: "Sorter",
                output: Some("out"),
            },
            Some(b't') => Origin::TwinChange {
                device: "edge",
                module: Some("Sorter"),
            },
            _ => Origin::Leaf { device: "cam-01" },
        };
        RoutedMessage::new(origin, &self.properties, &self.system, &self.body)
    }
}

/// `key=value&key`, nothing decoded; a key alone has no value.
fn pairs(text: &str) -> Vec<(String, Option<String>)> {
    let pair = |part: &str| match part.split_once('=') {
        Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
        None => (part.to_owned(), None),
    };
    text.split('&').map(pair).collect()
}
