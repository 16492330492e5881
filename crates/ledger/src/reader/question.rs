//! The question for reports: the payload of the direct method `getReports`.
//!
//! The question is a JSON object, all of whose keys may be missing (`docs/counts.md` has the whole):
//!
//! | key | what it says |
//! |---|---|
//! | `from`, `to` | RFC 3339 or a date; windows that start from the one on and before the other |
//! | `open` | `true`: the windows that are not sealed yet too, on the first page |
//! | `token` | `next` of the page before, alone |
//!
//! Pure. A caller's mistake is answered with a sentence of bounded length.

use serde_json::Value;

use super::span::{Span, SpanError, parse_instant};
use super::token::Token;

/// Texts of the caller are shown up to so many characters.
const SHOWN: usize = 60;

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportsQuery {
    pub(super) span: Span,
    pub(super) open: bool,
    pub(super) after: Option<Token>,
}

/// A question that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The payload is no object.
    #[error(
        "the payload is {seen}, expected an object such as {{\"from\":\"2026-11-23\"}}, or null"
    )]
    NoObject {
        /// Its kind.
        seen: &'static str,
    },
    /// A key that there is not.
    #[error("{key:?} is no key of getReports, expected from, to, open or token")]
    UnknownKey {
        /// The key, cut short.
        key: String,
    },
    /// A value of another kind.
    #[error("{key} is {seen}, expected {expected}")]
    Kind {
        /// The key.
        key: &'static str,
        /// The kind of its value.
        seen: &'static str,
        /// The kind that is taken.
        expected: &'static str,
    },
    /// A time that is none, or a span that has no moment.
    #[error(transparent)]
    Span(#[from] SpanError),
    /// A token that no page gave.
    #[error("token is {seen:?}, expected `next` of the page before as it is, or no token")]
    Token {
        /// The token, cut short.
        seen: String,
    },
    /// A token beside other keys.
    #[error("token says what was asked for first, expected no other key beside it")]
    NotAlone,
    /// A token of another ledger.
    #[error(
        "token is of the ledger {seen:?}, expected {ledger:?}: a new ledger began, ask again \
         without a token"
    )]
    OtherLedger {
        /// The one of the token, cut short.
        seen: String,
        /// The one that is read.
        ledger: String,
    },
}

impl ReportsQuery {
    /// Reads the payload of the method. `null` asks for everything.
    ///
    /// # Errors
    /// [`QueryError`], which says what was seen and what is taken, in at most a few hundred bytes.
    pub fn parse(payload: &Value) -> Result<Self, QueryError> {
        let object = match payload {
            Value::Null => return Ok(Self::default()),
            Value::Object(object) => object,
            other => return Err(QueryError::NoObject { seen: kind(other) }),
        };
        let known = ["from", "to", "open", "token"];
        if let Some(key) = object.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(QueryError::UnknownKey { key: shown(key) });
        }
        let text = |key: &'static str| match object.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(other) => Err(QueryError::Kind {
                key,
                seen: kind(other),
                expected: "text",
            }),
        };
        if let Some(token) = text("token")? {
            if object.len() > 1 {
                return Err(QueryError::NotAlone);
            }
            let after: Token = token
                .parse()
                .ok()
                .ok_or_else(|| QueryError::Token { seen: shown(token) })?;
            return Ok(Self {
                span: after.span,
                open: false,
                after: Some(after),
            });
        }
        let open = match object.get("open") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(open)) => *open,
            Some(other) => {
                return Err(QueryError::Kind {
                    key: "open",
                    seen: kind(other),
                    expected: "true or false",
                });
            }
        };
        let from = text("from")?.map(parse_instant).transpose()?;
        let to = text("to")?.map(parse_instant).transpose()?;
        Ok(Self {
            span: Span::new(from, to)?,
            open,
            after: None,
        })
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A text of the caller, cut short.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}
