//! A condition as text again, with no more parentheses than it needs.
//!
//! What is printed parses to the same tree; that is what holds this file and
//! the parser to each other. It is not what the author wrote: white space,
//! comments, spare parentheses and the spelling of numbers and texts are lost.

use std::fmt::{self, Display, Formatter};

use crate::condition::{Condition, Expression, Literal};

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.root().fmt(f)
    }
}

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(literal) => literal.fmt(f),
            Self::Property(name) => f.write_str(name),
            Self::System { name, escaped } => dollar(f, &format!("${name}"), *escaped),
            Self::Body { name, escaped, .. } => dollar(f, name, *escaped),
            Self::Negate(operand) => {
                // Apart from a number behind it, which would take the sign in.
                f.write_str("- ")?;
                grouped(f, operand, operand.power().is_some())
            }
            Self::Not(operand) => {
                f.write_str("NOT ")?;
                grouped(f, operand, operand.power().is_some())
            }
            Self::Binary {
                operator,
                left,
                right,
            } => {
                // Operators of one power are read from the left.
                let power = operator.power();
                grouped(f, left, left.power().is_some_and(|left| left < power))?;
                write!(f, " {} ", operator.symbol())?;
                grouped(f, right, right.power().is_some_and(|right| right <= power))
            }
            Self::Call {
                function,
                arguments,
            } => {
                write!(f, "{}(", function.name())?;
                for (index, argument) in arguments.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    argument.fmt(f)?;
                }
                f.write_str(")")
            }
            Self::TwinChangeIncludes(path) => write!(f, "twin_change_includes({path})"),
        }
    }
}

impl Expression {
    /// How tightly its operator binds, if an operator stands between its parts.
    fn power(&self) -> Option<u8> {
        match self {
            Self::Binary { operator, .. } => Some(operator.power()),
            Self::Literal(_)
            | Self::Property(_)
            | Self::System { .. }
            | Self::Body { .. }
            | Self::Negate(_)
            | Self::Not(_)
            | Self::Call { .. }
            | Self::TwinChangeIncludes(_) => None,
        }
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(truth) => truth.fmt(f),
            // There is no word for it, only numbers that are too large.
            Self::Number(number) if number.is_infinite() => {
                f.write_str(if *number > 0.0 { "1e999" } else { "-1e999" })
            }
            // The shortest form that reads as the same number.
            Self::Number(number) => write!(f, "{number:?}"),
            Self::String(text) => quoted(f, text),
            Self::Null => f.write_str("null"),
            Self::Undefined => f.write_str("undefined"),
        }
    }
}

fn dollar(f: &mut Formatter<'_>, name: &str, escaped: bool) -> fmt::Result {
    if escaped {
        write!(f, "{{{name}}}")
    } else {
        f.write_str(name)
    }
}

fn grouped(f: &mut Formatter<'_>, expression: &Expression, in_parentheses: bool) -> fmt::Result {
    if in_parentheses {
        write!(f, "({expression})")
    } else {
        expression.fmt(f)
    }
}

/// Between single quotes. Escapes are resolved in two passes, code points
/// first, so a backslash is written as the code points of two: `\\u0041` would
/// come out as `\A`.
fn quoted(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("'")?;
    for character in text.chars() {
        match character {
            '\\' => f.write_str(r"\u005c\u005c")?,
            '\'' => f.write_str(r"\'")?,
            other => write!(f, "{other}")?,
        }
    }
    f.write_str("'")
}

#[cfg(test)]
mod tests {
    use crate::Route;

    #[track_caller]
    fn check(condition: &str, expected: &str) {
        let parse = |condition: &str| {
            let route = Route::parse(&format!("FROM /x WHERE {condition} INTO $upstream"));
            let route = route.unwrap_or_else(|error| panic!("{error}"));
            route.condition().expect("a condition").clone()
        };
        let printed = parse(condition).to_string();
        assert_eq!(printed, expected);
        assert_eq!(parse(&printed), parse(condition), "{condition}");
    }

    #[test]
    fn parentheses_stand_where_they_change_the_tree() {
        check("((a = 'x'))", "a = 'x'");
        check("(1 + 2) * 3 = 9", "(1.0 + 2.0) * 3.0 = 9.0");
        check("1 + (2 * 3) = 7", "1.0 + 2.0 * 3.0 = 7.0");
        check("1 - (2 - 3) = 2", "1.0 - (2.0 - 3.0) = 2.0");
        check("(1 - 2) - 3 = -4", "1.0 - 2.0 - 3.0 = -4.0");
        check("NOT (a = 'x') AND (NOT true)", "NOT (a = 'x') AND NOT true");
        check("- (1 + 2) < - 3", "- (1.0 + 2.0) < - 3.0");
        check("(a ?? 'b') = 'c'", "(a ?? 'b') = 'c'");
        check("{$x} = $x", "{$x} = $x");
        check("0xFF != 1e1000", "255.0 <> 1e999");
    }

    #[test]
    fn texts_survive_both_passes_of_their_escapes() {
        check(r"'it\'s' = a", r"'it\'s' = a");
        check(r"'\u005c\u005cu0041' = a", r"'\u005c\u005cu0041' = a");
        check(r"'\\' = a", r"'\u005c\u005c' = a");
        check(r#""\"\\" = a"#, r#"'"\u005c\u005c' = a"#);
    }
}
