//! Tokens to a condition. Grammar, types and depth are checked in one pass, so
//! that every [`Condition`] that exists is well typed and shallow.
//!
//! ```text
//! operand := "(" condition ")" | literal | name | $name | "{" $name "}"
//!          | name "(" [ condition { "," condition } ] ")" | "-" operand | NOT operand
//! ```
//!
//! Operators are joined by climbing their powers ([`Operator::power`]), all to
//! the left. The loop is written out here instead of taken from the parsing
//! library, because nesting and depth are counted in it and each operator's
//! place is kept for the message about its operands.
//!
//! Source: Azure/iotedge, Routing.Core/grammar/Condition.g4 and
//! Routing.Core/query/ConditionVisitor.cs.

use winnow::Parser;
use winnow::combinator::separated;
use winnow::stream::Stream;

use crate::body::{BodyPath, BodyPathError};
use crate::condition::{Condition, Expression, Literal, Operator};
use crate::error::{RouteErrorKind, shown};
use crate::escape::unescape;
use crate::function::Function;
use crate::lexer::{Kind, Token};
use crate::message::same_name;
use crate::number;
use crate::refusal::{Input, Parsed, missing, refuse, sign};
use crate::source::Source;
use crate::types::{self, Type};

/// How deep parentheses, calls, `NOT` and signs may nest.
pub const MAX_NESTING: usize = 64;

/// How many levels a condition's tree may have. A chain of operators of equal
/// power has one level for each of them.
pub const MAX_DEPTH: usize = 512;

/// The condition of a route with this source.
pub(crate) fn condition(input: &mut Input<'_, '_>, source: &Source) -> Parsed<Condition> {
    let parser = ConditionParser { source };
    parser
        .joined(input, 0, 0)
        .map(|typed| Condition::new(typed.expression))
}

/// An expression with what is known about it.
struct Typed {
    expression: Expression,
    kind: Type,
    depth: usize,
}

impl Typed {
    fn leaf(expression: Expression, kind: Type) -> Self {
        Self {
            expression,
            kind,
            depth: 1,
        }
    }
}

struct ConditionParser<'r> {
    source: &'r Source,
}

impl ConditionParser<'_> {
    /// Operands joined by operators of at least `power`, `nesting` levels down.
    fn joined(&self, input: &mut Input<'_, '_>, power: u8, nesting: usize) -> Parsed<Typed> {
        let mut left = self.operand(input, nesting)?;
        while let Some(&Token {
            kind: Kind::Operator(operator),
            ..
        }) = input.peek_token()
        {
            if operator.power() < power {
                break;
            }
            let place = input.len();
            input.next_token();
            let right = self.joined(input, operator.power() + 1, nesting)?;
            let kind = match types::binary(operator, left.kind, right.kind) {
                Ok(kind) => kind,
                Err(kind) => {
                    return refuse(
                        place,
                        with_name(kind, [&left.expression, &right.expression]),
                    );
                }
            };
            let depth = deeper(place, left.depth.max(right.depth))?;
            let (left_side, right_side) = (Box::new(left.expression), Box::new(right.expression));
            let expression = Expression::Binary {
                operator,
                left: left_side,
                right: right_side,
            };
            left = Typed {
                expression,
                kind,
                depth,
            };
        }
        Ok(left)
    }

    fn operand(&self, input: &mut Input<'_, '_>, nesting: usize) -> Parsed<Typed> {
        let place = input.len();
        if nesting > MAX_NESTING {
            return refuse(place, RouteErrorKind::TooNested { limit: MAX_NESTING });
        }
        let Some(&token) = input.peek_token() else {
            return missing(place, "a condition");
        };
        let literal = |literal, kind| Ok(Typed::leaf(Expression::Literal(literal), kind));
        let number = |number: Option<f64>| match number {
            Some(number) => literal(Literal::Number(number), Type::Number),
            None => literal(Literal::Undefined, Type::Undefined),
        };
        let leaf = match token.kind {
            Kind::True => literal(Literal::Bool(true), Type::Bool),
            Kind::False => literal(Literal::Bool(false), Type::Bool),
            Kind::Null => literal(Literal::Null, Type::Null),
            Kind::Undefined => literal(Literal::Undefined, Type::Undefined),
            Kind::String => literal(Literal::String(unescape(token.text)), Type::String),
            Kind::Integer | Kind::Real => number(number::literal(token.text)),
            Kind::Hex => number(number::hex_literal(token.text)),
            Kind::System => system(token.text, false).or_else(|kind| refuse(place, kind)),
            Kind::Id => {
                input.next_token();
                return match input.peek_token() {
                    Some(next) if next.kind == Kind::Open => {
                        self.call(input, token.text, place, nesting + 1)
                    }
                    _ => {
                        let name = token.text.to_owned();
                        Ok(Typed::leaf(Expression::Property(name), Type::String))
                    }
                };
            }
            Kind::Open => {
                input.next_token();
                let inner = self.joined(input, 0, nesting + 1)?;
                sign(Kind::Close, "an operator or \")\"").parse_next(input)?;
                return Ok(inner);
            }
            Kind::OpenBrace => {
                input.next_token();
                let name = sign(Kind::System, "a name that begins with $").parse_next(input)?;
                let named = system(name.text, true).or_else(|kind| refuse(place, kind))?;
                sign(Kind::CloseBrace, "\"}\"").parse_next(input)?;
                return Ok(named);
            }
            Kind::Operator(Operator::Subtract) => {
                input.next_token();
                let operand = self.operand(input, nesting + 1)?;
                return unary(place, operand, types::negate, Expression::Negate);
            }
            Kind::Not => {
                input.next_token();
                let operand = self.operand(input, nesting + 1)?;
                return unary(place, operand, types::not, Expression::Not);
            }
            Kind::Select
            | Kind::From
            | Kind::Where
            | Kind::Into
            | Kind::UnterminatedString
            | Kind::Close
            | Kind::CloseBrace
            | Kind::Comma
            | Kind::Operator(_)
            | Kind::QueryPath
            | Kind::Unknown
            | Kind::End => return missing(place, "a value, a name, a function, NOT or \"(\""),
        };
        input.next_token();
        leaf
    }

    /// A call, its name already read and the parenthesis next.
    fn call(
        &self,
        input: &mut Input<'_, '_>,
        name: &str,
        place: usize,
        nesting: usize,
    ) -> Parsed<Typed> {
        input.next_token();
        if same_name(name, "twin_change_includes") {
            return self.twin_change_includes(input, place);
        }
        let function = Function::named(name).or_else(|kind| refuse(place, kind))?;
        let comma = sign(Kind::Comma, "an operator, \",\" or \")\"");
        let argument = |input: &mut Input<'_, '_>| self.joined(input, 0, nesting);
        let arguments: Vec<Typed> = match input.peek_token() {
            Some(token) if token.kind == Kind::Close => Vec::new(),
            _ => separated(1.., argument, comma).parse_next(input)?,
        };
        sign(Kind::Close, "an operator, \",\" or \")\"").parse_next(input)?;
        let kinds: Vec<_> = arguments.iter().map(|argument| argument.kind).collect();
        let kind = function
            .result(&kinds)
            .or_else(|kind| refuse(place, kind))?;
        let below = arguments
            .iter()
            .map(|argument| argument.depth)
            .max()
            .unwrap_or_default();
        let depth = deeper(place, below)?;
        let arguments = arguments
            .into_iter()
            .map(|argument| argument.expression)
            .collect();
        Ok(Typed {
            expression: Expression::Call {
                function,
                arguments,
            },
            kind,
            depth,
        })
    }

    fn twin_change_includes(&self, input: &mut Input<'_, '_>, place: usize) -> Parsed<Typed> {
        if !self.source.is_twin_change() {
            let found = self.source.to_string();
            return refuse(place, RouteErrorKind::NotTwinChange { found });
        }
        let argument = input.len();
        let name =
            sign(Kind::Id, "a twin path such as properties.reported.state").parse_next(input)?;
        sign(Kind::Close, "\")\"").parse_next(input)?;
        let path = BodyPath::parse_twin(name.text)
            .or_else(|source| refuse(argument, path_error(name.text, source)))?;
        Ok(Typed::leaf(
            Expression::TwinChangeIncludes(path),
            Type::Bool,
        ))
    }
}

