//! Tokens to a route. The grammar, the types and the depth are checked in one
//! pass, so that every [`Condition`] that exists is well typed and shallow.
//!
//! ```text
//! route   := [ SELECT "*" ] FROM path [ WHERE condition ] INTO sink end
//! path    := ( "/" ( "*" | name ) )+
//! sink    := "$upstream" | name "(" string ")"
//! operand := "(" condition ")" | literal | name | $name | "{" $name "}"
//!          | name "(" [ condition { "," condition } ] ")" | "-" operand | NOT operand
//! ```
//!
//! Operators are joined by climbing their powers ([`Operator::power`]), all to
//! the left. The loop is written out here instead of taken from the parsing
//! library, because nesting and depth are counted in it and each operator's
//! place is kept for the message about its operands.
//!
//! Source: Azure/iotedge, Routing.Core/grammar/Route.g4 and Condition.g4.

use winnow::Parser;
use winnow::combinator::{delimited, preceded, repeat, separated};
use winnow::error::{ErrMode, ParserError};
use winnow::stream::{Stream, TokenSlice};
use winnow::token::any;

use crate::body::{BodyPath, BodyPathError};
use crate::condition::{Condition, Expression, Literal, Operator};
use crate::error::{RouteError, RouteErrorKind};
use crate::function::Function;
use crate::lexer::{self, Kind, Token};
use crate::message::same_name;
use crate::number;
use crate::route::Route;
use crate::sink::{SINKS, Sink};
use crate::source::Source;
use crate::types::{self, Type};

/// How deep parentheses, calls, `NOT` and signs may nest.
pub const MAX_NESTING: usize = 64;

/// How many levels a condition's tree may have. A chain of operators of equal
/// power has one level for each of them.
pub const MAX_DEPTH: usize = 512;

/// Parse a whole route.
pub(crate) fn route(text: &str) -> Result<Route, RouteError> {
    let tokens = lexer::tokens(text)?;
    parts(&mut TokenSlice::new(&tokens))
        .map(|(source, condition, sink)| Route {
            text: text.to_owned(),
            source,
            condition,
            sink,
        })
        .map_err(|error| match error {
            ErrMode::Backtrack(refusal) | ErrMode::Cut(refusal) => {
                refusal.into_error(text, &tokens)
            }
            // Tokens are all there from the start; the parser never waits for more.
            ErrMode::Incomplete(_) => Refusal::at(0, "a whole route").into_error(text, &tokens),
        })
}

fn parts(input: &mut Input<'_, '_>) -> Parsed<(Source, Option<Condition>, Sink)> {
    // What may be left out is looked for with a peek and not with `opt`, which
    // would take a mistake behind the keyword for its absence.
    if is_next(input, Kind::Select) {
        let all = sign(Kind::Operator(Operator::Multiply), "\"*\"");
        (any, all, sign(Kind::From, "FROM"))
            .void()
            .parse_next(input)?;
    } else {
        sign(Kind::From, "SELECT or FROM")
            .void()
            .parse_next(input)?;
    }
    let source = source(input)?;
    let (condition, next) = if is_next(input, Kind::Where) {
        input.next_token();
        (Some(condition(input, &source)?), "an operator or INTO")
    } else {
        (None, "\"/\", WHERE or INTO")
    };
    let end = sign(Kind::End, "the end of the route");
    let sink = delimited(sign(Kind::Into, next), sink, end).parse_next(input)?;
    Ok((source, condition, sink))
}

fn is_next(input: &Input<'_, '_>, kind: Kind) -> bool {
    input.peek_token().is_some_and(|token| token.kind == kind)
}

type Input<'t, 's> = TokenSlice<'t, Token<'s>>;
type Parsed<O> = Result<O, ErrMode<Refusal>>;

/// Why a parser did not go on, before it is put into words.
#[derive(Debug)]
struct Refusal {
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
    fn at(left: usize, expected: &'static str) -> Self {
        Self {
            left,
            reason: Reason::Expected(vec![expected]),
        }
    }

