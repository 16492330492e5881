//! Values while a condition is evaluated.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::condition::Operator;

/// The value of an expression for one message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    /// Unknown: a missing property, a number that is none, an unreadable body.
    Undefined,
    /// The literal `null`, or what `AND` and `OR` make of it.
    Null,
    /// Null out of a body: written there (`present`), or a member that is not.
    BodyNull {
        present: bool,
    },
    Bool(bool),
    /// Not-a-number only out of calculations with body values, where the hub
    /// counts it as a value; elsewhere that is `Undefined`.
    Number(f64),
    Text(Cow<'a, str>),
    /// A property that was sent without a value: defined, yet no text.
    NullText,
}

impl<'a> Value<'a> {
    /// A number; not-a-number is undefined, as in edgeHub.
    pub(crate) fn number(number: f64) -> Self {
        if number.is_nan() {
            Self::Undefined
        } else {
            Self::Number(number)
        }
    }

    /// A property: absent, null or text.
    pub(crate) fn property(value: Option<Option<&'a str>>) -> Self {
        match value {
            None => Self::Undefined,
            Some(None) => Self::NullText,
            Some(Some(text)) => Self::Text(Cow::Borrowed(text)),
        }
    }

    pub(crate) fn is_defined(&self) -> bool {
        *self != Self::Undefined
    }

    pub(crate) fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value; `None` is undefined, which everything but a truth value is.
    pub(crate) fn truth(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// A truth value or undefined.
    pub(crate) fn from_truth(truth: Option<bool>) -> Self {
        truth.map_or(Self::Undefined, Self::Bool)
    }
}

/// `left operator right` for the six comparisons.
///
/// Undefined beside anything is undefined, and so is a property without a value
/// beside another text. With a body value on either side (`of_body`) two types
/// can meet: they are never equal, and have the order of [`rank`].
///
/// Source: Azure/iotedge, Routing.Core/query/ComparisonOperators.cs and
/// Routing.Core/query/types/QueryValue.cs.
pub(crate) fn compare(
    operator: Operator,
    left: &Value<'_>,
    right: &Value<'_>,
    of_body: bool,
) -> Value<'static> {
    let is_comparable =
        |value: &Value<'_>| value.is_defined() && (of_body || *value != Value::NullText);
    if !is_comparable(left) || !is_comparable(right) {
        return Value::Undefined;
    }
    let ordering = match (left, right) {
        (Value::Number(left), Value::Number(right)) => compare_numbers(*left, *right),
        (Value::Text(left), Value::Text(right)) => left.encode_utf16().cmp(right.encode_utf16()),
        (Value::NullText, Value::Text(_)) => Ordering::Less,
        (Value::Text(_), Value::NullText) => Ordering::Greater,
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (left, right) => rank(left).cmp(&rank(right)),
    };
    Value::Bool(match operator {
        Operator::Equal => ordering.is_eq(),
        Operator::NotEqual => ordering.is_ne(),
        Operator::Less => ordering.is_lt(),
        Operator::LessEqual => ordering.is_le(),
        Operator::Greater => ordering.is_gt(),
        Operator::GreaterEqual => ordering.is_ge(),
        Operator::Multiply
        | Operator::Divide
        | Operator::Modulo
        | Operator::Add
        | Operator::Subtract
        | Operator::Concat
        | Operator::And
        | Operator::Or
        | Operator::Coalesce => return Value::Undefined,
    })
}

/// As .NET orders them: not-a-number equals itself and is below all others.
fn compare_numbers(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right)
        .unwrap_or_else(|| right.is_nan().cmp(&left.is_nan()))
}

/// The place of a value's type among the types.
fn rank(value: &Value<'_>) -> u8 {
    match value {
        Value::Undefined => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::Text(_) | Value::NullText => 3,
        Value::Null | Value::BodyNull { .. } => 4,
    }
}

/// `AND` and `OR` with a body value on the left: of two truth values it is what
/// one expects, of anything else it is undefined, even where one side decides.
pub(crate) fn of_body(operator: Operator, left: &Value<'_>, right: &Value<'_>) -> Value<'static> {
    match (left.truth(), right.truth()) {
        (Some(left), Some(right)) if operator == Operator::And => Value::Bool(left && right),
        (Some(left), Some(right)) => Value::Bool(left || right),
        _ => Value::Undefined,
    }
}

/// Three-valued `AND`: false wins, then undefined.
pub(crate) fn and(left: &Value<'_>, right: &Value<'_>) -> Value<'static> {
    if *left == Value::Null || *right == Value::Null {
        return Value::Null;
    }
    Value::from_truth(match (left.truth(), right.truth()) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    })
}

/// Three-valued `OR`: true wins, then undefined; null gives way.
pub(crate) fn or(left: &Value<'_>, right: &Value<'_>) -> Value<'static> {
    match (left, right) {
        (Value::Null, Value::Null) => Value::Null,
        (Value::Null, other) | (other, Value::Null) => Value::from_truth(other.truth()),
        _ => Value::from_truth(match (left.truth(), right.truth()) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        }),
    }
}

/// Three-valued `NOT`: of undefined it is undefined, of null it is true.
pub(crate) fn not(operand: &Value<'_>) -> Value<'static> {
    match operand {
        Value::Null => Value::Bool(true),
        other => Value::from_truth(other.truth().map(|truth| !truth)),
    }
}
