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
    /// Never NaN; that is `Undefined`.
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

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null | Self::BodyNull { .. })
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
/// Undefined beside anything is undefined. Values of different types (possible
/// only with a body value) are not equal and have no order: `<>` is true, all
/// else false.
pub(crate) fn compare(operator: Operator, left: &Value<'_>, right: &Value<'_>) -> Value<'static> {
    if !left.is_defined() || !right.is_defined() {
        return Value::Undefined;
    }
    let ordering = match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.partial_cmp(right),
        (Value::Text(left), Value::Text(right)) => {
            Some(left.encode_utf16().cmp(right.encode_utf16()))
        }
        // A property without a value stands before every text.
        (Value::NullText, Value::NullText) => Some(Ordering::Equal),
        (Value::NullText, Value::Text(_)) => Some(Ordering::Less),
        (Value::Text(_), Value::NullText) => Some(Ordering::Greater),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (left, right) if left.is_null() && right.is_null() => Some(Ordering::Equal),
        _ => None,
    };
    Value::Bool(match operator {
        Operator::Equal => ordering == Some(Ordering::Equal),
        Operator::NotEqual => ordering != Some(Ordering::Equal),
        Operator::Less => ordering == Some(Ordering::Less),
        Operator::LessEqual => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
        Operator::Greater => ordering == Some(Ordering::Greater),
        Operator::GreaterEqual => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
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