    fn into_error(self, text: &str, tokens: &[Token<'_>]) -> RouteError {
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
                expected: any_of(&expected),
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

/// A token for people: quoted, shortened, or named when it has no text.
fn described(kind: Kind, text: &str) -> String {
    const SHOWN: usize = 40;
    match kind {
        Kind::End => "the end of the route".to_owned(),
        _ if text.chars().count() > SHOWN => {
            format!("\"{}…\"", text.chars().take(SHOWN).collect::<String>())
        }
        _ => format!("\"{text}\""),
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
fn refuse<O>(left: usize, kind: RouteErrorKind) -> Parsed<O> {
    Err(ErrMode::Cut(Refusal {
        left,
        reason: Reason::Kind(kind),
    }))
}

fn missing<O>(left: usize, expected: &'static str) -> Parsed<O> {
    Err(ErrMode::Backtrack(Refusal::at(left, expected)))
}

/// One token of that kind, called `name` in messages.
fn sign<'t, 's>(
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

fn source(input: &mut Input<'_, '_>) -> Parsed<Source> {
    let item = |input: &mut Input<'_, '_>| match input.peek_token() {
        Some(token) if matches!(token.kind, Kind::Id | Kind::Operator(Operator::Multiply)) => {
            let text = token.text.to_owned();
            input.next_token();
            Ok(text)
        }
        // Behind a slash there is no other way to go on.
        _ => Err(ErrMode::Cut(Refusal::at(
            input.len(),
            "\"*\" or a name (not a number or a word of the language)",
        ))),
    };
    let slash = sign(
        Kind::Operator(Operator::Divide),
        "a path such as /messages/*",
    );
    let segments: Vec<String> = repeat(1.., preceded(slash, item)).parse_next(input)?;
    Ok(Source::new(segments))
}

fn sink(input: &mut Input<'_, '_>) -> Parsed<Sink> {
    let left = input.len();
    match input.peek_token() {
        Some(token) if token.kind == Kind::System => {
            let sink = Sink::system(token.text);
            input.next_token();
            sink.or_else(|kind| refuse(left, kind))
        }
        Some(token) if token.kind == Kind::Id => {
            let name = token.text;
            input.next_token();
            sign(Kind::Open, "\"(\"").parse_next(input)?;
            let argument = input.len();
            let path = sign(Kind::String, "an endpoint in quotes").parse_next(input)?;
            let path = unescape(path.text);
            sign(Kind::Close, "\")\"").parse_next(input)?;
            Sink::function(name, &path).or_else(|kind| match kind {
                RouteErrorKind::EndpointPath { .. } => refuse(argument, kind),
                other => refuse(left, other),
            })
        }
        _ => missing(left, SINKS),
    }
}

fn condition(input: &mut Input<'_, '_>, source: &Source) -> Parsed<Condition> {
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
                Err(kind) => return refuse(place, kind),
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
        found: found.to_owned(),
        source,
    }
}

/// The text of a string token. Like the real hub it resolves `\uXXXX` first
/// and the other escapes in what that leaves.
fn unescape(token: &str) -> String {
    let inner = token
        .get(1..token.len().saturating_sub(1))
        .unwrap_or_default();
    let mut units: Vec<u16> = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(next) = rest.chars().next() {
        let code = rest
            .strip_prefix("\\u")
            .and_then(|rest| rest.get(..4))
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u16::from_str_radix(digits, 16).ok());
        if let Some(code) = code {
            units.push(code);
            rest = &rest[6..];
        } else {
            units.extend_from_slice(next.encode_utf16(&mut [0; 2]));
            rest = &rest[next.len_utf8()..];
        }
    }
    let resolved = String::from_utf16_lossy(&units);
    let mut text = String::with_capacity(resolved.len());
    let mut characters = resolved.chars().peekable();
    while let Some(character) = characters.next() {
        match characters.peek() {
            Some(&escaped @ ('"' | '\'' | '\\')) if character == '\\' => {
                text.push(escaped);
                characters.next();
            }
            _ => text.push(character),
        }
    }
    text
}
