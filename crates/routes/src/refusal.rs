//! Where the parser stops, and how that is put into words.
//!
//! The small parts every parser of this crate is made of: one token of a kind,
//! a failure that says what was expected, a failure that no other branch may
//! explain away.

use winnow::Parser;
use winnow::error::{ErrMode, ParserError};
use winnow::stream::{Stream, TokenSlice};

use crate::error::{RouteError, RouteErrorKind, shown};
use crate::lexer::{Kind, Token};

pub(crate) type Input<'t, 's> = TokenSlice<'t, Token<'s>>;
pub(crate) type Parsed<O> = Result<O, ErrMode<Refusal>>;

/// Why a parser did not go on, before it is put into words.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// How many tokens were left at the place, counted from the end because a
    /// slice of tokens knows only what is left of it.
    left: usize,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    /// The token there is none of these.
    Expected(Vec<&'static str>),
    Kind(RouteErrorKind),
}

impl Refusal {
    pub(crate) fn at(left: usize, expected: &'static str) -> Self {
        Self {
            left,
            reason: Reason::Expected(vec![expected]),
        }
    }

    pub(crate) fn into_error(self, text: &str, tokens: &[Token<'_>]) -> RouteError {
        let index = tokens.len().saturating_sub(self.left.max(1));
        let (offset, kind, token) = tokens
            .get(index)
            .map_or((text.len(), Kind::End, ""), |token| {
                (token.offset, token.kind, token.text)
            });
        let kind = match self.reason {
            Reason::Kind(kind) => kind,
            Reason::Expected(_) if kind == Kind::UnterminatedString => {
                RouteErrorKind::UnterminatedString {
                    quote: token.chars().next().unwrap_or('"'),
                }
            }
            Reason::Expected(expected) => RouteErrorKind::Unexpected {
                found: described(kind, token),
                expected: any_of(&expected) + slip(tokens, index),
            },
        };
        RouteError::new(text, offset, kind)
    }
}

impl<'t, 's> ParserError<Input<'t, 's>> for Refusal {
    type Inner = Self;

    fn from_input(input: &Input<'t, 's>) -> Self {
        Self {
            left: input.len(),
            reason: Reason::Expected(Vec::new()),
        }
    }

    /// The branch that came further speaks; at the same place both do.
    fn or(self, other: Self) -> Self {
        match (self.left.cmp(&other.left), self.reason, other.reason) {
            (std::cmp::Ordering::Less, reason, _) => Self {
                left: self.left,
                reason,
            },
            (std::cmp::Ordering::Greater, _, reason) => Self {
                left: other.left,
                reason,
            },
            (_, Reason::Expected(mut mine), Reason::Expected(theirs)) => {
                mine.extend(theirs);
                Self {
                    left: self.left,
                    reason: Reason::Expected(mine),
                }
            }
            (_, Reason::Kind(kind), _) | (_, _, Reason::Kind(kind)) => Self {
                left: self.left,
                reason: Reason::Kind(kind),
            },
        }
    }

    fn into_inner(self) -> Result<Self::Inner, Self> {
        Ok(self)
    }
}

/// A token for people: quoted, or named when it has no text.
fn described(kind: Kind, text: &str) -> String {
    match kind {
        Kind::End => "the end of the route".to_owned(),
        _ => format!("\"{}\"", shown(text)),
    }
}

/// What a habit from another language should have been, if it is one.
fn slip(tokens: &[Token<'_>], index: usize) -> &'static str {
    let text = |index: usize| tokens.get(index).map_or("", |token| token.text);
    let before = index.checked_sub(1).map_or("", text);
    match (before, text(index)) {
        ("=", "=") => " (equality is a single \"=\")",
        (_, "&&" | "&") => " (\"and\" is written AND)",
        (_, "|") => " (\"or\" is written OR)",
        _ => "",
    }
}

fn any_of(expected: &[&str]) -> String {
    match expected {
        [] => "something else".to_owned(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// Fail for good: no other branch may explain this place away.
pub(crate) fn refuse<O>(left: usize, kind: RouteErrorKind) -> Parsed<O> {
    Err(ErrMode::Cut(Refusal {
        left,
        reason: Reason::Kind(kind),
    }))
}

pub(crate) fn missing<O>(left: usize, expected: &'static str) -> Parsed<O> {
    Err(ErrMode::Backtrack(Refusal::at(left, expected)))
}

/// One token of that kind, called `name` in messages.
pub(crate) fn sign<'t, 's>(
    kind: Kind,
    name: &'static str,
) -> impl Parser<Input<'t, 's>, &'t Token<'s>, ErrMode<Refusal>>
where
    's: 't,
{
    move |input: &mut Input<'t, 's>| match input.peek_token() {
        Some(token) if token.kind == kind => {
            input.next_token();
            Ok(token)
        }
        _ => missing(input.len(), name),
    }
}

/// Whether the next token is of that kind.
pub(crate) fn is_next(input: &Input<'_, '_>, kind: Kind) -> bool {
    input.peek_token().is_some_and(|token| token.kind == kind)
}
