//! What a condition's tree is worth for one message.
//!
//! Total: every well-typed tree has a value for every message. Recursion is as
//! deep as the tree, which the parser bounds.

use std::borrow::Cow;

use crate::body::{BodyPath, Found};
use crate::condition::{Expression, Literal, Operator};
use crate::function::Function;
use crate::message::{RoutedMessage, lower, upper};
use crate::number;
use crate::value::{self, Value};

/// The value of `expression` for `message`.
pub(crate) fn evaluate<'a>(
    expression: &'a Expression,
    message: &'a RoutedMessage<'_>,
) -> Value<'a> {
    typed(expression, message).value
}

/// A value, and whether its type was left open until the body was there.
pub(crate) struct Typed<'a> {
    pub(crate) value: Value<'a>,
    pub(crate) of_body: bool,
}

/// What was compiled as a body value keeps its own rules in comparisons, logic
/// and arithmetic, whatever turns up in it.
fn typed<'a>(expression: &'a Expression, message: &'a RoutedMessage<'_>) -> Typed<'a> {
    let value = match expression {
        Expression::Literal(literal) => constant(literal),
        Expression::Property(name) => Value::property(message.property(name)),
        Expression::System { name, escaped } => {
            let shadowing = if *escaped {
                None
            } else {
                message.property(&format!("${name}"))
            };
            Value::property(shadowing.or_else(|| message.system_property(name)))
        }
        Expression::Body {
            path,
            name,
            escaped,
        } => {
            let shadowing = if *escaped || path.has_index() {
                None
            } else {
                message.property(name)
            };
            let value = match shadowing {
                Some(_) => Value::property(shadowing),
                None => in_body(path, message),
            };
            return Typed {
                value,
                of_body: true,
            };
        }
        Expression::Negate(operand) => negate(&evaluate(operand, message)),
        Expression::Not(operand) => value::not(&evaluate(operand, message)),
        Expression::Binary {
            operator,
            left,
            right,
        } => return binary(*operator, typed(left, message), typed(right, message)),
        Expression::Call {
            function,
            arguments,
        } => {
            let arguments: Vec<_> = arguments
                .iter()
                .map(|argument| typed(argument, message))
                .collect();
            call(*function, &arguments)
        }
        Expression::TwinChangeIncludes(path) => match message.document() {
            None => Value::Undefined,
            Some(document) => match path.find(document) {
                Found::Nothing => Value::Bool(false),
                Found::One(_) | Found::Many => Value::Bool(true),
                Found::Error => Value::Undefined,
            },
        },
    };
    Typed {
        value,
        of_body: false,
    }
}

/// What a literal is worth.
pub(crate) fn constant(literal: &Literal) -> Value<'_> {
    match literal {
        Literal::Bool(truth) => Value::Bool(*truth),
        Literal::Number(number) => Value::number(*number),
        Literal::String(text) => Value::Text(Cow::Borrowed(text)),
        Literal::Null => Value::Null,
        Literal::Undefined => Value::Undefined,
    }
}

fn in_body<'a>(path: &BodyPath, message: &'a RoutedMessage<'_>) -> Value<'a> {
    match message.document() {
        None => Value::Undefined,
        Some(document) => crate::body::value(path.find(document)),
    }
}

