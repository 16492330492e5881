//! Static types of a condition, and what joins with what.
//!
//! edgeHub compiles conditions with types: an application property is a string
//! and does not compare with a number (`as_number(p) > 5` does), a body value
//! may be anything until the message is there. What this file refuses, the real
//! hub refuses when it compiles the route, and with it the whole configuration.

use std::fmt;

use crate::condition::Operator;
use crate::error::RouteErrorKind;

/// The type of an expression, known before any message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// `true`, `false`, comparisons.
    Bool,
    /// A 64-bit floating point number.
    Number,
    /// Text; every application and system property is text.
    String,
    /// The literal `null`.
    Null,
    /// The literal `undefined`.
    Undefined,
    /// A value of the message's body, or computed from one: typed at run time.
    Body,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Bool => "bool",
            Type::Number => "number",
            Type::String => "string",
            Type::Null => "null",
            Type::Undefined => "undefined",
            Type::Body => "body value",
        })
    }
}

impl Type {
    /// Whether a value of this type may stand where `wanted` is wanted: the
    /// same type, or a body value that turns out at run time.
    pub(crate) fn fits(self, wanted: Type) -> bool {
        self == wanted || self == Type::Body
    }
}

/// The type of `left operator right`.
pub(crate) fn binary(operator: Operator, left: Type, right: Type) -> Result<Type, RouteErrorKind> {
    use Operator::{
        Add, And, Coalesce, Concat, Divide, Equal, Greater, GreaterEqual, Less, LessEqual, Modulo,
        Multiply, NotEqual, Or, Subtract,
    };
    let refused = |expected| RouteErrorKind::Operands {
        operator: operator.symbol(),
        found: vec![left, right],
        expected,
        name: None,
    };
    let joined = |result| {
        if left == Type::Body || right == Type::Body {
            Type::Body
        } else {
            result
        }
    };
    match operator {
        Multiply | Divide | Add | Subtract => {
            if left.fits(Type::Number) && right.fits(Type::Number) {
                Ok(joined(Type::Number))
            } else {
                Err(refused("two numbers (as_number makes one of a property)"))
            }
        }
        Modulo => {
            // The real hub's body values have the four operations above, and it
            // fails to compile a fifth.
            if left == Type::Number && right == Type::Number {
                Ok(Type::Number)
            } else {
                Err(refused(
                    "two numbers (as_number makes one of a property or body value)",
                ))
            }
        }
        Concat => {
            if left.fits(Type::String) && right.fits(Type::String) {
                Ok(Type::String)
            } else {
                Err(refused("two strings"))
            }
        }
        Less | LessEqual | Greater | GreaterEqual | Equal | NotEqual => {
            if alike(left, right) {
                Ok(Type::Bool)
            } else {
                Err(refused(
                    "two of one type (as_number makes a number of a property)",
                ))
            }
        }
        And | Or => {
            // The real hub's check looks at the left side twice: a body value on
            // the right is taken only beside one on the left, and then the right
            // may be anything.
            let logical = |side| matches!(side, Type::Bool | Type::Null | Type::Undefined);
            let null = |side| side == Type::Null;
            if left == Type::Body && null(right) && operator == And {
                // Null is the type of the whole then, and the hub makes none of
                // a body value.
                Err(refused("two truth values"))
            } else if left == Type::Body || (logical(left) && logical(right)) {
                let is_null = match operator {
                    And => null(left) || null(right),
                    _ => null(left) && null(right),
                };
                Ok(if is_null { Type::Null } else { Type::Bool })
            } else {
                Err(refused(
                    "two truth values (a body value on the left, or write \"= true\")",
                ))
            }
        }
        Coalesce => {
            if alike(left, right) {
                Ok(joined(left))
            } else {
                Err(refused("two of one type"))
            }
        }
    }
}

/// The type of `-operand`.
pub(crate) fn negate(operand: Type) -> Result<Type, RouteErrorKind> {
    if operand == Type::Number {
        Ok(operand)
    } else {
        Err(RouteErrorKind::Operands {
            operator: "-",
            found: vec![operand],
            expected: "a number (as_number makes one of a property or body value)",
            name: None,
        })
    }
}

/// The type of `NOT operand`.
pub(crate) fn not(operand: Type) -> Result<Type, RouteErrorKind> {
    match operand {
        Type::Bool | Type::Null | Type::Undefined | Type::Body => Ok(Type::Bool),
        Type::Number | Type::String => Err(RouteErrorKind::Operands {
            operator: "NOT",
            found: vec![operand],
            name: None,
            expected: "a truth value (NOT binds tighter than =, use parentheses)",
        }),
    }
}

/// One type, or a body value beside anything but the literal `undefined`, of
/// which the real hub makes no body value.
fn alike(left: Type, right: Type) -> bool {
    let open = |side, other| side == Type::Body && other != Type::Undefined;
    left == right || open(left, right) || open(right, left)
}
