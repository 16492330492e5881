//! What an expression may be worth, given what is known of its names.
//!
//! Where the operands of an operator have few values the evaluator itself is asked about each; where
//! only their kinds matter it is asked about one of each kind. Everything else is worth anything of
//! the type that the operation has.
//!
//! A function is never asked about its values: edgeHub's own may answer otherwise at the edges (where
//! a substring ends, what reads as a number, which letters have an upper case), and a proof must hold
//! there. Only the kinds of its arguments say whether it can have a value at all.

use crate::condition::{Expression, Operator};
use crate::evaluate::{self, Typed};
use crate::function::Function;
use crate::value::{self, Value};

use super::facts::{self, Facts};
use super::possible::{Numbers, Possible, Texts};

/// More combinations than this are not asked about one by one.
const MAX_COMBINATIONS: usize = 256;

/// What `expression` may be worth, and whether it was compiled as a body value.
pub(super) fn worth(expression: &Expression, facts: &Facts) -> (Possible, bool) {
    let closed = |possible| (possible, false);
    match expression {
        Expression::Literal(literal) => closed(Possible::of(&evaluate::constant(literal))),
        Expression::Property(_) | Expression::System { .. } => closed(facts.of_name(expression)),
        Expression::Body { .. } => (facts.of_name(expression), true),
        Expression::TwinChangeIncludes(_) => closed(Possible {
            undefined: true,
            ..Possible::truths(true, true)
        }),
        Expression::Not(operand) => {
            let operand = worth(operand, facts).0;
            closed(united(operand.of_each_kind().iter().map(value::not)))
        }
        Expression::Negate(operand) => {
            let operand = worth(operand, facts).0;
            closed(match operand.few() {
                Some(values) => united(values.iter().map(evaluate::negate)),
                None => number_or_undefined(operand.has_numbers()),
            })
        }
        Expression::Binary {
            operator,
            left,
            right,
        } => binary(*operator, worth(left, facts), worth(right, facts)),
        Expression::Call {
            function,
            arguments,
        } => {
            let worths: Vec<_> = arguments
                .iter()
                .map(|argument| worth(argument, facts))
                .collect();
            closed(
                match (&arguments[..], &worths[..]) {
                    ([name], [worth]) if facts::is_name(name) => kind_of_name(*function, worth),
                    _ => None,
                }
                .unwrap_or_else(|| call(*function, &worths)),
            )
        }
    }
}

/// The first part of a condition that may be true without being seen through.
pub(super) fn open_part<'e>(condition: &'e Expression, facts: &Facts) -> Option<&'e Expression> {
    match condition {
        Expression::Binary {
            operator: Operator::And | Operator::Or,
            left,
            right,
        } => open_part(left, facts).or_else(|| open_part(right, facts)),
        Expression::Not(operand) => open_part(operand, facts),
        Expression::Literal(_)
        | Expression::Property(_)
        | Expression::System { .. }
        | Expression::Body { .. }
        | Expression::Negate(_)
        | Expression::Binary { .. }
        | Expression::Call { .. }
        | Expression::TwinChangeIncludes(_) => {
            let worth = worth(condition, facts).0;
            let is_open = worth.yes && (worth.no || worth.undefined);
            is_open.then_some(condition)
        }
    }
}

fn united<'v>(values: impl IntoIterator<Item = Value<'v>>) -> Possible {
    values
        .into_iter()
        .fold(Possible::none(), |all, value| all.or(Possible::of(&value)))
}

fn number_or_undefined(has_operands: bool) -> Possible {
    let numbers = if has_operands {
        Possible::numbers(Numbers::Any)
    } else {
        Possible::none()
    };
    numbers.or(Possible::undefined())
}

fn text_or_undefined(has_operands: bool) -> Possible {
    let texts = if has_operands {
        Possible::texts(Texts::any())
    } else {
        Possible::none()
    };
    texts.or(Possible::undefined())
}