/// The worth of `-operand`.
pub(crate) fn negate(operand: &Value<'_>) -> Value<'static> {
    operand
        .as_number()
        .map_or(Value::Undefined, |number| Value::number(-number))
}

/// The worth of `left operator right`.
pub(crate) fn binary<'a>(operator: Operator, left: Typed<'a>, right: Typed<'a>) -> Typed<'a> {
    let of_body = left.of_body || right.of_body;
    let left_of_body = left.of_body;
    let (left, right) = (left.value, right.value);
    let arithmetic = |apply: fn(f64, f64) -> f64| match (left.as_number(), right.as_number()) {
        (Some(left), Some(right)) if of_body => Value::Number(apply(left, right)),
        (Some(left), Some(right)) => Value::number(apply(left, right)),
        _ => Value::Undefined,
    };
    let open = |value| Typed { value, of_body };
    let closed = |value| Typed {
        value,
        of_body: false,
    };
    match operator {
        Operator::Multiply => open(arithmetic(|left, right| left * right)),
        Operator::Divide => open(arithmetic(|left, right| left / right)),
        Operator::Add => open(arithmetic(|left, right| left + right)),
        Operator::Subtract => open(arithmetic(|left, right| left - right)),
        Operator::Modulo => closed(arithmetic(|left, right| left % right)),
        Operator::Concat => closed(concat([&left, &right])),
        Operator::Less
        | Operator::LessEqual
        | Operator::Greater
        | Operator::GreaterEqual
        | Operator::Equal
        | Operator::NotEqual => closed(value::compare(operator, &left, &right, of_body)),
        Operator::And | Operator::Or if left_of_body => {
            closed(value::of_body(operator, &left, &right))
        }
        Operator::And => closed(value::and(&left, &right)),
        Operator::Or => closed(value::or(&left, &right)),
        Operator::Coalesce => open(if left.is_defined() { left } else { right }),
    }
}

/// A function's value; an argument of another type than it takes (a body value
/// may be anything) makes it undefined.
pub(crate) fn call(function: Function, arguments: &[Typed<'_>]) -> Value<'static> {
    let value = |index: usize| arguments.get(index).map(|argument| &argument.value);
    let number = |index: usize| {
        let number = value(index).and_then(Value::as_number);
        number.filter(|number| !number.is_nan())
    };
    let text = |index: usize| value(index).and_then(Value::as_text);
    let first = value(0).unwrap_or(&Value::Undefined);
    let of_number =
        |apply: fn(f64) -> f64| number(0).map(apply).map_or(Value::Undefined, Value::number);
    let of_text = |apply: fn(&str) -> Value<'static>| text(0).map_or(Value::Undefined, apply);
    let of_texts = |apply: fn(&str, &str) -> Value<'static>| match (text(0), text(1)) {
        (Some(left), Some(right)) => apply(left, right),
        _ => Value::Undefined,
    };
    match function {
        Function::Abs => of_number(f64::abs),
        Function::Exp => of_number(f64::exp),
        Function::Square => of_number(|number| number * number),
        Function::Ceiling => of_number(f64::ceil),
        Function::Floor => of_number(f64::floor),
        Function::Sign => of_number(|number| {
            if number > 0.0 {
                1.0
            } else if number < 0.0 {
                -1.0
            } else {
                0.0
            }
        }),
        Function::Sqrt => of_number(f64::sqrt),
        Function::Power => match (number(0), number(1)) {
            (Some(base), Some(exponent)) => Value::number(base.powf(exponent)),
            _ => Value::Undefined,
        },
        Function::AsNumber => match first {
            Value::Number(number) => Value::number(*number),
            Value::Text(text) => number::from_text(text).map_or(Value::Undefined, Value::number),
            Value::Undefined
            | Value::Null
            | Value::BodyNull { .. }
            | Value::Bool(_)
            | Value::NullText => Value::Undefined,
        },
        Function::IsBool => Value::Bool(matches!(first, Value::Bool(_))),
        Function::IsDefined => Value::Bool(first.is_defined()),
        Function::IsNull => is_null(first, arguments.first().is_some_and(|first| first.of_body)),
        Function::IsNumber => Value::Bool(first.as_number().is_some_and(f64::is_finite)),
        Function::IsString => Value::Bool(first.as_text().is_some()),
        Function::Concat => concat(arguments.iter().map(|argument| &argument.value)),
        Function::Length => of_text(|text| count(text.encode_utf16().count())),
        Function::Lower => of_text(|text| owned(text.chars().map(lower).collect())),
        Function::Upper => of_text(|text| owned(text.chars().map(upper).collect())),
        Function::Substring => match (text(0), number(1), value(2)) {
            (Some(text), Some(start), None) => substring(text, start, None),
            (Some(text), Some(start), Some(Value::Number(length))) => {
                substring(text, start, Some(*length))
            }
            _ => Value::Undefined,
        },
        Function::IndexOf => of_texts(|text, fragment| match text.find(fragment) {
            Some(byte) => count(text[..byte].encode_utf16().count()),
            None => Value::Number(-1.0),
        }),
        Function::StartsWith => of_texts(|text, prefix| Value::Bool(text.starts_with(prefix))),
        Function::EndsWith => of_texts(|text, suffix| Value::Bool(text.ends_with(suffix))),
        Function::Contains => of_texts(|text, fragment| Value::Bool(text.contains(fragment))),
    }
}

/// Right for properties and literals. Of a body value the real hub answers the
/// wrong way round, and so does this: true for anything that is there, an
/// explicit null included, false for a missing member.
fn is_null(value: &Value<'_>, of_body: bool) -> Value<'static> {
    match (value, of_body) {
        (Value::Undefined, true) => Value::Undefined,
        (value, true) => Value::Bool(*value != Value::BodyNull { present: false }),
        (value, false) => Value::Bool(matches!(value, Value::Null | Value::NullText)),
    }
}

/// The longest text that joining makes, in bytes: four times what the greatest
/// message holds. Ours and not the hub's: a route that names a long text a
/// thousand times must not cost memory a thousand times.
const MAX_JOINED: usize = 1024 * 1024;

/// Texts joined; a property without a value counts as empty, anything else
/// that is no text makes the whole undefined, and so does a text beyond
/// [`MAX_JOINED`].
fn concat<'v>(parts: impl IntoIterator<Item = &'v Value<'v>>) -> Value<'static> {
    let mut joined = String::new();
    for part in parts {
        match part {
            Value::Text(text) if text.len() <= MAX_JOINED - joined.len() => joined.push_str(text),
            Value::Text(_) => return Value::Undefined,
            Value::NullText => {}
            Value::Undefined
            | Value::Null
            | Value::BodyNull { .. }
            | Value::Bool(_)
            | Value::Number(_) => return Value::Undefined,
        }
    }
    owned(joined)
}

/// A part of `text` in UTF-16 units; undefined outside of it, and, where a length is asked for, at its
/// very end. Fractions count towards where a part ends; where to cut, they are dropped.
fn substring(text: &str, start: f64, length: Option<f64>) -> Value<'static> {
    let units: Vec<u16> = text.encode_utf16().collect();
    #[expect(
        clippy::cast_precision_loss,
        reason = "text is far shorter than 2^53 units"
    )]
    let whole = units.len() as f64;
    // In range, so the cast drops a fraction and nothing else.
    #[expect(clippy::cast_sign_loss, reason = "checked to be at least 0")]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a length that was counted in memory"
    )]
    let index = |number: f64| number as usize;
    let part = match length {
        None if start >= 0.0 && start <= whole => units.get(index(start)..),
        Some(length)
            if start >= 0.0 && start < whole && length >= 0.0 && start + length <= whole =>
        {
            units.get(index(start)..index(start) + index(length))
        }
        None | Some(_) => None,
    };
    part.map_or(Value::Undefined, |part| {
        owned(String::from_utf16_lossy(part))
    })
}

fn owned(text: String) -> Value<'static> {
    Value::Text(Cow::Owned(text))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "text is far shorter than 2^53 units"
)]
fn count(units: usize) -> Value<'static> {
    Value::Number(units as f64)
}
