//! Tokens to a route: source, condition, sink.
//!
//! ```text
//! route   := [ SELECT "*" ] FROM path [ WHERE condition ] INTO sink end
//! path    := ( "/" ( "*" | name ) )+
//! sink    := "$upstream" | name "(" string ")"
//! ```
//!
//! The condition is [`crate::expression`]'s business.
//!
//! Source: Azure/iotedge, Routing.Core/grammar/Route.g4.

use winnow::Parser;
use winnow::combinator::{delimited, preceded, repeat};
use winnow::error::ErrMode;
use winnow::stream::{Stream, TokenSlice};
use winnow::token::any;

use crate::condition::{Condition, Operator};
use crate::error::{RouteError, RouteErrorKind, shown};
use crate::expression::condition;
use crate::lexer::{self, Kind};
use crate::message::same_name;
use crate::refusal::{Input, Parsed, Refusal, is_next, missing, refuse, sign};
use crate::route::Route;
use crate::sink::{SINKS, Sink};
use crate::source::Source;

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
            if !is_next(input, Kind::Open) && !same_name(name, "BrokeredEndpoint") {
                // Of `upstream` the dollar is missing and not a parenthesis.
                return refuse(left, RouteErrorKind::UnknownSink { found: shown(name) });
            }
            sign(Kind::Open, "\"(\"").parse_next(input)?;
            let argument = input.len();
            let path = sign(Kind::String, "an endpoint in quotes").parse_next(input)?;
            // Taken as it stands between the quotes: escapes are for conditions.
            let path = path.text.get(1..path.text.len() - 1).unwrap_or_default();
            sign(Kind::Close, "\")\"").parse_next(input)?;
            Sink::function(name, path).or_else(|kind| match kind {
                RouteErrorKind::EndpointPath { .. } => refuse(argument, kind),
                other => refuse(left, other),
            })
        }
        _ => missing(left, SINKS),
    }
}
