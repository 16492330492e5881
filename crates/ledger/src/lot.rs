//! A lot: what the fruit that is being counted belongs to, as people at the line name it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::LedgerError;
use crate::wording;

/// The name of a lot: 1 to 128 bytes, without control characters and without a blank (of any kind)
/// at either end, so that what people see is what is compared. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lot(Arc<str>);

impl Lot {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// # Errors
/// `Argument` for a text that is no lot.
impl FromStr for Lot {
    type Err = LedgerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if wording::is_short(text) && text.trim() == text {
            return Ok(Self(text.into()));
        }
        Err(LedgerError::Argument {
            name: "the lot",
            seen: wording::shown(text),
            expected: "1 to 128 bytes without control characters, and no blank at either end",
        })
    }
}

impl TryFrom<String> for Lot {
    type Error = LedgerError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Lot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lot_keeps_its_text_and_its_length_is_that_of_its_bytes() {
        for text in ["7", "2026-11 / bay 3", "\u{e9}", &"x".repeat(128)] {
            assert_eq!(text.parse::<Lot>().unwrap().as_str(), text);
            assert_eq!(Lot::try_from(text.to_owned()).unwrap().to_string(), text);
        }
        assert!("\u{e9}".repeat(65).parse::<Lot>().is_err(), "130 bytes");
    }

    #[test]
    fn a_text_that_is_no_lot_is_refused_with_what_was_seen_and_what_is_taken() {
        let long = "x".repeat(129);
        for (text, seen) in [
            ("", "\"\""),
            (" a", "\" a\""),
            ("a\u{a0}", "\"a\\u{a0}\""),
            ("a\nb", "\"a\\nb\""),
            ("a\u{7f}", "\"a\\u{7f}\""),
            (&long, "129 bytes long"),
        ] {
            assert_eq!(
                text.parse::<Lot>().unwrap_err().to_string(),
                format!(
                    "the lot is {seen}, expected 1 to 128 bytes without control characters, and no \
                     blank at either end"
                )
            );
        }
    }
}
