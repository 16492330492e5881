//! Why a route was refused, and where.

use std::fmt;

use crate::body::BodyPathError;
use crate::function::Function;
use crate::sink::SINKS;
use crate::types::Type;

/// A place in a route's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Bytes from the start of the route.
    pub offset: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Position {
    /// The position of byte `offset` of `text`; the end if it lies beyond.
    pub(crate) fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            offset: before.len(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// A refused route: the place, the reason and the text, so that it can be
/// shown with a caret under the place.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub struct RouteError {
    /// Where the parser stopped.
    pub position: Position,
    /// What is wrong there.
    #[source]
    pub kind: RouteErrorKind,
    /// The line that holds the position.
    line: String,
}

impl RouteError {
    pub(crate) fn new(text: &str, offset: usize, kind: RouteErrorKind) -> Self {
        let position = Position::of(text, offset);
        let line = text.lines().nth(position.line - 1).unwrap_or_default();
        Self {
            position,
            kind,
            line: line.to_owned(),
        }
    }
}

/// How many characters of a line are shown on each side of the caret.
const SHOWN: usize = 60;

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column, .. } = self.position;
        let skipped = (column - 1).saturating_sub(SHOWN);
        let excerpt = self
            .line
            .chars()
            .skip(skipped)
            .take(2 * SHOWN)
            .map(|character| {
                // One column each, so that the caret stands under its character.
                if character.is_control() {
                    ' '
                } else {
                    character
                }
            });
        write!(f, "line {line}, column {column}: {}\n  ", self.kind)?;
        excerpt
            .into_iter()
            .try_for_each(|character| write!(f, "{character}"))?;
        write!(f, "\n  {:>1$}", '^', column - skipped)
    }
}

/// What is wrong with a route.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RouteErrorKind {
    /// The grammar wants something else here.
    #[error("found {found}, expected {expected}")]
    Unexpected {
        /// What stands there.
        found: String,
        /// What may stand there.
        expected: String,
    },
    /// A quote without its partner, or an escape other than `\\ \" \' \uXXXX`.
    #[error(
        "found a string that does not end, expected a closing {quote} (escapes are \\\\ \\\" \\' \\uXXXX)"
    )]
    UnterminatedString {
        /// The quote it began with.
        quote: char,
    },
    /// The call of a function that the language does not have.
    #[error(
        "found function \"{found}\", expected {}one of {}",
        negated(found),
        Function::names()
    )]
    UnknownFunction {
        /// Its name as written.
        found: String,
    },
    /// Arguments of wrong number or type.
    #[error("found {function}({}), expected {expected}", list(found))]
    Arguments {
        /// The function's name in lower case.
        function: &'static str,
        /// The types given.
        found: Vec<Type>,
        /// The forms there are.
        expected: &'static str,
    },
    /// An operator between types that it does not join.
    #[error("found operator {operator} on {}, expected {expected}{}", list(found), greedy(name.as_deref()))]
    Operands {
        /// The operator as written in the language's documentation.
        operator: &'static str,
        /// The types given.
        found: Vec<Type>,
        /// What it takes.
        expected: &'static str,
        /// An operand that looks like a calculation and is one name (`a-1`).
        name: Option<Box<str>>,
    },
    /// `twin_change_includes` behind a source other than twin changes.
    #[error("found twin_change_includes behind {found}, expected FROM /twinChangeNotifications")]
    NotTwinChange {
        /// The source as read.
        found: String,
    },
    /// A `$body.…` or twin path that the hub does not take.
    #[error("found path \"{found}\", expected {source}")]
    Path {
        /// The path without `$body.`.
        found: String,
        /// What it should look like.
        source: BodyPathError,
    },
    /// A sink that is neither of the two.
    #[error("found sink \"{found}\", expected {SINKS}")]
    UnknownSink {
        /// The name as written.
        found: String,
    },
    /// An endpoint path of another shape.
    #[error("found endpoint \"{found}\", expected \"/modules/{{module}}/inputs/{{input}}\"")]
    EndpointPath {
        /// The path as written.
        found: String,
    },
    /// More text than a twin value can hold.
    #[error("found a route of {found} bytes, expected at most {limit}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
        /// [`crate::MAX_ROUTE_BYTES`].
        limit: usize,
    },
    /// Parentheses, calls or signs nested beyond [`crate::MAX_NESTING`].
    #[error("found a condition nested deeper than {limit}, expected at most that")]
    TooNested {
        /// [`crate::MAX_NESTING`].
        limit: usize,
    },
    /// Operators chained beyond [`crate::MAX_DEPTH`].
    #[error("found a condition of more than {limit} levels, expected at most that")]
    TooDeep {
        /// [`crate::MAX_DEPTH`].
        limit: usize,
    },
}

/// Text of a route for people: in one line, and not for ever.
pub(crate) fn shown(text: &str) -> String {
    const SHOWN: usize = 40;
    let mut shown = String::new();
    for (index, character) in text.chars().enumerate() {
        if index == SHOWN {
            shown.push('…');
            break;
        }
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// `!` is a letter, so `!is_defined(x)` calls a function of that name.
fn negated(name: &str) -> String {
    name.strip_prefix('!')
        .filter(|rest| Function::named(rest).is_ok())
        .map_or_else(String::new, |rest| format!("NOT {rest}(…), or "))
}

fn greedy(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| {
        format!("; \"{name}\" is one name, operators need spaces around them")
    })
}

fn list(types: &[Type]) -> String {
    types
        .iter()
        .map(Type::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use crate::Route;

    fn shown(text: &str) -> String {
        Route::parse(text).expect_err("a bad route").to_string()
    }

    #[test]
    fn an_error_names_place_found_and_expected_with_a_caret() {
        assert_eq!(
            shown("FROM /messages/*\n  INTO BrokeredEndpoint"),
            "line 2, column 24: found the end of the route, expected \"(\"\n\
             \x20   INTO BrokeredEndpoint\n\
             \x20                        ^"
        );
    }

    #[test]
    fn an_error_stays_three_lines_whatever_the_route_says() {
        for text in [
            // Found by the fuzzer: a string with a line break, quoted whole.
            "'\n'",
            "FROM /* INTO BrokeredEndpoint('/modules\n/a')",
            "FROM /* WHERE \u{85}\u{b}x(1) INTO $upstream",
        ] {
            assert_eq!(shown(text).lines().count(), 3, "{text:?}");
        }
        let endless = format!("FROM /* INTO $upstream {}", "x".repeat(8000));
        assert!(shown(&endless).len() < 300);
        let endless = format!("FROM /* INTO BrokeredEndpoint('{}')", "x".repeat(8000));
        assert!(shown(&endless).len() < 300);
    }

    #[test]
    fn columns_count_characters_and_long_lines_are_cut_around_the_caret() {
        let error = shown(&format!(
            "FROM /* WHERE {}x = 3 INTO $upstream",
            "größe = 'ä' OR ".repeat(9)
        ));
        let lines: Vec<_> = error.lines().collect();
        assert_eq!(lines.len(), 3, "{error}");
        let caret = lines[2].chars().count() - 1;
        assert_eq!(lines[1].chars().nth(caret), Some('='), "{error}");
        assert!(lines[0].starts_with("line 1, column 152: "), "{error}");
    }
}
