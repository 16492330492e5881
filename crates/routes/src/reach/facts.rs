//! What is known of the names in a condition: at first from the sender alone, then from what
//! conditions demand of a message that they are to take.

use crate::condition::{Expression, Literal, Operator};
use crate::evaluate;
use crate::function::Function;

use super::names::surely_same;
use super::possible::{Numbers, Possible, Texts};
use super::{Kind, Name, Sender};

/// More branches than this are not followed; then what they would have said is left out.
const MAX_BRANCHES: usize = 32;

/// What each name may be worth; a name that is not listed is what its sender makes of it.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    sender: Sender,
    known: Vec<(Expression, Possible)>,
}

/// What a condition, or a part of it, is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    True,
    /// False or null: what `NOT` makes true.
    False,
}

impl Facts {
    pub(super) fn of(sender: &Sender) -> Self {
        Self {
            sender: sender.clone(),
            known: Vec::new(),
        }
    }

    /// What a name (a property, a system property, a place in the body) may be worth.
    pub(super) fn of_name(&self, name: &Expression) -> Possible {
        let known = self.known.iter().find(|(known, _)| is_same(known, name));
        known.map_or_else(|| self.sender.said(name), |(_, possible)| possible.clone())
    }

    /// With `name` in `allowed`; `None` if it cannot be.
    fn with(mut self, name: &Expression, allowed: &Possible) -> Option<Self> {
        let possible = self.of_name(name).and(allowed.clone());
        if possible.is_none() {
            return None;
        }
        match self
            .known
            .iter_mut()
            .find(|(known, _)| is_same(known, name))
        {
            Some((_, place)) => *place = possible,
            None => self.known.push((name.clone(), possible)),
        }
        Some(self)
    }
}

/// Whether two expressions surely read the same thing of a message, and so have the same worth. Two
/// that may or may not are two unknowns.
pub(super) fn is_same(left: &Expression, right: &Expression) -> bool {
    match (left, right) {
        (Expression::Property(left), Expression::Property(right)) => surely_same(left, right),
        (
            Expression::System {
                name: left,
                escaped,
            },
            Expression::System {
                name: right,
                escaped: other,
            },
        ) => surely_same(left, right) && escaped == other,
        (Expression::Body { .. }, Expression::Body { .. }) => left == right,
        _ => false,
    }
}

impl Sender {
    /// What the sender can make of a name.
    fn said(&self, name: &Expression) -> Possible {
        match name {
            Expression::Property(_) => Possible::property(),
            Expression::System { name, escaped } => {
                let own = self.system_property(name);
                if *escaped {
                    own
                } else {
                    // An application property of that literal name wins, and any sender may
                    // set one.
                    own.or(Possible {
                        undefined: false,
                        ..Possible::property()
                    })
                }
            }
            Expression::Body { .. } => Possible::body(),
            Expression::Literal(_)
            | Expression::Negate(_)
            | Expression::Not(_)
            | Expression::Binary { .. }
            | Expression::Call { .. }
            | Expression::TwinChangeIncludes(_) => Possible::everything(),
        }
    }

    fn system_property(&self, name: &str) -> Possible {
        if surely_same(name, "connectionDeviceId") {
            return Possible::texts(Texts::any());
        }
        let module = surely_same(name, "connectionModuleId");
        let output = surely_same(name, "outputName");
        match self.kind {
            Kind::Leaf if module => Possible::undefined(),
            Kind::Module | Kind::ModuleWithOutput if module => self.module.possible(),
            Kind::Module if output => Possible::undefined(),
            Kind::ModuleWithOutput if output => self.output.possible(),
            // The output of a leaf device too: edgeHub gives it no path, yet takes `$.on` from
            // anybody.
            Kind::Leaf | Kind::Module | Kind::ModuleWithOutput | Kind::TwinChange => {
                Possible::property()
            }
        }
    }
}

impl Name {
    fn possible(&self) -> Possible {
        Possible::texts(match self {
            Self::Any => Texts::any(),
            Self::Like(name) => Texts::Like(name.clone()),
            Self::Unlike(name) => Texts::Unlike(name.clone()),
        })
    }
}

