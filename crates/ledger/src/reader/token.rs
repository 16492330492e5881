//! Where a question for reports goes on: the text that one page gives for the next.
//!
//! It holds the span and the end that the first page fixed, so that a caller sends it alone. Pure.

use std::fmt;
use std::str::FromStr;

use super::span::Span;

/// A place between two pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) ledger: String,
    pub(super) span: Span,
    /// The last report that belongs to the answer.
    pub(super) through: u64,
    /// The last one that was given whole.
    pub(super) after: u64,
    /// How many pieces of the next one were given.
    pub(super) pieces: usize,
}

/// `<ledger>.<from>.<to>.<through>.<after>.<pieces>`, an open end of the span being `_`.
impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |end: Option<i64>| end.map_or("_".to_owned(), |end| end.to_string());
        let Self {
            ledger,
            span,
            through,
            after,
            pieces,
        } = self;
        let (from, to) = (end(span.from), end(span.to));
        write!(f, "{ledger}.{from}.{to}.{through}.{after}.{pieces}")
    }
}

/// A text that no page gave.
#[derive(Debug)]
pub(super) struct NoToken;

impl FromStr for Token {
    type Err = NoToken;

    fn from_str(text: &str) -> Result<Self, NoToken> {
        let parts: Vec<&str> = text.splitn(7, '.').collect();
        let [ledger, from, to, through, after, pieces] = parts[..] else {
            return Err(NoToken);
        };
        let end = |text: &str| match text {
            "_" => Ok(None),
            seconds => number(seconds).map(Some),
        };
        let token = Self {
            ledger: ledger.to_owned(),
            span: Span {
                from: end(from)?,
                to: end(to)?,
            },
            through: number(through)?,
            after: number(after)?,
            pieces: number(pieces)?,
        };
        // Only the one way of writing it, and no number that the store could not hold.
        let known = i64::try_from(token.through).is_ok() && i64::try_from(token.after).is_ok();
        if known && token.to_string() == text {
            Ok(token)
        } else {
            Err(NoToken)
        }
    }
}

fn number<T: FromStr>(text: &str) -> Result<T, NoToken> {
    text.parse().ok().ok_or(NoToken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_token_is_read_as_it_was_written(
            ledger in "[0-9a-f]{16}",
            from in proptest::option::of(any::<i64>()),
            to in proptest::option::of(any::<i64>()),
            through in 0..=i64::MAX.unsigned_abs(),
            after in 0..=i64::MAX.unsigned_abs(),
            pieces in any::<usize>(),
        ) {
            let token = Token { ledger, span: Span { from, to }, through, after, pieces };
            prop_assert_eq!(token.to_string().parse::<Token>().unwrap(), token);
        }

        #[test]
        fn no_text_makes_the_reading_fail_otherwise(text in "\\PC{0,80}") {
            let _ = text.parse::<Token>();
        }
    }

    #[test]
    fn other_ways_of_writing_a_token_are_none() {
        for text in [
            "",
            "a.1.2.3.4",
            "a.1.2.3.4.5.6",
            "a.01.2.3.4.5",
            "a.x.2.3.4.5",
            "a._._.-1.0.0",
        ] {
            assert!(text.parse::<Token>().is_err(), "{text}");
        }
    }
}
