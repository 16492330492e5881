//! Where a route leads: upstream, or into an input of a module.

use std::fmt;

use crate::error::{RouteErrorKind, shown};
use crate::message::same_name;

/// A route's endpoint. Two routes with equal sinks share one copy of a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Sink {
    /// `$upstream`: IoT Hub, or the parent edge device.
    Upstream,
    /// `BrokeredEndpoint("/modules/{module}/inputs/{input}")`. The module need
    /// not exist: its queue waits for it.
    Input {
        /// The module's id; case counts.
        module: String,
        /// The input's name; case counts.
        input: String,
    },
}

/// What a sink may be, for error messages.
pub(crate) const SINKS: &str =
    "$upstream or BrokeredEndpoint(\"/modules/{module}/inputs/{input}\")";

impl Sink {
    /// From a `$name`, as edgeHub's endpoint factory reads it: case is ignored.
    pub(crate) fn system(name: &str) -> Result<Self, RouteErrorKind> {
        if same_name(name, "$upstream") {
            Ok(Self::Upstream)
        } else {
            Err(RouteErrorKind::UnknownSink { found: shown(name) })
        }
    }

    /// From a function call; one slash at each end of the path may be missing
    /// or present. Like the real hub it asks for four segments and reads the
    /// second and the fourth: `/a/b/c/d` is input `d` of module `b`.
    pub(crate) fn function(name: &str, path: &str) -> Result<Self, RouteErrorKind> {
        if !same_name(name, "BrokeredEndpoint") {
            return Err(RouteErrorKind::UnknownSink { found: shown(name) });
        }
        let refused = || RouteErrorKind::EndpointPath { found: shown(path) };
        let trimmed = path.trim();
        let trimmed = trimmed.strip_prefix('/').unwrap_or(trimmed);
        let trimmed = trimmed.strip_suffix('/').unwrap_or(trimmed);
        let mut segments = trimmed.split('/');
        match (
            segments.next(),
            segments.next(),
            segments.next(),
            segments.next(),
            segments.next(),
        ) {
            (Some(_), Some(module), Some(_), Some(input), None)
                if !module.trim().is_empty() && !input.trim().is_empty() =>
            {
                Ok(Self::Input {
                    module: module.to_owned(),
                    input: input.to_owned(),
                })
            }
            _ => Err(refused()),
        }
    }
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upstream => f.write_str("$upstream"),
            Self::Input { module, input } => {
                write!(f, "BrokeredEndpoint(\"/modules/{module}/inputs/{input}\")")
            }
        }
    }
}
