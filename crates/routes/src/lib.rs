//! The edgeHub route language: parsed once, evaluated for every message.
//!
//! ```text
//! FROM /messages/* WHERE NOT IS_DEFINED($connectionModuleId)
//!      INTO BrokeredEndpoint("/modules/FruitCounter/inputs/images")
//! ```
//!
//! This room holds the language and nothing else. It owns no socket, no clock
//! and no queue, it never looks at an environment, and it never decides what
//! happens to a message: it says which endpoints want it, and in which order.
//! Text from outside can neither make it panic nor overflow its stack: length,
//! nesting and size of a condition are bounded ([`MAX_ROUTE_BYTES`],
//! [`MAX_NESTING`], [`MAX_DEPTH`]).
//!
//! The language is the one that edgeHub compiles, with its habits: identifiers
//! are greedy (`a-b` is one name), a source is a prefix, `NOT` binds tighter
//! than `=`, a condition has three truth values. What the real hub refuses is
//! refused here, with a position. One form that it lets pass by accident, text
//! after the sink, is refused as well: in a development hub a mistake should be
//! seen. `docs/routes.md` tells the language to the people who write routes.
//!
//! Where to go next: [`Route`] for one route, [`RouteSet`] for all of a hub,
//! [`Condition`] for the parsed condition, [`reach`] for what a manifest check asks: can any
//! message of a camera leave through this route?
//!
//! ```
//! use routes::{Origin, Route, RoutedMessage, Sink};
//!
//! let route = Route::parse(
//!     "FROM /messages/* WHERE NOT IS_DEFINED($connectionModuleId) \
//!      INTO BrokeredEndpoint(\"/modules/FruitCounter/inputs/images\")",
//! )?;
//! let camera = RoutedMessage::new(Origin::Leaf { device: "cam-01" }, &[], &[], b"\xff\xd8");
//! let module = Origin::Module { device: "edge", module: "FruitCounter", output: Some("counts") };
//! assert!(route.matches(&camera));
//! assert!(!route.matches(&RoutedMessage::new(module, &[], &[], b"{}")));
//! assert!(matches!(route.sink(), Sink::Input { input, .. } if input == "images"));
//! # Ok::<(), routes::RouteError>(())
//! ```

mod body;
mod condition;
mod error;
mod escape;
mod evaluate;
mod expression;
mod function;
mod grammar;
mod lexer;
mod message;
mod number;
mod print;
mod reach;
mod refusal;
mod route;
mod set;
mod sink;
mod source;
mod types;
mod value;

pub use body::{BodyPath, BodyPathError};
pub use condition::{Condition, Expression, Literal, Operator};
pub use error::{Position, RouteError, RouteErrorKind};
pub use expression::{MAX_DEPTH, MAX_NESTING};
pub use function::Function;

pub use lexer::MAX_ROUTE_BYTES;
pub use message::{Origin, RoutedMessage};
pub use reach::{Example, Reach, Senders, Undecided, reach};
pub use route::Route;
pub use set::{
    DEFAULT_PRIORITY, NamedRoute, RefusedRoute, RouteSet, RouteSetError, RouteSpec, Target,
};
pub use sink::Sink;
pub use source::Source;
pub use types::Type;
