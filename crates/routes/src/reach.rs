//! Whether a route can take any message of a kind of sender at all.
//!
//! A check of deployments asks this: can what a camera sends leave through this route? The answer
//! has three forms. *Never* is proved: the conditions are walked with every value that such a
//! message may have ([`possible`]), what each of them demands is noted ([`facts`]), and nothing is
//! left. *Possibly* comes with a message that was tried on the evaluator and taken. Everything
//! else is *undecided*, and whoever asks must take that for a yes.
//!
//! The proof may only err to the other side. What a sender chooses (properties, system properties,
//! the body, and an application property that is called `$connectionModuleId`) may have any
//! value; only what the hub itself says of a sender is taken for known.
//!
//! What the hub says holds of cameras that speak as cameras do. In the topic of a message the
//! properties `moduleId` and `deviceId` take the place of the real sender, so a device that forges
//! them passes for any module, on its outputs too. No condition keeps it out; such a device can as
//! well send to IoT Hub by itself.

mod facts;
mod names;
mod possible;
mod walk;
mod witness;

use std::fmt;

use crate::condition::Expression;
use crate::route::Route;
use facts::{Facts, Want};
use names::{surely_differ, surely_same};
pub use witness::Example;

/// Whose messages are asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Senders<'a> {
    /// Leaf devices: every message without a sending module.
    LeafDevices,
    /// The module of this name.
    Module(&'a str),
    /// Every module but the one of this name.
    OtherModules(&'a str),
    /// Changes of reported properties.
    TwinChanges,
}

/// Whether there is a message that all the routes take.
#[derive(Debug, Clone, PartialEq)]
pub enum Reach {
    /// Proved: there is none.
    Never,
    /// This one is taken.
    Possibly(Box<Example>),
    /// Neither was a proof found, nor a message.
    Undecided(Undecided),
}

impl Reach {
    /// Whether it is proved that no message is taken.
    pub fn is_never(&self) -> bool {
        *self == Self::Never
    }

    /// The answer for two kinds of messages together.
    fn or(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::Possibly(_), _) | (_, Self::Never) => self,
            (Self::Never, _) | (Self::Undecided(_), _) => other,
        }
    }
}

/// What kept a condition from being decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Undecided {
    part: Option<Expression>,
}

impl fmt::Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.part {
            Some(part) => write!(f, "it is not decided whether \"{part}\" can be true of one"),
            None => f.write_str("it is not decided whether its condition can be true of one"),
        }
    }
}

/// More parts than this are not looked at: undecided. A long list of modules has a few hundred.
const MAX_PARTS: usize = 1000;

/// Whether some message of `senders` is taken by each of `routes`.
///
/// Costs at most some hundred evaluations of the conditions; conditions of more than a thousand parts
/// are undecided.
pub fn reach(routes: &[&Route], senders: Senders<'_>) -> Reach {
    Sender::kinds(senders)
        .into_iter()
        .filter_map(|sender| routes.iter().try_fold(sender, Sender::through))
        .map(|sender| of_sender(routes, &sender))
        .fold(Reach::Never, Reach::or)
}

fn of_sender(routes: &[&Route], sender: &Sender) -> Reach {
    let conditions: Vec<&Expression> = routes
        .iter()
        .filter_map(|route| route.condition())
        .map(|condition| condition.root())
        .collect();
    if conditions
        .iter()
        .map(|condition| parts(condition))
        .sum::<usize>()
        > MAX_PARTS
    {
        return Reach::Undecided(Undecided { part: None });
    }
    let mut branches = vec![Facts::of(sender)];
    for condition in &conditions {
        branches = facts::assume(condition, Want::True, branches);
    }
    branches.retain(|facts| {
        conditions
            .iter()
            .all(|condition| walk::worth(condition, facts).0.may_be_true())
    });
    if branches.is_empty() {
        return Reach::Never;
    }
    let tries = witness::MAX_TRIED / branches.len();
    let found = branches
        .iter()
        .find_map(|facts| witness::search(routes, &conditions, sender, facts, tries));
    match found {
        Some(example) => Reach::Possibly(Box::new(example)),
        None => Reach::Undecided(Undecided {
            part: branches
                .first()
                .and_then(|facts| conditions.iter().find_map(|c| walk::open_part(c, facts)))
                .or_else(|| conditions.first().copied())
                .cloned(),
        }),
    }
}

/// How many nodes the tree of `expression` has.
fn parts(expression: &Expression) -> usize {
    match expression {
        Expression::Literal(_)
        | Expression::Property(_)
        | Expression::System { .. }
        | Expression::Body { .. }
        | Expression::TwinChangeIncludes(_) => 1,
        Expression::Negate(operand) | Expression::Not(operand) => 1 + parts(operand),
        Expression::Binary { left, right, .. } => 1 + parts(left) + parts(right),
        Expression::Call { arguments, .. } => 1 + arguments.iter().map(parts).sum::<usize>(),
    }
}

/// One kind of sender, as far as the sources of routes narrow it down.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sender {
    kind: Kind,
    module: Name,
    output: Name,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Leaf,
    Module,
    ModuleWithOutput,
    TwinChange,
}

/// What is known of a name that the hub vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Any,
    /// This one, in any case.
    Like(String),
    /// Any but this one, in any case.
    Unlike(String),
}

impl Sender {
    fn kinds(senders: Senders<'_>) -> Vec<Self> {
        let sender = |kind, module| Self {
            kind,
            module,
            output: Name::Any,
        };
        let modules = |module: Name| {
            vec![
                sender(Kind::Module, module.clone()),
                sender(Kind::ModuleWithOutput, module),
            ]
        };
        match senders {
            Senders::LeafDevices => vec![sender(Kind::Leaf, Name::Any)],
            Senders::TwinChanges => vec![sender(Kind::TwinChange, Name::Any)],
            Senders::Module(name) => modules(Name::Like(name.to_owned())),
            Senders::OtherModules(name) => modules(Name::Unlike(name.to_owned())),
        }
    }

    /// Those of them whose messages pass the source of `route`.
    fn through(mut self, route: &&Route) -> Option<Self> {
        let segments = route.source().segments();
        let fixed: &[&str] = match self.kind {
            Kind::Leaf => &["messages"],
            Kind::Module => &["messages", "modules", ""],
            Kind::ModuleWithOutput => &["messages", "modules", "", "outputs", ""],
            Kind::TwinChange => &["twinChangeNotifications"],
        };
        if segments.len() > fixed.len() {
            return None;
        }
        for (index, (wanted, seen)) in segments.iter().zip(fixed).enumerate() {
            let name = match index {
                2 => &mut self.module,
                4 => &mut self.output,
                _ if !surely_differ(wanted, seen) => continue,
                _ => return None,
            };
            *name = std::mem::replace(name, Name::Any).narrowed(wanted)?;
        }
        Some(self)
    }
}

impl Name {
    fn narrowed(self, wanted: &str) -> Option<Self> {
        let agrees = match &self {
            Self::Any => true,
            Self::Like(name) => !surely_differ(name, wanted),
            Self::Unlike(name) => !surely_same(name, wanted),
        };
        agrees.then(|| Self::Like(wanted.to_owned()))
    }
}