fn unary(
    place: usize,
    operand: Typed,
    kind_of: fn(Type) -> Result<Type, RouteErrorKind>,
    node: fn(Box<Expression>) -> Expression,
) -> Parsed<Typed> {
    let kind = kind_of(operand.kind).or_else(|kind| refuse(place, kind))?;
    let depth = deeper(place, operand.depth)?;
    Ok(Typed {
        expression: node(Box::new(operand.expression)),
        kind,
        depth,
    })
}

/// The refusal of an operator, with the operand that its author may have meant
/// as a calculation.
fn with_name(mut kind: RouteErrorKind, operands: [&Expression; 2]) -> RouteErrorKind {
    if let RouteErrorKind::Operands { name, .. } = &mut kind {
        let greedy = |operand: &&Expression| match operand {
            Expression::Property(name) => name.contains(['-', '+', '*', '%', '|', '!', '\'']),
            _ => false,
        };
        *name = operands
            .into_iter()
            .find(greedy)
            .and_then(|operand| match operand {
                Expression::Property(name) => Some(shown(name).into_boxed_str()),
                _ => None,
            });
    }
    kind
}

fn deeper(place: usize, below: usize) -> Parsed<usize> {
    if below < MAX_DEPTH {
        Ok(below + 1)
    } else {
        refuse(place, RouteErrorKind::TooDeep { limit: MAX_DEPTH })
    }
}

/// `$name` or `$body.path`, with or without braces around it.
fn system(text: &str, escaped: bool) -> Result<Typed, RouteErrorKind> {
    const BODY: &str = "$body.";
    if let Some((prefix, path)) = text.split_at_checked(BODY.len())
        && same_name(prefix, BODY)
    {
        let path = BodyPath::parse(path).map_err(|source| path_error(path, source))?;
        let expression = Expression::Body {
            path,
            name: text.to_owned(),
            escaped,
        };
        return Ok(Typed::leaf(expression, Type::Body));
    }
    if text.contains(['[', ']']) {
        // No property can have such a name; the real hub makes it undefined.
        return Ok(Typed::leaf(
            Expression::Literal(Literal::Undefined),
            Type::Undefined,
        ));
    }
    let name = text.strip_prefix('$').unwrap_or(text).to_owned();
    Ok(Typed::leaf(
        Expression::System { name, escaped },
        Type::String,
    ))
}

fn path_error(found: &str, source: BodyPathError) -> RouteErrorKind {
    RouteErrorKind::Path {
        found: shown(found),
        source,
    }
}