/// The ways in which `expression` can be what is wanted, each with what it says of the names; no
/// way is left out. Empty: it cannot be.
pub(super) fn assume(expression: &Expression, want: Want, branches: Vec<Facts>) -> Vec<Facts> {
    match expression {
        Expression::Literal(literal) => {
            let possible = Possible::of(&evaluate::constant(literal));
            if possible.and(want.possible()).is_none() {
                Vec::new()
            } else {
                branches
            }
        }
        Expression::Property(_) | Expression::System { .. } | Expression::Body { .. } => {
            narrowed(branches, expression, &want.possible())
        }
        Expression::Not(operand) => assume(operand, want.opposite(), branches),
        Expression::Binary {
            operator: operator @ (Operator::And | Operator::Or),
            left,
            right,
        } => {
            let both = (*operator == Operator::And) == (want == Want::True);
            if both {
                return assume(right, want, assume(left, want, branches));
            }
            let mut either = assume(left, want, branches.clone());
            either.extend(assume(right, want, branches.clone()));
            if either.len() > MAX_BRANCHES {
                branches
            } else {
                either
            }
        }
        Expression::Binary {
            operator,
            left,
            right,
        } => match (&**left, &**right) {
            (name, Expression::Literal(literal)) | (Expression::Literal(literal), name)
                if is_name(name) =>
            {
                match demanded(*operator, literal, want) {
                    Some(allowed) => narrowed(branches, name, &allowed),
                    None => branches,
                }
            }
            _ => branches,
        },
        Expression::Call {
            function,
            arguments,
        } => match (function, &arguments[..]) {
            (Function::IsDefined, [name]) if is_name(name) => {
                let allowed = match want {
                    Want::True => defined(),
                    Want::False => Possible::undefined(),
                };
                narrowed(branches, name, &allowed)
            }
            (Function::IsString, [name]) if is_name(name) && want == Want::True => {
                narrowed(branches, name, &Possible::texts(Texts::any()))
            }
            _ => branches,
        },
        Expression::Negate(_) | Expression::TwinChangeIncludes(_) => branches,
    }
}

impl Want {
    fn opposite(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
        }
    }

    fn possible(self) -> Possible {
        match self {
            Self::True => Possible::truths(true, false),
            Self::False => Possible {
                null: true,
                ..Possible::truths(false, true)
            },
        }
    }
}

pub(super) fn is_name(expression: &Expression) -> bool {
    matches!(
        expression,
        Expression::Property(_) | Expression::System { .. } | Expression::Body { .. }
    )
}

fn narrowed(branches: Vec<Facts>, name: &Expression, allowed: &Possible) -> Vec<Facts> {
    branches
        .into_iter()
        .filter_map(|facts| facts.with(name, allowed))
        .collect()
}

fn defined() -> Possible {
    Possible {
        undefined: false,
        ..Possible::everything()
    }
}

/// What a name must be for its comparison with `literal` to be what is wanted; `None` where
/// nothing is said about that here.
fn demanded(operator: Operator, literal: &Literal, want: Want) -> Option<Possible> {
    let is_equal = match operator {
        Operator::Equal => want == Want::True,
        Operator::NotEqual => want == Want::False,
        // A comparison that is true or false had something to compare.
        Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual => {
            return Some(defined());
        }
        Operator::Multiply
        | Operator::Divide
        | Operator::Modulo
        | Operator::Add
        | Operator::Subtract
        | Operator::Concat
        | Operator::And
        | Operator::Or
        | Operator::Coalesce => return None,
    };
    if !is_equal {
        return Some(match literal {
            Literal::String(text) => Possible {
                texts: Texts::AnyBut(vec![text.clone()]),
                ..defined()
            },
            Literal::Bool(truth) => Possible {
                yes: !*truth,
                no: *truth,
                ..defined()
            },
            Literal::Number(_) | Literal::Null | Literal::Undefined => defined(),
        });
    }
    match literal {
        Literal::String(text) => Some(Possible::texts(Texts::OneOf(vec![text.clone()]))),
        Literal::Bool(truth) => Some(Possible::truths(*truth, !*truth)),
        // Zero equals minus zero, which is another number to divide by.
        Literal::Number(number) if *number == 0.0 => Some(Possible::numbers(Numbers::Any)),
        Literal::Number(number) => Some(Possible::numbers(Numbers::OneOf(vec![*number]))),
        Literal::Null => Some(Possible {
            null: true,
            body_null: true,
            ..Possible::none()
        }),
        Literal::Undefined => None,
    }
}
