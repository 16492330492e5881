//! One route: a source, perhaps a condition, and a sink.

use std::fmt;

use crate::condition::Condition;
use crate::error::RouteError;
use crate::grammar;
use crate::message::RoutedMessage;
use crate::sink::Sink;
use crate::source::Source;

/// A parsed and type-checked route. Cheap to evaluate, safe to share.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    pub(crate) text: String,
    pub(crate) source: Source,
    pub(crate) condition: Option<Condition>,
    pub(crate) sink: Sink,
}

impl Route {
    /// Parse and check `text`.
    ///
    /// # Errors
    /// [`RouteError`] with the position, what was found there and what was
    /// expected. Its `Display` ends with the line of the route and a caret.
    pub fn parse(text: &str) -> Result<Self, RouteError> {
        grammar::route(text)
    }

    /// The text it was parsed from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it listens.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The condition after `WHERE`; `None` takes every message of the source.
    pub fn condition(&self) -> Option<&Condition> {
        self.condition.as_ref()
    }

    /// Where it leads.
    pub fn sink(&self) -> &Sink {
        &self.sink
    }

    /// Whether this route wants `message`: its source matches and its condition
    /// is *true* (neither false nor undefined).
    ///
    /// Total: it has a value for every message. Its cost grows with the
    /// condition's size; `$body.…` adds one parse of a JSON body per message.
    pub fn matches(&self, message: &RoutedMessage<'_>) -> bool {
        self.source.matches(&message.origin())
            && self
                .condition
                .as_ref()
                .is_none_or(|condition| condition.holds(message))
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