fn binary(
    operator: Operator,
    (left, left_of_body): (Possible, bool),
    (right, right_of_body): (Possible, bool),
) -> (Possible, bool) {
    let of_body = left_of_body || right_of_body;
    let asked = |lefts: &[Value<'static>], rights: &[Value<'static>]| {
        let pairs = lefts
            .iter()
            .flat_map(|left| rights.iter().map(move |right| (left, right)));
        united(pairs.map(|(left, right)| {
            let typed = |value: &Value<'static>, of_body| Typed {
                value: value.clone(),
                of_body,
            };
            evaluate::binary(
                operator,
                typed(left, left_of_body),
                typed(right, right_of_body),
            )
            .value
        }))
    };
    let few = match (left.few(), right.few()) {
        (Some(lefts), Some(rights)) if lefts.len() * rights.len() <= MAX_COMBINATIONS => {
            Some((lefts, rights))
        }
        _ => None,
    };
    match operator {
        Operator::Coalesce => {
            let may_fall_through = left.undefined;
            let defined = Possible {
                undefined: false,
                ..left
            };
            let possible = if may_fall_through {
                defined.or(right)
            } else {
                defined
            };
            (possible, of_body)
        }
        Operator::And | Operator::Or => (asked(&left.of_each_kind(), &right.of_each_kind()), false),
        Operator::Multiply | Operator::Divide | Operator::Add | Operator::Subtract => {
            let possible = match few {
                Some((lefts, rights)) => asked(&lefts, &rights),
                None => number_or_undefined(left.has_numbers() && right.has_numbers()),
            };
            (possible, of_body)
        }
        Operator::Modulo => {
            let possible = match few {
                Some((lefts, rights)) => asked(&lefts, &rights),
                None => number_or_undefined(left.has_numbers() && right.has_numbers()),
            };
            (possible, false)
        }
        Operator::Concat => {
            let joins = |side: &Possible| side.has_texts() || side.null_text;
            let possible = match few {
                Some((lefts, rights)) => asked(&lefts, &rights),
                None => text_or_undefined(joins(&left) && joins(&right)),
            };
            (possible, false)
        }
        Operator::Less
        | Operator::LessEqual
        | Operator::Greater
        | Operator::GreaterEqual
        | Operator::Equal
        | Operator::NotEqual => {
            let possible = match few {
                Some((lefts, rights)) => asked(&lefts, &rights),
                None => asked(&left.of_each_kind(), &right.of_each_kind())
                    .or(compared(operator, &left, &right)),
            };
            (possible, false)
        }
    }
}

/// What two numbers or two texts may compare to. (One of each kind, as asked about elsewhere, is
/// enough for all other pairs: there the kinds alone decide.)
fn compared(operator: Operator, left: &Possible, right: &Possible) -> Possible {
    let numbers = left.has_numbers() && right.has_numbers();
    let texts = left.has_texts() && right.has_texts();
    let equal = left.texts.can_be_equal(&right.texts);
    let differ = left.texts.can_differ(&right.texts);
    let of_texts = match operator {
        Operator::Equal => Possible::truths(equal, differ),
        Operator::NotEqual => Possible::truths(differ, equal),
        _ => Possible::truths(texts, texts),
    };
    Possible::truths(numbers, numbers).or(of_texts)
}

/// What `is_string` and its like say of a name, where the kind of its value is all that matters;
/// `None` for other functions.
fn kind_of_name(function: Function, (name, of_body): &(Possible, bool)) -> Option<Possible> {
    match function {
        Function::IsBool
        | Function::IsDefined
        | Function::IsNull
        | Function::IsNumber
        | Function::IsString => Some(united(name.of_each_kind().into_iter().map(|value| {
            let argument = Typed {
                value,
                of_body: *of_body,
            };
            evaluate::call(function, &[argument])
        }))),
        _ => None,
    }
}

fn call(function: Function, arguments: &[(Possible, bool)]) -> Possible {
    let all = |has: fn(&Possible) -> bool| arguments.iter().all(|(argument, _)| has(argument));
    let numbers = || all(Possible::has_numbers);
    let texts = || all(Possible::has_texts);
    match function {
        Function::Abs
        | Function::Exp
        | Function::Power
        | Function::Square
        | Function::Ceiling
        | Function::Floor
        | Function::Sign
        | Function::Sqrt => number_or_undefined(numbers()),
        Function::AsNumber => number_or_undefined(all(|a| a.has_numbers() || a.has_texts())),
        Function::Length | Function::IndexOf => number_or_undefined(texts()),
        Function::Lower | Function::Upper => text_or_undefined(texts()),
        Function::Substring => {
            let of_text = arguments.first().is_some_and(|(text, _)| text.has_texts());
            text_or_undefined(of_text)
        }
        Function::Concat => text_or_undefined(all(|a| a.has_texts() || a.null_text)),
        Function::StartsWith | Function::EndsWith | Function::Contains => {
            Possible::truths(texts(), texts()).or(Possible::undefined())
        }
        Function::IsBool
        | Function::IsDefined
        | Function::IsNull
        | Function::IsNumber
        | Function::IsString => Possible {
            undefined: true,
            ..Possible::truths(true, true)
        },
    }
}
