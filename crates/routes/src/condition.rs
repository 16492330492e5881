//! A condition as a tree, open to whoever wants to reason about it.
//!
//! The manifest check asks of this tree whether a route can let a picture
//! through; the evaluator asks of it whether one message passes. Every tree
//! that exists is well typed and at most [`crate::MAX_DEPTH`] levels deep, so
//! walking it by recursion is safe.

use crate::body::BodyPath;
use crate::evaluate;
use crate::function::Function;
use crate::message::RoutedMessage;
use crate::value::Value;

/// The condition after `WHERE`. Its `Display` is text that parses to it again.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    root: Expression,
}

impl Condition {
    pub(crate) fn new(root: Expression) -> Self {
        Self { root }
    }

    /// The outermost expression.
    pub fn root(&self) -> &Expression {
        &self.root
    }

    /// Whether the condition is true of `message`: neither false nor undefined.
    pub fn holds(&self, message: &RoutedMessage<'_>) -> bool {
        self.truth(message) == Some(true)
    }

    /// The condition's truth value of `message`: `None` is "undefined", which a
    /// missing property or an unreadable body leads to.
    pub fn truth(&self, message: &RoutedMessage<'_>) -> Option<bool> {
        match evaluate::evaluate(&self.root, message) {
            Value::Bool(truth) => Some(truth),
            Value::Null => Some(false),
            Value::Undefined
            | Value::BodyNull { .. }
            | Value::Number(_)
            | Value::Text(_)
            | Value::NullText => None,
        }
    }
}

/// One node of a condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// A constant.
    Literal(Literal),
    /// `name`: an application property, text, undefined if absent.
    Property(String),
    /// `$name`: the application property literally called `$name` if there is
    /// one, else the system property `name`. Text, undefined if absent.
    System {
        /// The name without `$`.
        name: String,
        /// Written `{$name}`: the application property is not looked at.
        escaped: bool,
    },
    /// `$body.path`: the application property of that literal name if there is
    /// one (never for a path with an index), else a value of the JSON body.
    Body {
        /// The path without `$body.`.
        path: BodyPath,
        /// The whole name as written, `$body.` included.
        name: String,
        /// Written `{$body.path}`: the application property is not looked at.
        escaped: bool,
    },
    /// `-operand`.
    Negate(Box<Expression>),
    /// `NOT operand`.
    Not(Box<Expression>),
    /// `left operator right`.
    Binary {
        /// The operator.
        operator: Operator,
        /// The operand before it.
        left: Box<Expression>,
        /// The operand behind it.
        right: Box<Expression>,
    },
    /// A call of one of the language's functions.
    Call {
        /// Which one.
        function: Function,
        /// As many as the function takes.
        arguments: Vec<Expression>,
    },
    /// `twin_change_includes(path)`: whether a change of reported properties
    /// touches `path`.
    TwinChangeIncludes(BodyPath),
}

/// A constant of the language.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `true` or `false`.
    Bool(bool),
    /// `12`, `0xFF`, `1.5e3`, `.5`.
    Number(f64),
    /// `'text'` or `"text"`, escapes resolved.
    String(String),
    /// `null`.
    Null,
    /// `undefined`, or a number that does not fit (`0x` with more than 16 digits).
    Undefined,
}

/// What joins two operands, tightest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `||`, which joins texts
    Concat,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `=`
    Equal,
    /// `!=` or `<>`
    NotEqual,
    /// `AND`
    And,
    /// `OR`
    Or,
    /// `??`, the first defined operand
    Coalesce,
}

impl Operator {
    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Concat => "||",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::And => "AND",
            Self::Or => "OR",
            Self::Coalesce => "??",
        }
    }

    /// How tightly it binds: a larger number first. All associate to the left.
    pub(crate) fn power(self) -> u8 {
        match self {
            Self::Multiply | Self::Divide | Self::Modulo => 7,
            Self::Add | Self::Subtract | Self::Concat => 6,
            Self::Less | Self::LessEqual | Self::Greater | Self::GreaterEqual => 5,
            Self::Equal | Self::NotEqual => 4,
            Self::And => 3,
            Self::Or => 2,
            Self::Coalesce => 1,
        }
    }
}
